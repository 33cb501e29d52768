"""Datasets of annotated objects (polygons, masks): objects are rasterized into one mask of class values per picture.

Pixels outside all objects belong to a class of their own, "everything else".
"""

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
from core.formats.rasterizer import OVERLAP_RULE, FilledShape, Ring, rasterize
from core.formats.run_length import Runs, mask_to_runs
from core.images.image_reader import MAX_PIXELS, read_size
from core.labels.class_list import MAX_CLASS_VALUE, Colour, default_colour

UNCOVERED = "everything else"
"""Class of the pixels that no object covers; unlabelled unless the user maps it to a class of the project."""
UNCOVERED_INDEX = 255
ERASE_LABEL = "\0"
"""Label of an object that erases the objects below it."""


@dataclass(frozen=True, slots=True)
class AnnotatedObject:
    """One object with its label: outlines and holes in them, or run lengths of the whole picture."""

    label: str
    rings: tuple[Ring, ...] = ()
    holes: tuple[Ring, ...] = ()
    runs: Runs | None = None


@dataclass(frozen=True, slots=True)
class PictureAnnotation:
    """All objects of one picture.

    picture: the name in the dataset; size: (width, height), None if the dataset does not state it; skipped: number of
    annotations that are not areas: points, lines, and bounding boxes.
    """

    picture: str
    size: tuple[int, int] | None
    objects: tuple[AnnotatedObject, ...]
    split: str | None = None
    tags: tuple[str, ...] = ()
    skipped: int = 0


ReadAnnotation = Callable[[], PictureAnnotation]
"""Reads the objects of one picture. Called again for each use, so that the objects of a whole dataset are never all in
memory. Raises FormatError."""


def build_object_dataset(
    tree: DatasetTree,
    recognition: Recognition,
    annotations: Iterable[tuple[str, ReadAnnotation] | tuple[str, ReadAnnotation, ReadAnnotation]],
    known_labels: Iterable[tuple[str, Colour | None]] = (),
    *,
    later_on_top: bool = False,
    notes: tuple[str, ...] = (),
) -> Dataset:
    """A dataset from annotations, each given as (annotation file, reader of its objects).

    annotations: if all labels are known, a third element may read the annotation without its objects, so that they are
    not read twice. known_labels: labels with colours; they are numbered first, in this order. later_on_top: later
    objects cover earlier ones; otherwise smaller ones cover larger ones.

    Raises FormatError if no picture exists or there are too many labels.
    """
    labels = dict(known_labels)
    problems: list[str] = []
    found: list[tuple[str, str, ReadAnnotation, PictureAnnotation]] = []
    skipped = 0
    for source, read, *without_objects in annotations:
        try:
            annotation = without_objects[0]() if without_objects else read()
        except FormatError as problem:
            problems.append(str(problem))
            continue
        picture = tree.find_picture(annotation.picture, source.rpartition("/")[0], annotation.split)
        if picture is None:
            problems.append(
                f"{tree.path(source)} names the picture {annotation.picture}, which does not exist."
            )
            continue
        for obj in annotation.objects:
            if obj.label != ERASE_LABEL:
                labels.setdefault(obj.label, None)
        skipped += annotation.skipped
        found.append(
            (
                picture,
                source,
                read,
                PictureAnnotation(annotation.picture, None, (), annotation.split, annotation.tags),
            )
        )
    if len(labels) >= MAX_CLASS_VALUE:
        raise FormatError(
            f"{tree.root} has {len(labels)} labels; a project has at most {MAX_CLASS_VALUE} classes."
        )
    value_of = {label: n for n, label in enumerate(labels, 1)}
    samples = [
        Sample(
            tree.path(picture),
            picture,
            head.split,
            partial(_read, tree.path(picture), tree.path(source), read, value_of, later_on_top),
            head.tags,
            sources=(tree.path(source),),
        )
        for picture, source, read, head in found
    ]
    rule = "Where objects overlap, later ones cover earlier ones." if later_on_top else OVERLAP_RULE
    more = (
        (f"{skipped:,} points, lines or bounding boxes are not areas and were left out.",) if skipped else ()
    )
    rest = DatasetClass(UNCOVERED_INDEX, UNCOVERED, (128, 128, 128), ClassTarget.SKIP)
    return Dataset(
        tree.root,
        recognition,
        (
            *(
                DatasetClass(n, label, labels[label] or default_colour(n), default_target(label))
                for label, n in value_of.items()
            ),
            rest,
        ),
        tuple(samples),
        (rule, *notes, *more),
        tuple(problems),
    )


def _read(
    picture: Path, source: Path, read: ReadAnnotation, value_of: dict[str, int], later_on_top: bool
) -> LoadedMask:
    annotation = read()
    erased = {ERASE_LABEL: len(value_of) + 1}
    shapes = [FilledShape((value_of | erased)[o.label], o.rings, o.holes, o.runs) for o in annotation.objects]
    size = annotation.size or read_size(picture)
    return LoadedMask(
        rasterize(size, shapes, later_on_top=later_on_top, background=len(value_of) + 1, source=source)
    )


def place_mask(part: NDArray[np.bool_], x: int, y: int, size: tuple[int, int]) -> Runs:
    """Run lengths of a picture of `size` (width, height) from a part (h, w) bool with its top left corner at x, y.

    Raises ValueError for an impossible size.
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
    """A PNG embedded in an annotation as (h, w) bool: True where it is neither black nor transparent.

    Raises ValueError if it is not a valid PNG or larger than the picture size limit.
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
