"""Reads Supervisely: meta.json with classes; per dataset a folder img/, and ann/ with polygons and bitmaps."""

from __future__ import annotations

import base64
import zlib
from functools import partial
from typing import Any

from core.base.errors import FormatError
from core.formats.class_sets import parse_hex_colour
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, folder_of, split_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.malformed import MalformedValueError, describe_malformed
from core.formats.object_dataset import (
    AnnotatedObject,
    PictureAnnotation,
    build_object_dataset,
    decode_png_mask,
    place_mask,
)
from core.formats.rasterizer import box_ring, parse_ring
from core.labels.class_list import Colour

NAME = "supervisely"
DIALECTS = ("polygons with holes, rectangles, bitmaps",)
"""Forms of the format that are read, for the documentation."""
_LARGEST_BITMAP = 64 << 20
"""Largest decompressed bitmap in bytes, a guard against decompression bombs; mask PNGs are far smaller."""


def recognise(tree: DatasetTree) -> Recognition | None:
    files = _files(tree)
    if (
        not files
        or not tree.files_named("meta.json")
        or '"classTitle"' not in "".join(map(tree.read_ends, files[:5]))
    ):
        return None
    return Recognition(
        NAME, 0.95, f"It contains a meta.json and {len(files):,} annotations in folders called ann."
    )


def open_dataset(tree: DatasetTree) -> Dataset:
    """Later objects in a file cover earlier ones."""
    files = _files(tree)
    if not files:
        raise FormatError(f"There are no JSON files in a folder called ann in {tree.root}.")
    annotations = [(file, partial(_read_annotation, tree, file)) for file in files]
    recognition = recognise(tree) or Recognition.requested(NAME)
    return build_object_dataset(tree, recognition, annotations, _classes(tree), later_on_top=True)


def _files(tree: DatasetTree) -> list[str]:
    return [name for name in tree.files_ending(".json") if folder_of(name).split("/")[-1] == "ann"]


def _classes(tree: DatasetTree) -> list[tuple[str, Colour | None]]:
    for name in tree.files_named("meta.json"):
        try:
            return [
                (str(row["title"]), parse_hex_colour(str(row["color"])))
                for row in tree.read_json(name)["classes"]
            ]
        except MALFORMED_ERRORS:
            continue
    return []


def _read_annotation(tree: DatasetTree, name: str) -> PictureAnnotation:
    content = tree.read_json(name)
    try:
        size = int(content["size"]["width"]), int(content["size"]["height"])
        objects, skipped = [], 0
        for row in content["objects"]:
            obj = _read_object(row, size)
            objects += [obj] if obj else []
            skipped += obj is None
        tags = tuple(str(tag["name"]) for tag in content.get("tags") or () if "name" in tag)
        folder = folder_of(folder_of(name))
        called = name.rsplit("/", 1)[-1].removesuffix(".json")
        picture = "/".join(filter(None, (folder, "img", called)))
        return PictureAnnotation(picture, size, tuple(objects), split_of(name), tags, skipped)
    except (*MALFORMED_ERRORS, zlib.error) as problem:
        raise FormatError(
            f"{tree.path(name)} does not have the structure of a Supervisely file ({describe_malformed(problem)})."
        ) from problem


def _read_object(row: dict[str, Any], size: tuple[int, int]) -> AnnotatedObject | None:
    label = str(row["classTitle"])
    match row.get("geometryType"):
        case "polygon":
            outer = parse_ring(row["points"]["exterior"])
            return AnnotatedObject(
                label, (outer,), tuple(map(parse_ring, row["points"].get("interior") or ()))
            )
        case "rectangle":
            (x0, y0), (x1, y1) = row["points"]["exterior"]
            return AnnotatedObject(
                label, (box_ring(x0, y0, x1 + 1, y1 + 1),)
            )  # corners are pixels, the last one inside
        case "bitmap":
            unpacking = zlib.decompressobj()
            content = unpacking.decompress(base64.b64decode(row["bitmap"]["data"]), _LARGEST_BITMAP)
            if unpacking.unconsumed_tail:
                raise MalformedValueError("a bitmap is too large")
            x, y = row["bitmap"]["origin"]
            return AnnotatedObject(label, runs=place_mask(decode_png_mask(content), int(x), int(y), size))
        case _:
            return None
