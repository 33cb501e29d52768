"""Reads YOLO segmentation: a text file per picture, a line per object with class and polygon corners (0..1)."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from core.base.display_text import quoted
from core.base.errors import FormatError, ImageError
from core.base.text import count_of
from core.formats.account import AccountBuilder
from core.formats.dataset_tree import DatasetTree, folder_of, once_per_tree, split_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.files.annotation_files import FoundPicture, PictureTree, is_named_like
from core.formats.files.file_reader import FileReader
from core.formats.malformed import MALFORMED_ERRORS, MalformedValueError
from core.formats.object_dataset import (
    AnnotatedObject,
    AnnotationHead,
    ObjectCollector,
    PictureAnnotation,
    build_object_dataset,
)
from core.formats.rasterizer import parse_ring, parse_rings
from core.images.image_reader import read_size

NAME = "yolo-seg"
DIALECTS = (
    "corners as fractions; the class as a whole number, also as 0.0",
    "with a confidence or a track number at the end of each line",
    "names from data.yaml, NAME.names, classes.txt, labels.txt, _darknet.labels, or Label Studio's notes.json",
    "percent-encoded names, and names with the prefix of an upload to Label Studio",
    "several label files of one picture are put together",
)
"""Forms of the format that are read, for the documentation."""
_SAMPLED_FILES = 20
_FORM_FILES = 200
"""Label files that show whether lines end with a confidence."""
_HEAD, _LONE_HEAD = 1 << 16, 1 << 12
"""Bytes of a file that are looked at: of one with a picture, and of any other text file."""
_HEAD_LINES = 50
MAX_LINES = 200_000
"""Lines of one label file."""
_MAX_CLASS = 100_000
_FURTHEST = 2.0
"""Largest fraction of the picture's size: outlines may reach a little beyond the picture."""
_BOX = 4
_NAME_LISTS = (
    "obj.names",
    "classes.txt",
    "labels.txt",
    "_darknet.labels",
    "predefined_classes.txt",
    "classes.names",
)


@dataclass(frozen=True, slots=True)
class _Form:
    """Whether lines are outlines as they are, or end with one more number, a confidence or a track number."""

    plain: bool = True
    scored: bool = False

    @classmethod
    def of_counts(cls, plain: int, scored: int) -> _Form | None:
        """The form of the majority; both if they are equally frequent. None if there are too few lines to tell."""
        if plain + scored < 2 or plain == scored == 1:
            return None
        return cls(plain >= scored, scored >= plain)


@once_per_tree
def recognise(tree: DatasetTree) -> Recognition | None:
    """By the content of files with the names of pictures; empty files say nothing."""
    files = _label_files(tree)
    heads = [lines for lines in _heads(tree, list(files), _SAMPLED_FILES) if lines]
    fitting = [lines for lines in heads if any(map(_is_object, lines))]
    if not heads or len(fitting) * 2 < len(heads):
        return None
    outlines = any(_is_object(line) and len(line.split()) > 2 + _BOX for lines in fitting for line in lines)
    names = _read_names(tree).names
    named = "a list of class names" if names else "no list of class names"
    return Recognition(
        NAME,
        (0.88 if names else 0.8) if outlines else 0.35,
        f"Outlines are in {count_of(len(files), 'text file')} with the names of pictures; there is {named}.",
    )


def open_dataset(tree: DatasetTree) -> Dataset:
    """Class names are from data.yaml or another list; otherwise the class number is the name."""
    pictures = PictureTree(tree)
    files = _label_files(tree)
    if not files:
        raise FormatError(f"There are no text files with the names of pictures in {tree.root}.")
    listed = _read_names(tree)
    names = listed.names
    form = _form_of(line for lines in _heads(tree, list(files), _FORM_FILES) for line in lines)
    annotations = [
        (name, partial(_read_head, pictures, name, picture, names, form or _Form()))
        for name, picture in files.items()
    ]
    labels = [(names[n], None) for n in sorted(names)]
    recognition = recognise(tree) or Recognition.requested(NAME)
    notes: tuple[str, ...] = (
        () if names else ("No list of class names could be read, so the class numbers are used.",)
    )
    if form is not None and form.scored:
        notes += ("Lines end with a confidence or a track number, which is not part of the outline.",)
    dataset = build_object_dataset(pictures, recognition, annotations, labels, notes=notes)
    account = AccountBuilder(dataset.account)
    for name, reason in _lone_files(pictures, files).items():
        account.left_out(name, reason)
    for name, problem in listed.problems:
        account.failed(name, problem)
    return replace(dataset, account=account.result())


# Label files and their pictures ---------------------------------------------------------------------


@once_per_tree
def _label_files(tree: DatasetTree) -> Mapping[str, FoundPicture]:
    """The picture of each label file that has one."""
    pictures = PictureTree(tree)
    found = {name: _picture(pictures, name) for name in tree.files_ending(".txt")}
    return {name: picture for name, picture in found.items() if picture is not None}


