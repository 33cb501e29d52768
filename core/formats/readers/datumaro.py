"""Reads Datumaro's own format: annotations/SPLIT.json with polygons and run-length masks, pictures in images/."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from core.base.errors import FormatError
from core.formats.dataset_tree import MALFORMED_ERRORS, SPLIT_NAMES, DatasetTree, stem_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.files.annotation_files import large_files
from core.formats.malformed import MalformedValueError, describe_malformed
from core.formats.object_dataset import (
    NO_LABEL,
    AnnotatedObject,
    ObjectCollector,
    PictureAnnotation,
    build_object_dataset,
    kind_is_unknown,
)
from core.formats.rasterizer import circle_ring, parse_ring
from core.formats.run_length import decode_rle, runs_from_counts

NAME = "datumaro"
DIALECTS = (
    "JSON of version 1: polygons, run lengths, ellipses",
    "pictures named by image, media, or the item's id",
)
"""Forms of the format that are read, for the documentation."""
_NOT_AREAS = frozenset(
    (
        "bbox",
        "rotated_bbox",
        "points",
        "polyline",
        "keypoint",
        "skeleton",
        "cuboid_2d",
        "cuboid_3d",
        "caption",
        "feature_vector",
        "hash_key",
        "tabular",
    )
)


def recognise(tree: DatasetTree) -> Recognition | None:
    files = _files(tree)
    if not files:
        return None
    return Recognition(NAME, 0.95, f"{files[0]} contains categories and items, as Datumaro writes them.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """Objects of higher z_order cover lower ones."""
    files = _files(tree)
    if not files:
        raise FormatError(f"There is no Datumaro JSON file in {tree.root}.")
    annotations = []
    known: dict[str, None] = {}
    for file in files:
        content = tree.read_json(file)
        try:
            labels = [str(row["name"]) for row in content["categories"].get("label", {}).get("labels", [])]
            known |= dict.fromkeys(labels)
            split = SPLIT_NAMES.get(stem_of(file).casefold())
            annotations += [
                (file, partial(_read_annotation, tree.path(file), item, labels, split))
                for item in content["items"]
            ]
        except MALFORMED_ERRORS as problem:
            raise FormatError(
                f"{tree.path(file)} does not have the structure of a Datumaro file ({describe_malformed(problem)})."
            ) from problem
    recognition = recognise(tree) or Recognition.requested(NAME)
    return build_object_dataset(
        tree, recognition, annotations, [(label, None) for label in known], later_on_top=True
    )


def _files(tree: DatasetTree) -> list[str]:
    return [
        name
        for name in large_files(tree, ".json")
        if '"items"' in (text := tree.read_ends(name)) and '"categories"' in text and '"images"' not in text
    ]


def _read_annotation(
    file: Path, item: dict[str, Any], labels: list[str], split: str | None
) -> PictureAnnotation:
    try:
        picture = item.get("image") or item.get("media") or {}
        reference = str(picture.get("path") or item["id"])
        size = (int(picture["size"][1]), int(picture["size"][0])) if picture.get("size") else None
        rows = [row for row in item.get("annotations") or () if _type_of(row) != "label"]
        objects = ObjectCollector()
        for number, row in sorted(enumerate(rows, 1), key=lambda row: _height(row[1])):
            objects.add(f"{item['id']}, annotation {number}", partial(_read_object, row, labels, size))
        return PictureAnnotation(
            reference, size, objects.objects, split, (), objects.skipped, objects.left_out
        )
    except MALFORMED_ERRORS as problem:
        name = item.get("id", "an item") if isinstance(item, dict) else "an item"
        raise FormatError(
            f"The annotation of {name} in {file} cannot be understood ({describe_malformed(problem)})."
        ) from problem


def _type_of(row: Any) -> str:
    return str(row.get("type") or "") if isinstance(row, dict) else ""


def _height(row: Any) -> int:
    height = row.get("z_order") if isinstance(row, dict) else None
    return height if isinstance(height, int) else 0


def _read_object(
    row: dict[str, Any], labels: list[str], size: tuple[int, int] | None
) -> AnnotatedObject | None:
    """Returns None for what is not an area. Raises MALFORMED_ERRORS."""
    kind = _type_of(row)
    if kind in _NOT_AREAS:
        return None
    if kind not in ("polygon", "mask", "ellipse"):
        raise MalformedValueError(kind_is_unknown(kind))
    if row.get("label_id") is None:
        raise MalformedValueError(NO_LABEL)
    if not 0 <= int(row["label_id"]) < len(labels):
        raise MalformedValueError(f"its label number {int(row['label_id'])} is not in the list of labels")
    label = labels[int(row["label_id"])]
    if kind == "polygon":
        return AnnotatedObject(label, (parse_ring(row["points"]),))
    if kind == "ellipse":
        x0, y0, x1, y1 = (float(number) for number in row["points"])
        return AnnotatedObject(
            label, (circle_ring((x0 + x1) / 2, (y0 + y1) / 2, abs(x1 - x0) / 2, abs(y1 - y0) / 2),)
        )
    code = row["rle"]
    height, width = (int(n) for n in code["size"])
    if size is not None and size != (width, height):
        raise MalformedValueError("the size of a mask differs from its picture")
    if isinstance(code["counts"], list):
        return AnnotatedObject(label, runs=runs_from_counts(code["counts"], height, width))
    return AnnotatedObject(label, runs=decode_rle(str(code["counts"]), height, width))
