"""Reads Maskloop's own format: folders of pictures and index masks with a classes.json. `writers.masks` writes it.

    classes.json           {"classes": [{"index", "name", "color": [r, g, b]}], "ignore_index": 255}
    images/train/NAME.jpg
    masks/train/NAME.png   one byte per pixel, a class index; or a class colour

Also accepted: folders without splits, and the key `colour`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from core.base.display_text import quoted
from core.base.errors import FormatError
from core.formats.account import AccountBuilder
from core.formats.dataset_tree import DatasetTree, split_of
from core.formats.dataset_types import Dataset, DatasetClass, LoadedMask, Recognition, Sample
from core.formats.files.file_reader import FileReader
from core.formats.malformed import MalformedValueError
from core.formats.mask_layout import CLASSES_FILE, IMAGES, MASKS
from core.formats.mask_sets.mask_sizes import compare_sizes
from core.formats.mask_values import MAX_INDEX, read_colour_mask, read_index_mask, values_by_index
from core.images.image_reader import ColourMaskError
from core.labels.class_list import MAX_CLASS_VALUE, UNLABELLED, VOID, Colour, default_colour

NAME = "masks"
DIALECTS = (
    "folders with and without splits",
    "numbers of 8 or 16 bits, or class colours",
    "masks that were not turned by EXIF along with their picture",
)
"""Forms of the format that are read, for the documentation."""


def recognise(tree: DatasetTree) -> Recognition | None:
    """Certain if both folders and a readable classes.json exist; other tools have files of that name, too."""
    if not {IMAGES, MASKS} <= tree.folders or CLASSES_FILE not in tree.files:
        return None
    try:
        read_classes_file(tree.path(CLASSES_FILE))
    except FormatError:
        return None
    return Recognition(
        NAME, 1.0, f"It contains {IMAGES}/, {MASKS}/ and a {CLASSES_FILE} that names the classes."
    )


def open_dataset(tree: DatasetTree) -> Dataset:
    """Pairs pictures and masks by relative path without suffix.

    Raises FormatError, which says what is missing, if the folder does not have this layout.
    """
    if not all((tree.root / name).is_dir() for name in (IMAGES, MASKS)):
        raise FormatError(
            f"{tree.root} does not contain the folders “{IMAGES}” and “{MASKS}”. Choose the folder above both."
        )
    if CLASSES_FILE not in tree.files:
        raise _missing(tree.root / CLASSES_FILE)
    classes, void, blank = read_classes_file(tree.root / CLASSES_FILE)
    tree.note_read(CLASSES_FILE)
    account = AccountBuilder()
    mask_of: dict[str, str] = {}
    for name in (name for name in tree.pictures if name.startswith(f"{MASKS}/")):
        first = mask_of.setdefault(_relative_stem(name), name)
        if first != name:
            account.left_out(name, f"another mask of the same picture is used ({first})")
    pictures = [name for name in tree.pictures if name.startswith(f"{IMAGES}/")]
    if not pictures:
        raise FormatError(f"There are no pictures in {tree.root / IMAGES}.")
    if not any(_relative_stem(name) in mask_of for name in pictures):
        raise FormatError(
            f"No mask in {tree.root / MASKS} has the name of a picture in {tree.root / IMAGES}. Masks are paired by "
            "name: masks/train/a.png belongs to images/train/a.jpg."
        )
    stems = {_relative_stem(name) for name in pictures}
    for stem, name in mask_of.items():
        if stem not in stems:
            account.left_out(name, "it has no picture")
    indices = values_by_index(classes, void, blank)
    colours = {c.colour: value for value, c in enumerate(classes, 1)} | {(255, 255, 255): VOID}
    read = partial(_read, indices=indices, colours=colours)
    sizes = compare_sizes(
        (tree.path(name), tree.path(mask_of[stem]))
        for name in pictures
        if (stem := _relative_stem(name)) in mask_of
    )
    samples = []
    for name in pictures:
        target = name.removeprefix(f"{IMAGES}/")
        mask = mask_of.get(_relative_stem(name))
        sample = Sample.with_mask(
            tree.path(name), target, split_of(target), tree.path(mask) if mask else None, read
        )
        samples.append(replace(sample, is_mask_stored=sizes.is_mask_stored))
    recognition = recognise(tree) or Recognition.requested(NAME)
    return Dataset(
        tree.root,
        recognition,
        classes,
        tuple(samples),
        account=account.result(),
        doubts=sizes.doubts,
        states_void=bool(void),
    )


def _read(path: Path, indices: dict[int, int], colours: dict[Colour, int]) -> LoadedMask:
    try:
        return read_index_mask(path, indices, CLASSES_FILE)
    except ColourMaskError:
        return read_colour_mask(path, colours, {(0, 0, 0): UNLABELLED})


def read_classes_file(path: Path) -> tuple[tuple[DatasetClass, ...], frozenset[int], frozenset[int]]:
    """Classes, the indices that mean void, and those that mean unlabelled. Raises FormatError naming the file."""
    if not path.is_file():  # a pipe would be waited for
        raise _missing(path)
    raw = FileReader(path.parent).read_json(path.name)
    try:
        rows = raw["classes"] if isinstance(raw, dict) else raw
        ignore = raw.get("ignore_index") if isinstance(raw, dict) else None
        unlabelled = raw.get("unlabelled_index") if isinstance(raw, dict) else None
        void, blank = _index_or_none(ignore), _index_or_none(unlabelled)
        listed = [_dataset_class(row) for row in rows]
    except MalformedValueError as problem:
        raise FormatError(f"{path} cannot be understood: {problem}.") from problem
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as problem:
        raise FormatError(
            f"{path} cannot be understood: every class needs a whole number “index” and a “name”; “color”, three "
            "numbers from 0 to 255, is optional."
        ) from problem
    listed = [c for c in listed if c.index not in void | blank]
    if not listed or len(listed) > MAX_CLASS_VALUE or len({c.index for c in listed}) < len(listed):
        raise FormatError(f"{path} must list 1 to {MAX_CLASS_VALUE} classes with different indices.")
    return tuple(listed), void, blank


def _missing(path: Path) -> FormatError:
    return FormatError(
        f"{path} is missing, or not a file in this folder. It lists the classes, such as "
        '{"classes": [{"index": 0, "name": "road", "color": [128, 64, 128]}], "ignore_index": 255}.'
    )


def _index_or_none(value: Any) -> frozenset[int]:
    """A mask index from JSON. Other tools write -1 or -100 for "no index", which no pixel can have."""
    return frozenset() if value is None or not 0 <= int(value) <= MAX_INDEX else frozenset([int(value)])


def _dataset_class(row: Any) -> DatasetClass:
    index, name = int(row["index"]), str(row["name"])
    if not 0 <= index <= MAX_INDEX:
        raise MalformedValueError(f"the index {quoted(str(row['index']))} is not between 0 and {MAX_INDEX}")
    if not name.strip():
        raise MalformedValueError(f"the class with the index {index} has no name")
    colour = row.get("color", row.get("colour"))
    if colour is None:
        return DatasetClass(index, name, default_colour(min(index + 1, MAX_CLASS_VALUE)))
    red, green, blue = (int(part) for part in colour)
    if not all(0 <= part <= 255 for part in (red, green, blue)):
        raise MalformedValueError(f"the colour {quoted(str(colour))} is not 8-bit RGB")
    return DatasetClass(index, name, (red, green, blue))


def _relative_stem(name: str) -> str:
    return PurePosixPath(*PurePosixPath(name).with_suffix("").parts[1:]).as_posix()
