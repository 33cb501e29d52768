"""Reads COCO instances and stuff: polygons and run-length codes in one or several JSON files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from core.base.display_text import quoted
from core.base.errors import FormatError
from core.formats.account import AccountBuilder, AccountKind
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import Dataset, Recognition
from core.formats.json_stream import parse_json, read_spans
from core.formats.malformed import MALFORMED_ERRORS, MalformedValueError, as_format_error
from core.formats.object_dataset import (
    AnnotatedObject,
    AnnotationHead,
    ObjectCollector,
    PictureAnnotation,
    ReadAnnotation,
    build_object_dataset,
)
from core.formats.rasterizer import Ring, parse_ring, parse_rings
from core.formats.readers.coco_files import instance_files, split_of_file
from core.formats.readers.coco_index import CocoIndex, CocoPicture, Id, id_key, index_file
from core.formats.run_length import Runs, decode_rle, decode_rles, runs_from_counts
from core.labels.class_list import MAX_CLASS_VALUE

NAME = "coco"
DIALECTS = (
    "polygons as lists of lists, flat lists, and lists of pairs",
    "run lengths as lists and compressed; crowds",
    "ids as numbers or text, with or without leading zeros",
    "NaN in fields that are not needed; pictures without width and height",
    "file names as paths of another machine, web and cloud addresses, percent-encoded, and in NFC or NFD",
    "lists with more categories than a project has classes, if few are used; files without categories",
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
    account = AccountBuilder()
    indexes: dict[str, CocoIndex] = {}
    for file in files:
        try:
            indexes[file] = index_file(tree.path(file))
        except FormatError as problem:
            if len(files) == 1:
                raise
            account.failed(file, problem)
    if not any(index.has_areas or index.has_segmentation for index in indexes.values()):
        problems = account.result().sentences(tree.root)
        raise FormatError(
            " ".join(
                (
                    f"The JSON files in {tree.root} contain no areas, only boxes, points or captions.",
                    *problems,
                )
            )
        )
    indexes = {file: index for file, index in indexes.items() if index.has_segmentation}
    notes = ["A crowd is an area of its class like any other."]
    annotations = []
    for file, index in indexes.items():
        if not index.categories:
            index.categories = {key: f"category {key}" for key in index.used if key != ""}
            notes.append(f"{file} does not name its categories; they are called by their numbers.")
        names, split = index.categories, split_of_file(file)
        for picture in index.pictures:
            read = partial(_read_annotation, tree.path(file), picture, names, split)
            annotations.append((file, partial(_read_head, picture, split, read)))
        _account_for(index, file, account)
    recognition = recognise(tree) or Recognition.requested(NAME)
    known = [(name, None) for name in _class_names(list(indexes.values()))]
    dataset = build_object_dataset(tree, recognition, annotations, known, notes=tuple(notes))
    account.add(dataset.account)
    return replace(dataset, account=account.result())


def _class_names(indexes: list[CocoIndex]) -> list[str]:
    """The names of all categories; only those that areas have, if they are more than a project can hold."""
    names = dict.fromkeys(name for index in indexes for name in index.categories.values())
    if len(names) < MAX_CLASS_VALUE:
        return list(names)
    used = {name for index in indexes for key, name in index.categories.items() if key in index.used}
    return [name for name in names if name in used]


def _account_for(index: CocoIndex, file: str, account: AccountBuilder) -> None:
    """What was left out while the file was indexed."""
    for place, reason in index.left_out:
        account.left_out(f"{file}, {place}", reason, AccountKind.ENTRY)
    for place, reason in index.bad_annotations:
        account.left_out(f"{file}, {place}", reason, AccountKind.OBJECT)
    for key, count in index.unlisted.items():
        reason = "the file does not list the picture of this id"
        place = f"{file}, annotations of picture {quoted(str(key))}"
        account.left_out(place, reason, AccountKind.OBJECT, count=count)


def _read_head(picture: CocoPicture, split: str | None, read: ReadAnnotation) -> AnnotationHead:
    return AnnotationHead(picture.name, read, None, split, (), picture.skipped)


def _read_annotation(
    file: Path, picture: CocoPicture, names: dict[Id, str], split: str | None
) -> PictureAnnotation:
    """All objects at once, which is many times as fast; one by one if any of them is malformed. Raises FormatError."""
    try:
        with file.open("rb") as source:
            listed = list(read_spans(source, list(picture.spans)))
    except (*MALFORMED_ERRORS, OSError) as problem:
        raise as_format_error(problem, f"The annotation of {quoted(picture.name)} in {file}") from problem
    try:
        return _read_together(picture, listed, names, split)
    except MALFORMED_ERRORS:
        return _read_one_by_one(picture, listed, names, split)


def _read_together(
    picture: CocoPicture, listed: list[Any], names: dict[Id, str], split: str | None
) -> PictureAnnotation:
    rows = [row for row in listed if (outline := row.get("segmentation")) and outline != [[]]]
    labels = [names[id_key(row["category_id"])] for row in rows]
    outlines = [row["segmentation"] for row in rows]
    polygons = [
        [ring for ring in outline if len(ring) >= 6] if isinstance(outline, list) else None
        for outline in outlines
    ]
    if [] in polygons:
        raise MalformedValueError("an outline has no three corners")
    rings = iter(parse_rings([ring for several in polygons for ring in several or ()]))
    size = picture.size
    runs = _decode_runs(outlines, size)
    objects = tuple(
        AnnotatedObject(label, tuple(islice(rings, len(several or ()))), (), runs.get(n))
        for n, (label, several) in enumerate(zip(labels, polygons, strict=True))
    )
    return PictureAnnotation(picture.name, size, objects, split, (), len(listed) - len(rows))


def _decode_runs(outlines: list[Any], size: tuple[int, int] | None) -> dict[int, Runs]:
    """Run lengths by position in `outlines`, for the outlines that are run-length codes. Raises ValueError."""
    found: dict[int, Runs] = {}
    codes_by_size: dict[tuple[int, int], dict[int, str]] = defaultdict(dict)
    for position, outline in enumerate(outlines):
        if isinstance(outline, list):
            continue
        height, width = _size_of_code(outline, size)
        if isinstance(outline["counts"], list):
            found[position] = runs_from_counts(outline["counts"], height, width)
        else:
            codes_by_size[height, width][position] = outline["counts"]
    for (height, width), codes in codes_by_size.items():
        found |= dict(zip(codes, decode_rles(list(codes.values()), height, width), strict=True))
    return found


def _read_one_by_one(
    picture: CocoPicture, listed: list[Any], names: dict[Id, str], split: str | None
) -> PictureAnnotation:
    found = ObjectCollector()
    size = picture.size
    for number, row in enumerate(listed, 1):
        called = row.get("id") if isinstance(row, dict) else None
        shown = quoted(str(called)) if isinstance(called, str) else called
        place = f"annotation {shown if shown is not None else f'number {number}'} of {quoted(picture.name)}"
        found.add(place, partial(_read_object, row, names, size))
    return PictureAnnotation(
        picture.name, size, found.objects, split, (), found.skipped, left_out=found.left_out
    )


def _read_object(row: Any, names: dict[Id, str], size: tuple[int, int] | None) -> AnnotatedObject | None:
    if not isinstance(row, dict):
        raise MalformedValueError("it is not a table of values")
    outline = row.get("segmentation")
    if not outline or outline == [[]]:
        return None
    if row.get("category_id") is None:
        raise MalformedValueError("it has no category")
    label = names.get(id_key(row["category_id"]))
    if label is None:
        raise MalformedValueError(
            f"its category {quoted(str(row['category_id']))} is not in the list of categories"
        )
    if isinstance(outline, str):
        outline = parse_json(outline.encode("utf-8", "replace"))
    if isinstance(outline, list):
        return AnnotatedObject(label, tuple(_rings(outline)))
    height, width = _size_of_code(outline, size)
    counts = outline.get("counts")
    if isinstance(counts, str):
        return AnnotatedObject(label, runs=decode_rle(counts, height, width))
    return AnnotatedObject(label, runs=runs_from_counts(counts, height, width))


def _rings(outline: list[Any]) -> Iterator[Ring]:
    """The outlines of a segmentation. Those of fewer than three corners are passed over unless all have so few."""
    if not any(isinstance(part, list) for part in outline):
        outline = [outline]  # flat: [x, y, x, y, ..]
    elif all(isinstance(part, list) and len(part) == 2 and not isinstance(part[0], list) for part in outline):
        outline = [outline]  # pairs: [[x, y], [x, y], ..]
    rings = [part for part in outline if not isinstance(part, list) or len(part) >= 6 or _is_pairs(part)]
    yield from map(parse_ring, rings or outline[:1])


def _is_pairs(part: list[Any]) -> bool:
    return len(part) >= 3 and isinstance(part[0], list)


def _size_of_code(outline: Any, size: tuple[int, int] | None) -> tuple[int, int]:
    """(height, width) of a run-length code, which must be that of its picture. Raises MalformedValueError."""
    if not isinstance(outline, dict) or "counts" not in outline:
        raise MalformedValueError("its segmentation is neither an outline nor a run-length code")
    stated = outline.get("size")
    if not isinstance(stated, list) or len(stated) != 2:
        raise MalformedValueError("its run-length code does not state its size")
    height, width = (int(n) for n in stated)
    if size is not None and size != (width, height):
        raise MalformedValueError(
            f"its mask is of {width} x {height} pixels, its picture of {size[0]} x {size[1]}"
        )
    return height, width
