"""labelme and X-AnyLabeling: a JSON file a picture with shapes; polygons, rectangles, circles and small masks."""

from __future__ import annotations

import base64
import math
from functools import partial
from typing import Any

from core.base.errors import FormatError
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, split_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.object_dataset import (
    AnnotatedObject,
    PictureAnnotation,
    build_object_dataset,
    decode_png_mask,
    place_mask,
)
from core.formats.rasterizer import box_ring, circle_ring, parse_ring

NAME, X_NAME = "labelme", "xanylabeling"
_KEYS = ('"shapes"', '"imagePath"')
_LOOKED_AT = 20
_X_MARKS = ('"description"', '"difficult"', '"kie_linking"')
"""Keys that X-AnyLabeling gives every shape and labelme does not, together."""


def recognise(tree: DatasetTree) -> Recognition | None:
    return _recognise(tree, NAME, x=False)


def recognise_x(tree: DatasetTree) -> Recognition | None:
    return _recognise(tree, X_NAME, x=True)


def open_dataset(tree: DatasetTree, name: str = NAME) -> Dataset:
    """Later shapes do not matter: smaller ones lie above larger ones. Points and lines are no areas."""
    files = _files(tree, tree.files_ending(".json"))
    if not files:
        raise FormatError(f"There are no JSON files with shapes and an imagePath in {tree.root}.")
    drawings = [(file, partial(_drawing, tree, file)) for file in files]
    recognition = _recognise(tree, name, x=name == X_NAME) or Recognition(name, 0.0, "It was asked for.")
    return build_object_dataset(tree, recognition, drawings)


def _recognise(tree: DatasetTree, name: str, *, x: bool) -> Recognition | None:
    candidates = tree.files_ending(".json")
    looked = candidates[:: max(1, len(candidates) // _LOOKED_AT)][:_LOOKED_AT]
    found = _files(tree, looked)
    if not found or len(found) * 4 < len(looked):
        return None
    marked = all(mark in tree.read_ends(found[0]) for mark in _X_MARKS[1:])
    if marked != x:
        return None
    count = len(candidates) * len(found) // len(looked)
    return Recognition(
        name, 0.9 if x else 0.92, f"About {count:,} JSON files hold “shapes” and an “imagePath”."
    )


def _files(tree: DatasetTree, names: list[str]) -> list[str]:
    return [name for name in names if all(key in tree.read_ends(name) for key in _KEYS)]


def _drawing(tree: DatasetTree, name: str) -> PictureAnnotation:
    content = tree.read_json(name)
    try:
        size = int(content["imageWidth"]), int(content["imageHeight"])
        things, skipped = [], 0
        for shape in content["shapes"]:
            thing = _thing(shape, size)
            things += [thing] if thing else []
            skipped += thing is None
        picture = str(content.get("imagePath") or name)
        # Files that were moved keep the old path; the JSON's own name is as good.
        beside = name.rsplit(".", 1)[0]
        moved = tree.find_picture(picture, name.rpartition("/")[0]) is None and tree.find_picture(beside)
        said = beside if moved else picture
        tags = tuple(str(key) for key, on in (content.get("flags") or {}).items() if on)
        return PictureAnnotation(said, size, tuple(things), split_of(name), tags, skipped)
    except MALFORMED_ERRORS as problem:
        raise FormatError(
            f"{tree.path(name)} is not laid out as labelme's files are ({problem})."
        ) from problem


def _thing(shape: dict[str, Any], size: tuple[int, int]) -> AnnotatedObject | None:
    label, points = str(shape["label"]), shape["points"]
    match shape.get("shape_type", "polygon"):
        case "mask":
            part = decode_png_mask(base64.b64decode(shape["mask"], validate=True))
            return AnnotatedObject(
                label, runs=place_mask(part, round(points[0][0]), round(points[0][1]), size)
            )
        case "rectangle" if len(points) == 2:
            (x0, y0), (x1, y1) = points
            return AnnotatedObject(label, (box_ring(x0, y0, x1, y1),))
        case "circle":
            (x, y), (edge_x, edge_y) = points
            return AnnotatedObject(label, (circle_ring(x, y, math.hypot(edge_x - x, edge_y - y)),))
        case "polygon" | "rectangle" | "rotation" | "quadrilateral" if len(points) >= 3:
            return AnnotatedObject(label, (parse_ring(points),))
        case _:
            return None