def _lone_files(tree: PictureTree, files: Mapping[str, FoundPicture]) -> dict[str, str]:
    """Label files without a picture, and why they have none.

    Known by their lines, or by a folder called labels; a file without lines by other label files in its folder.
    """
    folders = {folder_of(name) for name in files}
    found = {}
    for name in tree.files_ending(".txt"):
        if name in files or name.rsplit("/", 1)[-1].casefold() in _NAME_LISTS:
            continue
        folder = folder_of(name)
        lines = _head_lines(tree, name, _LONE_HEAD)
        is_label = folder in folders if not lines else any(map(_is_object, lines))
        if is_label or "labels" in folder.casefold().split("/"):
            found[name] = tree.explain_missing(_reference(name))
    return found


def _picture(tree: PictureTree, name: str) -> FoundPicture | None:
    """images/train/a.jpg for labels/train/a.txt; otherwise the nearest picture of that name."""
    reference = _reference(name)
    found = tree.find_picture(reference, folder_of(reference), split_of(name))
    return FoundPicture(found) if found is not None and is_named_like(found, name) else None


def _reference(name: str) -> str:
    """Ends with .txt: of “a.b.txt” the picture is “a.b.jpg”, not “a.jpg”."""
    folder = re.sub(r"(^|/)labels(/|$)", r"\1images\2", folder_of(name))
    return f"{folder}/{name.rsplit('/', 1)[-1]}"


# Lines ----------------------------------------------------------------------------------------------


