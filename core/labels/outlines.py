"""Traces the outlines of a mask and simplifies them (the inverse of `rasterization`)."""

from __future__ import annotations

import cv2
import numpy as np

from core.base.geometry import Box, Point
from core.labels.rasterization import Mask

Ring = tuple[Point, ...]
"""Corners of a closed line in order; the first is not repeated."""


def trace_outlines(box: Box, mask: Mask) -> list[Ring]:
    """The outlines of the true pixels of a box along pixel edges; `rasterization.polygons` gives exactly the same
    pixels.

    mask: (h, w) bool of `box`. Holes are rings too; pixels that touch only diagonally belong to different rings.

    The corners of such a line come in pairs: along each row the first is joined to the second, the third to the fourth
    and so on, and likewise along each column (O'Rourke, "Uniqueness of orthogonal connect-the-dots", 1988). Following
    the pairs alternately along rows and columns gives each ring.
    """
    padded = np.pad(mask, 1)
    above_left, above_right = padded[:-1, :-1], padded[:-1, 1:]
    below_left, below_right = padded[1:, :-1], padded[1:, 1:]
    corner = above_left ^ above_right ^ below_left ^ below_right
    # Where two pixels touch only diagonally, two rings touch, or one touches itself: that corner is used twice.
    diagonal_down = above_left & below_right & ~above_right & ~below_left
    diagonal_up = above_right & below_left & ~above_left & ~below_right
    y, x = np.nonzero(corner | diagonal_down | diagonal_up)
    count = (diagonal_down | diagonal_up)[y, x].astype(np.intp) + 1
    y, x = np.repeat(y, count), np.repeat(x, count)
    number = np.arange(len(y))
    # The left one of the two belongs to the upper pixel, or to the lower one for the other diagonal.
    by_column = np.lexsort((np.where(diagonal_up[y, x], -number, number), y, x))
    partner = np.empty(len(y), np.intp)
    partner[by_column[::2]], partner[by_column[1::2]] = by_column[1::2], by_column[::2]
    corners = [Point(float(a), float(b)) for a, b in zip(x + box.x0, y + box.y0, strict=True)]
    return _follow_rings(corners, partner.tolist())


def _follow_rings(corners: list[Point], partner: list[int]) -> list[Ring]:
    """corners: sorted by row; partner: index of the corner that each is joined to in its column."""
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
            at = partner[across]
        rings.append(tuple(ring))
    return rings


def simplify_ring(ring: Ring, tolerance: float) -> Ring:
    """The ring with fewer corners; those left out are at most `tolerance` pixels from it (Douglas-Peucker).

    A ring smaller than that comes out with fewer than three corners.
    """
    if tolerance <= 0:
        return ring
    # Relative to the first corner: float32 is too coarse for coordinates of a large picture.
    offsets = np.array(ring) - ring[0]
    kept = cv2.approxPolyDP(offsets.astype(np.float32)[:, None], tolerance, True)[:, 0].astype(np.float64)
    return tuple(Point(float(x) + ring[0].x, float(y) + ring[0].y) for x, y in kept)
