"""Reads ISAT: a JSON file per picture with objects in layers, and an isat.yaml with categories and colours."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import msgspec

from core.base.errors import FormatError
from core.formats.class_sets import parse_hex_colour
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, folder_of, split_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.files.annotation_files import (
    FoundPicture,
    PictureTree,
    holds_keys,
    sample_files,
    stated_size,
)
from core.formats.files.file_reader import MAX_JSON_BYTES, FileReader
from core.formats.malformed import MalformedValueError
from core.formats.object_dataset import (
    ERASE_LABEL,
    NO_LABEL,
    AnnotatedObject,
    AnnotationHead,
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
    annotations = [(file, partial(_read_head, pictures, file)) for file in files]
    recognition = recognise(tree) or Recognition.requested(NAME)
    return build_object_dataset(pictures, recognition, annotations, _categories(tree), later_on_top=True)


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


class _ObjectHead(msgspec.Struct):
    category: str | int | float


class _FileHead(msgspec.Struct):
    """A file without its outlines."""

    info: dict[str, Any]
    objects: list[_ObjectHead]


_HEAD_DECODER = msgspec.json.Decoder(_FileHead)


def _read_head(tree: PictureTree, name: str) -> AnnotationHead:
    text = tree.read_text(name, MAX_JSON_BYTES)
    try:
        head = _HEAD_DECODER.decode(text)
        info, labels = head.info, [_label_of(obj.category) for obj in head.objects]
    except (msgspec.MsgspecError, UnicodeError):  # with NaN or malformed values
        info, objects = _parts_of(tree, name, tree.parse_json(name, text))
        labels = [_label_of(obj.get("category")) for obj in objects if isinstance(obj, dict)]
    picture = _picture(tree, name, info)
    read = partial(_read_annotation, tree.reader, name, picture)
    return AnnotationHead(
        picture, read, tuple(dict.fromkeys(filter(None, labels))), split_of(name), _tags(info)
    )


def _parts_of(files: FileReader, name: str, content: Any) -> tuple[dict[str, Any], list[Any]]:
    """Info and objects. Raises FormatError."""
    info = content.get("info") if isinstance(content, dict) else None
    objects = content.get("objects") if isinstance(content, dict) else None
    if not isinstance(info, dict) or not isinstance(objects, list):
        raise FormatError(
            f"{files.path(name)} does not have the structure of an ISAT file (“info” or “objects” is missing)."
        )
    return info, objects


def _tags(info: dict[str, Any]) -> tuple[str, ...]:
    note = str(info.get("note") or "")
    return (note,) if 0 < len(note) <= _LONGEST_TAG else ()


def _read_annotation(files: FileReader, name: str, picture: FoundPicture) -> PictureAnnotation:
    info, objects = _parts_of(files, name, files.read_json(name))
    found = ObjectCollector()
    numbered = sorted(enumerate(objects, 1), key=lambda row: _layer(row[1]))
    for number, obj in numbered:
        found.add(f"object {number}", partial(_read_object, obj))
    size = stated_size(info.get("width"), info.get("height"))
    return PictureAnnotation(
        picture, size, found.objects, split_of(name), _tags(info), left_out=found.left_out
    )


def _picture(tree: PictureTree, name: str, info: dict[str, Any]) -> FoundPicture:
    """Raises FormatError if there is no picture."""
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
    label = _label_of(obj.get("category"))
    if label is None:
        raise MalformedValueError(NO_LABEL)
    return AnnotatedObject(label, (parse_ring(obj.get("segmentation")),))


def _label_of(category: Any) -> str | None:
    if not isinstance(category, str | int | float):
        return None
    return ERASE_LABEL if category == _BACKGROUND else str(category)
