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
from core.formats.class_sets import default_target
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import ClassTarget, Dataset, DatasetClass, LoadedMask, Recognition, Sample
from core.formats.rasterizer import OVERLAP_RULE, FilledShape, Ring, Runs, mask_to_runs, rasterize
from core.images.image_reader import MAX_PIXELS, read_size
from core.labels.class_list import MAX_CLASS_VALUE, Colour, default_colour

UNCOVERED = "everything else"
"""The class of pixels that no object covers. Unlabelled, unless somebody gives it a class of the project."""
UNCOVERED_INDEX = 255
ERASE_LABEL = "\0"
"""Label of an object that takes away what lies below it."""


@dataclass(frozen=True, slots=True)
class AnnotatedObject:
    """One drawn object with its label."""

    label: str
    rings: tuple[Ring, ...] = ()
    holes: tuple[Ring, ...] = ()
    runs: Runs | None = None


@dataclass(frozen=True, slots=True)
class PictureAnnotation:
    """All objects of one picture. `picture` is what the dataset calls it; `size` is None where it does not say;
    `skipped` counts what is no area: points, lines, boxes of formats whose boxes only surround things."""

    picture: str
    size: tuple[int, int] | None
    objects: tuple[AnnotatedObject, ...]
    split: str | None = None
    tags: tuple[str, ...] = ()
    skipped: int = 0


ReadAnnotation = Callable[[], PictureAnnotation]
"""Reads one picture's objects, again each time, so that not all of a dataset lies in memory. Raises FormatError."""


def build_object_dataset(
    tree: DatasetTree,
    recognition: Recognition,
    annotations: Iterable[tuple[str, ReadAnnotation] | tuple[str, ReadAnnotation, ReadAnnotation]],
    known_labels: Iterable[tuple[str, Colour | None]] = (),
    *,
    later_on_top: bool = False,
    notes: tuple[str, ...] = (),
) -> Dataset:
    """A dataset of (file that says it, objects); where all labels are known, a third part may give the drawing without
    its objects, so that nothing is read twice. `known` are labels with colours, numbered in this order before all
    others. With `in_order` later objects lie above earlier ones, else smaller above larger.

    Raises FormatError when not one picture is there or there are too many labels.
    """
    labels = dict(known_labels)
    problems: list[str] = []
    found: list[tuple[str, str, ReadAnnotation, PictureAnnotation]] = []
    skipped = 0
    for source, draws, *light in annotations:
        try:
            drawing = light[0]() if light else draws()
        except FormatError as problem:
            problems.append(str(problem))
            continue
        picture = tree.find_picture(drawing.picture, source.rpartition("/")[0], drawing.split)
        if picture is None:
            problems.append(f"The picture {drawing.picture} that {tree.path(source)} names is not there.")
            continue
        for thing in drawing.objects:
            if thing.label != ERASE_LABEL:
                labels.setdefault(thing.label, None)
        skipped += drawing.skipped
        found.append(
            (
                picture,
                source,
                draws,
                PictureAnnotation(drawing.picture, None, (), drawing.split, drawing.tags),
            )
        )
    if len(labels) >= MAX_CLASS_VALUE:
        raise FormatError(
            f"{tree.root} has {len(labels)} labels; a project holds at most {MAX_CLASS_VALUE} classes."
        )
    places = {label: n for n, label in enumerate(labels, 1)}
    samples = [
        Sample(
            tree.path(picture),
            picture,
            light.split,
            partial(_read, tree.path(picture), tree.path(source), draws, places, later_on_top),
            light.tags,
            sources=(tree.path(source),),
        )
        for picture, source, draws, light in found
    ]
    rule = "Where objects overlap, later ones lie above earlier ones." if later_on_top else OVERLAP_RULE
    more = (f"{skipped:,} points, lines or plain boxes are no areas and were left out.",) if skipped else ()
    rest = DatasetClass(UNCOVERED_INDEX, UNCOVERED, (128, 128, 128), ClassTarget.SKIP)
    return Dataset(
        tree.root,
        recognition,
        (
            *(
                DatasetClass(n, label, labels[label] or default_colour(n), default_target(label))
                for label, n in places.items()
            ),
            rest,
        ),
        tuple(samples),
        (rule, *notes, *more),
        tuple(problems),
    )


def _read(
    picture: Path, source: Path, draws: ReadAnnotation, places: dict[str, int], in_order: bool
) -> LoadedMask:
    drawing = draws()
    blank = {ERASE_LABEL: len(places) + 1}
    shapes = [FilledShape((places | blank)[t.label], t.rings, t.holes, t.runs) for t in drawing.objects]
    size = drawing.size or read_size(picture)
    return LoadedMask(
        rasterize(size, shapes, later_on_top=in_order, background=len(places) + 1, source=source)
    )


def place_mask(part: NDArray[np.bool_], x: int, y: int, size: tuple[int, int]) -> Runs:
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
    return mask_to_runs(full)


def decode_png_mask(content: bytes) -> NDArray[np.bool_]:
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
