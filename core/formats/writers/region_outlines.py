"""What formats of drawn objects are made of: connected regions with outlines that give back exactly their pixels.

All outlines of a picture are followed at once, along the edges of pixels, with no mask for any region: a label of some
hundred regions takes a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box

Ring = NDArray[np.float64]
"""(n, 2) corners x, y in pixels of the picture; closed by itself."""
Corners = NDArray[np.int64]
"""(n, 2) corners x, y of a ring in whole pixels: positions between pixels, where its sides meet."""

INSET = 0.25
"""Outlines run so far inside the edges of their pixels.

Readers that ask which pixel centres lie inside then find exactly the region, and so do those that cut corners off to
whole pixels and draw the outline as well (OpenCV's fillPoly, Pillow's polygon): for them the line runs through the
outermost pixels of the region, and never through a pixel beside it.
"""
SUBPIXELS = round(1 / INSET)
"""Corners of `Region.corners` are counted in so many parts of a pixel."""


@dataclass(frozen=True, slots=True)
class ConnectedRegion:
    """Pixels of one value that hold together side by side.

    `parts` are the corners of its outline and then of its holes, inset, counted in parts of a pixel.
    """

    value: int
    box: Box
    area: int
    corners: tuple[Corners, ...]

    @property
    def has_holes(self) -> bool:
        return len(self.corners) > 1

    @property
    def rings(self) -> tuple[Ring, ...]:
        return tuple(ring / SUBPIXELS for ring in self.corners)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(h, w) bool of `box`."""
        box = self.box
        inside = np.zeros(box.height * box.width + 1, np.int8)
        turns = _column_crossings([self], box.height)[1] - box.x0 * box.height - box.y0
        np.add.at(inside, turns, 1)
        return np.ascontiguousarray((np.cumsum(inside[:-1]) & 1).reshape(box.width, box.height).T, bool)


def find_regions(values: NDArray[np.uint8], wanted: Iterable[int]) -> list[ConnectedRegion]:
    """All regions of (H, W) values, class by class in the order of `wanted`, from top to bottom.

    Corners of an outline come in pairs: of those in one row whose outlines have the region on the same side, the first
    is joined to the second, the third to the fourth and so on, and likewise in a column (O'Rourke, "Uniqueness of
    orthogonal connect-the-dots", 1988). Following the pairs, once along a row and once along a column, goes around each
    ring.
    """
    height, width = values.shape
    order = np.array(list(wanted), np.int64)
    rank = np.full(256, -1, np.int64)
    rank[order] = np.arange(len(order))
    x, y, below, right = _corners(values)
    place = rank[values[y - ~below, x - ~right]]
    rows = np.argsort(((place * (height + 1) + y) * 2 + ~below) * (width + 1) + x)
    rows = rows[np.searchsorted(place[rows], 0) :]
    if not len(rows):
        return []
    x, y, place, below, right = x[rows], y[rows], place[rows], below[rows], right[rows]
    upright = ((place * (width + 1) + x) * 2 + ~right) * (height + 1) + y
    columns = np.argsort(upright)
    beside = np.empty(len(x), np.int64)
    beside[columns[::2]], beside[columns[1::2]] = columns[1::2], columns[::2]
    # With the region to the right hand: along a row to the right where it lies below, else to the left.
    start = np.arange(0, len(x), 2) + ~below[::2]
    sides, begins = _walk_rings(beside[start ^ 1] >> 1)
    path = np.stack([start[sides], start[sides] ^ 1], axis=1).ravel()
    begins = begins * 2
    lengths = np.diff(begins, append=len(path))
    ring_of = np.empty(len(x), np.int64)
    ring_of[path] = np.repeat(np.arange(len(begins)), lengths)

    # The topmost side of an outline has its region below, that of a hole above.
    first = path[begins]
    holes = np.flatnonzero(~below[first])
    # The pixel left of a hole is of the region; where its run in the row begins lies a ring that is owned already.
    corner = first[holes] & ~1
    runs = np.flatnonzero(values.ravel()[1:] != values.ravel()[:-1]) + 1
    at = y[corner] * width + x[corner] - 1
    found = np.searchsorted(runs, at, "right")
    begin = np.maximum(at - at % width, np.append(0, runs)[found]) % width
    keys = (place[corner] * (width + 1) + begin) * 2 * (height + 1) + y[corner]
    beyond = ring_of[columns[np.searchsorted(upright, keys, "right", columns) - 1]]
    owner = list(range(len(begins)))
    for hole, ring in zip(holes.tolist(), beyond.tolist(), strict=True):
        owner[hole] = owner[ring]

    across = (x[1::2] - x[::2]) * y[::2] * np.where(below[::2], -1, 1)
    areas = np.bincount(np.array(owner)[ring_of[::2]], across).astype(np.int64).tolist()
    corners = np.stack([x, y], axis=1)[path]
    boxes = np.hstack([np.minimum.reduceat(corners, begins), np.maximum.reduceat(corners, begins)]).tolist()
    inset = np.stack([np.where(right, 1, -1), np.where(below, 1, -1)], axis=1)[path]
    parts = corners * SUBPIXELS + inset
    names = order[place[first]].tolist()
    rings: dict[int, list[Corners]] = {}
    for begin, end, mine in zip(begins.tolist(), [*begins[1:].tolist(), len(path)], owner, strict=True):
        rings.setdefault(mine, []).append(parts[begin:end])
    return [ConnectedRegion(names[n], Box(*boxes[n]), areas[n], tuple(mine)) for n, mine in rings.items()]


