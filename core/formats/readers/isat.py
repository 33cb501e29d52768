"""Reads ISAT: a JSON file per picture with objects in layers, and an isat.yaml with categories and colours."""

from __future__ import annotations

from functools import partial

from core.base.errors import FormatError
from core.formats.class_sets import parse_hex_colour
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, split_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.malformed import describe_malformed
from core.formats.object_dataset import ERASE_LABEL, AnnotatedObject, PictureAnnotation, build_object_dataset
from core.formats.rasterizer import parse_ring
from core.labels.class_list import Colour

NAME = "isat"
DIALECTS = ("outlines in layers; the background erases",)
"""Forms of the format that are read, for the documentation."""
_BACKGROUND = "__background__"
_SAMPLED_FILES = 20


def recognise(tree: DatasetTree) -> Recognition | None:
    candidates = tree.files_ending(".json")
    sampled = candidates[:: max(1, len(candidates) // _SAMPLED_FILES)][:_SAMPLED_FILES]
    found = [name for name in sampled if _is_isat(tree, name)]
    if not found or len(found) * 4 < len(sampled):
        return None
    return Recognition(NAME, 0.93, f"{found[0]} and others name ISAT as the program that wrote them.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """Higher layers cover lower ones; an object of the background category erases what lies below it."""
    files = [name for name in tree.files_ending(".json") if _is_isat(tree, name)]
    if not files:
        raise FormatError(f"There are no JSON files of ISAT in {tree.root}.")
    annotations = [(file, partial(_read_annotation, tree, file)) for file in files]
    recognition = recognise(tree) or Recognition.requested(NAME)
    return build_object_dataset(tree, recognition, annotations, _categories(tree), later_on_top=True)


def _is_isat(tree: DatasetTree, name: str) -> bool:
    head = tree.read_head(name)
    return '"ISAT"' in head and '"info"' in head


def _categories(tree: DatasetTree) -> list[tuple[str, Colour | None]]:
    for name in tree.files_named("isat.yaml"):
        try:
            rows = tree.read_yaml(name)["label"]
            return [
                (str(r["name"]), parse_hex_colour(str(r["color"]))) for r in rows if r["name"] != _BACKGROUND
            ]
        except (*MALFORMED_ERRORS, FormatError):
            continue
    return []


def _read_annotation(tree: DatasetTree, name: str) -> PictureAnnotation:
    content = tree.read_json(name)
    try:
        info = content["info"]
        ordered = sorted(content["objects"], key=lambda obj: float(obj.get("layer") or 0))
        objects = []
        for obj in ordered:
            label = str(obj["category"])
            outline = obj["segmentation"]
            objects.append(
                AnnotatedObject(ERASE_LABEL if label == _BACKGROUND else label, (parse_ring(outline),))
            )
        tags = (str(info["note"]),) if 0 < len(str(info.get("note") or "")) <= 40 else ()
        return PictureAnnotation(
            str(info["name"]), (int(info["width"]), int(info["height"])), tuple(objects), split_of(name), tags
        )
    except MALFORMED_ERRORS as problem:
        raise FormatError(
            f"{tree.path(name)} does not have the structure of an ISAT file ({describe_malformed(problem)})."
        ) from problem
