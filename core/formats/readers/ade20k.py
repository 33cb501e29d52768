"""Reads ADE20K scene parsing: 150 classes in 8-bit masks, where 0 is everything else."""

from __future__ import annotations

import re
from functools import partial

from core.base.errors import FormatError
from core.formats.class_sets import class_set
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, split_of, stem_of
from core.formats.dataset_types import Dataset, DatasetClass, Recognition, Sample
from core.formats.malformed import describe_malformed
from core.formats.mask_values import read_index_mask, values_by_index
from core.labels.class_list import default_colour

NAME = "ade20k"
DIALECTS = ("150 classes, with or without objectInfo150.txt",)
"""Forms of the format that are read, for the documentation."""
_FILE = re.compile(r"^ADE_(train|val|test)_\d+$")
_CLASS_FILE = "objectInfo150.txt"


def recognise(tree: DatasetTree) -> Recognition | None:
    masks = _masks(tree)
    if not masks:
        return None
    return Recognition(NAME, 0.97, f"annotations/ contains {len(masks):,} masks with ADE20K file names.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """Class names are from objectInfo150.txt if it exists; of several names only the first is used."""
    masks = _masks(tree)
    if not masks:
        raise FormatError(
            f"There are no masks called ADE_train_… or ADE_val_… in a folder annotations in {tree.root}."
        )
    classes = _classes(tree)
    values = values_by_index(classes, frozenset([0, 255]))
    read = partial(read_index_mask, values=values, source="ADE20K")
    samples = []
    for name in tree.pictures:
        found = _FILE.match(stem_of(name))
        if found is None or "annotations/" in name:
            continue
        mask = masks.get(stem_of(name))
        samples.append(
            Sample.with_mask(
                tree.path(name),
                name.removeprefix("images/"),
                split_of(name) or found[1],
                tree.path(mask) if mask else None,
                read,
            )
        )
    recognition = recognise(tree) or Recognition.requested(NAME)
    notes = ("0 (everything else) is void.",)
    return Dataset(tree.root, recognition, classes, tuple(samples), notes)


def _masks(tree: DatasetTree) -> dict[str, str]:
    return {
        stem_of(name): name for name in tree.pictures if "annotations/" in name and _FILE.match(stem_of(name))
    }


def _classes(tree: DatasetTree) -> tuple[DatasetClass, ...]:
    for name in tree.files_named(_CLASS_FILE):
        rows = [line.split("\t") for line in tree.read_lines(name)[1:]]
        try:
            listed = [(int(row[0]), row[-1].split(",")[0].strip()) for row in rows]
        except MALFORMED_ERRORS as problem:
            raise FormatError(
                f"{tree.path(name)} is not the table of ADE20K's 150 classes ({describe_malformed(problem)})."
            ) from problem
        return tuple(DatasetClass(index, title, default_colour(index)) for index, title in listed)
    return class_set("ade-150")
