"""Datasets of annotated objects (polygons, masks): objects are rasterized into one mask of class values per picture.

Pixels outside all objects belong to a class of their own, "everything else".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.display_text import quoted
from core.base.errors import FormatError
from core.base.geometry import Box
from core.formats.account import NOT_AN_AREA, AccountBuilder, AccountKind
from core.formats.class_sets import default_target
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree
from core.formats.dataset_types import ClassTarget, Dataset, DatasetClass, LoadedMask, Recognition, Sample
from core.formats.malformed import MalformedValueError, as_format_error, describe_malformed
from core.formats.rasterizer import (
    OVERLAP_RULE,
    FilledShape,
    Ring,
    check_stated_size,
    find_excessive,
    rasterize,
)
from core.formats.run_length import BoxMask, Runs, fills
from core.images.image_reader import MAX_PIXELS, read_size
from core.labels.class_list import MAX_CLASS_VALUE, Colour, default_colour

UNCOVERED = "everything else"
"""Class of the pixels that no object covers; unlabelled unless the user maps it to a class of the project."""
UNCOVERED_INDEX = 255
ERASE_LABEL = "\0"
"""Label of an object that erases the objects below it."""
NO_LABEL = "it has no label"
COVERS_NOTHING = "it covers no pixel of the picture"


@dataclass(frozen=True, slots=True)
class AnnotatedObject:
    """One object with its label: outlines and holes in them, run lengths of the whole picture, or a mask in a box."""

    label: str
    rings: tuple[Ring, ...] = ()
    holes: tuple[Ring, ...] = ()
    runs: Runs | None = None
    part: BoxMask | None = None


@dataclass(frozen=True, slots=True)
class PictureAnnotation:
    """All objects of one picture.

    picture: the name in the dataset; size: (width, height), None if the dataset does not state it; skipped: number of
    annotations that are not areas: points, lines, and bounding boxes; left_out: (place in the file, reason) of objects
    that cannot be read; unrelated: (reason, number) of objects that are not meant to come in.
    """

    picture: str
    size: tuple[int, int] | None
    objects: tuple[AnnotatedObject, ...]
    split: str | None = None
    tags: tuple[str, ...] = ()
    skipped: int = 0
    left_out: tuple[tuple[str, str], ...] = ()
    unrelated: tuple[tuple[str, int], ...] = ()


class ObjectCollector:
    """Collects the objects of one picture: one that cannot be read is left out with its place, the others stay.

    found = ObjectCollector()
    for number, shape in enumerate(shapes, 1):
        found.add(f"shape {number}", lambda: read_shape(shape))
    return PictureAnnotation(name, size, found.objects, skipped=found.skipped, left_out=found.left_out)
    """

    def __init__(self) -> None:
        self._objects: list[AnnotatedObject] = []
        self._left_out: list[tuple[str, str]] = []
        self.skipped = 0
        """Number of objects that are not areas."""

    @property
    def objects(self) -> tuple[AnnotatedObject, ...]:
        return tuple(self._objects)

    @property
    def left_out(self) -> tuple[tuple[str, str], ...]:
        return tuple(self._left_out)

    def add(self, place: str, read: Callable[[], AnnotatedObject | None]) -> None:
        """Read one object at once. `read` returns None for what is not an area; place: in the file."""
        try:
            found = read()
        except MALFORMED_ERRORS as problem:
            self.leave_out(place, describe_malformed(problem))
            return
        if found is None:
            self.skipped += 1
        else:
            self._objects.append(found)

    def leave_out(self, place: str, reason: str) -> None:
        """`reason`: a clause in our words."""
        self._left_out.append((place, reason))


def kind_is_unknown(kind: str) -> str:
    """Why an object was left out that may be an area: only kinds that are known not to be areas are called so."""
    return f"its kind {quoted(kind)} is not known" if kind else "its kind is not stated"


ReadAnnotation = Callable[[], PictureAnnotation]
"""Reads the objects of one picture. Called again for each use, so that the objects of a whole dataset are never all in
memory. Raises FormatError. It is part of a sample, so it must be small once pickled: it may not hold a DatasetTree."""


@dataclass(frozen=True, slots=True)
class AnnotationHead:
    """What opening a dataset needs to know of an annotation; the rest as in PictureAnnotation.

    read: reads all of it, for the sample; labels: of its objects that look like areas, None if they are not known
    """

    picture: str
    read: ReadAnnotation
    labels: tuple[str, ...] | None = None
    split: str | None = None
    tags: tuple[str, ...] = ()
    skipped: int = 0


ReadHead = Callable[[], AnnotationHead]
"""Reads the head of the annotation of one picture. Raises FormatError."""


def build_object_dataset(
    tree: DatasetTree,
    recognition: Recognition,
    annotations: Iterable[tuple[str, ReadAnnotation | ReadHead]],
    known_labels: Iterable[tuple[str, Colour | None]] = (),
    *,
    later_on_top: bool = False,
    notes: tuple[str, ...] = (),
) -> Dataset:
    """A dataset from annotations, each given as (annotation file, reader of its objects or only of its head).

    Heads are for files that would be slow to read twice. A label of a head becomes a class if all of the annotation is
    read and the label found on an area, or another annotation has it. known_labels: labels with colours; they are
    numbered first, in this order. later_on_top: later objects cover earlier ones; otherwise smaller ones cover larger
    ones.

    Raises FormatError if no picture exists or there are too many labels.
    """
    labels = _Labels(known_labels)
    account = AccountBuilder()
    listed = list(annotations)
    entries = Counter(source for source, *_ in listed)
    found: list[tuple[str, str, AnnotationHead]] = []
    skipped = 0
    for source, read in listed:
        tree.note_read(source)
        kind = AccountKind.FILE if entries[source] == 1 else AccountKind.ENTRY
        try:
            head, whole = _read_head(read)
            picture = tree.find_picture(head.picture, source.rpartition("/")[0], head.split)
            if picture is not None:
                labels.use_all(head, whole)
        except Exception as problem:
            account.failed(source, as_format_error(problem, str(tree.path(source))), kind)
            continue
        if picture is None:
            place = source if kind == AccountKind.FILE else f"{source}, {head.picture}"
            account.left_out(place, tree.explain_missing(head.picture), kind)
            continue
        skipped += head.skipped
        found.append((picture, source, head))
    classes, value_of = labels.numbered(tree)
    samples = [
        Sample(
            tree.path(picture),
            picture,
            head.split,
            partial(
                _read,
                tree.path(picture),
                picture,
                tree.path(source),
                source,
                head.read,
                value_of,
                later_on_top,
            ),
            head.tags,
            sources=(tree.path(source),),
        )
        for picture, source, head in found
    ]
    rule = "Where objects overlap, later ones cover earlier ones." if later_on_top else OVERLAP_RULE
    more = (
        (f"{skipped:,} points, lines or bounding boxes are not areas and were left out.",) if skipped else ()
    )
    rest = DatasetClass(UNCOVERED_INDEX, UNCOVERED, (128, 128, 128), ClassTarget.SKIP)
    return Dataset(
        tree.root,
        recognition,
        (*classes, rest),
        tuple(samples),
        (rule, *notes, *labels.notes(), *more),
        account.result(),
    )


def _read_head(read: ReadAnnotation | ReadHead) -> tuple[AnnotationHead, PictureAnnotation | None]:
    """The head, and the annotation if all of it was read."""
    found = read()
    if isinstance(found, AnnotationHead):
        return found, None
    again = cast(ReadAnnotation, read)
    return AnnotationHead(found.picture, again, None, found.split, found.tags, found.skipped), found


class _Labels:
    """The labels of a dataset in order; spellings that differ only in case and blanks are one label."""

    def __init__(self, known: Iterable[tuple[str, Colour | None]]) -> None:
        self._spellings: dict[str, dict[str, None]] = {}
        self._colours: dict[str, Colour | None] = {}
        self._used: set[str] = set()
        self._known: set[str] = {ERASE_LABEL}
        self.are_read = True
        """Whether all objects were read, so that a label that was not seen is not used."""
        for label, colour in known:
            self._colours[self._add(label)] = colour

    def _add(self, label: str) -> str:
        key = " ".join(label.split()).casefold()
        self._spellings.setdefault(key, {}).setdefault(label)
        self._known.add(label)
        return key

    def use_all(self, head: AnnotationHead, whole: PictureAnnotation | None) -> None:
        """The labels of an annotation. All of it is read if its head has an unknown label. Raises FormatError."""
        if whole is None and head.labels is None:
            self.are_read = False
            return
        if whole is None and not self._known.issuperset(head.labels or ()):
            whole = head.read()
        for label in (obj.label for obj in whole.objects) if whole else head.labels or ():
            if label != ERASE_LABEL:
                self._used.add(self._add(label))

    def numbered(self, tree: DatasetTree) -> tuple[list[DatasetClass], dict[str, int]]:
        """The classes, and the value of each spelling. Raises FormatError for more than a project can hold.

        Labels that are listed but not used count only if there is room for them.
        """
        keys = list(self._spellings)
        if len(keys) >= MAX_CLASS_VALUE and self.are_read:
            keys = [key for key in keys if key in self._used]
        if len(keys) >= MAX_CLASS_VALUE:
            raise FormatError(
                f"{tree.root} has {len(keys)} labels; a project has at most {MAX_CLASS_VALUE} classes."
            )
        classes: list[DatasetClass] = []
        value_of: dict[str, int] = {}
        for value, key in enumerate(keys, 1):
            label = next(iter(self._spellings[key]))
            colour = self._colours.get(key) or default_colour(value)
            classes.append(DatasetClass(value, label, colour, default_target(label)))
            value_of |= dict.fromkeys(self._spellings[key], value)
        return classes, value_of

    def notes(self) -> list[str]:
        several = [names for names in self._spellings.values() if len(names) > 1]
        shown = [f"“{label}” for “{'”, “'.join(others)}”" for label, *others in several[:3]]
        if not several:
            return []
        return [f"Spellings of one label were put together: {'; '.join(shown)}."]


def _read(
    picture: Path,
    picture_name: str,
    source: Path,
    name: str,
    read: ReadAnnotation,
    value_of: dict[str, int],
    later_on_top: bool,
) -> LoadedMask:
    """picture_name, name: the picture, and the annotation file `source`, relative to the dataset."""
    annotation = read()
    size = annotation.size or read_size(picture)
    check_stated_size(size, picture, source)
    account = AccountBuilder()
    shapes = []
    background = len(set(value_of.values())) + 1
    outside = _outside(annotation.objects, size)
    excessive = find_excessive(
        [FilledShape(0, obj.rings, obj.holes, obj.runs) for obj in annotation.objects], size
    )
    for number, obj in enumerate(annotation.objects):
        reason = COVERS_NOTHING if number in outside else excessive.get(number, "")
        if obj.runs is not None and not fills(obj.runs, size[0] * size[1]):
            reason = f"its mask is not of the size of the picture, {size[0]} x {size[1]} pixels"
        if reason:
            account.left_out(f"{name}, {quoted(obj.label)} in {picture_name}", reason, AccountKind.OBJECT)
            continue
        value = background if obj.label == ERASE_LABEL else value_of[obj.label]
        shapes.append(FilledShape(value, obj.rings, obj.holes, obj.runs, obj.part))
    account.came_in(objects=len(shapes))
    for place, reason in annotation.left_out:
        account.left_out(f"{name}, {place}", reason, AccountKind.OBJECT)
    if annotation.skipped:
        account.does_not_belong(name, NOT_AN_AREA, AccountKind.OBJECT, count=annotation.skipped)
    for reason, count in annotation.unrelated:
        account.does_not_belong(name, reason, AccountKind.OBJECT, count=count)
    values = rasterize(size, shapes, later_on_top=later_on_top, background=background, source=source)
    return LoadedMask(values, account=account.result())


def _outside(objects: Sequence[AnnotatedObject], size: tuple[int, int]) -> set[int]:
    """Positions of the objects without a pixel: no outline, outlines beside the picture, empty masks."""
    picture = Box(0, 0, *size)
    found = {
        n
        for n, obj in enumerate(objects)
        if (obj.runs is None or not obj.runs[1::2].any())
        and (obj.part is None or not obj.part.area or obj.part.box.intersection(picture).is_empty)
    }
    rings = [(n, ring) for n, obj in enumerate(objects) for ring in obj.rings if len(ring)]
    if rings:
        begins = np.cumsum([0, *(len(ring) for _, ring in rings[:-1])])
        corners = np.concatenate([ring for _, ring in rings])
        low, high = (extreme.reduceat(corners, begins) for extreme in (np.minimum, np.maximum))
        inside = np.flatnonzero((low < size).all(axis=1) & (high > 0).all(axis=1))
        found -= {rings[place][0] for place in inside.tolist()}
    return found


def decode_png_mask(content: bytes) -> NDArray[np.bool_]:
    """A PNG embedded in an annotation as (h, w) bool: True where it is neither black nor transparent.

    Raises ValueError if it is not a valid PNG or larger than the picture size limit.
    """
    if content[:8] != b"\x89PNG\r\n\x1a\n" or len(content) < 24:
        raise MalformedValueError("its mask is not a PNG")
    width, height = int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    if not 0 < width * height <= MAX_PIXELS:
        raise MalformedValueError(f"its mask is a PNG of {width} x {height} pixels")
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise MalformedValueError("its mask is a damaged PNG")
    if pixels.ndim == 2:
        return np.asarray(pixels != 0, bool)
    if pixels.shape[2] == 4:
        return np.asarray(pixels[..., 3] != 0, bool)
    return np.asarray(pixels.any(axis=2), bool)
