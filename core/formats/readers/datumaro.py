"""Datumaro's own form: annotations/SPLIT.json with items, polygons and run-length masks, pictures in images/."""

from __future__ import annotations

from functools import partial
from typing import Any

from core.base.errors import FormatError
from core.formats.dataset_tree import MALFORMED_ERRORS, SPLIT_NAMES, DatasetTree, stem_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.object_dataset import AnnotatedObject, PictureAnnotation, build_object_dataset
from core.formats.rasterizer import decode_rle, parse_ring, runs_from_counts

NAME = "datumaro"


def recognise(tree: DatasetTree) -> Recognition | None:
    files = _files(tree)
    if not files:
        return None
    return Recognition(NAME, 0.95, f"{files[0]} holds categories and items, as Datumaro writes them.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """Higher z_order lies above lower."""
    files = _files(tree)
    if not files:
        raise FormatError(f"There is no JSON file of Datumaro in {tree.root}.")
    drawings = []
    known: dict[str, None] = {}
    for file in files:
        content = tree.read_json(file)
        try:
            labels = [str(row["name"]) for row in content["categories"].get("label", {}).get("labels", [])]
            known |= dict.fromkeys(labels)
            split = SPLIT_NAMES.get(stem_of(file).casefold())
            drawings += [
                (file, partial(_drawing, tree, file, item, labels, split)) for item in content["items"]
            ]
        except MALFORMED_ERRORS as problem:
            raise FormatError(
                f"{tree.path(file)} is not laid out as Datumaro's files are ({problem})."
            ) from problem
    recognition = recognise(tree) or Recognition(NAME, 0.0, "It was asked for.")
    return build_object_dataset(
        tree, recognition, drawings, [(label, None) for label in known], later_on_top=True
    )


def _files(tree: DatasetTree) -> list[str]:
    return [
        name
        for name in tree.files_ending(".json")
        if '"items"' in (said := tree.read_ends(name)) and '"categories"' in said and '"images"' not in said
    ]


def _drawing(
    tree: DatasetTree, file: str, item: dict[str, Any], labels: list[str], split: str | None
) -> PictureAnnotation:
    try:
        picture = item.get("image") or {}
        said = str(picture.get("path") or item["id"])
        size = (int(picture["size"][1]), int(picture["size"][0])) if picture.get("size") else None
        things, skipped = [], 0
        for row in sorted(item.get("annotations") or (), key=lambda row: int(row.get("z_order") or 0)):
            thing = _thing(row, labels, size)
            things += [thing] if thing else []
            skipped += thing is None and row.get("type") != "label"
        return PictureAnnotation(said, size, tuple(things), split, (), skipped)
    except MALFORMED_ERRORS as problem:
        called = item.get("id", "an item") if isinstance(item, dict) else "an item"
        raise FormatError(
            f"What {tree.path(file)} says about {called} cannot be understood ({problem})."
        ) from problem


def _thing(row: dict[str, Any], labels: list[str], size: tuple[int, int] | None) -> AnnotatedObject | None:
    kind = row.get("type")
    if kind not in ("polygon", "mask") or row.get("label_id") is None:
        return None
    label = labels[int(row["label_id"])]
    if kind == "polygon":
        return AnnotatedObject(label, (parse_ring(row["points"]),))
    code = row["rle"]
    height, width = (int(n) for n in code["size"])
    if size is not None and size != (width, height):
        raise ValueError("a mask of another size than its picture")
    if isinstance(code["counts"], list):
        return AnnotatedObject(label, runs=runs_from_counts(code["counts"], height, width))
    return AnnotatedObject(label, runs=decode_rle(str(code["counts"]), height, width))
