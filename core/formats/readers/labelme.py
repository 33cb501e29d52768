"""Reads labelme and X-AnyLabeling: a JSON file per picture with polygons, rectangles, circles and masks."""

from __future__ import annotations

import base64
import math
from functools import partial
from typing import Any

from core.base.errors import FormatError
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, split_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.malformed import describe_malformed
from core.formats.object_dataset import (
    AnnotatedObject,
    PictureAnnotation,
    build_object_dataset,
    decode_png_mask,
    place_mask,
)
from core.formats.rasterizer import box_ring, circle_ring, parse_ring

NAME, X_NAME = "labelme", "xanylabeling"
DIALECTS = (
    "labelme 4 and 5, X-AnyLabeling",
    "moved pictures, found by the name of the JSON file",
)
"""Forms of the format that are read, for the documentation."""
_KEYS = ('"shapes"', '"imagePath"')
_SAMPLED_FILES = 20
_X_KEYS = ('"description"', '"difficult"', '"kie_linking"')
"""Keys that together occur in every X-AnyLabeling shape, but not in labelme's."""


def recognise(tree: DatasetTree) -> Recognition | None:
    return _recognise(tree, NAME, x=False)


def recognise_x(tree: DatasetTree) -> Recognition | None:
    return _recognise(tree, X_NAME, x=True)


def open_dataset(tree: DatasetTree, name: str = NAME) -> Dataset:
    """Smaller shapes cover larger ones; the file order does not matter. Points and lines are not areas."""
    files = _files(tree, tree.files_ending(".json"))
    if not files:
        raise FormatError(f"There are no JSON files with shapes and an imagePath in {tree.root}.")
    annotations = [(file, partial(_read_annotation, tree, file)) for file in files]
    recognition = _recognise(tree, name, x=name == X_NAME) or Recognition.requested(name)
    return build_object_dataset(tree, recognition, annotations)


def _recognise(tree: DatasetTree, name: str, *, x: bool) -> Recognition | None:
    candidates = tree.files_ending(".json")
    sampled = candidates[:: max(1, len(candidates) // _SAMPLED_FILES)][:_SAMPLED_FILES]
    found = _files(tree, sampled)
    if not found or len(found) * 4 < len(sampled):
        return None
    has_x_keys = all(key in tree.read_ends(found[0]) for key in _X_KEYS[1:])
    if has_x_keys != x:
        return None
    count = len(candidates) * len(found) // len(sampled)
    return Recognition(
        name, 0.9 if x else 0.92, f"About {count:,} JSON files contain “shapes” and an “imagePath”."
    )


def _files(tree: DatasetTree, names: list[str]) -> list[str]:
    return [name for name in names if all(key in tree.read_ends(name) for key in _KEYS)]


def _read_annotation(tree: DatasetTree, name: str) -> PictureAnnotation:
    content = tree.read_json(name)
    try:
        size = int(content["imageWidth"]), int(content["imageHeight"])
        objects, skipped = [], 0
        for shape in content["shapes"]:
            obj = _read_object(shape, size)
            objects += [obj] if obj else []
            skipped += obj is None
        picture = str(content.get("imagePath") or name)
        # Moved files keep the old path; then the name of the JSON file identifies the picture.
        json_stem = name.rsplit(".", 1)[0]
        is_moved = tree.find_picture(picture, name.rpartition("/")[0]) is None and tree.find_picture(
            json_stem
        )
        reference = json_stem if is_moved else picture
        tags = tuple(str(key) for key, on in (content.get("flags") or {}).items() if on)
        return PictureAnnotation(reference, size, tuple(objects), split_of(name), tags, skipped)
    except MALFORMED_ERRORS as problem:
        raise FormatError(
            f"{tree.path(name)} does not have the structure of a labelme file ({describe_malformed(problem)})."
        ) from problem


def _read_object(shape: dict[str, Any], size: tuple[int, int]) -> AnnotatedObject | None:
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
