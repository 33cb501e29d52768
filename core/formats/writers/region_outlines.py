"""Connected regions of a label and their outlines, from which polygon formats restore exactly the same pixels.

The outlines of all regions of a picture are traced at once along pixel edges, without a mask per region: a label with a
few hundred regions takes a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box

Ring = NDArray[np.float64]
"""(n, 2) float64: corners x, y of a closed polygon, in image pixels."""
Corners = NDArray[np.int64]
"""(n, 2) int64: corners x, y of a closed polygon on the pixel grid (or in subpixels, see SUBPIXELS)."""

INSET = 0.25
"""Distance of an outline inside the edges of its pixels.

Readers that test pixel centres then get exactly the region. So do readers that truncate corners to whole pixels and
draw the outline as well (OpenCV's fillPoly, Pillow's polygon): their line runs through the outermost pixels of the
region.
"""
SUBPIXELS = round(1 / INSET)
"""Corners of `Region.corners` are counted in so many parts of a pixel."""


@dataclass(frozen=True, slots=True)
class ConnectedRegion:
    """A 4-connected region of one value.

    corners: the inset corners of its outline, then of its holes, in subpixels (1 / SUBPIXELS pixels).
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
        """(h, w) bool, the pixels of the region in `box`."""
        box = self.box
        inside = np.zeros(box.height * box.width + 1, np.int8)
        turns = _column_crossings([self], box.height)[1] - box.x0 * box.height - box.y0
        np.add.at(inside, turns, 1)
        return np.ascontiguousarray((np.cumsum(inside[:-1]) & 1).reshape(box.width, box.height).T, bool)


def find_regions(values: NDArray[np.uint8], wanted: Iterable[int]) -> list[ConnectedRegion]:
    """All regions of (H, W) uint8 values, in the order of `wanted`, each class from top to bottom.

    The corners of an outline come in pairs: of the corners in one row with the region on the same side, the first is
    connected to the second, the third to the fourth and so on, and likewise in columns (O'Rourke, "Uniqueness of
    orthogonal connect-the-dots", 1988). Alternating between row and column pairs goes around each ring.
    """
    height, width = values.shape
    order = np.array(list(wanted), np.int64)
    rank = np.full(256, -1, np.int64)
    rank[order] = np.arange(len(order))
    x, y, below, right = _corners(values)
    class_rank = rank[values[y - ~below, x - ~right]]
    rows = np.argsort(((class_rank * (height + 1) + y) * 2 + ~below) * (width + 1) + x)
    rows = rows[np.searchsorted(class_rank[rows], 0) :]
    if not len(rows):
        return []
    x, y, class_rank, below, right = x[rows], y[rows], class_rank[rows], below[rows], right[rows]
    column_keys = ((class_rank * (width + 1) + x) * 2 + ~right) * (height + 1) + y
    columns = np.argsort(column_keys)
    partner = np.empty(len(x), np.int64)
    partner[columns[::2]], partner[columns[1::2]] = columns[1::2], columns[::2]
    # Clockwise, region on the right: rightwards along a row if the region is below, otherwise leftwards.
    start = np.arange(0, len(x), 2) + ~below[::2]
    sides, begins = _walk_rings(partner[start ^ 1] >> 1)
    path = np.stack([start[sides], start[sides] ^ 1], axis=1).ravel()
    begins = begins * 2
    lengths = np.diff(begins, append=len(path))
    ring_of = np.empty(len(x), np.int64)
    ring_of[path] = np.repeat(np.arange(len(begins)), lengths)

    # The topmost side of an outline has the region below it, that of a hole above it.
    first = path[begins]
    holes = np.flatnonzero(~below[first])
    # The pixel left of a hole is in the region; the run of that pixel starts at a ring whose owner is known.
    corner = first[holes] & ~1
    runs = np.flatnonzero(values.ravel()[1:] != values.ravel()[:-1]) + 1
    at = y[corner] * width + x[corner] - 1
    found = np.searchsorted(runs, at, "right")
    begin = np.maximum(at - at % width, np.append(0, runs)[found]) % width
    keys = (class_rank[corner] * (width + 1) + begin) * 2 * (height + 1) + y[corner]
    enclosing = ring_of[columns[np.searchsorted(column_keys, keys, "right", columns) - 1]]
    owner = list(range(len(begins)))
    for hole, ring in zip(holes.tolist(), enclosing.tolist(), strict=True):
        owner[hole] = owner[ring]

    signed_areas = (x[1::2] - x[::2]) * y[::2] * np.where(below[::2], -1, 1)
    areas = np.bincount(np.array(owner)[ring_of[::2]], signed_areas).astype(np.int64).tolist()
    corners = np.stack([x, y], axis=1)[path]
    boxes = np.hstack([np.minimum.reduceat(corners, begins), np.maximum.reduceat(corners, begins)]).tolist()
    inset = np.stack([np.where(right, 1, -1), np.where(below, 1, -1)], axis=1)[path]
    subpixel_corners = corners * SUBPIXELS + inset
    class_values = order[class_rank[first]].tolist()
    rings: dict[int, list[Corners]] = {}
    for begin, end, ring_owner in zip(begins.tolist(), [*begins[1:].tolist(), len(path)], owner, strict=True):
        rings.setdefault(ring_owner, []).append(subpixel_corners[begin:end])
    return [
        ConnectedRegion(class_values[n], Box(*boxes[n]), areas[n], tuple(ring_corners))
        for n, ring_corners in rings.items()
    ]


