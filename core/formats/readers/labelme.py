"""Reads labelme and X-AnyLabeling: a JSON file per picture with polygons, rectangles, circles and masks."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import msgspec

from core.base.display_text import quoted
from core.base.errors import FormatError, ImageError
from core.formats.dataset_tree import DatasetTree, folder_of, split_of, stem_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.files.annotation_files import (
    FoundPicture,
    PictureFile,
    PictureTree,
    decode_base64,
    holds_keys,
    sample_files,
    stated_size,
)
from core.formats.files.file_reader import MAX_JSON_BYTES, FileReader
from core.formats.malformed import MalformedValueError
from core.formats.object_dataset import (
    NO_LABEL,
    AnnotatedObject,
    AnnotationHead,
    ObjectCollector,
    PictureAnnotation,
    build_object_dataset,
    decode_png_mask,
    kind_is_unknown,
)
from core.formats.rasterizer import Ring, box_ring, circle_ring, parse_ring
from core.formats.run_length import place_mask
from core.images.image_reader import read_size

NAME, X_NAME = "labelme", "xanylabeling"
DIALECTS = (
    "labelme 3 to 6 and X-AnyLabeling, also files of any length and order of keys",
    "without a size, which is then that of the picture",
    "without picture files, if the pictures are in imageData",
    "moved or renamed pictures, found by the name of the JSON file; percent-encoded names",
    "several JSON files of one picture are put together",
)
"""Forms of the format that are read, for the documentation."""
_KEYS = (('"shapes"',), ('"imagePath"', '"imageData"'))
"""Keys of labelme's files; of the second two, one is enough."""
_FOREIGN = ('"annotations"', '"categories"', '"segments_info"', '"features"')
"""Keys of other formats, in whose large files there is nothing to look for."""
_SAMPLED_FILES = 20
_X_KEYS = ('"difficult"', '"kie_linking"')
"""Keys that occur in every X-AnyLabeling shape, but not in labelme's."""
_NOT_AREAS = frozenset({"point", "points", "line", "linestrip", "polyline"})
_OUTLINES = frozenset({"polygon", "rectangle", "rotation", "quadrilateral", "oriented_rectangle"})


def recognise(tree: DatasetTree) -> Recognition | None:
    return _recognise(tree, NAME, x=False)


def recognise_x(tree: DatasetTree) -> Recognition | None:
    return _recognise(tree, X_NAME, x=True)


def open_dataset(tree: DatasetTree, name: str = NAME) -> Dataset:
    """Smaller shapes cover larger ones; the file order does not matter. Points and lines are not areas."""
    listed = tree.files_ending(".json")
    files = _files(tree, listed)
    if not files:
        raise FormatError(f"There are no JSON files with shapes and an imagePath in {tree.root}.")
    rest = set(listed) - set(files)
    files += [name for name in listed if name in rest and _is_empty(tree, name)]
    pictures = PictureTree(tree)
    annotations = [(file, partial(_read_head, pictures, file)) for file in files]
    recognition = _recognise(tree, name, x=name == X_NAME) or Recognition.requested(name)
    return build_object_dataset(pictures, recognition, annotations)


def _recognise(tree: DatasetTree, name: str, *, x: bool) -> Recognition | None:
    sampled = sample_files(tree, ".json", _SAMPLED_FILES)
    found = _files(tree, sampled)
    if not found or len(found) * 4 < len(sampled):
        return None
    if any(all(key in tree.read_ends(file) for key in _X_KEYS) for file in found) != x:
        return None
    count = len(tree.files_ending(".json")) * len(found) // len(sampled)
    return Recognition(
        name, 0.9 if x else 0.92, f"About {count:,} JSON files contain “shapes” and an “imagePath”."
    )


def _files(tree: DatasetTree, names: list[str]) -> list[str]:
    return [name for name in names if holds_keys(tree, name, _KEYS, _FOREIGN)]


def _is_empty(tree: DatasetTree, name: str) -> bool:
    """Whether an empty file has the name of a picture: then its content was lost, and that is to be said."""
    return not tree.read_ends(name).strip() and bool(tree.pictures_with_stem(stem_of(name)))


class _ShapeHead(msgspec.Struct):
    label: str | int | float | None = None
    shape_type: str | None = None


class _FileHead(msgspec.Struct):
    """A file without its outlines and its picture, which are most of it."""

    shapes: list[_ShapeHead]
    imagePath: str | None = None  # noqa: N815  (the key in the file)
    flags: dict[str, Any] | None = None


_HEAD_DECODER = msgspec.json.Decoder(_FileHead)


def _read_head(tree: PictureTree, name: str) -> AnnotationHead:
    text = tree.read_text(name, MAX_JSON_BYTES)
    if not text.strip():
        raise FormatError(f"{tree.path(name)} is empty. Save the annotation again, or delete the file.")
    try:
        head = _HEAD_DECODER.decode(text)
    except (msgspec.MsgspecError, UnicodeError):  # with NaN or malformed values
        head = _head_of(tree, name, tree.parse_json(name, text))
    picture = tree.picture_file(_picture(tree, name, head.imagePath))
    kinds = [(_kind_of(shape.shape_type), shape.label) for shape in head.shapes]
    labels = dict.fromkeys(
        str(label) for kind, label in kinds if label is not None and kind not in _NOT_AREAS
    )
    return AnnotationHead(
        picture.name,
        partial(_read_annotation, tree.reader, name, picture),
        tuple(labels),
        split_of(name),
        _tags(head.flags),
        sum(kind in _NOT_AREAS for kind, _ in kinds),
    )


