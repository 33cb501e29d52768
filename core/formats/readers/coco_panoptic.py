"""Reads COCO panoptic: PNGs of segments with a JSON file that gives the class of each segment."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.base.errors import FormatError
from core.formats.account import AccountBuilder, AccountKind
from core.formats.class_sets import default_target
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, folder_of, stem_of
from core.formats.dataset_types import Dataset, DatasetClass, LoadedMask, Recognition, Sample
from core.formats.malformed import describe_malformed
from core.formats.mask_values import pack_rgb
from core.formats.readers.coco_files import panoptic_files, split_of_file
from core.images.image_reader import read_picture
from core.labels.class_list import MAX_CLASS_VALUE, VOID, default_colour

NAME = "coco-panoptic"
DIALECTS = ("one or several JSON files",)
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
    classes: dict[int, DatasetClass] = {}
    samples, account = [], AccountBuilder()
    for file in files:
        content = tree.read_json(file)
        try:
            images = {image["id"]: str(image["file_name"]) for image in content.get("images") or ()}
            for row in content["categories"]:
                classes.setdefault(int(row["id"]), _category(row))
            if len(classes) > MAX_CLASS_VALUE:
                raise FormatError(
                    f"{tree.path(file)} has {len(classes)} categories; a project has at most {MAX_CLASS_VALUE} classes."
                )
            value_of = {category: value for value, category in enumerate(classes, 1)}
            for annotation in content["annotations"]:
                png = str(annotation["file_name"])
                mask = tree.find(png, "/".join(filter(None, (folder_of(file), stem_of(file)))))
                reference = images.get(annotation["image_id"], stem_of(png))
                picture = _find_picture(tree, reference, mask, file)
                if mask is None or picture is None:
                    missing = "the mask" if mask is None else "the picture"
                    account.left_out(
                        f"{file}, {reference} with the mask {png}",
                        f"{missing} does not exist",
                        AccountKind.ENTRY,
                    )
                    continue
                segments = {
                    int(s["id"]): value_of[int(s["category_id"])] for s in annotation["segments_info"]
                }
                read = partial(_read_segments, tree.path(mask), segments)
                sources = (tree.path(mask), tree.path(file))
                samples.append(
                    Sample(tree.path(picture), picture, split_of_file(file), read, sources=sources)
                )
        except MALFORMED_ERRORS as problem:
            raise FormatError(
                f"{tree.path(file)} does not have the structure of a COCO panoptic file: "
                f"{describe_malformed(problem)}."
            ) from problem
    recognition = recognise(tree) or Recognition.requested(NAME)
    notes = ("Objects of one class become one area; pixels without a segment are void.",)
    return Dataset(tree.root, recognition, tuple(classes.values()), tuple(samples), notes, account.result())


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


def _read_segments(path: Path, segments: dict[int, int]) -> LoadedMask:
    """segments: LoadedMask value by segment id."""
    ids = pack_rgb(read_picture(path)[..., ::-1])  # reversed channels: 65536 blue + 256 green + red
    found, inverse = np.unique(ids, return_inverse=True)
    unknown = [int(s) for s in found if int(s) and int(s) not in segments]
    values = np.array([segments.get(int(s), VOID) for s in found], np.uint8)
    notes = (
        (f"{path.name} contains {len(unknown)} segments that are not listed; they are void.",)
        if unknown
        else ()
    )
    return LoadedMask(values[inverse].reshape(ids.shape), 1.0, notes)


def _category(row: dict[str, Any]) -> DatasetClass:
    index, title = int(row["id"]), str(row["name"])
    rgb = row.get("color")
    colour = (int(rgb[0]), int(rgb[1]), int(rgb[2])) if rgb else default_colour(index % MAX_CLASS_VALUE + 1)
    return DatasetClass(index, title, colour, default_target(title))
