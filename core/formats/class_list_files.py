"""Reads class lists that lie in datasets: CSV, JSON, label maps, lists of names, lists of colours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from core.base.errors import FormatError
from core.formats.class_sets import default_target, parse_hex_colour
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree
from core.formats.dataset_types import DatasetClass
from core.labels.class_list import MAX_CLASS_VALUE, Colour, default_colour


@dataclass(frozen=True, slots=True)
class ClassListFile:
    """A class list and the file it was read from.

    has_colours: the colours are from the file, not assigned by us; void, unlabelled: indices with that meaning.
    """

    name: str
    classes: tuple[DatasetClass, ...]
    has_colours: bool
    void: frozenset[int] = frozenset()
    unlabelled: frozenset[int] = frozenset()


def find_class_list(tree: DatasetTree) -> ClassListFile | None:
    """The readable class list nearest to the root of the dataset; None if there is none."""
    readers = (
        ("classes.json", _own_json),
        ("class_dict_seg.csv", _csv),
        ("class_dict.csv", _csv),
        ("dataset_meta.json", _meta_json),
        ("label_colors.txt", _colour_lines),
        ("labelmap.txt", _label_map),
        ("codes.txt", _names),
        ("classes.txt", _names),
        ("labels.txt", _names),
    )
    for last, read in readers:
        for name in sorted(tree.files_named(last), key=lambda n: n.count("/")):
            try:
                table = read(tree, name)
            except (*MALFORMED_ERRORS, FormatError):
                continue
            if table is not None and 0 < len(table.classes) <= MAX_CLASS_VALUE:
                return table
    return None


def _own_json(tree: DatasetTree, name: str) -> ClassListFile | None:
    """Maskloop's form ({"classes": [{"index", "name", "color"}]}) or Supervisely's ({"title", "color": "#rrggbb"})."""
    content = tree.read_json(name)
    rows = content["classes"] if isinstance(content, dict) else content
    classes = []
    for position, row in enumerate(rows):
        title = str(row.get("name") or row["title"])
        colour = row.get("color", row.get("colour"))
        classes.append(_class(int(row.get("index", position)), title, _colour(colour)))
    ignore = content.get("ignore_index") if isinstance(content, dict) else None
    unlabelled_index = content.get("unlabelled_index") if isinstance(content, dict) else None
    void, unlabelled = (frozenset([int(i)] if i is not None else []) for i in (ignore, unlabelled_index))
    listed = tuple(c for c in classes if c.index not in void | unlabelled)
    return ClassListFile(
        name, listed, any(row.get("color", row.get("colour")) for row in rows), void, unlabelled
    )


def _csv(tree: DatasetTree, name: str) -> ClassListFile | None:
    """Columns name, r, g, b and optionally id or index; without one the row number is the index. -1 is in no mask."""
    header, *rows = tree.read_csv(name)
    titles = [cell.casefold() for cell in header]
    column = {title: titles.index(title) for title in ("name", "r", "g", "b")}
    number = next((titles.index(title) for title in ("id", "index") if title in titles), None)
    classes = []
    for position, row in enumerate(rows):
        colour = (int(row[column["r"]]), int(row[column["g"]]), int(row[column["b"]]))
        index = position if number is None else int(row[number])
        classes.append(_class(index, row[column["name"]], colour))
    return ClassListFile(name, tuple(classes), True)


def _meta_json(tree: DatasetTree, name: str) -> ClassListFile | None:
    """{"label_map": {"0": "road"}, "segmentation_colors": [[r, g, b], ..]}"""
    content = tree.read_json(name)
    colours = content.get("segmentation_colors") or []
    classes = []
    for position, (index, title) in enumerate(content["label_map"].items()):
        colour = _colour(colours[position]) if position < len(colours) else None
        classes.append(_class(int(index), str(title), colour))
    return ClassListFile(name, tuple(classes), bool(colours))


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
    """One name per line; the line number is the index."""
    names = tree.read_lines(name)
    if len(set(names)) < len(names) or any(len(n) > 80 for n in names):
        return None
    return ClassListFile(name, tuple(_class(n, title, None) for n, title in enumerate(names)), False)


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
