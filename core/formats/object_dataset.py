"""Datasets of drawn objects: each names its label in words; what lies outside all objects is a class of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.errors import FormatError
from core.formats.class_sets import fate_of
from core.formats.dataset_tree import Tree
from core.formats.dataset_types import Dataset, Fate, ForeignClass, ReadMask, Recognition, Sample
from core.formats.rasterizer import OVERLAP_RULE, Ring, Runs, Shape, painted, runs_of
from core.images.image_reader import MAX_PIXELS, read_size
from core.labels.class_list import LAST_CLASS, Colour, colour_of

REST = "everything else"
"""The class of pixels that no object covers. Unlabelled, unless somebody gives it a class of the project."""
REST_INDEX = 255
BLANK = "\0"
"""Label of an object that takes away what lies below it."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One drawn object with its label."""

    label: str
    rings: tuple[Ring, ...] = ()
    holes: tuple[Ring, ...] = ()
    runs: Runs | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """All objects of one picture. `picture` is what the dataset calls it; `size` is None where it does not say;
    `skipped` counts what is no area: points, lines, boxes of formats whose boxes only surround things."""

    picture: str
    size: tuple[int, int] | None
    things: tuple[Thing, ...]
    split: str | None = None
    tags: tuple[str, ...] = ()
    skipped: int = 0


Draws = Callable[[], Drawing]
"""Reads one picture's objects, again each time, so that not all of a dataset lies in memory. Raises FormatError."""


def drawn_dataset(
    tree: Tree,
    recognition: Recognition,
    drawings: Iterable[tuple[str, Draws] | tuple[str, Draws, Draws]],
    known: Iterable[tuple[str, Colour | None]] = (),
    *,
    in_order: bool = False,
    notes: tuple[str, ...] = (),
) -> Dataset:
    """A dataset of (file that says it, objects); where all labels are known, a third part may give the drawing without
    its objects, so that nothing is read twice. `known` are labels with colours, numbered in this order before all
    others. With `in_order` later objects lie above earlier ones, else smaller above larger.

    Raises FormatError when not one picture is there or there are too many labels.
    """
    labels = dict(known)
    problems: list[str] = []
    found: list[tuple[str, str, Draws, Drawing]] = []
    skipped = 0
    for source, draws, *light in drawings:
        try:
            drawing = light[0]() if light else draws()
        except FormatError as problem:
            problems.append(str(problem))
            continue
        picture = tree.find_picture(drawing.picture, source.rpartition("/")[0], drawing.split)
        if picture is None:
            problems.append(f"The picture {drawing.picture} that {tree.path(source)} names is not there.")
            continue
        for thing in drawing.things:
            if thing.label != BLANK:
                labels.setdefault(thing.label, None)
        skipped += drawing.skipped
        found.append(
            (picture, source, draws, Drawing(drawing.picture, None, (), drawing.split, drawing.tags))
        )
    if len(labels) >= LAST_CLASS:
        raise FormatError(
            f"{tree.root} has {len(labels)} labels; a project holds at most {LAST_CLASS} classes."
        )
    places = {label: n for n, label in enumerate(labels, 1)}
    samples = [
        Sample(
            tree.path(picture),
            picture,
            light.split,
            partial(_read, tree.path(picture), tree.path(source), draws, places, in_order),
            light.tags,
            sources=(tree.path(source),),
        )
        for picture, source, draws, light in found
    ]
    rule = "Where objects overlap, later ones lie above earlier ones." if in_order else OVERLAP_RULE
    more = (f"{skipped:,} points, lines or plain boxes are no areas and were left out.",) if skipped else ()
    rest = ForeignClass(REST_INDEX, REST, (128, 128, 128), Fate.SKIP)
    return Dataset(
        tree.root,
        recognition,
        (
            *(
                ForeignClass(n, label, labels[label] or colour_of(n), fate_of(label))
                for label, n in places.items()
            ),
            rest,
        ),
        tuple(samples),
        (rule, *notes, *more),
        tuple(problems),
    )


def _read(picture: Path, source: Path, draws: Draws, places: dict[str, int], in_order: bool) -> ReadMask:
    drawing = draws()
    blank = {BLANK: len(places) + 1}
    shapes = [Shape((places | blank)[t.label], t.rings, t.holes, t.runs) for t in drawing.things]
    size = drawing.size or read_size(picture)
    return ReadMask(painted(size, shapes, in_order=in_order, ground=len(places) + 1, where=source))


def whole(part: NDArray[np.bool_], x: int, y: int, size: tuple[int, int]) -> Runs:
    """A mask (h, w) whose corner lies at x, y of a picture (width, height), as run lengths of the whole picture.

    Raises ValueError for a size that no picture has.
    """
    width, height = size
    if width < 1 or not 0 < width * height <= MAX_PIXELS:
        raise ValueError(f"a picture of {width} x {height} pixels")
    full = np.zeros((height, width), bool)
    x0, y0, x1, y1 = max(0, x), max(0, y), min(width, x + part.shape[1]), min(height, y + part.shape[0])
    if x0 < x1 and y0 < y1:
        full[y0:y1, x0:x1] = part[y0 - y : y1 - y, x0 - x : x1 - x]
    return runs_of(full)


def png_mask(content: bytes) -> NDArray[np.bool_]:
    """A small PNG inside an annotation as (h, w) bool: where it is neither black nor transparent.

    Raises ValueError when it is no sound PNG or larger than a picture may be.
    """
    if content[:8] != b"\x89PNG\r\n\x1a\n" or len(content) < 24:
        raise ValueError("not a PNG")
    width, height = int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    if not 0 < width * height <= MAX_PIXELS:
        raise ValueError(f"a PNG of {width} x {height} pixels")
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("a damaged PNG")
    if pixels.ndim == 2:
        return np.asarray(pixels != 0, bool)
    if pixels.shape[2] == 4:
        return np.asarray(pixels[..., 3] != 0, bool)
    return np.asarray(pixels.any(axis=2), bool)
