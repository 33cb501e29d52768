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

OVERLAP_RULE = "Where objects overlap, smaller ones lie above larger ones."


@dataclass(frozen=True, slots=True)
class Shape:
    """One object: `value` of a ReadMask; outlines and the holes in them; or a run-length code of the whole picture in
    pycocotools' compressed form."""

    value: int
    rings: tuple[Ring, ...] = ()
    holes: tuple[Ring, ...] = ()
    code: dict[str, Any] | None = None


def painted(
    size: tuple[int, int], shapes: Sequence[Shape], *, in_order: bool = False, where: Path
) -> NDArray[np.uint8]:
    """(height, width) uint8 of values, 0 where no shape is. Smaller shapes lie above larger ones; with `in_order`
    later ones above earlier ones.

    Raises FormatError naming `where` for a size that no picture has or a code that is not sound.
    """
    width, height = size
    if not 0 < width * height <= MAX_PIXELS or width < 0:
        raise FormatError(f"{where} says that its picture is {width} x {height} pixels, which cannot be.")
    values = np.zeros((height, width), np.uint8)
    ordered = list(shapes)
    if not in_order:
        ordered.sort(key=lambda shape: -_area(shape))
    for shape in ordered:
        if shape.code is not None:
            values[decoded(shape.code, size, where)] = shape.value
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


def uncompressed(counts: Sequence[int], height: int, width: int) -> dict[str, Any]:
    """Run lengths down the columns, beginning with what is outside, in pycocotools' compressed form.

    Raises ValueError when they do not fill the picture.
    """
    from pycocotools import mask as coco

    runs = [int(n) for n in counts]
    if any(n < 0 for n in runs) or sum(runs) != height * width:
        raise ValueError("the run lengths do not fill the picture")
    found: dict[str, Any] = coco.frPyObjects({"counts": runs, "size": [height, width]}, height, width)
    return found


def decoded(code: dict[str, Any], size: tuple[int, int], where: Path) -> NDArray[np.bool_]:
    """(height, width) bool of a compressed run-length code. Raises FormatError when it is not of that size or damaged.

    Lengths are added up before pycocotools sees them: it trusts them and would write past the picture.
    """
    from pycocotools import mask as coco

    width, height = size
    counts = code.get("counts")
    text = counts.encode("ascii", "replace") if isinstance(counts, str) else counts
    try:
        fits = isinstance(text, bytes) and list(code.get("size", ())) == [height, width]
        fits = fits and sum(_lengths(text)) == width * height  # type: ignore[arg-type]
    except (ValueError, IndexError):
        fits = False
    if not fits:
        raise FormatError(
            f"{where} holds a run-length code that does not fit its picture of {width} x {height}."
        )
    return np.asarray(coco.decode({"size": [height, width], "counts": text}), bool)


def _lengths(text: bytes) -> list[int]:
    """The run lengths of COCO's compressed form: 5 bits a character, differences from the run before the last one.

    After the description in the COCO API (maskApi.c, rleFrString). Raises ValueError for a negative length.
    """
    found: list[int] = []
    value = shift = 0
    for letter in text:
        bits = letter - 48
        if not 0 <= bits < 64:
            raise ValueError("not a letter of the code")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        if len(found) > 2:
            value += found[-2]
        if value < 0:
            raise ValueError("a negative length")
        found.append(value)
        value = shift = 0
    if shift:
        raise ValueError("the code ends within a number")
    return found


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
    if shape.code is not None:
        from pycocotools import mask as coco

        try:
            return float(coco.area({**shape.code, "counts": _bytes(shape.code.get("counts"))}))
        except Exception:  # a code that is not sound is refused when it is its turn to be painted
            return 0.0
    return sum(map(_ring_area, shape.rings)) - sum(map(_ring_area, shape.holes))


def _ring_area(ring: Ring) -> float:
    """Pixels inside an outline (the shoelace formula)."""
    x, y = ring.T
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def _bytes(counts: Any) -> Any:
    return counts.encode("ascii", "replace") if isinstance(counts, str) else counts
