"""Polygons, boxes and run lengths become one mask of values: each pixel belongs to one class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import FormatError
from core.geometry import Box
from core.images.source import MAX_PIXELS
from core.labels.raster import polygon

Ring = NDArray[np.float64]
"""(n, 2) corners x, y in pixels of the picture; closed by itself."""

Runs = NDArray[np.int64]
"""Run lengths down the columns of a picture, in turn outside and inside, beginning with outside."""

OVERLAP_RULE = "Where objects overlap, smaller ones lie above larger ones."


@dataclass(frozen=True, slots=True)
class Shape:
    """One object: `value` of a ReadMask; outlines and the holes in them; or run lengths of the whole picture."""

    value: int
    rings: tuple[Ring, ...] = ()
    holes: tuple[Ring, ...] = ()
    runs: Runs | None = None


def painted(
    size: tuple[int, int], shapes: Sequence[Shape], *, in_order: bool = False, where: Path
) -> NDArray[np.uint8]:
    """(height, width) uint8 of values, 0 where no shape is. Smaller shapes lie above larger ones; with `in_order`
    later ones above earlier ones.

    Raises FormatError naming `where` for a size that no picture has and for run lengths of another size.
    """
    width, height = size
    if not 0 < width * height <= MAX_PIXELS or width < 0:
        raise FormatError(f"{where} says that its picture is {width} x {height} pixels, which cannot be.")
    values = np.zeros((height, width), np.uint8)
    ordered = list(shapes)
    if not in_order:
        ordered.sort(key=lambda shape: -_area(shape))
    for shape in ordered:
        if shape.runs is not None:
            if shape.runs.sum() != width * height:
                raise FormatError(
                    f"{where} holds a mask that is not of its picture's size, {width} x {height}."
                )
            inside = np.repeat(np.arange(len(shape.runs)) % 2 == 1, shape.runs)
            values[inside.reshape(width, height).T] = shape.value
        else:
            _fill(values, shape)
    return values


def ring_of(points: Any) -> Ring:
    """[[x, y], ..] or [x, y, x, y, ..] as a ring. Raises ValueError for what are no finite numbers in pairs."""
    ring = np.asarray(points, np.float64).reshape(-1, 2)
    if len(ring) < 3 or not np.isfinite(ring).all() or np.abs(ring).max() > 1e6:
        raise ValueError("an outline needs three corners or more, with plain numbers")
    return ring


def box_ring(x0: float, y0: float, x1: float, y1: float) -> Ring:
    """A rectangle from corner to corner: the pixel at x1, y1 is outside."""
    return ring_of([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def circle_ring(x: float, y: float, across: float, down: float | None = None) -> Ring:
    """An ellipse around x, y with these radii, as 64 corners."""
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    return ring_of(np.stack([x + across * np.cos(turn), y + (down or across) * np.sin(turn)], axis=1))


def uncompressed(counts: Sequence[Any], height: int, width: int) -> Runs:
    """Run lengths as a file lists them. Raises ValueError when they do not fill the picture."""
    runs = [int(n) for n in counts]
    if min(runs, default=0) < 0 or sum(runs) != height * width or height * width > MAX_PIXELS:
        raise ValueError(f"the run lengths do not fill a picture of {width} x {height}")
    return np.array(runs, np.int64)


def compressed(text: str, height: int, width: int) -> Runs:
    """COCO's compressed form: 5 bits a character, differences from the run before the last one.

    After the description in the COCO API (maskApi.c, rleFrString), which itself trusts the lengths and would write past
    the picture. Raises ValueError when they do not fill it.
    """
    found: list[int] = []
    value = shift = 0
    for letter in text.encode("ascii", "replace"):
        bits = letter - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError("the run-length code is damaged")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        if len(found) > 2:
            value += found[-2]
        found.append(value)
        value = shift = 0
    if shift:
        raise ValueError("the run-length code ends within a number")
    return uncompressed(found, height, width)


def runs_of(mask: NDArray[np.bool_]) -> Runs:
    """(height, width) bool as run lengths down the columns, beginning with what is outside."""
    flat = mask.ravel("F")
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    ends = np.concatenate([[0] if flat.size and flat[0] else [], turns, [flat.size]])
    return np.diff(ends, prepend=0).astype(np.int64)


def _fill(values: NDArray[np.uint8], shape: Shape) -> None:
    whole = Box(0, 0, values.shape[1], values.shape[0])
    if not shape.holes:
        for ring in shape.rings:
            box, mask = polygon([(x, y) for x, y in ring.tolist()], whole)
            values[box.slices][mask] = shape.value
        return
    inside = np.zeros(values.shape, bool)
    for rings, there in ((shape.rings, True), (shape.holes, False)):
        for ring in rings:
            box, mask = polygon([(x, y) for x, y in ring.tolist()], whole)
            inside[box.slices][mask] = there
    values[inside] = shape.value


def _area(shape: Shape) -> float:
    if shape.runs is not None:
        return float(shape.runs[1::2].sum())
    return sum(map(_ring_area, shape.rings)) - sum(map(_ring_area, shape.holes))


def _ring_area(ring: Ring) -> float:
    """Pixels inside an outline (the shoelace formula)."""
    x, y = ring.T
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2
