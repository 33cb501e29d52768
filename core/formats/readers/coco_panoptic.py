"""Reads COCO panoptic: PNGs of segments with a JSON file that gives the class of each segment."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.base.display_text import quoted
from core.base.errors import FormatError
from core.formats.account import AccountBuilder, AccountKind
from core.formats.class_sets import default_target
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, folder_of, stem_of
from core.formats.dataset_types import Dataset, DatasetClass, LoadedMask, Recognition, Sample
from core.formats.malformed import MalformedValueError, as_format_error, describe_malformed
from core.formats.mask_values import pack_rgb
from core.formats.readers.coco_files import panoptic_files, split_of_file
from core.formats.readers.coco_index import Id, id_key
from core.formats.value_runs import ValueRuns
from core.images.image_reader import read_picture
from core.labels.class_list import MAX_CLASS_VALUE, VOID, default_colour

NAME = "coco-panoptic"
DIALECTS = (
    "one or several JSON files; ids as numbers or text",
    "lists with more categories than a project has classes, if few are used",
)
"""Forms of the format that are read, for the documentation."""


def recognise(tree: DatasetTree) -> Recognition | None:
    files = panoptic_files(tree)
    if not files:
        return None
    return Recognition(NAME, 0.96, f"{files[0]} lists segments of panoptic PNGs.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """The segment id of a pixel is red + 256 green + 65536 blue; id 0 is void."""
    files = panoptic_files(tree)
    if not files:
        raise FormatError(f"There is no JSON file with segments_info in {tree.root}.")
    account = AccountBuilder()
    contents = {}
    for file in files:
        try:
            contents[file] = _Content.of(tree.read_json(file))
        except (FormatError, *MALFORMED_ERRORS) as problem:
            error = as_format_error(problem, f"{tree.path(file)}, read as COCO panoptic,")
            if len(files) == 1:
                raise error from problem
            account.failed(file, error)
    classes = _classes(list(contents.values()))
    if len(classes) > MAX_CLASS_VALUE:
        raise FormatError(
            f"{tree.root} has {len(classes)} categories; a project has at most {MAX_CLASS_VALUE} classes."
        )
    value_of = {category: value for value, category in enumerate(classes, 1)}
    samples = []
    for file, content in contents.items():
        for number, row in enumerate(content.annotations, 1):
            place = f"{file}, annotation {number:,}"
            try:
                samples.append(_sample(tree, file, content, row, value_of))
            except MALFORMED_ERRORS as problem:
                account.left_out(place, describe_malformed(problem), AccountKind.ENTRY)
    recognition = recognise(tree) or Recognition.requested(NAME)
    notes = ("Objects of one class become one area; pixels without a segment are void.",)
    return Dataset(tree.root, recognition, tuple(classes.values()), tuple(samples), notes, account.result())


@dataclass(frozen=True, slots=True)
class _Content:
    """images: file names by id; used: ids of the categories of segments."""

    images: dict[Id, str]
    categories: list[dict[str, Any]]
    annotations: list[Any]
    used: frozenset[Id]

    @classmethod
    def of(cls, content: dict[str, Any]) -> _Content:
        """Entries that cannot be used are passed over; what refers to them is named."""
        images, used = {}, set()
        for row in content.get("images") or ():
            with contextlib.suppress(*MALFORMED_ERRORS):
                images[id_key(row["id"])] = str(row["file_name"])
        for row in content["annotations"]:
            with contextlib.suppress(*MALFORMED_ERRORS):
                used |= {id_key(segment["category_id"]) for segment in row["segments_info"]}
        return cls(images, list(content["categories"]), list(content["annotations"]), frozenset(used))


def _classes(contents: list[_Content]) -> dict[Id, DatasetClass]:
    """All categories by id; only those that segments have, if they are more than a project can hold."""
    classes: dict[Id, DatasetClass] = {}
    for content in contents:
        for row in content.categories:
            with contextlib.suppress(*MALFORMED_ERRORS):
                classes.setdefault(id_key(row["id"]), _category(row))
    if len(classes) <= MAX_CLASS_VALUE:
        return classes
    used = {key for content in contents for key in content.used}
    return {key: category for key, category in classes.items() if key in used}


def _sample(
    tree: DatasetTree, file: str, content: _Content, annotation: dict[str, Any], value_of: dict[Id, int]
) -> Sample:
    """Raises MalformedValueError and other MALFORMED_ERRORS."""
    png = str(annotation["file_name"])
    mask = tree.find(png, "/".join(filter(None, (folder_of(file), stem_of(file)))))
    reference = content.images.get(id_key(annotation.get("image_id", "")), stem_of(png))
    picture = _find_picture(tree, reference, mask, file)
    if mask is None:
        raise MalformedValueError(f"its mask {quoted(png)} does not exist")
    if picture is None:
        raise MalformedValueError(f"its picture {quoted(reference)} does not exist")
    segments, strange = {}, 0
    for segment in annotation["segments_info"]:
        value = value_of.get(id_key(segment["category_id"]))
        if value is None:
            strange += 1
        segments[int(segment["id"])] = VOID if value is None else value
    read = partial(_read_segments, tree.path(mask), segments, strange)
    sources = (tree.path(mask), tree.path(file))
    return Sample(tree.path(picture), picture, split_of_file(file), read, sources=sources)


def _find_picture(tree: DatasetTree, reference: str, mask: str | None, file: str) -> str | None:
    """The picture that a file refers to, and not the segment PNG of the same name."""
    found = tree.find_picture(reference, folder_of(file), split_of_file(file))
    if found is not None and found != mask and "panoptic" not in folder_of(found):
        return found
    stem = stem_of(reference)
    named = [
        n for n in tree.pictures_with_stem(stem) if stem_of(n) == stem and "panoptic" not in folder_of(n)
    ]
    return named[0] if len(named) == 1 else None


def _read_segments(path: Path, segments: dict[int, int], strange: int) -> LoadedMask:
    """segments: LoadedMask value by segment id; strange: how many of them have a category that is not listed."""
    ids = pack_rgb(read_picture(path), is_red_low=True)
    runs = ValueRuns.of(ids)
    found: list[int] = runs.found.tolist()
    unknown = [number for number in found if number and number not in segments]
    values = np.array([segments.get(number, VOID) for number in found], np.uint8)
    account = AccountBuilder()
    account.came_in(objects=len(segments) - strange)
    for count, reason in (
        (len(unknown), "its segment is not listed; it is void"),
        (strange, "its category is not in the list of categories; it is void"),
    ):
        if count:
            account.left_out(f"{path.name}, segments", reason, AccountKind.OBJECT, count=count)
    return LoadedMask(runs.replaced(values), account=account.result())


def _category(row: dict[str, Any]) -> DatasetClass:
    key = id_key(row["id"])
    index = key if isinstance(key, int) and 0 <= key < 1 << 31 else 0
    title = str(row["name"])
    rgb = row.get("color")
    colour = default_colour(index % MAX_CLASS_VALUE + 1)
    if isinstance(rgb, list) and len(rgb) >= 3 and all(isinstance(c, int) and 0 <= c < 256 for c in rgb[:3]):
        colour = (rgb[0], rgb[1], rgb[2])
    return DatasetClass(index, title, colour, default_target(title))
