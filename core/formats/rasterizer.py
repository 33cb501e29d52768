"""Rasterizes polygons, boxes and run lengths into one mask of class values; each pixel gets one value."""

from __future__ import annotations

from collections.abc import Sequence
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
from core.formats.run_length import Runs
from core.images.image_reader import MAX_PIXELS
from core.labels.rasterization import polygon, polygon_runs, ring_successors

Ring = NDArray[np.float64]
"""(n, 2) float64: corners x, y of a closed polygon, in image pixels."""

PIXELS_PER_BATCH = 1 << 22
"""Pixels filled in one step, which limits memory."""
MAX_COORDINATE = 1e6
"""Largest absolute coordinate that is accepted."""
OVERLAP_RULE = "Where objects overlap, smaller ones cover larger ones."


_Lines = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
"""Pixel lines in a flattened picture: index of the shape, first pixel, step, count."""
_NO_PIXELS = np.zeros(0, np.intp)
_NO_LINES: _Lines = (_NO_PIXELS, _NO_PIXELS, _NO_PIXELS, _NO_PIXELS)


@dataclass(frozen=True, slots=True)
class FilledShape:
    """One object: its value in a LoadedMask, and outlines with holes, or run lengths of the whole picture."""

    value: int
    rings: tuple[Ring, ...] = ()
    holes: tuple[Ring, ...] = ()
    runs: Runs | None = None


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
    names the file `source`, for an impossible size and for run lengths that do not match it.
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
    if any(shape.runs is not None and shape.runs.sum() != width * height for shape in ordered):
        raise FormatError(
            f"{source} contains a mask whose size is not that of its picture, {width} x {height}."
        )
    for holes, group in groupby(ordered, lambda shape: bool(shape.holes)):
        if holes:
            for shape in group:
                _fill_with_holes(values, shape)
        else:
            _fill_shapes(values, list(group))
    return values


def parse_ring(points: Any) -> Ring:
    """A ring from [[x, y], ..] or [x, y, x, y, ..]. Raises MalformedValueError unless these are finite numbers in
    pairs."""
    try:
        numbers = np.asarray(points, np.float64).ravel()
    except (TypeError, ValueError, OverflowError) as problem:
        raise MalformedValueError("the outline contains something else than pairs of numbers") from problem
    if numbers.size % 2:
        raise MalformedValueError(f"the outline has an odd count of numbers, {numbers.size}")
    ring = numbers.reshape(-1, 2)
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


def _fill_shapes(values: NDArray[np.uint8], shapes: Sequence[FilledShape]) -> None:
    """Fill shapes without holes in list order."""
    height, width = values.shape
    parts = [_ring_lines(shapes, width, height), _run_lines(shapes, width, height)]
    turn, start, step, count = (np.concatenate(column) for column in zip(*parts, strict=True))
    if all(len(part[0]) for part in parts):
        order = np.argsort(turn, kind="stable")
        turn, start, step, count = turn[order], start[order], step[order], count[order]
    colours = np.array([shape.value for shape in shapes], np.uint8)
    _paint(values.ravel(), start, step, count, colours[turn])


def _ring_lines(shapes: Sequence[FilledShape], width: int, height: int) -> _Lines:
    """Pixel rows inside the rings of the shapes."""
    rings = [ring for shape in shapes for ring in shape.rings]
    if not rings:
        return _NO_LINES
    turn = np.repeat(np.arange(len(shapes)), [len(shape.rings) for shape in shapes])
    of, row, left, right = polygon_runs(rings, Box(0, 0, width, height))
    return turn[of], row * width + left, np.ones(len(of), np.intp), right - left


def _run_lines(shapes: Sequence[FilledShape], width: int, height: int) -> _Lines:
    """Pixel columns inside the runs of the shapes; a run that continues in the next column is cut there."""
    runs = [(turn, shape.runs) for turn, shape in enumerate(shapes) if shape.runs is not None]
    if not runs:
        return _NO_LINES
    ends = np.concatenate([np.cumsum(part)[1::2] for _, part in runs])
    begins = ends - np.concatenate([part[1::2] for _, part in runs])
    turn = np.repeat([turn for turn, _ in runs], [len(part) // 2 for _, part in runs])
    keep = begins < ends
    begins, ends, turn = begins[keep], ends[keep], turn[keep]
    first = begins // height
    pieces = (ends - 1) // height - first + 1
    of = np.repeat(np.arange(len(pieces)), pieces)
    column = np.arange(len(of)) + np.repeat(first - np.cumsum(pieces) + pieces, pieces)
    top = np.maximum(begins[of] - column * height, 0)
    bottom = np.minimum(ends[of] - column * height, height)
    return turn[of], top * width + column, np.full(len(of), width, np.intp), bottom - top


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


def _fill_with_holes(values: NDArray[np.uint8], shape: FilledShape) -> None:
    bounds = Box(0, 0, values.shape[1], values.shape[0])
    inside = np.zeros(values.shape, bool)
    for rings, is_inside in ((shape.rings, True), (shape.holes, False)):
        for ring in rings:
            box, mask = polygon([(x, y) for x, y in ring.tolist()], bounds)
            inside[box.slices][mask] = is_inside
    values[inside] = shape.value


def _areas(shapes: Sequence[FilledShape]) -> NDArray[np.float64]:
    """Area of each shape in pixels, by the shoelace formula."""
    rings = [(ring, n, 1) for n, shape in enumerate(shapes) for ring in shape.rings]
    rings += [(ring, n, -1) for n, shape in enumerate(shapes) for ring in shape.holes]
    found = np.array([0.0 if s.runs is None else float(s.runs[1::2].sum()) for s in shapes])
    if rings:
        x, y = np.concatenate([ring for ring, _, _ in rings]).T
        begins, after = ring_successors([len(ring) for ring, _, _ in rings])
        doubled = np.add.reduceat(x * y[after] - y * x[after], begins)
        signs = np.array([sign for _, _, sign in rings])
        np.add.at(found, [n for _, n, _ in rings], signs * np.abs(doubled) / 2)
    return found
