"""Reads class lists that lie in datasets: CSV, JSON, label maps, lists of names, lists of colours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from core.base.errors import FormatError
from core.formats.class_sets import default_target, parse_hex_colour
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, folder_of, stem_of
from core.formats.dataset_types import DatasetClass
from core.labels.class_list import MAX_CLASS_VALUE, Colour, default_colour

MAX_LISTS = 20
"""Class lists of one dataset that are read."""


@dataclass(frozen=True, slots=True)
class ClassListFile:
    """A class list and the file it was read from.

    has_colours: the colours are from the file, not assigned by us; has_indices: so are the indices, which otherwise are
    line numbers; void, unlabelled: indices with that meaning.
    """

    name: str
    classes: tuple[DatasetClass, ...]
    has_colours: bool
    void: frozenset[int] = frozenset()
    unlabelled: frozenset[int] = frozenset()
    has_indices: bool = False

    def shifted(self, by: int, first: DatasetClass | None = None) -> ClassListFile:
        """The list with all indices moved, after another first class if one is given."""
        moved = tuple(replace(c, index=c.index + by) for c in self.classes)
        return replace(self, classes=(*((first,) if first else ()), *moved))


def find_class_list(tree: DatasetTree) -> ClassListFile | None:
    """The readable class list nearest to the root of the dataset; None if there is none."""
    return next(iter(find_class_lists(tree)), None)


def find_class_lists(tree: DatasetTree, near: Iterable[str] = ()) -> list[ClassListFile]:
    """All readable class lists, at most MAX_LISTS; those in a folder of `near`, or above one, come first.

    near: names of masks. Of several files the kind decides first (one with indices and colours before one with names),
    then the nearness to the root.
    """
    above = {folder for name in near for folder in ("", *_folders_above(name))}
    candidates = [
        (bool(above) and folder_of(name) not in above, rank, name.count("/"), name, read)
        for rank, (last, read) in enumerate(_READERS)
        for name in tree.files_named(last)
    ]
    candidates += [
        (bool(above) and folder_of(name) not in above, len(_READERS), name.count("/"), name, _readme)
        for name in tree.files_ending(".txt", ".md")
        if stem_of(name).casefold().startswith("readme")
    ]
    found: list[ClassListFile] = []
    for *_, name, read in sorted(candidates, key=lambda row: row[:4]):
        if len(found) == MAX_LISTS:
            break
        try:
            table = read(tree, name)
        except (*MALFORMED_ERRORS, FormatError):
            continue
        if table is not None and 0 < len(table.classes) <= MAX_CLASS_VALUE:
            found.append(table)
    return found


def _folders_above(name: str) -> Iterator[str]:
    folder = folder_of(name)
    while folder:
        yield folder
        folder = folder_of(folder)


def _own_json(tree: DatasetTree, name: str) -> ClassListFile | None:
    """Maskloop's form ({"classes": [{"index", "name", "color"}]}), Supervisely's ({"title", "color": "#rrggbb"}),
    a list of names, {"name": index} or {"index": "name"}."""
    content = tree.read_json(name)
    rows = content.get("classes", content) if isinstance(content, dict) else content
    if isinstance(rows, dict):
        return _table(name, rows)
    if all(isinstance(row, str) for row in rows):
        return ClassListFile(name, tuple(_class(n, row, None) for n, row in enumerate(rows)), False)
    classes = []
    for position, row in enumerate(rows):
        title = str(row.get("name") or row["title"])
        colour = row.get("color", row.get("colour"))
        classes.append(_class(int(row.get("index", row.get("id", position))), title, _colour(colour)))
    ignore = content.get("ignore_index") if isinstance(content, dict) else None
    unlabelled_index = content.get("unlabelled_index") if isinstance(content, dict) else None
    void, unlabelled = (frozenset([int(i)] if i is not None else []) for i in (ignore, unlabelled_index))
    listed = tuple(c for c in classes if c.index not in void | unlabelled)
    has_colours = any(row.get("color", row.get("colour")) for row in rows)
    has_indices = any("index" in row or "id" in row for row in rows)
    return ClassListFile(name, listed, has_colours, void, unlabelled, has_indices)


def _table(name: str, rows: dict[str, Any]) -> ClassListFile:
    """{"name": index} or {"index": "name"}."""
    pairs = [(int(key), value) if str(key).isdigit() else (int(value), key) for key, value in rows.items()]
    classes = tuple(_class(index, str(title), None) for index, title in sorted(pairs))
    return ClassListFile(name, classes, False, has_indices=True)


_CSV_TITLES = {
    "name": ("name", "class", "class name", "class_name", "label", "title"),
    "index": ("id", "index", "value", "pixel value", "pixel_value", "class id", "class_id"),
    "r": ("r", "red"),
    "g": ("g", "green"),
    "b": ("b", "blue"),
}


def _csv(tree: DatasetTree, name: str) -> ClassListFile | None:
    """Columns for the name, and optionally for red, green, blue and the index; without one the row number is the index.
    -1 is in no mask."""
    header, *rows = tree.read_csv(name)
    titles = [cell.casefold() for cell in header]
    column = {
        key: next((titles.index(title) for title in known if title in titles), None)
        for key, known in _CSV_TITLES.items()
    }
    named, number = column["name"], column["index"]
    rgb = [place for key in "rgb" if (place := column[key]) is not None]
    if named is None:
        return None
    classes = []
    for position, row in enumerate(rows):
        colour = (int(row[rgb[0]]), int(row[rgb[1]]), int(row[rgb[2]])) if len(rgb) == 3 else None
        classes.append(_class(position if number is None else int(row[number]), row[named], colour))
    return ClassListFile(name, tuple(classes), len(rgb) == 3, has_indices=number is not None)


def _meta_json(tree: DatasetTree, name: str) -> ClassListFile | None:
    """{"label_map": {"0": "road"}, "segmentation_colors": [[r, g, b], ..]}"""
    content = tree.read_json(name)
    colours = content.get("segmentation_colors") or []
    classes = []
    for position, (index, title) in enumerate(content["label_map"].items()):
        colour = _colour(colours[position]) if position < len(colours) else None
        classes.append(_class(int(index), str(title), colour))
    return ClassListFile(name, tuple(classes), bool(colours), has_indices=True)


def _colour_lines(tree: DatasetTree, name: str) -> ClassListFile | None:
    """Lines of “R G B name”; the line number is the index."""
    classes = []
    for position, line in enumerate(tree.read_lines(name)):
        red, green, blue, title = line.split(None, 3)
        classes.append(_class(position, title, (int(red), int(green), int(blue))))
    return ClassListFile(name, tuple(classes), True)


def _label_map(tree: DatasetTree, name: str) -> ClassListFile | None:
    """Lines of “name:r,g,b:parts:actions”, as CVAT writes them for Pascal VOC masks."""
    classes: list[DatasetClass] = []
    for line in tree.read_lines(name):
        if line.startswith("#"):
            continue
        title, colour, *_ = line.split(":")
        red, green, blue = (int(part) for part in colour.split(","))
        classes.append(_class(len(classes), title, (red, green, blue)))
    return ClassListFile(name, tuple(classes), True)


def _names(tree: DatasetTree, name: str) -> ClassListFile | None:
    """One name per line; the line number is the index. After labelme's __ignore__ it counts from the next line."""
    names = tree.read_lines(name)
    if names and _NUMBERED_LINE.match(names[0]):
        return _readme(tree, name)
    if len(set(names)) < len(names) or any(len(n) > 80 for n in names):
        return None
    first = -1 if names and names[0] == "__ignore__" else 0
    return ClassListFile(name, tuple(_class(n, title, None) for n, title in enumerate(names, first)), False)


