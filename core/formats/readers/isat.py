"""ISAT: a JSON file a picture with objects in layers, an isat.yaml with the colours of its categories."""

from __future__ import annotations

from functools import partial

from core.base.errors import FormatError
from core.formats.class_sets import parse_hex_colour
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, split_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.object_dataset import ERASE_LABEL, AnnotatedObject, PictureAnnotation, build_object_dataset
from core.formats.rasterizer import parse_ring
from core.labels.class_list import Colour

NAME = "isat"
_BACKGROUND = "__background__"
_LOOKED_AT = 20


def recognise(tree: DatasetTree) -> Recognition | None:
    candidates = tree.files_ending(".json")
    looked = candidates[:: max(1, len(candidates) // _LOOKED_AT)][:_LOOKED_AT]
    found = [name for name in looked if _is_isat(tree, name)]
    if not found or len(found) * 4 < len(looked):
        return None
    return Recognition(NAME, 0.93, f"{found[0]} and others say that ISAT wrote them.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """Higher layers lie above lower ones; an object of the background takes away what lies below it."""
    files = [name for name in tree.files_ending(".json") if _is_isat(tree, name)]
    if not files:
        raise FormatError(f"There are no JSON files of ISAT in {tree.root}.")
    drawings = [(file, partial(_drawing, tree, file)) for file in files]
    recognition = recognise(tree) or Recognition(NAME, 0.0, "It was asked for.")
    return build_object_dataset(tree, recognition, drawings, _known(tree), later_on_top=True)


def _is_isat(tree: DatasetTree, name: str) -> bool:
    said = tree.read_head(name)
    return '"ISAT"' in said and '"info"' in said


def _known(tree: DatasetTree) -> list[tuple[str, Colour | None]]:
    for name in tree.files_named("isat.yaml"):
        try:
            rows = tree.read_yaml(name)["label"]
            return [
                (str(r["name"]), parse_hex_colour(str(r["color"]))) for r in rows if r["name"] != _BACKGROUND
            ]
        except (*MALFORMED_ERRORS, FormatError):
            continue
    return []


def _drawing(tree: DatasetTree, name: str) -> PictureAnnotation:
    content = tree.read_json(name)
    try:
        said = content["info"]
        ordered = sorted(content["objects"], key=lambda thing: float(thing.get("layer") or 0))
        things = []
        for thing in ordered:
            label = str(thing["category"])
            outline = thing["segmentation"]
            things.append(
                AnnotatedObject(ERASE_LABEL if label == _BACKGROUND else label, (parse_ring(outline),))
            )
        tags = (str(said["note"]),) if 0 < len(str(said.get("note") or "")) <= 40 else ()
        return PictureAnnotation(
            str(said["name"]), (int(said["width"]), int(said["height"])), tuple(things), split_of(name), tags
        )
    except MALFORMED_ERRORS as problem:
        raise FormatError(f"{tree.path(name)} is not laid out as ISAT's files are ({problem}).") from problem
