"""What formats of drawn objects are made of: connected regions with outlines that give back exactly their pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.geometry import Box
from core.labels.outlines import traced

Ring = NDArray[np.float64]
"""(n, 2) corners x, y in pixels of the picture; closed by itself."""

INSET = 0.25
"""Outlines run so far inside the edges of their pixels.

Readers that ask which pixel centres lie inside then find exactly the region, and so do those that cut corners off to
whole pixels and draw the outline as well (OpenCV's fillPoly, Pillow's polygon): for them the line runs through the
outermost pixels of the region, and never through a pixel beside it.
"""


@dataclass(frozen=True, slots=True)
class Region:
    """Pixels of one value that hold together side by side. `mask` is (h, w) bool of `box`; `rings` is the outline and
    then the holes."""

    value: int
    box: Box
    mask: NDArray[np.bool_]
    rings: tuple[Ring, ...]

    @property
    def has_holes(self) -> bool:
        return len(self.rings) > 1

    @property
    def area(self) -> int:
        return int(np.count_nonzero(self.mask))


def regions_of(values: NDArray[np.uint8], wanted: Iterable[int]) -> Iterator[Region]:
    """All regions of (H, W) values, class by class in the order of `wanted`, from top to bottom."""
    there = np.bincount(values.ravel(), minlength=256)
    for value in wanted:
        if there[value]:
            yield from _regions(values == value, value)


def keyholed(rings: tuple[Ring, ...]) -> Ring:
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


def run_lengths(region: Region, width: int, height: int) -> dict[str, Any]:
    """The compressed run-length code of COCO of the whole picture, columns first: {"size": [h, w], "counts": str}."""
    from pycocotools import mask as coco

    starts, ends = _runs(region, height)
    joined = starts[1:] == ends[:-1]  # a column that is full to the bottom goes on at the top of the next
    starts, ends = starts[np.r_[True, ~joined]], ends[np.r_[~joined, True]]
    turns = np.r_[0, np.stack([starts, ends], axis=1).ravel(), width * height]
    counts = np.diff(turns).tolist()
    if not counts[-1]:
        counts.pop()
    code = coco.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    return {"size": [height, width], "counts": code["counts"].decode("ascii")}


def _regions(mask: NDArray[np.bool_], value: int) -> Iterator[Region]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    whole = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    part = np.ascontiguousarray(mask[whole.slices], np.uint8)
    count, marks, stats, _ = cv2.connectedComponentsWithStats(part, connectivity=4)
    for number in range(1, count):
        x, y, w, h = (int(n) for n in stats[number, :4])
        box = Box(x, y, x + w, y + h)
        own = marks[box.slices] == number
        placed = box.moved(whole.x0, whole.y0)
        rings = [np.array(ring, np.float64) for ring in traced(placed, own)]
        rings.sort(key=lambda ring: -abs(_signed_area(ring)))
        inset = tuple(_inset(ring, INSET if place == 0 else -INSET) for place, ring in enumerate(rings))
        yield Region(value, placed, own, inset)


def _inset(ring: Ring, by: float) -> Ring:
    """The ring with every side moved towards its inside (outside when `by` is negative). Sides are upright."""
    along = np.sign(np.roll(ring, -1, axis=0) - ring)
    inside = np.stack([-along[:, 1], along[:, 0]], axis=1) * np.sign(_signed_area(ring))
    moved: Ring = ring + by * (inside + np.roll(inside, 1, axis=0))
    return moved


def _signed_area(ring: Ring) -> float:
    """Half the cross products of neighbours (the shoelace formula)."""
    x, y = ring.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _edge_left_of(line: Ring, point: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
    """The side of `line` that is met first on the way left from `point`: its first corner, and where it is met."""
    x, y = point
    after = np.roll(line, -1, axis=0)
    low, high = np.minimum(line[:, 1], after[:, 1]), np.maximum(line[:, 1], after[:, 1])
    upright = (line[:, 0] == after[:, 0]) & (line[:, 0] < x) & (low <= y) & (y <= high) & (low < high)
    place = int(np.argmax(np.where(upright, line[:, 0], -np.inf)))
    return place, np.array([line[place, 0], y])


def _runs(region: Region, height: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First pixel and first pixel behind of each run, counted down the columns of the picture."""
    down = np.pad(region.mask.T.astype(np.int8), ((0, 0), (1, 1)))
    steps = np.diff(down, axis=1)
    column, row = np.nonzero(steps == 1)
    column_end, row_end = np.nonzero(steps == -1)
    at = region.box
    starts = (column + at.x0) * height + row + at.y0
    ends = (column_end + at.x0) * height + row_end + at.y0
    return starts.astype(np.int64), ends.astype(np.int64)
