"""Reads ISAT: a JSON file per picture with objects in layers, and an isat.yaml with categories and colours."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from core.base.errors import FormatError
from core.formats.class_sets import parse_hex_colour
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, folder_of, split_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.files.annotation_files import (
    FoundPicture,
    PictureTree,
    holds_keys,
    join_samples,
    sample_files,
    stated_size,
)
from core.formats.malformed import MalformedValueError
from core.formats.object_dataset import (
    ERASE_LABEL,
    NO_LABEL,
    AnnotatedObject,
    ObjectCollector,
    PictureAnnotation,
    build_object_dataset,
)
from core.formats.rasterizer import parse_ring
from core.labels.class_list import Colour

NAME = "isat"
DIALECTS = (
    "outlines in layers; the background erases",
    "without a size, which is then that of the picture",
    "moved or renamed pictures, found by the name of the JSON file; percent-encoded names",
)
"""Forms of the format that are read, for the documentation."""
_BACKGROUND = "__background__"
_KEYS = (('"ISAT"',), ('"info"',), ('"objects"',))
_FOREIGN = ('"annotations"', '"categories"', '"segments_info"', '"shapes"')
_SAMPLED_FILES = 20
_LONGEST_TAG = 40


def recognise(tree: DatasetTree) -> Recognition | None:
    sampled = sample_files(tree, ".json", _SAMPLED_FILES)
    found = [name for name in sampled if holds_keys(tree, name, _KEYS, _FOREIGN)]
    if not found or len(found) * 4 < len(sampled):
        return None
    return Recognition(NAME, 0.93, f"{found[0]} and others name ISAT as the program that wrote them.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """Higher layers cover lower ones; an object of the background category erases what lies below it."""
    files = [name for name in tree.files_ending(".json") if holds_keys(tree, name, _KEYS, _FOREIGN)]
    if not files:
        raise FormatError(f"There are no JSON files of ISAT in {tree.root}.")
    pictures = PictureTree(tree)
    annotations = [(file, partial(_read_annotation, pictures, file)) for file in files]
    recognition = recognise(tree) or Recognition.requested(NAME)
    return join_samples(
        build_object_dataset(pictures, recognition, annotations, _categories(tree), later_on_top=True)
    )


def _categories(tree: DatasetTree) -> list[tuple[str, Colour | None]]:
    for name in tree.files_named("isat.yaml"):
        try:
            rows = tree.read_yaml(name)["label"]
            named = [(str(row["name"]), row.get("color")) for row in rows]
        except (*MALFORMED_ERRORS, FormatError):
            continue
        return [(label, _colour(text)) for label, text in named if label != _BACKGROUND]
    return []


def _colour(text: Any) -> Colour | None:
    try:
        return parse_hex_colour(str(text))
    except ValueError:
        return None


def _read_annotation(tree: PictureTree, name: str) -> PictureAnnotation:
    content = tree.read_json(name)
    info = content.get("info") if isinstance(content, dict) else None
    objects = content.get("objects") if isinstance(content, dict) else None
    if not isinstance(info, dict) or not isinstance(objects, list):
        raise FormatError(
            f"{tree.path(name)} does not have the structure of an ISAT file (“info” or “objects” is missing)."
        )
    found = ObjectCollector()
    numbered = sorted(enumerate(objects, 1), key=lambda row: _layer(row[1]))
    for number, obj in numbered:
        found.add(f"object {number}", partial(_read_object, obj))
    note = str(info.get("note") or "")
    tags = (note,) if 0 < len(note) <= _LONGEST_TAG else ()
    size = stated_size(info.get("width"), info.get("height"))
    return PictureAnnotation(
        _picture(tree, name, info), size, found.objects, split_of(name), tags, left_out=found.left_out
    )


def _picture(tree: PictureTree, name: str, info: dict[str, Any]) -> FoundPicture:
    own = name.rsplit(".", 1)[0]
    stated = info.get("name")
    references = [stated, own] if isinstance(stated, str) and stated else [own]
    for reference in references:
        if (found := tree.find_picture(reference, folder_of(name), split_of(name))) is not None:
            return FoundPicture(found)
    raise tree.missing_picture(name, references[0])


def _layer(obj: Any) -> float:
    """The drawing order; an object without a valid layer is at the bottom."""
    try:
        layer = float(obj.get("layer") or 0)
    except (AttributeError, TypeError, ValueError, OverflowError):
        return 0.0
    return layer if math.isfinite(layer) else 0.0


def _read_object(obj: Any) -> AnnotatedObject:
    """Raises MalformedValueError."""
    if not isinstance(obj, dict):
        raise MalformedValueError("it is not an object with a category and an outline")
    label = obj.get("category")
    if not isinstance(label, str | int | float):
        raise MalformedValueError(NO_LABEL)
    ring = parse_ring(obj.get("segmentation"))
    return AnnotatedObject(ERASE_LABEL if label == _BACKGROUND else str(label), (ring,))
