"""The pixel grid: lines between image pixels, drawn into the overlay where pixels are large."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box
from desktop.canvas.viewport import Viewport

MIN_GRID_SCALE = 12.0
"""Device pixels per image pixel from which on the grid is drawn: at a smaller scale it would hide the pixels."""
_DARK, _LIGHT = (0, 80), (255, 56)
"""Grey and opacity, 0..255. A dark line beside a light one is visible on any picture."""


def draw_pixel_grid(part: NDArray[np.uint32], box: Box, view: Viewport) -> None:
    """Blend the grid lines of `box` over its device pixels `part`, (h, w) uint32 premultiplied 0xAARRGGBB.

    The dark line is the first row or column of device pixels of an image pixel, the light one the last of the
    pixel before.
    """
    across = _pixel_edges(box.x0, box.x1, view.left, view.scale)
    down = _pixel_edges(box.y0, box.y1, view.top, view.scale)
    for shade, step in ((_DARK, 0), (_LIGHT, -1)):
        columns = _inside(across + (step - box.x0), box.width)
        rows = _inside(down + (step - box.y0), box.height)
        part[:, columns] = _blend_grey(part[:, columns], *shade)
        part[rows] = _blend_grey(part[rows], *shade)


def _blend_grey(pixels: NDArray[np.uint32], grey: int, alpha: int) -> NDArray[np.uint32]:
    """Source-over of one grey at an opacity: two channels at a time, each in two bytes of its own."""
    kept, pairs = np.uint32(256 - alpha), np.uint32(0x00FF00FF)
    low = ((pixels & pairs) * kept >> np.uint32(8)) & pairs
    high = ((pixels >> np.uint32(8)) & pairs) * kept & ~pairs
    tone = grey * alpha // 255
    return (low | high) + np.uint32(alpha << 24 | tone << 16 | tone << 8 | tone)


def _pixel_edges(start: int, end: int, offset: int, scale: float) -> NDArray[np.intp]:
    """First device pixel of each image pixel that starts between `start` and `end` + 1, (n,) intp."""
    numbers = np.arange(math.floor((start - offset) / scale), math.ceil((end + 1 - offset) / scale) + 1)
    edges: NDArray[np.intp] = np.ceil(offset + numbers * scale - 0.5).astype(np.intp)
    return edges


def _inside(places: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    return places[(places >= 0) & (places < size)]