def _heads(tree: DatasetTree, names: Sequence[str], count: int) -> list[list[str]]:
    """The first lines of about `count` files from all over the dataset that are not empty."""
    step = max(1, len(names) // count)
    found: list[list[str]] = []
    for name in (name for start in range(step) for name in names[start::step]):
        if lines := _head_lines(tree, name):
            found.append(lines)
            if len(found) == count:
                break
    return found


def _head_lines(tree: DatasetTree, name: str, size: int = _HEAD) -> list[str]:
    """The first complete lines that are not empty; of one very long line what was read."""
    head = tree.read_head(name, size)
    lines = [line for line in head.splitlines() if line.strip()][:_HEAD_LINES]
    is_cut = len(head.encode()) >= size - 8 and len(lines) < _HEAD_LINES
    return lines[:-1] if is_cut and len(lines) > 1 else lines


def _is_object(line: str) -> bool:
    """Whether a line is a class number and at least four numbers."""
    kind, *numbers = line[:4000].split()[:50] or [""]
    try:
        _class_number(kind)
        return len(numbers) >= _BOX and all(math.isfinite(float(part)) for part in numbers[:_BOX])
    except ValueError:
        return False


def _form_of(lines: Iterable[str]) -> _Form | None:
    """The form of the lines of objects, by whether the count of numbers after the class is even."""
    counts = [0, 0]
    for line in lines:
        if _is_object(line):
            counts[(len(line.split()) - 1) % 2] += 1
    return _Form.of_counts(*counts) or (_Form(False, True) if counts == [0, 1] else None)


def _read_head(
    tree: PictureTree, name: str, picture: FoundPicture, names: dict[int, str], form: _Form
) -> AnnotationHead:
    """form: of the dataset, for files with too few lines to tell."""
    lines = _lines(tree, name)
    form = _form_of_file(lines) or form
    labels: dict[str, None] = {}
    skipped = 0
    for _, line in lines:
        kind, *parts = line.split()
        with contextlib.suppress(MalformedValueError):
            if len(parts) <= _BOX + 1 and _read_line(line, names, (1, 1), form) is None:
                skipped += 1
            else:
                labels.setdefault(_label_of(_class_number(kind), names))
    read = partial(_read_annotation, tree.reader, name, picture, names, form)
    return AnnotationHead(picture, read, tuple(labels), split_of(name), (), skipped)


def _read_annotation(
    files: FileReader, name: str, picture: FoundPicture, names: dict[int, str], form: _Form
) -> PictureAnnotation:
    """form: of this file."""
    try:
        size = read_size(files.path(picture))
    except ImageError as problem:
        raise FormatError(str(problem)) from problem
    lines = _lines(files, name)
    if (objects := _read_together(lines, names, size, form)) is not None:
        return PictureAnnotation(picture, size, objects, split_of(name))
    found = ObjectCollector()
    for number, line in lines:
        found.add(f"line {number}", partial(_read_line, line, names, size, form))
    return PictureAnnotation(picture, size, found.objects, split_of(name), (), found.skipped, found.left_out)


def _lines(files: FileReader, name: str) -> list[tuple[int, str]]:
    """The lines that are not empty with their numbers. Raises FormatError."""
    lines = files.read_text(name).splitlines()
    if len(lines) > MAX_LINES:
        raise FormatError(
            f"{files.path(name)} has {len(lines):,} lines, more than the limit of {MAX_LINES:,}. Split it, or delete "
            "it."
        )
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _form_of_file(lines: Iterable[tuple[int, str]]) -> _Form | None:
    counts = [0, 0]
    for _, line in lines:
        counts[(len(line.split()) - 1) % 2] += 1
    return _Form.of_counts(*counts)


def _read_together(
    lines: Sequence[tuple[int, str]], names: Mapping[int, str], size: tuple[int, int], form: _Form
) -> tuple[AnnotatedObject, ...] | None:
    """All lines at once, which is several times as fast; None unless all are sound outlines without a confidence."""
    rows = [line.split() for _, line in lines]
    if form.scored or any(len(row) % 2 == 0 or len(row) < 2 + _BOX for row in rows):
        return None
    try:
        labels = [_label_of(_class_number(row[0]), names) for row in rows]
        rings = parse_rings([list(map(float, row[1:])) for row in rows])
    except MALFORMED_ERRORS:
        return None
    corners = np.concatenate(rings or [np.zeros((0, 2))])
    if np.abs(corners).max(initial=0) > _FURTHEST:
        return None
    corners *= size
    ends = np.cumsum([len(ring) for ring in rings]).tolist()
    return tuple(
        AnnotatedObject(label, (corners[end - len(ring) : end],))
        for label, ring, end in zip(labels, rings, ends, strict=True)
    )


def _read_line(
    line: str, names: dict[int, str], size: tuple[int, int], form: _Form
) -> AnnotatedObject | None:
    """None for a bounding box. Raises MalformedValueError."""
    kind, *parts = line.split()
    number = _class_number(kind)
    try:
        numbers = [float(part) for part in parts]
    except ValueError as problem:
        raise MalformedValueError("the outline contains something else than numbers") from problem
    if len(numbers) % 2 and form.scored:
        last = numbers.pop()
        if not (0 <= last <= 1 or last.is_integer()):
            raise MalformedValueError(
                f"the last number, {last:g}, is neither a confidence nor a track number"
            )
    elif len(numbers) % 2 == 0 and not form.plain:
        raise MalformedValueError("the last number is missing, which the other lines have after the outline")
    if len(numbers) == _BOX:
        return None
    ring = parse_ring(numbers)
    if (furthest := float(np.abs(ring).max())) > _FURTHEST:
        raise MalformedValueError(
            f"the outline has the coordinate {furthest:g}; corners are fractions of the picture's size, 0 to 1"
        )
    return AnnotatedObject(_label_of(number, names), (ring * size,))


def _label_of(number: int, names: Mapping[int, str]) -> str:
    return names.get(number, f"class {number}")


def _class_number(text: str) -> int:
    """Raises MalformedValueError unless it is a whole number, also written as 3.0."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not (0 <= number <= _MAX_CLASS and number.is_integer()):
        raise MalformedValueError(f"{quoted(text)} is not a class number")
    return int(number)


# Class names ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _ListedNames:
    """Class names by number, and the lists that could not be read."""

    names: dict[int, str]
    problems: tuple[tuple[str, FormatError], ...] = ()


def _read_names(tree: DatasetTree) -> _ListedNames:
    """From the first list that can be read. A line of a text list is a class, also after an empty line."""
    problems: list[tuple[str, FormatError]] = []
    for name in (*tree.files_ending(".yaml", ".yml"), *tree.files_named("notes.json"), *_text_lists(tree)):
        try:
            if names := _names_in(tree, name):
                return _ListedNames(names, tuple(problems))
        except FormatError as problem:
            problems.append((name, problem))
    return _ListedNames({}, tuple(problems))


def _text_lists(tree: DatasetTree) -> list[str]:
    known = [name for last in _NAME_LISTS for name in tree.files_named(last)]
    return [*known, *(name for name in tree.files_ending(".names") if name not in known)]


def _names_in(tree: DatasetTree, name: str) -> dict[int, str]:
    """Empty if the file lists no names. Raises FormatError."""
    if name.casefold().endswith((".yaml", ".yml")):
        content: Any = tree.read_yaml(name)
        names = content.get("names") if isinstance(content, dict) else None
    elif name.casefold().endswith(".json"):
        content = tree.read_json(name)
        rows = content.get("categories") if isinstance(content, dict) else None
        rows = rows if isinstance(rows, list) and all(isinstance(row, dict) for row in rows) else []
        names = {row.get("id"): row.get("name") for row in rows if not isinstance(row.get("id"), list | dict)}
    else:
        lines = tree.read_text(name).splitlines()
        return {n: line.strip() for n, line in enumerate(lines[:_MAX_CLASS]) if line.strip()}
    try:
        return _numbered(names)
    except MalformedValueError as problem:
        raise FormatError(f"The class names in {tree.path(name)} cannot be used: {problem}.") from problem


def _numbered(names: Any) -> dict[int, str]:
    """Names by class number, without those that are null. Raises MalformedValueError."""
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict | None):
        raise MalformedValueError("they are neither a list nor a table")
    found: dict[int, str] = {}
    for key, title in (names or {}).items():
        number = str(key)
        if not (number.isdecimal() and len(number) <= len(str(_MAX_CLASS)) and int(number) <= _MAX_CLASS):
            raise MalformedValueError(f"{quoted(number)} is not the number of a class")
        if not isinstance(title, str | int | float | None):
            raise MalformedValueError(f"the name of class {number} is not a text")
        if title is not None:
            found[int(number)] = str(title)
    return found
