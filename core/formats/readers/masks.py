"""Our own form: folders of pictures and index masks with a classes.json, side by side. `writers.masks` writes it.

    classes.json           {"classes": [{"index", "name", "color": [r, g, b]}], "ignore_index": 255}
    images/train/NAME.jpg
    masks/train/NAME.png   one byte a pixel, the index of a class; or the class's colour

Reading also takes the folders without splits, and `color` spelt `colour`.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from core.base.errors import FormatError
from core.formats.dataset_tree import DatasetTree, split_of
from core.formats.dataset_types import Dataset, DatasetClass, LoadedMask, Recognition, Sample
from core.formats.mask_values import MAX_INDEX, read_colour_mask, read_index_mask, values_by_index
from core.images.image_reader import ColourMaskError
from core.labels.class_list import MAX_CLASS_VALUE, UNLABELLED, VOID, Colour, default_colour

NAME = "masks"
CLASSES_FILE = "classes.json"
IMAGES, MASKS, PREDICTIONS = "images", "masks", "predictions"


def recognise(tree: DatasetTree) -> Recognition | None:
    """Sure when all three are there; a classes.json of another tool is not ours."""
    if not {IMAGES, MASKS} <= tree.folders or CLASSES_FILE not in tree.files:
        return None
    try:
        read_classes_file(tree.path(CLASSES_FILE))
    except FormatError:
        return None
    return Recognition(
        NAME, 1.0, f"It holds {IMAGES}/, {MASKS}/ and a {CLASSES_FILE} that names the classes."
    )


def open_dataset(tree: DatasetTree) -> Dataset:
    """Pair pictures and masks by relative name without ending.

    Raises FormatError, saying what is missing, when the folder is not laid out like that.
    """
    if not all((tree.root / name).is_dir() for name in (IMAGES, MASKS)):
        raise FormatError(
            f"{tree.root} does not hold the folders “{IMAGES}” and “{MASKS}”. Point at the folder above both."
        )
    classes, void, blank = read_classes_file(tree.root / CLASSES_FILE)
    mask_by_name = {_below(name): name for name in tree.pictures if name.startswith(f"{MASKS}/")}
    pictures = [name for name in tree.pictures if name.startswith(f"{IMAGES}/")]
    if not pictures:
        raise FormatError(f"There are no pictures in {tree.root / IMAGES}.")
    if not any(_below(name) in mask_by_name for name in pictures):
        raise FormatError(
            f"No mask in {tree.root / MASKS} has the name of a picture in {tree.root / IMAGES}. Masks are found by "
            "name: images/train/a.jpg belongs to masks/train/a.png."
        )
    indices = values_by_index(classes, void, blank)
    colours = {c.colour: place for place, c in enumerate(classes, 1)} | {(255, 255, 255): VOID}
    samples = []
    for name in pictures:
        place = name.removeprefix(f"{IMAGES}/")
        mask = mask_by_name.get(_below(name))
        reader = None if mask is None else partial(_read, tree.path(mask), indices, colours)
        sources = () if mask is None else (tree.path(mask),)
        samples.append(Sample(tree.path(name), place, split_of(place), reader, sources=sources))
    recognition = recognise(tree) or Recognition(NAME, 1.0, "It was asked for.")
    return Dataset(tree.root, recognition, classes, tuple(samples))


def _read(path: Path, indices: dict[int, int], colours: dict[Colour, int]) -> LoadedMask:
    try:
        return read_index_mask(path, indices, CLASSES_FILE)
    except ColourMaskError:
        return read_colour_mask(path, colours, {(0, 0, 0): UNLABELLED})


def read_classes_file(path: Path) -> tuple[tuple[DatasetClass, ...], frozenset[int], frozenset[int]]:
    """Classes, the values that mean void and those that mean unlabelled. Raises FormatError naming the file."""
    try:
        raw = json.loads(path.read_text("utf-8-sig"))  # editors on Windows like to mark the file as UTF-8
        rows = raw["classes"] if isinstance(raw, dict) else raw
        ignore = raw.get("ignore_index") if isinstance(raw, dict) else None
        unlabelled = raw.get("unlabelled_index") if isinstance(raw, dict) else None
        void, blank = _index_or_none(ignore), _index_or_none(unlabelled)
        listed = [_foreign(row) for row in rows]
    except FileNotFoundError as missing:
        raise FormatError(
            f"{path} is missing. It names the classes: "
            '{"classes": [{"index": 0, "name": "road", "color": [128, 64, 128]}], "ignore_index": 255}'
        ) from missing
    except (KeyError, TypeError, AttributeError) as problem:
        raise FormatError(
            f"{path} cannot be understood: every class needs “index” and “name”, and may have “color”."
        ) from problem
    except (OSError, ValueError, OverflowError) as problem:
        raise FormatError(f"{path} cannot be understood: {problem}.") from problem
    listed = [c for c in listed if c.index not in void | blank]
    if not listed or len(listed) > MAX_CLASS_VALUE or len({c.index for c in listed}) < len(listed):
        raise FormatError(f"{path} must list 1 to {MAX_CLASS_VALUE} classes, each with an index of its own.")
    return tuple(listed), void, blank


def is_mask_dataset(root: Path) -> bool:
    """Whether a folder is laid out as a dataset of this format; cheap, nothing is read."""
    return (root / CLASSES_FILE).is_file() and (root / IMAGES).is_dir() and (root / MASKS).is_dir()


def _index_or_none(value: Any) -> frozenset[int]:
    """A pixel value of a mask. Other tools write -1 or -100 for "none of them": no pixel can hold that."""
    return frozenset() if value is None or not 0 <= int(value) <= MAX_INDEX else frozenset([int(value)])


def _foreign(row: Any) -> DatasetClass:
    index, name = int(row["index"]), str(row["name"])
    if not 0 <= index <= MAX_INDEX:
        raise ValueError(f"index {index} is not from 0 to {MAX_INDEX}")
    if not name.strip():
        raise ValueError(f"the class with the index {index} has no name")
    colour = row.get("color", row.get("colour"))
    if colour is None:
        return DatasetClass(index, name, default_colour(min(index + 1, MAX_CLASS_VALUE)))
    red, green, blue = (int(part) for part in colour)
    if not all(0 <= part <= 255 for part in (red, green, blue)):
        raise ValueError(f"colour {colour} is not 8-bit RGB")
    return DatasetClass(index, name, (red, green, blue))


def _below(name: str) -> str:
    return PurePosixPath(*PurePosixPath(name).with_suffix("").parts[1:]).as_posix()
