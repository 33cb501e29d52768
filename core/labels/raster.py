"""Shapes become pixels: discs, capsules, polygons and flood fills as boolean masks in a box."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from core.geometry import Box, Point

Mask = NDArray[np.bool_]

# OpenCV draws polygons at sub-pixel places when coordinates carry this many binary digits after the point.
_SHIFT = 4
_ONE = 1 << _SHIFT


def capsule(start: Point, end: Point, radius: float, within: Box | None = None) -> tuple[Box, Mask]:
    """All pixels whose centre lies within `radius` pixels of the segment from `start` to `end`.

    A brush stroke is a chain of capsules, without gaps at any speed. `within` limits the box (the picture).
    Returns the box and its (h, w) bool mask.
    """
    box = Box.around([start, end], margin=radius)
    if within is not None:
        box = box.intersected(within)
    # Squared distance to the segment, worked out as one row and one column vector where the shape allows it.
    x = np.arange(box.x0, box.x1, dtype=np.float32)[None, :] + np.float32(0.5 - start.x)
    y = np.arange(box.y0, box.y1, dtype=np.float32)[:, None] + np.float32(0.5 - start.y)
    dx, dy = np.float32(end.x - start.x), np.float32(end.y - start.y)
    length2 = dx * dx + dy * dy
    if length2 == 0:
        return box, (x * x + y * y) <= radius * radius
    along = np.clip((x * dx + y * dy) / length2, 0.0, 1.0)
    return box, (np.square(x - along * dx) + np.square(y - along * dy)) <= radius * radius


def polygon(points: Sequence[tuple[float, float]]) -> tuple[Box, Mask]:
    """The inside of a closed outline, edges included (even-odd where it crosses itself).

    Points are corners of pixels' areas, not pixel indices: (0, 0) to (2, 2) covers the four pixels 0..1.
    """
    box = Box.around(points)
    if len(points) < 3 or box.is_empty:
        return Box.nothing(), np.zeros((0, 0), bool)
    # A pixel's centre is at +0.5; OpenCV's raster has centres at whole numbers.
    corners = np.asarray(points, np.float64) - (box.x0 + 0.5, box.y0 + 0.5)
    canvas = np.zeros((box.height, box.width), np.uint8)
    cv2.fillPoly(canvas, [np.round(corners * _ONE).astype(np.int32)], 1, cv2.LINE_8, _SHIFT)
    return box, canvas.astype(bool)


def connected_region(values: NDArray[np.uint8], at: Point) -> tuple[Box, Mask]:
    """The four-connected pixels of equal value around `at` in an (H, W) uint8 array.

    Raises IndexError when the point is outside.
    """
    height, width = values.shape
    x, y = int(np.floor(at.x)), int(np.floor(at.y))
    if not (0 <= x < width and 0 <= y < height):
        raise IndexError(f"({x}, {y}) is outside a picture of {width} x {height}")
    found = np.zeros((height + 2, width + 2), np.uint8)
    # FLOODFILL_MASK_ONLY: the values stay untouched; the upper byte of the flags is what the mask is filled with.
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    _, _, _, (left, top, w, h) = cv2.floodFill(np.ascontiguousarray(values), found, (x, y), 0, 0, 0, flags)
    box = Box(left, top, left + w, top + h)
    rows, columns = box.moved(1, 1).slices
    return box, found[rows, columns].astype(bool)
