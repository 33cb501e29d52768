"""Folders of pictures and index masks with a classes.json: written and read here, side by side.

    classes.json           {"classes": [{"index", "name", "color": [r, g, b]}], "ignore_index": 255}
    images/train/NAME.jpg
    masks/train/NAME.png   one byte a pixel, the index of a class

Reading also takes the folders without splits, and `color` spelt `colour`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import FormatError
from core.images.folder import scan
from core.images.source import read_mask
from core.labels.classes import LAST_CLASS, UNLABELLED, VOID, ClassList, Colour, colour_of

CLASSES_FILE = "classes.json"
IMAGES, MASKS, PREDICTIONS = "images", "masks", "predictions"
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
MADE_BY = "Maskloop"
LARGEST_INDEX = 65535
"""A mask holds at most 16 bits a pixel."""


@dataclass(frozen=True, slots=True)
class ForeignClass:
    """A class as a dataset numbers it: `index` is the pixel value in its masks."""

    index: int
    name: str
    colour: Colour


@dataclass(frozen=True, slots=True)
class Pair:
    """One picture of a dataset. `mask` is None where there is none; `split` is train, val, test or None."""

    picture: Path
    mask: Path | None
    split: str | None


@dataclass(frozen=True, slots=True)
class MaskFolder:
    """A dataset on disk, recognised but not read yet. `void` are pixel values that mean void."""

    root: Path
    classes: tuple[ForeignClass, ...]
    void: frozenset[int]
    unlabelled: frozenset[int]
    pairs: tuple[Pair, ...]


def recognise(root: Path) -> MaskFolder:
    """Look at a folder and pair its pictures and masks by relative name without suffix.

    Raises FormatError, saying what is missing, when it is not laid out like that.
    """
    if not root.exists():
        raise FormatError(f"There is no folder {root}. Check the name and try again.")
    root = Path(os.path.normpath(root.absolute()))
    images, masks = root / IMAGES, root / MASKS
    if not images.is_dir() or not masks.is_dir():
        raise FormatError(
            f"{root} does not hold the folders “{IMAGES}” and “{MASKS}”. Point at the folder above both."
        )
    classes, void, unlabelled = read_classes(root / CLASSES_FILE)
    mask_by_name = {_name_below(masks, path): path for path in scan(masks)}
    pairs = tuple(
        Pair(path, mask_by_name.get(_name_below(images, path)), _split_of(path.relative_to(images)))
        for path in scan(images)
    )
    if not pairs:
        raise FormatError(f"There are no pictures in {images}.")
    if all(pair.mask is None for pair in pairs):
        raise FormatError(
            f"No mask in {masks} has the name of a picture in {images}. Masks are found by name: "
            "images/train/a.jpg belongs to masks/train/a.png."
        )
    return MaskFolder(root, classes, void, unlabelled, pairs)


def read_classes(path: Path) -> tuple[tuple[ForeignClass, ...], frozenset[int], frozenset[int]]:
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
    if not listed or len(listed) > LAST_CLASS or len({c.index for c in listed}) < len(listed):
        raise FormatError(f"{path} must list 1 to {LAST_CLASS} classes, each with an index of its own.")
    return tuple(listed), void, blank


def read_labels(folder: MaskFolder, mask: Path, values: dict[int, int]) -> NDArray[np.uint8]:
    """A mask as pixel values of a project, (H, W) uint8. `values` maps indices to class values.

    Raises ImageError when it cannot be read and FormatError when it holds an index nobody has named.
    """
    foreign = read_mask(mask)
    table = np.zeros(LARGEST_INDEX + 1, np.uint8)
    known = np.zeros(LARGEST_INDEX + 1, bool)
    for index, value in values.items():
        table[index], known[index] = value, True
    for index in folder.void:
        table[index], known[index] = VOID, True
    for index in folder.unlabelled:
        table[index], known[index] = UNLABELLED, True
    strangers = np.unique(foreign[~known[foreign]])
    if strangers.size:
        shown = ", ".join(str(v) for v in strangers[:5])
        raise FormatError(
            f"{mask} holds the index {shown}, which {CLASSES_FILE} does not name; it was left out."
        )
    return table[foreign]


def write_classes(folder: Path, classes: ClassList) -> None:
    """The classes.json of an export; indices are the project's own class values."""
    rows = [{"index": c.value, "name": c.name, "color": list(c.colour)} for c in classes]
    content = {
        "made_by": MADE_BY,
        "classes": rows,
        "unlabelled_index": UNLABELLED,
        "ignore_index": VOID,
    }
    (folder / CLASSES_FILE).write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")


def write_index_mask(path: Path, values: NDArray[np.uint8]) -> None:
    """(H, W) uint8 pixel values as an 8-bit greyscale PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values, "L").save(path, "PNG", compress_level=6)


def write_colour_mask(path: Path, values: NDArray[np.uint8], classes: ClassList) -> None:
    """(H, W) uint8 pixel values as an RGB PNG in the classes' colours; unlabelled black, void white."""
    table = classes.palette()
    table[VOID] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(table[values], "RGB").save(path, "PNG", compress_level=6)


def is_dataset(root: Path) -> bool:
    """Whether a folder is laid out as a dataset of this format; cheap, nothing is read."""
    return (root / CLASSES_FILE).is_file() and (root / IMAGES).is_dir() and (root / MASKS).is_dir()


def _index_or_none(value: Any) -> frozenset[int]:
    """A pixel value of a mask. Other tools write -1 or -100 for "none of them": no pixel can hold that."""
    return frozenset() if value is None or not 0 <= int(value) <= LARGEST_INDEX else frozenset([int(value)])


def _foreign(row: Any) -> ForeignClass:
    index, name = int(row["index"]), str(row["name"])
    if not 0 <= index <= LARGEST_INDEX:
        raise ValueError(f"index {index} is not from 0 to {LARGEST_INDEX}")
    if not name.strip():
        raise ValueError(f"the class with the index {index} has no name")
    colour = row.get("color", row.get("colour"))
    if colour is None:
        return ForeignClass(index, name, colour_of(min(index + 1, LAST_CLASS)))
    red, green, blue = (int(part) for part in colour)
    if not all(0 <= part <= 255 for part in (red, green, blue)):
        raise ValueError(f"colour {colour} is not 8-bit RGB")
    return ForeignClass(index, name, (red, green, blue))


def _name_below(root: Path, path: Path) -> str:
    return path.relative_to(root).with_suffix("").as_posix()


def _split_of(relative: Path) -> str | None:
    return SPLIT_NAMES.get(relative.parts[0].casefold()) if len(relative.parts) > 1 else None