def join_holes(rings: tuple[Ring, ...]) -> Ring:
    """Outline and holes as one line: from each hole a cut of no width runs left through the region to the next edge.

    Whoever fills by even and odd fills the same pixels; whoever draws the line draws on the region only.
    """
    line = rings[0]
    # From left to right: the cut of a hole ends at the outline or at a hole that has been joined already.
    for hole in sorted(rings[1:], key=lambda ring: (float(ring[:, 0].min()), float(ring[:, 1].min()))):
        left = hole[:, 0].min()
        first = int(np.flatnonzero(hole[:, 0] == left)[0])
        turned = np.roll(hole, -first, axis=0)
        after, meet = _edge_left_of(line, turned[0])
        cut = [meet[None], turned, turned[:1], meet[None]]
        line = np.concatenate([line[: after + 1], *cut, line[after + 1 :]])
    return line


def encode_rles(regions: list[ConnectedRegion], width: int, height: int) -> list[str]:
    """COCO's compressed run-length code of each region in a picture of this size.

    Runs down the columns, in turn outside and inside; 5 bits a character, low ones first; from the fourth run on the
    difference from the run before the last one (maskApi.c, rleToString).
    """
    if not regions:
        return []
    stride = width * height + 1
    of, turns = _column_crossings(regions, height)
    keys = np.sort(of * stride + turns)
    # A column that is full to the bottom goes on at the top of the next.
    same = np.flatnonzero(keys[1:] == keys[:-1])
    keys = np.delete(keys, np.concatenate([same, same + 1]))
    ends = np.arange(1, len(regions) + 1) * stride - 1
    open_ = keys[np.searchsorted(keys, ends, "right") - 1] != ends
    keys = np.sort(np.concatenate([keys, ends[open_]]))
    of, turns = np.divmod(keys, stride)
    begins = np.searchsorted(of, np.arange(len(regions)))
    left = np.diff(turns, prepend=0)
    left[begins] = turns[begins]
    late = np.flatnonzero(np.arange(len(of)) - begins[of] > 2)
    left[late] -= left[late - 2]
    letters, there = [], []
    goes_on = np.ones(len(left), bool)
    while goes_on.any():
        low = left & 31
        left >>= 5
        there.append(goes_on)
        # Done when what is left is nothing but the sign that the last five bits already have.
        goes_on = goes_on & (left != np.where(low & 16, -1, 0))
        letters.append((low | goes_on * 32) + 48)
    present = np.array(there).T
    text = np.array(letters, np.uint8).T[present].tobytes().decode("ascii")
    ends = np.cumsum(np.add.reduceat(present.sum(axis=1), begins)).tolist()
    return [text[a:b] for a, b in zip([0, *ends], ends, strict=False)]


