"""The other way round: pixels become outlines."""

from __future__ import annotations

import cv2
import numpy as np

from core.base.geometry import Box, Point
from core.labels.rasterization import Mask

Ring = tuple[Point, ...]
"""Corners of a closed line, in order, the first not repeated."""


def trace_outlines(box: Box, mask: Mask) -> list[Ring]:
    """The outlines of the true pixels of a box, along the edges of pixels: `raster.polygons` gives exactly them back.

    mask: (h, w) bool of `box`. Holes are rings too; pixels that touch at a corner only are not held together.

    Corners of such a line come in pairs: in a row of corners the first is joined to the second, the third to the
    fourth and so on, and likewise in a column (O'Rourke, "Uniqueness of orthogonal connect-the-dots", 1988).
    Following the pairs, once along a row and once along a column, goes around each ring.
    """
    framed = np.pad(mask, 1)
    above_left, above_right = framed[:-1, :-1], framed[:-1, 1:]
    below_left, below_right = framed[1:, :-1], framed[1:, 1:]
    corner = above_left ^ above_right ^ below_left ^ below_right
    # Where two pixels touch at a corner only, two rings touch, or one touches itself: that corner counts twice.
    falling = above_left & below_right & ~above_right & ~below_left
    rising = above_right & below_left & ~above_left & ~below_right
    y, x = np.nonzero(corner | falling | rising)
    twice = (falling | rising)[y, x].astype(np.intp) + 1
    y, x = np.repeat(y, twice), np.repeat(x, twice)
    number = np.arange(len(y))
    # The left one of the two belongs to the upper pixel, but to the lower one where the pixels lie the other way.
    by_column = np.lexsort((np.where(rising[y, x], -number, number), y, x))
    beside = np.empty(len(y), np.intp)
    beside[by_column[::2]], beside[by_column[1::2]] = by_column[1::2], by_column[::2]
    corners = [Point(float(a), float(b)) for a, b in zip(x + box.x0, y + box.y0, strict=True)]
    return _followed(corners, beside.tolist())


def _followed(corners: list[Point], beside: list[int]) -> list[Ring]:
    """corners: sorted by row; beside: the number of the corner that each is joined to in its column."""
    rings: list[Ring] = []
    seen = bytearray(len(corners))
    for start in range(len(corners)):
        if seen[start]:
            continue
        ring: list[Point] = []
        at = start
        while not seen[at]:
            across = at ^ 1
            seen[at] = seen[across] = 1
            ring += (corners[at], corners[across])
            at = beside[across]
        rings.append(tuple(ring))
    return rings


def simplify_ring(ring: Ring, tolerance: float) -> Ring:
    """The ring with fewer corners, none of those left out farther than `slack` pixels from it.

    What is smaller than that becomes a ring of fewer than three corners.
    """
    if tolerance <= 0:
        return ring
    # Counted from the first corner: single precision is too coarse far out in a large picture.
    around = np.array(ring) - ring[0]
    kept = cv2.approxPolyDP(around.astype(np.float32)[:, None], tolerance, True)[:, 0].astype(np.float64)
    return tuple(Point(float(x) + ring[0].x, float(y) + ring[0].y) for x, y in kept)
