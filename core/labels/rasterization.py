"""Rasterizes shapes: discs, capsules, polygons, ellipses and flood fills as boolean masks of a box."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point

Mask = NDArray[np.bool_]

_FIRST_WINDOW = 256
"""Pixels to each side of the seed in the first window of a flood fill."""


def capsule(start: Point, end: Point, radius: float, within: Box | None = None) -> tuple[Box, Mask]:
    """All pixels whose centre lies within `radius` pixels of the segment from `start` to `end`.

    A brush stroke is a chain of capsules, without gaps at any speed. `within` limits the box (the picture). Returns the
    box and its (h, w) bool mask.

    A capsule is convex, so that each row of pixels is one run: its ends are the outermost of the edges of the two discs
    and of the two straight sides. That is little work for each row and next to none for each pixel: a brush of 1,000 px
    radius takes about a millisecond.
    """
    box = Box.bounding([start, end], margin=radius)
    if within is not None:
        box = box.intersection(within)
    if box.is_empty:
        return Box.empty(), np.zeros((0, 0), bool)
    y = np.arange(box.y0, box.y1) + 0.5
    left, right = np.full(y.shape, np.inf), np.full(y.shape, -np.inf)
    for centre in (start, end) if start != end else (start,):
        square = radius * radius - np.square(y - centre.y)
        half = np.sqrt(np.maximum(square, 0.0))
        np.minimum(left, centre.x - half, out=left, where=square >= 0)
        np.maximum(right, centre.x + half, out=right, where=square >= 0)
    dx, dy = end.x - start.x, end.y - start.y
    if dy:
        length = math.hypot(dx, dy)
        for side in (radius / length, -radius / length):
            x0, y0 = start.x - side * dy, start.y + side * dx
            position = (y - y0) / dy
            x = x0 + position * dx
            is_crossed = (position >= 0) & (position <= 1)
            np.minimum(left, x, out=left, where=is_crossed)
            np.maximum(right, x, out=right, where=is_crossed)
    return box, _rows_between(left, right, box)


def swept_square(start: Point, end: Point, reach: float, within: Box | None = None) -> tuple[Box, Mask]:
    """All pixels whose centre lies in an axis-aligned square of half side `reach` that moves from `start` to `end`.

    Bounded by the squares at both ends and the straight sides between their corners: convex, so that each row is one
    run, as in `capsule`. `within` limits the box (the picture). Returns the box and its (h, w) bool mask.
    """
    box = Box.bounding([start, end], margin=reach)
    if within is not None:
        box = box.intersection(within)
    if box.is_empty:
        return Box.empty(), np.zeros((0, 0), bool)
    y = np.arange(box.y0, box.y1) + 0.5
    left, right = np.full(y.shape, np.inf), np.full(y.shape, -np.inf)
    for centre in (start, end):
        inside = np.abs(y - centre.y) <= reach
        np.minimum(left, centre.x - reach, out=left, where=inside)
        np.maximum(right, centre.x + reach, out=right, where=inside)
    dx, dy = end.x - start.x, end.y - start.y
    if dy:
        for offset_x, offset_y in ((-reach, -reach), (-reach, reach), (reach, -reach), (reach, reach)):
            position = (y - start.y - offset_y) / dy
            x = start.x + offset_x + position * dx
            is_crossed = (position >= 0) & (position <= 1)
            np.minimum(left, x, out=left, where=is_crossed)
            np.maximum(right, x, out=right, where=is_crossed)
    return box, _rows_between(left, right, box)


def _rows_between(left: NDArray[np.float64], right: NDArray[np.float64], box: Box) -> Mask:
    """The (h, w) mask of the pixels of a box whose centres lie between `left` and `right` of their row."""
    # Rows outside the shape have an inverted infinite run, and so do rows outside the box.
    first = np.ceil(np.clip(left - 0.5, box.x0, box.x1)) - box.x0
    more = np.floor(np.clip(right - 0.5, box.x0 - 1, box.x1 - 1)) - box.x0 - first
    first[more < 0], more[more < 0] = box.width, 0
    # One comparison for each pixel: relative to the first pixel of the run, unsigned, pixels before it wrap around to
    # large numbers. The narrowest possible integers take a quarter of the time.
    narrow: np.dtype[Any] = np.dtype(np.uint16 if box.width < 32_000 else np.uint32)
    columns = np.arange(box.width, dtype=narrow)
    mask: Mask = (columns - first.astype(narrow)[:, None]) <= more.astype(narrow)[:, None]
    return mask


def ellipse(frame: Box, within: Box | None = None) -> tuple[Box, Mask]:
    """All pixels whose centre lies in the ellipse inscribed in a box.

    `within` limits the box (the picture). Returns the box and its (h, w) bool mask.
    """
    box = frame if within is None else frame.intersection(within)
    if box.is_empty:
        return Box.empty(), np.zeros((0, 0), bool)
    y = np.arange(box.y0, box.y1) + 0.5
    high = 1 - np.square((y - (frame.y0 + frame.y1) / 2) / (frame.height / 2))
    half = frame.width / 2 * np.sqrt(np.maximum(high, 0.0))
    middle = (frame.x0 + frame.x1) / 2
    return box, _rows_between(middle - half, middle + half, box)


def polygon(points: Sequence[tuple[float, float]], within: Box | None = None) -> tuple[Box, Mask]:
    """All pixels whose centre lies inside a closed outline (even-odd rule).

    Like `polygons` with one ring. Fewer than three points give an empty box.
    """
    return polygons([points], within)


def polygons(rings: Sequence[Sequence[tuple[float, float]]], within: Box | None = None) -> tuple[Box, Mask]:
    """All pixels whose centre lies inside an odd number of closed outlines (even-odd rule): a ring inside a ring is a
    hole.

    Points are positions, not pixel indices: (0, 0) to (2, 2) covers the four pixels 0..1. A centre exactly on an edge
    belongs to the shape on its right or below, so that shapes that share an edge neither overlap nor leave a gap.
    `within` limits the box (the picture). Rings of fewer than three points are ignored.

    Each edge toggles one pixel in every row that it crosses; a running exclusive-or along the row then fills between
    them (edge flags: Ackland and Weste, IEEE Trans. Computers C-30, 1981).
    """
    arrays = [np.array(ring, np.float64) for ring in rings if len(ring) >= 3]
    box = Box.bounding([(x, y) for ring in arrays for x, y in (ring.min(axis=0), ring.max(axis=0))])
    if within is not None:
        box = box.intersection(within)
    if box.is_empty:
        return Box.empty(), np.zeros((0, 0), bool)
    edges = np.concatenate([np.hstack([ring, np.roll(ring, -1, axis=0)]) for ring in arrays])
    # Edges always point down: both polygons that share an edge compute the same crossings, whatever their direction.
    upwards = edges[:, 1] > edges[:, 3]
    edges[upwards] = edges[upwards][:, [2, 3, 0, 1]]
    top = np.maximum(np.ceil(edges[:, 1] - 0.5), box.y0).astype(np.intp)
    bottom = np.minimum(np.ceil(edges[:, 3] - 0.5), box.y1).astype(np.intp)
    crossing = top < bottom
    edges, top, count = edges[crossing], top[crossing], (bottom - top)[crossing]
    # One entry for each row that each edge crosses.
    of = np.repeat(np.arange(len(edges)), count)
    rows = np.arange(len(of)) + np.repeat(top - np.concatenate([[0], np.cumsum(count)[:-1]]), count)
    x0, y0, x1, y1 = edges[of].T
    x = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
    columns = np.clip(np.ceil(x - 0.5), box.x0, box.x1).astype(np.intp) - box.x0
    # The extra column takes crossings to the right of the box, which have no effect.
    flags = np.zeros((box.height, box.width + 1), bool)
    np.logical_xor.at(flags, (rows - box.y0, columns), True)
    return box, np.logical_xor.accumulate(flags, axis=1)[:, :-1]


def polygon_runs(
    rings: Sequence[NDArray[np.float64]], within: Box
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """The pixels of many closed outlines, (n, 2) corners each, as runs along the rows of a box: (index of the ring,
    row, first column, column after the last), an array each.

    Each ring gives the same pixels as `polygon`; all of them together take hardly longer than one.
    """
    lengths = [len(ring) for ring in rings]
    _, after = ring_successors(lengths)
    corners = np.concatenate(rings)
    # The first row that an edge may cross, at each of its ends; if both are equal it crosses none.
    rows_at = np.clip(np.ceil(corners[:, 1] - 0.5), within.y0, within.y1).astype(np.intp)
    crossing = np.flatnonzero(rows_at != rows_at[after])
    ring_of = np.repeat(np.arange(len(rings)), lengths)[crossing]
    first, second = crossing, after[crossing]
    upwards = corners[first, 1] > corners[second, 1]
    first, second = np.where(upwards, second, first), np.where(upwards, first, second)
    top = rows_at[first]
    count = rows_at[second] - top
    of = np.repeat(np.arange(len(first)), count)
    rows = np.arange(len(of)) + np.repeat(top - np.cumsum(count) + count, count)
    x0, y0 = corners[first].T
    x1, y1 = corners[second].T
    slope = (x1 - x0) / (y1 - y0)
    x = x0[of] + (rows + 0.5 - y0[of]) * slope[of]
    columns = np.clip(np.ceil(x - 0.5), within.x0, within.x1).astype(np.intp)
    # A closed line crosses each row an even number of times.
    high, wide = within.y1 + 1, within.x1 + 1
    keys = np.sort((ring_of[of] * high + rows) * wide + columns)
    line, left = np.divmod(keys[::2], wide)
    right = keys[1::2] - line * wide
    ring, row = np.divmod(line, high)
    wanted = left < right
    return ring[wanted], row[wanted], left[wanted], right[wanted]


def ring_successors(lengths: Sequence[int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For the corners of rings one after the other: the index at which each ring starts, and of the corner after
    each corner."""
    sizes = np.array(lengths, np.intp)
    ends = np.cumsum(sizes, dtype=np.intp)
    starts = ends - sizes
    after = np.arange(1, int(ends[-1]) + 1)
    after[ends - 1] = starts
    return starts, after