def _column_crossings(
    regions: list[ConnectedRegion], height: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where, counted down the columns of a picture so high, inside and outside of regions change: the place of the
    region in the list, and the pixel. Every side that lies along a row turns each column that it crosses."""
    rings = (np.concatenate([part for r in regions for part in r.corners]) + SUBPIXELS // 2) // SUBPIXELS
    sides = [sum(map(len, region.corners)) // 2 for region in regions]
    begin, end, y = rings[::2, 0], rings[1::2, 0], rings[::2, 1]  # a ring goes along a row first
    left, count = np.minimum(begin, end), np.abs(end - begin)
    columns = np.arange(count.sum()) + np.repeat(left - np.cumsum(count) + count, count)
    of = np.repeat(np.repeat(np.arange(len(regions)), sides), count)
    return of, columns * height + np.repeat(y, count)


def _corners(
    values: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """x, y of all corners of all regions; whether the region lies below the side along the row that meets there, and
    right of the one along the column.

    A pixel has a corner where both neighbours there are of other values, or where only the one between them is.
    """
    height, width = values.shape
    beside, above = np.zeros((height, width + 1), bool), np.zeros((height + 1, width), bool)
    np.equal(values[:, 1:], values[:, :-1], out=beside[:, 1:-1])
    np.equal(values[1:], values[:-1], out=above[1:-1])
    falling, rising = (np.zeros((height + 1, width + 1), bool) for _ in range(2))
    np.equal(values[1:, 1:], values[:-1, :-1], out=falling[1:-1, 1:-1])
    np.equal(values[1:, :-1], values[:-1, 1:], out=rising[1:-1, 1:-1])
    found = []
    for down in (0, 1):
        for across in (0, 1):
            level = beside[:, across : width + across]
            upright = above[down : height + down]
            between = (falling if down == across else rising)[down : height + down, across : width + across]
            at = np.flatnonzero((level == upright) & ~(level & between))
            y, x = np.divmod(at, width)
            found.append((x + across, y + down, np.full(len(at), not down), np.full(len(at), not across)))
    x, y, below, right = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return x, y, below, right


def _walk_rings(after: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sides in the order of a walk around all rings, each from its lowest number on, and where each ring begins.

    after: the number of the side that follows each. Steps double in length each turn, so a ring of a million sides
    takes twenty (pointer jumping: Wyllie, "The complexity of parallel computations", 1979).
    """
    count = len(after)
    lowest, jump = np.arange(count), after
    while (lowest[after] != lowest).any():
        lowest, jump = np.minimum(lowest, lowest[jump]), jump[jump]
    ends = lowest == np.arange(count)
    jump, left = np.where(ends, np.arange(count), after), (~ends).astype(np.int64)
    while (more := left[jump]).any():
        left, jump = left + more, jump[jump]
    order = np.argsort(lowest * (count + 1) + np.where(ends, 0, count - left))
    return order, np.flatnonzero(ends[order])


def _edge_left_of(line: Ring, point: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
    """The side of `line` that is met first on the way left from `point`: its first corner, and where it is met."""
    x, y = point
    after = np.roll(line, -1, axis=0)
    low, high = np.minimum(line[:, 1], after[:, 1]), np.maximum(line[:, 1], after[:, 1])
    upright = (line[:, 0] == after[:, 0]) & (line[:, 0] < x) & (low <= y) & (y <= high) & (low < high)
    place = int(np.argmax(np.where(upright, line[:, 0], -np.inf)))
    return place, np.array([line[place, 0], y])
