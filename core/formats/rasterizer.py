"""Rasterizes polygons, boxes and run lengths into one mask of class values; each pixel gets one value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.errors import FormatError
from core.base.geometry import Box
from core.base.text import count_of
from core.formats.malformed import MalformedValueError
from core.formats.run_length import BoxMask, Runs, fills
from core.images.image_reader import MAX_PIXELS, read_size
from core.labels.rasterization import polygon_runs, ring_successors

Ring = NDArray[np.float64]
"""(n, 2) float64: corners x, y of a closed polygon, in image pixels."""

PIXELS_PER_BATCH = 1 << 22
"""Pixels filled in one step, which limits memory."""
MAX_COORDINATE = 1e6
"""Largest absolute coordinate that is accepted."""
MAX_CORNERS = 1_000_000
"""Corners of one object."""
MAX_CORNERS_OF_PICTURE = 20_000_000
MAX_CROSSINGS, MAX_CROSSINGS_OF_PICTURE = 50_000_000, 50_000_000
"""Rows that the edges of an object, and of all objects of a picture, may cross: some seconds of work."""
MAX_LAYERS = 8
"""How often the objects of a picture may cover it, all together, if it is large."""
MAX_PAINTED = 1_000_000_000
"""Pixels that may be painted in any picture."""
BELIEVED_PIXELS = 4_000_000
"""A picture size that a file states is compared with that of the picture only above this."""
CROSSINGS_PER_BATCH = 1 << 20
"""Edges and rows that are computed in one step, which limits memory."""
OVERLAP_RULE = "Where objects overlap, smaller ones cover larger ones."


_Lines = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
"""Pixel lines in a flattened picture: index of the shape, first pixel, step, count."""
_NO_PIXELS = np.zeros(0, np.intp)
_NO_LINES: _Lines = (_NO_PIXELS, _NO_PIXELS, _NO_PIXELS, _NO_PIXELS)


@dataclass(frozen=True, slots=True)
class FilledShape:
    """One object: its value in a LoadedMask, and outlines with holes, or run lengths of the whole picture, or a mask in
    a box of it."""

    value: int
    rings: tuple[Ring, ...] = ()
    holes: tuple[Ring, ...] = ()
    runs: Runs | None = None
    part: BoxMask | None = None


def rasterize(
    size: tuple[int, int],
    shapes: Sequence[FilledShape],
    *,
    later_on_top: bool = False,
    background: int = 0,
    source: Path,
) -> NDArray[np.uint8]:
    """(height, width) uint8 class values, `background` outside all shapes.

    Smaller shapes cover larger ones; with `later_on_top` later shapes cover earlier ones. Raises FormatError, which
    names the file `source`, for an impossible size, for run lengths that do not match it, and for outlines that would
    take too long (`find_excessive` tells which).
    """
    width, height = size
    if not 0 < width * height <= MAX_PIXELS or width < 0:
        raise FormatError(
            f"{source} states a picture size of {width} x {height} pixels, which is not possible."
        )
    values = np.full((height, width), background, np.uint8)
    ordered = list(shapes)
    if not later_on_top:
        areas = _areas(ordered)
        ordered = [ordered[n] for n in np.argsort(-areas, kind="stable").tolist()]
    if excessive := find_excessive(ordered, size):
        raise FormatError(
            f"{source} contains objects that cannot be drawn: {next(iter(excessive.values()))}."
        )
    if any(shape.runs is not None and not fills(shape.runs, width * height) for shape in ordered):
        raise FormatError(
            f"{source} contains a mask whose size is not that of its picture, {width} x {height}."
        )
    canvas = _Canvas(values, max(MAX_PAINTED, MAX_LAYERS * values.size))
    for holes, group in groupby(ordered, lambda shape: bool(shape.holes)):
        if not holes:
            canvas.fill(list(group))
            continue
        for shape in group:
            canvas.fill_with_holes(shape)
    if canvas.is_exhausted:
        raise FormatError(
            f"{source} contains too many objects that cover all of a picture of {width} x {height}."
        )
    return values


def check_stated_size(size: tuple[int, int], picture: Path, source: Path) -> None:
    """Raises FormatError if the file `source` claims a much larger size (width, height) than the picture has, before
    anything of that size is allocated. Small differences are left to those who compare masks with pictures."""
    width, height = size
    if width * height <= BELIEVED_PIXELS:
        return
    real = read_size(picture)
    if width * height > 2 * real[0] * real[1]:
        raise FormatError(
            f"{source} states a size of {width} x {height} pixels for {picture.name}, which has {real[0]} x {real[1]}."
        )


def find_excessive(shapes: Sequence[FilledShape], size: tuple[int, int]) -> dict[int, str]:
    """Positions of the shapes whose outlines would take too long to draw, and why, as a clause."""
    corners = [sum(map(len, shape.rings)) + sum(map(len, shape.holes)) for shape in shapes]
    total = sum(corners)
    if total * max(1, size[1]) <= MAX_CROSSINGS and total <= MAX_CORNERS:
        return {}
    found: dict[int, str] = {}
    spent = used = 0
    for position, (shape, count) in enumerate(zip(shapes, corners, strict=True)):
        if count > MAX_CORNERS or used + count > MAX_CORNERS_OF_PICTURE:
            found[position] = f"its outline has {count:,} corners, more than can be drawn"
            continue
        crossings = sum(_count_crossings(ring, size[1]) for ring in (*shape.rings, *shape.holes))
        if crossings > MAX_CROSSINGS or spent + crossings > MAX_CROSSINGS_OF_PICTURE:
            found[position] = f"its outline crosses {crossings:,} rows of pixels, more than can be drawn"
            continue
        used, spent = used + count, spent + crossings
    return found


def _count_crossings(ring: Ring, height: int) -> int:
    """How many rows the edges of a ring cross, each edge counted for itself."""
    if not len(ring):
        return 0
    rows = np.clip(ring[:, 1], 0, height)
    return int(np.abs(np.diff(rows, append=rows[:1])).sum()) + len(ring)


def parse_ring(points: Any) -> Ring:
    """A ring from [[x, y], ..] or [x, y, x, y, ..]. Raises MalformedValueError unless these are finite numbers in
    pairs."""
    if isinstance(points, list | tuple) and len(points) > 2 * MAX_CORNERS:
        raise MalformedValueError(f"the outline has more than {MAX_CORNERS:,} corners")
    try:
        numbers = np.asarray(points, np.float64).ravel()
    except (TypeError, ValueError, OverflowError) as problem:
        raise MalformedValueError("the outline contains something else than pairs of numbers") from problem
    if numbers.size % 2:
        raise MalformedValueError(f"the outline has an odd count of numbers, {numbers.size}")
    ring = numbers.reshape(-1, 2)
    if len(ring) > MAX_CORNERS:
        raise MalformedValueError(f"the outline has more than {MAX_CORNERS:,} corners")
    if len(ring) < 3:
        raise MalformedValueError(f"the outline has {count_of(len(ring), 'corner')}; an area needs three")
    if not np.isfinite(ring).all() or np.abs(ring).max() > MAX_COORDINATE:
        raise MalformedValueError("the outline has coordinates that are not finite or outside any picture")
    return ring


def parse_rings(flat: Sequence[Sequence[Any]]) -> list[Ring]:
    """Many rings [x, y, x, y, ..] at once; like `parse_ring` for each. Raises ValueError and TypeError."""
    lengths = [len(ring) for ring in flat]
    if any(length % 2 for length in lengths):
        raise MalformedValueError("the outline has an odd count of numbers")
    if sum(lengths) > 2 * MAX_CORNERS_OF_PICTURE or max(lengths, default=0) > 2 * MAX_CORNERS:
        raise MalformedValueError(f"the outline has more than {MAX_CORNERS:,} corners")
    numbers = np.fromiter(chain.from_iterable(flat), np.float64, sum(lengths))
    if not np.isfinite(numbers).all() or np.abs(numbers).max(initial=0) > MAX_COORDINATE:
        raise MalformedValueError("the outline has coordinates that are not finite or outside any picture")
    corners = numbers.reshape(-1, 2)
    ends = np.cumsum(lengths, dtype=np.int64) // 2
    return [corners[end - length // 2 : end] for end, length in zip(ends.tolist(), lengths, strict=True)]


def box_ring(x0: float, y0: float, x1: float, y1: float) -> Ring:
    """A half-open rectangle: the pixel at x1, y1 is outside."""
    return parse_ring([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def circle_ring(x: float, y: float, across: float, down: float | None = None) -> Ring:
    """An ellipse around x, y with these radii as a polygon of 64 corners."""
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    return parse_ring(np.stack([x + across * np.cos(turn), y + (down or across) * np.sin(turn)], axis=1))


class _Canvas:
    """Fills shapes in list order, in steps of limited memory and up to a number of painted pixels.

    values: (h, w) uint8, changed in place, the part of the picture with its top left corner at x, y.
    """

    def __init__(self, values: NDArray[np.uint8], budget: int, x: int = 0, y: int = 0) -> None:
        self._values, self._budget = values, budget
        self._box = Box(x, y, x + values.shape[1], y + values.shape[0])

    @property
    def is_exhausted(self) -> bool:
        return self._budget < 0

    def fill(self, shapes: Sequence[FilledShape]) -> None:
        """Shapes without holes."""
        for batch in _batches(shapes, self._box.height):
            if len(batch) > 1 or _effort(batch[0], self._box.height) <= CROSSINGS_PER_BATCH:
                self._fill_batch(batch, self._box)
                continue
            # An outline with very many edges, in bands of rows.
            rows = max(1, CROSSINGS_PER_BATCH // max(1, sum(map(len, batch[0].rings))))
            for top in range(self._box.y0, self._box.y1, rows):
                band = Box(self._box.x0, top, self._box.x1, min(self._box.y1, top + rows))
                self._fill_batch(batch, band, with_runs=top == self._box.y0)

    def _fill_batch(self, shapes: Sequence[FilledShape], band: Box, *, with_runs: bool = True) -> None:
        if self.is_exhausted:
            return
        parts = [self._ring_lines(shapes, band)] + [
            _run_lines(shapes, *self._values.shape),
            _box_lines(shapes, self._box),
        ] * with_runs
        parts = [part for part in parts if len(part[0])] or [_NO_LINES]
        turn, start, step, count = (np.concatenate(column) for column in zip(*parts, strict=True))
        if len(parts) > 1:
            order = np.argsort(turn, kind="stable")
            turn, start, step, count = turn[order], start[order], step[order], count[order]
        painted = int(count.sum())
        self._budget -= painted
        if self._budget < 0:
            return
        colours = np.array([shape.value for shape in shapes], np.uint8)
        _paint(self._values.ravel(), start, step, count, colours[turn])

    def _ring_lines(self, shapes: Sequence[FilledShape], band: Box) -> _Lines:
        """Pixel rows inside the rings of the shapes, within a band of rows."""
        rings = [ring for shape in shapes for ring in shape.rings]
        if not rings:
            return _NO_LINES
        turn = np.repeat(np.arange(len(shapes)), [len(shape.rings) for shape in shapes])
        of, row, left, right = polygon_runs(rings, band)
        start = (row - self._box.y0) * self._box.width + left - self._box.x0
        return turn[of], start, np.ones(len(of), np.intp), right - left

    def fill_with_holes(self, shape: FilledShape) -> None:
        corners = np.concatenate(shape.rings or (np.zeros((1, 2)),))
        (x0, y0), (x1, y1) = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
        box = Box(int(x0), int(y0), int(x1), int(y1)).intersection(self._box)
        if box.is_empty:
            return
        inside = np.zeros((box.height, box.width), np.uint8)
        self._budget -= inside.size
        part = _Canvas(inside, self._budget, box.x0, box.y0)
        part.fill([FilledShape(1, (ring,)) for ring in shape.rings])
        part.fill([FilledShape(0, (ring,)) for ring in shape.holes])
        self._budget = min(self._budget, part._budget)
        if not self.is_exhausted:
            self._values[box.moved(-self._box.x0, -self._box.y0).slices][inside != 0] = shape.value


def _effort(shape: FilledShape, height: int) -> int:
    """Upper bound of the lines and crossings of a shape."""
    runs = 0 if shape.runs is None else len(shape.runs) + int(shape.runs[1::2].sum()) // height
    runs += 0 if shape.part is None else len(shape.part.runs) + shape.part.box.height
    return runs + height * sum(map(len, shape.rings))


def _batches(shapes: Sequence[FilledShape], height: int) -> Iterator[list[FilledShape]]:
    """Consecutive shapes of at most CROSSINGS_PER_BATCH together, or one alone that is larger."""
    batch: list[FilledShape] = []
    spent = 0
    for shape in shapes:
        effort = _effort(shape, height)
        if batch and spent + effort > CROSSINGS_PER_BATCH:
            yield batch
            batch, spent = [], 0
        batch.append(shape)
        spent += effort
    if batch:
        yield batch


def _run_lines(shapes: Sequence[FilledShape], height: int, width: int) -> _Lines:
    """Pixel columns inside the runs of the shapes; a run that continues in the next column is cut there."""
    runs = [(turn, shape.runs) for turn, shape in enumerate(shapes) if shape.runs is not None]
    if not runs:
        return _NO_LINES
    ends = np.concatenate([np.cumsum(part)[1::2] for _, part in runs])
    begins = ends - np.concatenate([part[1::2] for _, part in runs])
    turn = np.repeat([turn for turn, _ in runs], [len(part) // 2 for _, part in runs])
    of, column, top, bottom = _cut_runs(begins, ends, np.intp(height))
    return turn[of], top * width + column, np.full(len(of), width, np.intp), bottom - top


def _box_lines(shapes: Sequence[FilledShape], picture: Box) -> _Lines:
    """Pixel rows inside the masks in boxes, within the box `picture`."""
    parts = [(turn, shape.part) for turn, shape in enumerate(shapes) if shape.part is not None]
    if not parts:
        return _NO_LINES
    lengths = np.concatenate([part.runs[: len(part.runs) // 2 * 2] for _, part in parts])
    counts = np.array([len(part.runs) // 2 for _, part in parts])
    boxes = np.array([(part.box.x0, part.box.y0, part.box.width) for _, part in parts])
    ends = np.cumsum(lengths)[1::2]
    begins = ends - lengths[1::2]
    base = np.append(0, ends)[np.cumsum(counts) - counts]  # where the runs of each part begin
    of_part = np.repeat(np.arange(len(parts)), counts)
    x, y, across = boxes[of_part].T
    of, row, left, right = _cut_runs(begins - base[of_part], ends - base[of_part], across)
    left, right = np.maximum(left + x[of], picture.x0), np.minimum(right + x[of], picture.x1)
    row += y[of]
    keep = (left < right) & (row >= picture.y0) & (row < picture.y1)
    of, row, left, right = of[keep], row[keep], left[keep], right[keep]
    turn = np.array([turn for turn, _ in parts])[of_part[of]]
    start = (row - picture.y0) * picture.width + left - picture.x0
    return turn, start, np.ones(len(of), np.intp), right - left


def _cut_runs(begins: NDArray[Any], ends: NDArray[Any], length: Any) -> _Lines:
    """Runs from `begins` to `ends`, cut at the ends of lines of `length` pixels, which may differ from run to run: the
    index of the run, the line, and begin and end within the line."""
    kept = np.flatnonzero(begins < ends)
    begins, ends = begins[kept], ends[kept]
    length = np.broadcast_to(length, kept.shape) if np.ndim(length) == 0 else length[kept]
    first = begins // length
    pieces = (ends - 1) // length - first + 1
    of = np.repeat(np.arange(len(pieces)), pieces)
    line = np.arange(len(of)) + np.repeat(first - np.cumsum(pieces) + pieces, pieces)
    offset = line * length[of]
    return kept[of], line, np.maximum(begins[of] - offset, 0), np.minimum(ends[of] - offset, length[of])


def _paint(
    flat: NDArray[np.uint8],
    start: NDArray[np.intp],
    step: NDArray[np.intp],
    count: NDArray[np.intp],
    colour: NDArray[np.uint8],
) -> None:
    """Fill non-empty pixel lines of a flattened picture in order; later lines overwrite earlier ones."""
    ends = np.cumsum(count)
    first = 0
    while first < len(count):
        before = int(ends[first] - count[first])
        last = max(first + 1, int(np.searchsorted(ends, before + PIXELS_PER_BATCH, "right")))
        part = slice(first, last)
        length, stride = count[part], step[part]
        # Index differences: `stride` within a line, and a jump from the end of a line to the start of the next.
        leaps = np.diff(start[part], prepend=0)
        leaps[1:] -= (length[:-1] - 1) * stride[:-1]
        at = np.repeat(stride, length)
        at[ends[part] - length - before] = leaps
        flat[np.cumsum(at)] = np.repeat(colour[part], length)
        first = last


def _areas(shapes: Sequence[FilledShape]) -> NDArray[np.float64]:
    """Area of each shape in pixels, by the shoelace formula."""
    rings = [(ring, n, 1) for n, shape in enumerate(shapes) for ring in shape.rings]
    rings += [(ring, n, -1) for n, shape in enumerate(shapes) for ring in shape.holes]
    found = np.array(
        [
            float(s.part.area) if s.part else 0.0 if s.runs is None else float(s.runs[1::2].sum())
            for s in shapes
        ]
    )
    if rings:
        x, y = np.concatenate([ring for ring, _, _ in rings]).T
        begins, after = ring_successors([len(ring) for ring, _, _ in rings])
        doubled = np.add.reduceat(x * y[after] - y * x[after], begins)
        signs = np.array([sign for _, _, sign in rings])
        np.add.at(found, [n for _, n, _ in rings], signs * np.abs(doubled) / 2)
    return found