def connected_region(values: NDArray[np.uint8], at: Point) -> tuple[Box, Mask]:
    """The four-connected pixels of equal value around `at` in an (H, W) uint8 array.

    Raises IndexError when the point is outside. Fills within a window around the point first and doubles it while the
    region touches its edge, so that the cost follows the region and not the picture.
    """
    height, width = values.shape
    x, y = int(np.floor(at.x)), int(np.floor(at.y))
    if not (0 <= x < width and 0 <= y < height):
        raise IndexError(f"({x}, {y}) is outside a picture of {width} x {height}")
    whole = Box(0, 0, width, height)
    reach = _FIRST_WINDOW
    while True:
        window = Box(x - reach, y - reach, x + reach, y + reach).intersection(whole)
        box, mask = _flood(values, window, x, y)
        if not touches_window_edge(box, window, whole):
            return box, mask
        reach *= 2


def _flood(values: NDArray[np.uint8], window: Box, x: int, y: int) -> tuple[Box, Mask]:
    part = np.ascontiguousarray(values[window.slices])
    found = np.zeros((window.height + 2, window.width + 2), np.uint8)
    # FLOODFILL_MASK_ONLY: the values stay untouched; the upper byte of the flags is what the mask is filled with.
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    seed = (x - window.x0, y - window.y0)
    _, _, _, (left, top, w, h) = cv2.floodFill(part, found, seed, 0, 0, 0, flags)
    inner = Box(left, top, left + w, top + h)
    rows, columns = inner.moved(1, 1).slices
    return inner.moved(window.x0, window.y0), found[rows, columns].astype(bool)


def touches_window_edge(box: Box, window: Box, whole: Box) -> bool:
    """Whether the region touches a side of the window that is not a side of the picture."""
    return (
        (box.x0 == window.x0 > whole.x0)
        or (box.y0 == window.y0 > whole.y0)
        or (box.x1 == window.x1 < whole.x1)
        or (box.y1 == window.y1 < whole.y1)
    )
