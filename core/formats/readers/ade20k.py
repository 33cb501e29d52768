"""ADE20K scene parsing: 150 classes in 8-bit masks, 0 is everything else."""

from __future__ import annotations

import re
from functools import partial

from core.base.errors import FormatError
from core.formats.class_sets import class_set
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, split_of, stem_of
from core.formats.dataset_types import Dataset, DatasetClass, Recognition, Sample
from core.formats.mask_values import read_index_mask, values_by_index
from core.labels.class_list import default_colour

NAME = "ade20k"
_FILE = re.compile(r"^ADE_(train|val|test)_\d+$")
_TABLE = "objectInfo150.txt"


def recognise(tree: DatasetTree) -> Recognition | None:
    masks = _masks(tree)
    if not masks:
        return None
    return Recognition(NAME, 0.97, f"{len(masks):,} masks in annotations/ are called as those of ADE20K are.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """Names are from objectInfo150.txt when it is there; only the first of several names is kept."""
    masks = _masks(tree)
    if not masks:
        raise FormatError(
            f"There are no masks called ADE_train_… or ADE_val_… in a folder annotations in {tree.root}."
        )
    classes = _classes(tree)
    values = values_by_index(classes, frozenset([0, 255]))
    samples = []
    for name in tree.pictures:
        found = _FILE.match(stem_of(name))
        if found is None or "annotations/" in name:
            continue
        mask = masks.get(stem_of(name))
        read = None if mask is None else partial(read_index_mask, tree.path(mask), values, "ADE20K")
        sources = () if mask is None else (tree.path(mask),)
        split = split_of(name) or found[1]
        samples.append(Sample(tree.path(name), name.removeprefix("images/"), split, read, sources=sources))
    recognition = recognise(tree) or Recognition(NAME, 0.0, "It was asked for.")
    notes = ("0 (everything else) is void.",)
    return Dataset(tree.root, recognition, classes, tuple(samples), notes)


def _masks(tree: DatasetTree) -> dict[str, str]:
    return {
        stem_of(name): name for name in tree.pictures if "annotations/" in name and _FILE.match(stem_of(name))
    }


def _classes(tree: DatasetTree) -> tuple[DatasetClass, ...]:
    for name in tree.files_named(_TABLE):
        rows = [line.split("\t") for line in tree.read_lines(name)[1:]]
        try:
            listed = [(int(row[0]), row[-1].split(",")[0].strip()) for row in rows]
        except MALFORMED_ERRORS as problem:
            raise FormatError(
                f"{tree.path(name)} is not the table of ADE20K's 150 classes ({problem})."
            ) from problem
        return tuple(DatasetClass(index, title, default_colour(index)) for index, title in listed)
    return class_set("ade-150")
