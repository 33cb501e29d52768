"""Reads Mapillary Vistas 1.2 and 2.0: a config file that names the classes, index or palette masks in labels/."""

from __future__ import annotations

import re
from functools import partial

from core.base.errors import FormatError
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, folder_of, split_of, stem_of
from core.formats.dataset_types import ClassTarget, Dataset, DatasetClass, Recognition, Sample
from core.formats.malformed import MalformedValueError, describe_malformed
from core.formats.mask_values import read_index_mask, values_by_index

NAME = "mapillary"
DIALECTS = ("1.2 and 2.0",)
"""Forms of the format that are read, for the documentation."""
_CONFIG = re.compile(r"(?:^|/)config(?:_v([\d.]+))?\.json$")
_LABELS = re.compile(r"(?:^|/)(?:v[\d.]+/)?labels/[^/]+\.png$")


def recognise(tree: DatasetTree) -> Recognition | None:
    configs = _configs(tree)
    masks = sum(1 for name in tree.pictures if _LABELS.search(name))
    if not configs or not masks or '"labels"' not in tree.read_head(configs[-1][1]):
        return None
    return Recognition(NAME, 0.96, f"{configs[-1][1]} lists classes, and labels/ contains {masks:,} masks.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """Opens the newest version that has masks. A class's index is its position in the config file."""
    for version, config in reversed(_configs(tree)):
        lead = f"v{version}/labels/" if version else "labels/"
        masks = [name for name in tree.pictures if _LABELS.search(name) and f"/{lead}" in f"/{name}"]
        if masks:
            return _open_version(tree, config, masks)
    raise FormatError(f"There is no config file with masks in a folder labels in {tree.root}.")


def _open_version(tree: DatasetTree, config: str, masks: list[str]) -> Dataset:
    try:
        classes = tuple(_class(index, row) for index, row in enumerate(tree.read_json(config)["labels"]))
    except MALFORMED_ERRORS as problem:
        raise FormatError(
            f"{tree.path(config)} does not list classes as Mapillary does ({describe_malformed(problem)})."
        ) from problem
    read = partial(read_index_mask, values=values_by_index(classes), source=config)
    mask_of = {(split_of(name), stem_of(name)): name for name in masks}
    samples = []
    for name in tree.pictures:
        if folder_of(name).split("/")[-1] != "images":
            continue
        split = split_of(name)
        mask = mask_of.get((split, stem_of(name)))
        samples.append(
            Sample.with_mask(
                tree.path(name), name.replace("images/", ""), split, tree.path(mask) if mask else None, read
            )
        )
    recognition = recognise(tree) or Recognition.requested(NAME)
    notes = (f"Class names are from {config}; classes that are not evaluated are void.",)
    return Dataset(tree.root, recognition, classes, tuple(samples), notes)


def _configs(tree: DatasetTree) -> list[tuple[str, str]]:
    """(version, name), oldest first; a config without a version sorts first."""
    found = [(match[1] or "", name) for name in tree.files if (match := _CONFIG.search(name))]
    return sorted(found)


def _class(index: int, row: dict[str, object]) -> DatasetClass:
    colour = row["color"]
    if not isinstance(colour, list) or len(colour) != 3:
        raise MalformedValueError("a colour has three components")
    title = str(row.get("readable") or row["name"])
    target = ClassTarget.CLASS if row.get("evaluate", True) else ClassTarget.VOID
    return DatasetClass(index, title, (int(colour[0]), int(colour[1]), int(colour[2])), target)
