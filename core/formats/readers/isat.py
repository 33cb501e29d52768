"""ISAT: a JSON file a picture with objects in layers, an isat.yaml with the colours of its categories."""

from __future__ import annotations

from functools import partial

from core.base.errors import FormatError
from core.formats.class_sets import hex_colour
from core.formats.dataset_tree import MISSHAPEN, Tree, split_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.object_dataset import BLANK, Drawing, Thing, drawn_dataset
from core.formats.rasterizer import ring_of
from core.labels.class_list import Colour

NAME = "isat"
_BACKGROUND = "__background__"
_LOOKED_AT = 20


def recognise(tree: Tree) -> Recognition | None:
    candidates = tree.ending(".json")
    looked = candidates[:: max(1, len(candidates) // _LOOKED_AT)][:_LOOKED_AT]
    found = [name for name in looked if _is_isat(tree, name)]
    if not found or len(found) * 4 < len(looked):
        return None
    return Recognition(NAME, 0.93, f"{found[0]} and others say that ISAT wrote them.")


def open_dataset(tree: Tree) -> Dataset:
    """Higher layers lie above lower ones; an object of the background takes away what lies below it."""
    files = [name for name in tree.ending(".json") if _is_isat(tree, name)]
    if not files:
        raise FormatError(f"There are no JSON files of ISAT in {tree.root}.")
    drawings = [(file, partial(_drawing, tree, file)) for file in files]
    recognition = recognise(tree) or Recognition(NAME, 0.0, "It was asked for.")
    return drawn_dataset(tree, recognition, drawings, _known(tree), in_order=True)


def _is_isat(tree: Tree, name: str) -> bool:
    said = tree.head(name)
    return '"ISAT"' in said and '"info"' in said


def _known(tree: Tree) -> list[tuple[str, Colour | None]]:
    for name in tree.named("isat.yaml"):
        try:
            rows = tree.yaml(name)["label"]
            return [(str(r["name"]), hex_colour(str(r["color"]))) for r in rows if r["name"] != _BACKGROUND]
        except (*MISSHAPEN, FormatError):
            continue
    return []


def _drawing(tree: Tree, name: str) -> Drawing:
    content = tree.json(name)
    try:
        said = content["info"]
        ordered = sorted(content["objects"], key=lambda thing: float(thing.get("layer") or 0))
        things = []
        for thing in ordered:
            label = str(thing["category"])
            outline = thing["segmentation"]
            things.append(Thing(BLANK if label == _BACKGROUND else label, (ring_of(outline),)))
        tags = (str(said["note"]),) if 0 < len(str(said.get("note") or "")) <= 40 else ()
        return Drawing(
            str(said["name"]), (int(said["width"]), int(said["height"])), tuple(things), split_of(name), tags
        )
    except MISSHAPEN as problem:
        raise FormatError(f"{tree.path(name)} is not laid out as ISAT's files are ({problem}).") from problem