_NUMBERED_LINE = re.compile(r"^[\s|*\-\[(]*(\d{1,3})\s*[:=|,;.)\]\t-]+\s*([^\W\d][^|:=;]{0,60}?)[\s|.;]*$")


def _readme(tree: DatasetTree, name: str) -> ClassListFile | None:
    """Lines such as “0: background” or “| 1 | road |”, at least two, whose numbers start at 0 or 1 without gaps."""
    found = [match for line in tree.read_lines(name) if (match := _NUMBERED_LINE.match(line[:200]))]
    rows = [(int(match[1]), match[2]) for match in found]
    if (
        len(rows) < 2
        or [n for n, _ in rows] != list(range(rows[0][0], rows[0][0] + len(rows)))
        or rows[0][0] > 1
    ):
        return None
    return ClassListFile(name, tuple(_class(n, title, None) for n, title in rows), False, has_indices=True)


_READERS: tuple[tuple[str, Callable[[DatasetTree, str], ClassListFile | None]], ...] = (
    ("classes.json", _own_json),
    ("id2label.json", _own_json),
    ("class_dict_seg.csv", _csv),
    ("class_dict.csv", _csv),
    ("_classes.csv", _csv),
    ("classes.csv", _csv),
    ("labels.csv", _csv),
    ("dataset_meta.json", _meta_json),
    ("label_colors.txt", _colour_lines),
    ("labelmap.txt", _label_map),
    ("class_names.txt", _names),
    ("codes.txt", _names),
    ("classes.txt", _names),
    ("labels.txt", _names),
)


def _class(index: int, title: str, colour: Colour | None) -> DatasetClass:
    return DatasetClass(
        index,
        title.strip(),
        colour or default_colour(index % MAX_CLASS_VALUE + 1),
        default_target(title.strip()),
    )


def _colour(value: Any) -> Colour | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return parse_hex_colour(value)
    red, green, blue = (int(part) for part in value[:3])
    if not all(0 <= part <= 255 for part in (red, green, blue)):
        raise ValueError(json.dumps(value))
    return red, green, blue