def join_holes(rings: tuple[Ring, ...]) -> Ring:
    """Outline and holes as one ring: a cut of zero width goes left from each hole through the region to the next edge.

    The even-odd rule fills the same pixels, and the drawn line covers only pixels of the region.
    """
    line = rings[0]
    # From left to right: the cut of a hole ends at the outline or at a hole that is already connected.
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

    Column-major runs, alternately outside and inside; 5 bits per character, low bits first; from the fourth run on the
    difference from the run two before it (COCO API, maskApi.c, rleToString).
    """
    if not regions:
        return []
    stride = width * height + 1
    of, crossings = _column_crossings(regions, height)
    keys = np.sort(of * stride + crossings)
    # A run that reaches the bottom of a column continues at the top of the next one.
    same = np.flatnonzero(keys[1:] == keys[:-1])
    keys = np.delete(keys, np.concatenate([same, same + 1]))
    ends = np.arange(1, len(regions) + 1) * stride - 1
    unclosed = keys[np.searchsorted(keys, ends, "right") - 1] != ends
    keys = np.sort(np.concatenate([keys, ends[unclosed]]))
    of, crossings = np.divmod(keys, stride)
    begins = np.searchsorted(of, np.arange(len(regions)))
    numbers = np.diff(crossings, prepend=0)
    numbers[begins] = crossings[begins]
    from_fourth = np.flatnonzero(np.arange(len(of)) - begins[of] > 2)
    numbers[from_fourth] -= numbers[from_fourth - 2]
    characters, is_used = [], []
    continues = np.ones(len(numbers), bool)
    while continues.any():
        low_bits = numbers & 31
        numbers >>= 5
        is_used.append(continues)
        # A number ends when the remaining bits are only the sign extension of the last five.
        continues = continues & (numbers != np.where(low_bits & 16, -1, 0))
        characters.append((low_bits | continues * 32) + 48)
    used = np.array(is_used).T
    text = np.array(characters, np.uint8).T[used].tobytes().decode("ascii")
    ends = np.cumsum(np.add.reduceat(used.sum(axis=1), begins)).tolist()
    return [text[a:b] for a, b in zip([0, *ends], ends, strict=False)]


def _column_crossings(
    regions: list[ConnectedRegion], height: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Changes between inside and outside in column-major order: index of the region and pixel number, in a picture
    of this height. Each horizontal side of an outline causes a change in every column it crosses."""
    rings = (np.concatenate([part for r in regions for part in r.corners]) + SUBPIXELS // 2) // SUBPIXELS
    sides = [sum(map(len, region.corners)) // 2 for region in regions]
    begin, end, y = rings[::2, 0], rings[1::2, 0], rings[::2, 1]  # the first side of a ring is horizontal
    left, count = np.minimum(begin, end), np.abs(end - begin)
    columns = np.arange(count.sum()) + np.repeat(left - np.cumsum(count) + count, count)
    of = np.repeat(np.repeat(np.arange(len(regions)), sides), count)
    return of, columns * height + np.repeat(y, count)


def _corners(
    values: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """x, y of all corners of all regions; whether the region is below the horizontal side at the corner, and right of
    the vertical one.

    A pixel has a corner where both its neighbours there have other values, or where only the diagonal one has.
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
    """Sides in the order of a walk around all rings, each from its lowest number on, and the start of each ring.

    after: the number of the next side. Steps double in length each turn, so a ring of a million sides takes twenty
    (pointer jumping: Wyllie, "The complexity of parallel computations", 1979).
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
    """The first side of `line` to the left of `point`: the index of its first corner, and the meeting point."""
    x, y = point
    after = np.roll(line, -1, axis=0)
    low, high = np.minimum(line[:, 1], after[:, 1]), np.maximum(line[:, 1], after[:, 1])
    upright = (line[:, 0] == after[:, 0]) & (line[:, 0] < x) & (low <= y) & (y <= high) & (low < high)
    index = int(np.argmax(np.where(upright, line[:, 0], -np.inf)))
    return index, np.array([line[index, 0], y])