def _head_of(files: FileReader, name: str, content: Any) -> _FileHead:
    """The head of a file that a strict parser refuses. Raises FormatError."""
    stated, flags = (content.get("imagePath"), content.get("flags")) if isinstance(content, dict) else (0, 0)
    return _FileHead(
        [
            _ShapeHead(shape["label"] if _is_label(shape.get("label")) else None, shape.get("shape_type"))
            for shape in _shapes_of(files, name, content)
            if isinstance(shape, dict)
        ],
        stated if isinstance(stated, str) else None,
        flags if isinstance(flags, dict) else None,
    )


def _shapes_of(files: FileReader, name: str, content: Any) -> list[Any]:
    """Raises FormatError."""
    shapes = content.get("shapes") if isinstance(content, dict) else None
    if not isinstance(shapes, list):
        raise FormatError(
            f"{files.path(name)} does not have the structure of a labelme file (“shapes” is not a list)."
        )
    return shapes


def _is_label(label: Any) -> bool:
    return isinstance(label, str | int | float)


def _kind_of(shape_type: Any) -> str:
    return str(shape_type or "polygon").casefold()


def _tags(flags: Any) -> tuple[str, ...]:
    return tuple(key for key, on in flags.items() if on) if isinstance(flags, dict) else ()


def _read_annotation(files: FileReader, name: str, picture: PictureFile) -> PictureAnnotation:
    content = files.read_json(name)
    shapes = _shapes_of(files, name, content)
    size = stated_size(content.get("imageWidth"), content.get("imageHeight"))
    if size is None:
        try:
            size = read_size(picture.path)
        except ImageError as problem:
            raise FormatError(str(problem)) from problem
    found = ObjectCollector()
    for number, shape in enumerate(shapes, 1):
        found.add(f"shape {number}", partial(_read_object, shape, size))
    return PictureAnnotation(
        picture.name,
        size,
        found.objects,
        split_of(name),
        _tags(content.get("flags")),
        found.skipped,
        found.left_out,
    )


def _picture(tree: PictureTree, name: str, stated: str | None) -> FoundPicture:
    """The picture that the file names, else one with the name of the JSON file, else the one inside it.

    Moved and renamed files keep the old path. Raises FormatError if there is no picture.
    """
    own, folder, split = name.rsplit(".", 1)[0], folder_of(name), split_of(name)
    references = [own]
    if stated:
        references.insert(int(_is_copied(tree, name, stem_of(stated.replace("\\", "/")))), stated)
    for reference in references:
        if (found := tree.find_picture(reference, folder, split)) is not None:
            return FoundPicture(found)
    if data := tree.read_json(name).get("imageData"):
        try:
            return tree.add_embedded(name, data)
        except MalformedValueError as problem:
            raise FormatError(
                f"{tree.path(name)}: there is no picture {quoted(references[0])}, and {problem}."
            ) from problem
    raise tree.missing_picture(name, references[0])


def _is_copied(tree: PictureTree, name: str, stated: str) -> bool:
    """Whether picture and JSON file were renamed or copied together, and the stated picture has a file of its own."""
    own, folder = stem_of(name), folder_of(name)
    return (
        own.casefold() != stated.casefold()
        and any(folder_of(found) == folder for found in tree.pictures_with_stem(own))
        and any(folder_of(found) == folder for found in tree.files_named(f"{stated}.json"))
    )


def _read_object(shape: Any, size: tuple[int, int]) -> AnnotatedObject | None:
    """None for what is not an area. Raises MalformedValueError."""
    if not isinstance(shape, dict):
        raise MalformedValueError("the shape is not an object with a label and points")
    kind = _kind_of(shape.get("shape_type"))
    if kind in _NOT_AREAS:
        return None
    label = shape.get("label")
    if not _is_label(label):
        raise MalformedValueError(NO_LABEL)
    points = _points(shape.get("points"))
    if kind == "mask":
        part = decode_png_mask(decode_base64(shape.get("mask"), "its mask"))
        if not points:
            raise MalformedValueError("its mask has no place, because “points” is missing")
        return AnnotatedObject(
            str(label), runs=place_mask(part, round(points[0][0]), round(points[0][1]), size)
        )
    return AnnotatedObject(str(label), (_outline(kind, points),))


def _outline(kind: str, points: list[tuple[float, float]]) -> Ring:
    if kind == "rectangle" and len(points) == 2:
        return box_ring(*points[0], *points[1])
    if kind == "circle":
        if len(points) != 2:
            raise MalformedValueError(f"the circle has {len(points)} points instead of two")
        (x, y), (edge_x, edge_y) = points
        return circle_ring(x, y, math.hypot(edge_x - x, edge_y - y))
    if kind in _OUTLINES:
        return parse_ring(points)
    raise MalformedValueError(kind_is_unknown(kind))


def _points(points: Any) -> list[tuple[float, float]]:
    """Points as [x, y] or {"x": x, "y": y}, finite. Raises MalformedValueError."""
    if points is None:
        return []
    try:
        pairs = [(p["x"], p["y"]) if isinstance(p, dict) else (p[0], p[1]) for p in points]
        found = [(float(x), float(y)) for x, y in pairs]
    except (LookupError, TypeError, ValueError, OverflowError) as problem:
        raise MalformedValueError("the outline contains something else than pairs of numbers") from problem
    if not all(math.isfinite(x) and math.isfinite(y) for x, y in found):
        raise MalformedValueError("the outline has coordinates that are not finite")
    return found
