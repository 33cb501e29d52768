"""Draws the picture: nearest neighbour when magnified, bilinear interpolation when minified."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box
from core.images.adjustments import AdjustedView
from core.images.tiled_pyramid import AnyPyramid
from desktop.canvas.viewport import Viewport


def render_image(
    pyramid: AnyPyramid, image: AdjustedView, view: Viewport, box: Box, into: NDArray[np.uint32]
) -> None:
    """Draw the device pixels of `box`, which lie on the picture, into an (h, w) uint32 array as 0xFFRRGGBB."""
    if view.scale >= 1:
        into[:] = _magnified(image, view, box)
    else:
        _minify(pyramid, image, view, box, into)


def _magnified(image: AdjustedView, view: Viewport, box: Box) -> NDArray[np.uint32]:
    """Nearest neighbour: each device pixel takes the image pixel under its centre."""
    rows, columns = view.rows(box.y0, box.y1), view.columns(box.x0, box.x1)
    top, left = int(rows[0]), int(columns[0])
    part = _to_words(image.render(image.part(0, Box(left, top, int(columns[-1]) + 1, int(rows[-1]) + 1))))
    return part.take(columns - left, axis=1).take(rows - top, axis=0)


def _minify(
    pyramid: AnyPyramid, image: AdjustedView, view: Viewport, box: Box, into: NDArray[np.uint32]
) -> None:
    """Bilinear interpolation in the pyramid level that has at most twice the resolution of the screen."""
    number = pyramid.level_for(view.scale)
    step = 1 / (view.scale * 2**number)
    x = (box.x0 + 0.5 - view.left) * step - 0.5
    y = (box.y0 + 0.5 - view.top) * step - 0.5
    # Only the visible part goes to OpenCV: its coordinates are 16-bit integers, and large ones cost precision.
    width, height = pyramid.level_size(number)
    near = Box(int(x) - 1, int(y) - 1, int(x + box.width * step) + 3, int(y + box.height * step) + 3).clipped(
        width, height
    )
    matrix = np.array([[step, 0, x - near.x0], [0, step, y - near.y0]])
    part = image.part(number, near)
    if image.is_identity:  # OpenCV interpolates four channels twice as fast as three
        part = cv2.cvtColor(part, cv2.COLOR_RGB2BGRA)
    smooth = cv2.warpAffine(
        part,
        matrix,
        (box.width, box.height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    into[:] = smooth.view(np.uint32)[..., 0] if image.is_identity else _to_words(image.render(smooth))


def _to_words(picture: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """(h, w, 3) uint8 RGB as (h, w) uint32 0xFFRRGGBB."""
    words: NDArray[np.uint32] = cv2.cvtColor(picture, cv2.COLOR_RGB2BGRA).view(np.uint32)[..., 0]
    return words
