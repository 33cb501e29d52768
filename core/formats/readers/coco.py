"""Reads COCO instances and stuff: polygons and run-length codes in one or several JSON files."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from json import JSONDecodeError
from pathlib import Path
from typing import Any

import msgspec

from core.base.errors import FormatError
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree
from core.formats.dataset_types import Dataset, Recognition
from core.formats.json_stream import iter_json, read_spans
from core.formats.malformed import MalformedValueError, describe_malformed
from core.formats.object_dataset import AnnotatedObject, PictureAnnotation, build_object_dataset
from core.formats.rasterizer import parse_rings
from core.formats.readers.coco_files import instance_files, split_of_file
from core.formats.run_length import Runs, decode_rles, runs_from_counts

NAME = "coco"
DIALECTS = (
    "polygons; run lengths as lists and compressed; crowds",
    "NaN in fields that are not needed",
)
"""Forms of the format that are read, for the documentation."""


def recognise(tree: DatasetTree) -> Recognition | None:
    files = instance_files(tree)
    if not files:
        return None
    has_areas = any('"segmentation"' in tree.read_ends(name) for name in files)
    shown = ", ".join(files[:3])
    reason = (
        f"{shown} list images, annotations and categories."
        if len(files) > 1
        else f"{shown} lists images, annotations and categories."
    )
    return Recognition(NAME, 0.94 if has_areas else 0.6, reason)


def open_dataset(tree: DatasetTree) -> Dataset:
    """Combines all instance files; those that list only pictures or captions are skipped."""
    files = instance_files(tree)
    if not files:
        raise FormatError(f"There is no JSON file with images, annotations and categories in {tree.root}.")
    names: dict[str, None] = {}
    annotations = []
    for file in files:
        path = tree.path(file)
        index = _index_file(path)
        if not index.categories or not index.has_areas:
            continue
        names |= dict.fromkeys(index.categories.values())
        split = split_of_file(file)
        for image in index.images:
            image_id = _id_key(image.get("id"))
            spans, skipped = index.spans.get(image_id, []), index.skipped[image_id]
            read = partial(_read_annotation, path, image, spans, index.categories, split)
            annotations.append((file, read, partial(_without_objects, path, image, skipped, split)))
    if not annotations:
        raise FormatError(f"The JSON files in {tree.root} contain no areas, only boxes, points or captions.")
    recognition = recognise(tree) or Recognition.requested(NAME)
    notes = ("A crowd is an area of its class like any other.",)
    return build_object_dataset(tree, recognition, annotations, [(name, None) for name in names], notes=notes)


class _AnnotationHead(msgspec.Struct):
    """The fields of an annotation that the index needs, with the outline, which is most of it, left undecoded."""

    image_id: int | str
    segmentation: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_NO_AREA = (msgspec.UNSET, *map(msgspec.Raw, (b"[]", b"{}", b"null", b'""', b"0", b"false")))


def _head_of(row: dict[str, Any]) -> _AnnotationHead:
    if "segmentation" not in row:
        return _AnnotationHead(_id_key(row["image_id"]))
    return _AnnotationHead(
        _id_key(row["image_id"]), msgspec.Raw(b"[]" if not row["segmentation"] else b"[0]")
    )


@dataclass(slots=True)
class _FileIndex:
    """The content of one file without outlines; `spans` are the byte ranges of the annotations by image id."""

    categories: dict[int, str] = field(default_factory=dict)
    images: list[dict[str, Any]] = field(default_factory=list)
    spans: dict[int | str, list[tuple[int, int]]] = field(default_factory=dict)
    skipped: Counter[int | str] = field(default_factory=Counter)
    has_areas: bool = False


def _index_file(path: Path) -> _FileIndex:
    """Read a file once. Raises FormatError."""
    index = _FileIndex()
    previous: int | str | None = None
    try:
        for element in iter_json(path, {"annotations": _AnnotationHead}):
            row = element.value
            match element.key:
                case "categories":
                    index.categories[int(row["id"])] = str(row["name"])
                case "images" if isinstance(row, dict):
                    index.images.append(row)
                case "annotations":
                    head = row if isinstance(row, _AnnotationHead) else _head_of(row)
                    image = head.image_id
                    spans = index.spans.setdefault(image, [])
                    start = spans.pop()[0] if image == previous else element.start
                    spans.append((start, element.end))
                    previous = image
                    index.has_areas |= head.segmentation is not msgspec.UNSET
                    index.skipped[image] += head.segmentation in _NO_AREA
    except OSError as problem:
        raise FormatError(f"{path} cannot be read: {problem.strerror or problem}.") from problem
    except (JSONDecodeError, RecursionError, UnicodeDecodeError) as problem:
        raise FormatError(f"{path} is not valid JSON: {problem}.") from problem
    except MALFORMED_ERRORS as problem:
        raise FormatError(
            f"{path} does not have the structure of a COCO file ({describe_malformed(problem)})."
        ) from problem
    return index


def _id_key(image_id: Any) -> int | str:
    return image_id if isinstance(image_id, int) else str(image_id)


def _without_objects(file: Path, image: dict[str, Any], skipped: int, split: str | None) -> PictureAnnotation:
    """The annotation of a picture before its outlines are read."""
    if "file_name" not in image:
        raise FormatError(f"{file} lists a picture without a file_name; it was left out.")
    return PictureAnnotation(str(image["file_name"]), None, (), split, (), skipped)


def _read_annotation(
    file: Path,
    image: dict[str, Any],
    spans: list[tuple[int, int]],
    names: dict[int, str],
    split: str | None,
) -> PictureAnnotation:
    try:
        with file.open("rb") as source:
            listed = list(read_spans(source, spans))
        rows = [row for row in listed if row.get("segmentation")]
        size = (int(image["width"]), int(image["height"])) if "width" in image and "height" in image else None
        labels = [names[int(row["category_id"])] for row in rows]
        outlines = [row["segmentation"] for row in rows]
        polygons = [
            [ring for ring in outline if len(ring) >= 6] if isinstance(outline, list) else []
            for outline in outlines
        ]
        rings = iter(parse_rings([ring for several in polygons for ring in several]))
        runs = _decode_runs(outlines, size)
        objects = [
            AnnotatedObject(label, tuple(islice(rings, len(several))), (), runs.get(n))
            for n, (label, several) in enumerate(zip(labels, polygons, strict=True))
        ]
        skipped = len(listed) - len(rows)
        return PictureAnnotation(str(image["file_name"]), size, tuple(objects), split, (), skipped)
    except (*MALFORMED_ERRORS, OSError) as problem:
        name = image.get("file_name", "a picture")
        raise FormatError(
            f"The annotation of {name} in {file} cannot be understood ({describe_malformed(problem)})."
        ) from problem


def _decode_runs(outlines: list[Any], size: tuple[int, int] | None) -> dict[int, Runs]:
    """Run lengths by position in `outlines`, for the outlines that are run-length codes. Raises ValueError."""
    found: dict[int, Runs] = {}
    codes_by_size: dict[tuple[int, int], dict[int, str]] = defaultdict(dict)
    for position, outline in enumerate(outlines):
        if isinstance(outline, list):
            continue
        height, width = (int(n) for n in outline["size"])
        if size is not None and size != (width, height):
            raise MalformedValueError("the size of a run-length code differs from its picture")
        if isinstance(outline["counts"], list):
            found[position] = runs_from_counts(outline["counts"], height, width)
        else:
            codes_by_size[height, width][position] = str(outline["counts"])
    for (height, width), codes in codes_by_size.items():
        found |= dict(zip(codes, decode_rles(list(codes.values()), height, width), strict=True))
    return found
