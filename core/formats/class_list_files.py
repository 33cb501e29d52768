"""Lists of classes as datasets bring them along: CSV, JSON, lines of names, lines of colours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from core.base.errors import FormatError
from core.formats.class_sets import fate_of, hex_colour
from core.formats.dataset_tree import MISSHAPEN, Tree
from core.formats.dataset_types import ForeignClass
from core.labels.class_list import LAST_CLASS, Colour, colour_of


@dataclass(frozen=True, slots=True)
class ClassTable:
    """A list that was found: the file it stands in, the classes, and whether their colours are the dataset's own;
    indices that mean void, and those that mean unlabelled."""

    name: str
    classes: tuple[ForeignClass, ...]
    coloured: bool
    void: frozenset[int] = frozenset()
    blank: frozenset[int] = frozenset()


def find_table(tree: Tree) -> ClassTable | None:
    """The class list nearest to the root; None when there is none that can be understood."""
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
        for name in sorted(tree.named(last), key=lambda n: n.count("/")):
            try:
                table = read(tree, name)
            except (*MISSHAPEN, FormatError):
                continue
            if table is not None and 0 < len(table.classes) <= LAST_CLASS:
                return table
    return None


def _own_json(tree: Tree, name: str) -> ClassTable | None:
    """Ours ({"classes": [{"index", "name", "color"}]}) or Supervisely's ({"title", "color": "#rrggbb"})."""
    content = tree.json(name)
    rows = content["classes"] if isinstance(content, dict) else content
    classes = []
    for place, row in enumerate(rows):
        title = str(row.get("name") or row["title"])
        colour = row.get("color", row.get("colour"))
        classes.append(_class(int(row.get("index", place)), title, _colour(colour)))
    ignore = content.get("ignore_index") if isinstance(content, dict) else None
    unlabelled = content.get("unlabelled_index") if isinstance(content, dict) else None
    void, blank = (frozenset([int(i)] if i is not None else []) for i in (ignore, unlabelled))
    kept = tuple(c for c in classes if c.index not in void | blank)
    return ClassTable(name, kept, any(row.get("color", row.get("colour")) for row in rows), void, blank)


def _csv(tree: Tree, name: str) -> ClassTable | None:
    """name,r,g,b with or without a column of numbers; else the row's number. A class numbered -1 is in no mask."""
    header, *rows = tree.table(name)
    titles = [cell.casefold() for cell in header]
    column = {title: titles.index(title) for title in ("name", "r", "g", "b")}
    number = next((titles.index(title) for title in ("id", "index") if title in titles), None)
    classes = []
    for place, row in enumerate(rows):
        colour = (int(row[column["r"]]), int(row[column["g"]]), int(row[column["b"]]))
        index = place if number is None else int(row[number])
        classes.append(_class(index, row[column["name"]], colour))
    return ClassTable(name, tuple(classes), True)


def _meta_json(tree: Tree, name: str) -> ClassTable | None:
    """{"label_map": {"0": "road"}, "segmentation_colors": [[r, g, b], ..]}"""
    content = tree.json(name)
    colours = content.get("segmentation_colors") or []
    classes = []
    for place, (index, title) in enumerate(content["label_map"].items()):
        colour = _colour(colours[place]) if place < len(colours) else None
        classes.append(_class(int(index), str(title), colour))
    return ClassTable(name, tuple(classes), bool(colours))


def _colour_lines(tree: Tree, name: str) -> ClassTable | None:
    """Lines of “R G B name”; the line's number is the index."""
    classes = []
    for place, line in enumerate(tree.lines(name)):
        red, green, blue, title = line.split(None, 3)
        classes.append(_class(place, title, (int(red), int(green), int(blue))))
    return ClassTable(name, tuple(classes), True)


def _label_map(tree: Tree, name: str) -> ClassTable | None:
    """Lines of “name:r,g,b:parts:actions”, as CVAT writes them beside masks in the form of Pascal VOC."""
    classes: list[ForeignClass] = []
    for line in tree.lines(name):
        if line.startswith("#"):
            continue
        title, colour, *_ = line.split(":")
        red, green, blue = (int(part) for part in colour.split(","))
        classes.append(_class(len(classes), title, (red, green, blue)))
    return ClassTable(name, tuple(classes), True)


def _names(tree: Tree, name: str) -> ClassTable | None:
    """One name a line; the line's number is the index."""
    names = tree.lines(name)
    if len(set(names)) < len(names) or any(len(n) > 80 for n in names):
        return None
    return ClassTable(name, tuple(_class(n, title, None) for n, title in enumerate(names)), False)


def _class(index: int, title: str, colour: Colour | None) -> ForeignClass:
    return ForeignClass(
        index, title.strip(), colour or colour_of(index % LAST_CLASS + 1), fate_of(title.strip())
    )


def _colour(said: Any) -> Colour | None:
    if said is None or said == "":
        return None
    if isinstance(said, str):
        return hex_colour(said)
    red, green, blue = (int(part) for part in said[:3])
    if not all(0 <= part <= 255 for part in (red, green, blue)):
        raise ValueError(json.dumps(said))
    return red, green, blue
