"""Reads Supervisely: meta.json with classes; per dataset a folder img/, and ann/ with polygons and bitmaps."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from core.base.errors import FormatError
from core.formats.class_sets import parse_hex_colour
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, folder_of, split_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.files.file_reader import FileReader
from core.formats.malformed import MalformedValueError, describe_malformed
from core.formats.object_dataset import (
    NO_LABEL,
    AnnotatedObject,
    ObjectCollector,
    PictureAnnotation,
    build_object_dataset,
    decode_png_mask,
    kind_is_unknown,
)
from core.formats.rasterizer import box_ring, circle_ring, parse_ring
from core.formats.run_length import place_mask
from core.labels.class_list import Colour

NAME = "supervisely"
DIALECTS = (
    "polygons with holes, rectangles, bitmaps, alpha masks, ellipses",
    "older files, in which the class says the kind of shape",
    "projects that begin with pictures without objects; folders without meta.json",
)
"""Forms of the format that are read, for the documentation."""
_LARGEST_BITMAP = 64 << 20
"""Largest decompressed bitmap in bytes, a guard against decompression bombs; mask PNGs are far smaller."""
_NOT_AREAS = frozenset(
    (
        "point",
        "line",
        "polyline",
        "graph",
        "keypoints",
        "cuboid",
        "cuboid2d",
        "cuboid3d",
        "pointcloud",
        "pose",
    )
)


@dataclass(frozen=True, slots=True)
class _Meta:
    """What meta.json says of the classes: colours in order, titles by id, and the kind of shape by title."""

    colours: Mapping[str, Colour | None] = field(default_factory=dict)
    titles: Mapping[int, str] = field(default_factory=dict)
    shapes: Mapping[str, str] = field(default_factory=dict)


def recognise(tree: DatasetTree) -> Recognition | None:
    files = _files(tree)
    # Any file tells: a project may begin with pictures on which nothing was drawn.
    has_meta = bool(tree.files_named("meta.json"))
    if not any(_is_annotation(tree.read_ends(name), has_meta) for name in files):
        return None
    if has_meta:
        return Recognition(
            NAME, 0.95, f"It contains a meta.json and {len(files):,} annotations in folders called ann."
        )
    reason = (
        f"{len(files):,} files in folders called ann have objects with a classTitle; meta.json is missing."
    )
    return Recognition(NAME, 0.93, reason)


def open_dataset(tree: DatasetTree) -> Dataset:
    """Later objects in a file cover earlier ones."""
    files = _files(tree)
    if not files:
        raise FormatError(f"There are no JSON files in a folder called ann in {tree.root}.")
    meta = _read_meta(tree)
    annotations = [(file, partial(_read_annotation, tree.reader, file, meta)) for file in files]
    recognition = recognise(tree) or Recognition.requested(NAME)
    return build_object_dataset(tree, recognition, annotations, meta.colours.items(), later_on_top=True)


def _files(tree: DatasetTree) -> list[str]:
    return [name for name in tree.files_ending(".json") if folder_of(name).split("/")[-1].casefold() == "ann"]


def _is_annotation(text: str, has_meta: bool) -> bool:
    return '"classTitle"' in text or (has_meta and '"objects"' in text and '"size"' in text)


def _read_meta(tree: DatasetTree) -> _Meta:
    """The first meta.json that lists classes; a class that cannot be read is passed over."""
    for name in tree.files_named("meta.json"):
        try:
            rows = list(tree.read_json(name)["classes"])
        except (*MALFORMED_ERRORS, FormatError):
            continue
        colours: dict[str, Colour | None] = {}
        titles: dict[int, str] = {}
        shapes: dict[str, str] = {}
        for row in rows:
            if not isinstance(row, dict) or not row.get("title"):
                continue
            title = str(row["title"])
            colours[title] = _colour(row.get("color"))
            shapes[title] = _kind(row.get("shape"))
            if isinstance(row.get("id"), int):
                titles[row["id"]] = title
        if colours:
            return _Meta(colours, titles, shapes)
    return _Meta()


def _colour(text: Any) -> Colour | None:
    try:
        return parse_hex_colour(str(text))
    except ValueError:
        return None


def _kind(text: Any) -> str:
    """The name of a kind of shape without case, blanks and signs."""
    return "".join(c for c in str(text or "").casefold() if c.isalnum())


def _read_annotation(files: FileReader, name: str, meta: _Meta) -> PictureAnnotation:
    content = files.read_json(name)
    try:
        size = int(content["size"]["width"]), int(content["size"]["height"])
        objects = ObjectCollector()
        for number, row in enumerate(content["objects"], 1):
            objects.add(f"object {number}", partial(_read_object, row, size, meta))
        tags = tuple(str(t["name"]) for t in content.get("tags") or () if isinstance(t, dict) and "name" in t)
        return PictureAnnotation(
            _picture(name),
            size,
            objects.objects,
            split_of(name),
            tags,
            objects.skipped,
            objects.left_out,
        )
    except MALFORMED_ERRORS as problem:
        raise FormatError(
            f"{files.path(name)} does not have the structure of a Supervisely file ({describe_malformed(problem)})."
        ) from problem


def _picture(name: str) -> str:
    """img/NAME beside the folder ann in which NAME.json lies."""
    return "/".join(filter(None, (folder_of(folder_of(name)), "img", Path(name).name[: -len(".json")])))


def _read_object(row: dict[str, Any], size: tuple[int, int], meta: _Meta) -> AnnotatedObject | None:
    label = str(row.get("classTitle") or meta.titles.get(row.get("classId", -1), ""))
    kind = _kind(row.get("geometryType")) or meta.shapes.get(label, "")
    if kind in _NOT_AREAS:
        return None
    if not label:
        raise MalformedValueError(NO_LABEL)
    bitmap = row.get("bitmap") or row.get("alpha_mask") or row.get("mask")
    if isinstance(bitmap, dict) and "data" in bitmap:
        x, y = bitmap["origin"]
        part = decode_png_mask(_unpacked(str(bitmap["data"])))
        return AnnotatedObject(label, runs=place_mask(part, int(x), int(y), size))
    if kind == "ellipse":
        x, y = (float(number) for number in row["center"])
        return AnnotatedObject(label, (circle_ring(x, y, float(row["radiusX"]), float(row["radiusY"])),))
    if not isinstance(row.get("points"), dict):
        raise MalformedValueError(kind_is_unknown(str(row.get("geometryType") or "")))
    outer = row["points"]["exterior"]
    if kind == "rectangle" or (len(outer) == 2 and kind in ("", "any")):
        (x0, y0), (x1, y1) = outer
        # Corners are pixels, the last one inside.
        return AnnotatedObject(label, (box_ring(min(x0, x1), min(y0, y1), max(x0, x1) + 1, max(y0, y1) + 1),))
    if kind not in ("polygon", "any", ""):
        raise MalformedValueError(kind_is_unknown(str(row.get("geometryType") or kind)))
    holes = tuple(map(parse_ring, row["points"].get("interior") or ()))
    return AnnotatedObject(label, (parse_ring(outer),), holes)


def _unpacked(data: str) -> bytes:
    """The PNG of a bitmap: base64, mostly compressed again. Raises MalformedValueError and zlib.error."""
    content = base64.b64decode(data)
    if content.startswith(b"\x89PNG"):
        return content
    unpacking = zlib.decompressobj()
    unpacked = unpacking.decompress(content, _LARGEST_BITMAP)
    if unpacking.unconsumed_tail:
        raise MalformedValueError("its bitmap is too large")
    return unpacked
