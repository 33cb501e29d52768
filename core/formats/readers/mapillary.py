"""Mapillary Vistas 1.2 and 2.0: a config file that names the classes, palette or index masks in labels/."""

from __future__ import annotations

import re
from functools import partial

from core.base.errors import FormatError
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, folder_of, split_of, stem_of
from core.formats.dataset_types import ClassTarget, Dataset, DatasetClass, Recognition, Sample
from core.formats.mask_values import read_index_mask, values_by_index

NAME = "mapillary"
_CONFIG = re.compile(r"(?:^|/)config(?:_v([\d.]+))?\.json$")
_LABELS = re.compile(r"(?:^|/)(?:v[\d.]+/)?labels/[^/]+\.png$")


def recognise(tree: DatasetTree) -> Recognition | None:
    configs = _configs(tree)
    masks = sum(1 for name in tree.pictures if _LABELS.search(name))
    if not configs or not masks or '"labels"' not in tree.read_head(configs[-1][1]):
        return None
    return Recognition(NAME, 0.96, f"{configs[-1][1]} lists classes, and labels/ holds {masks:,} masks.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """The newest version that has masks; the place of a class in the config is its number."""
    for version, config in reversed(_configs(tree)):
        lead = f"v{version}/labels/" if version else "labels/"
        masks = [name for name in tree.pictures if _LABELS.search(name) and f"/{lead}" in f"/{name}"]
        if masks:
            return _opened(tree, config, masks)
    raise FormatError(f"There is no config file with masks in a folder labels in {tree.root}.")


def _opened(tree: DatasetTree, config: str, masks: list[str]) -> Dataset:
    try:
        classes = tuple(_class(place, row) for place, row in enumerate(tree.read_json(config)["labels"]))
    except MALFORMED_ERRORS as problem:
        raise FormatError(
            f"{tree.path(config)} does not list classes as Mapillary does ({problem})."
        ) from problem
    values = values_by_index(classes)
    by_frame = {(split_of(name), stem_of(name)): name for name in masks}
    samples = []
    for name in tree.pictures:
        if folder_of(name).split("/")[-1] != "images":
            continue
        split = split_of(name)
        mask = by_frame.get((split, stem_of(name)))
        read = None if mask is None else partial(read_index_mask, tree.path(mask), values, config)
        sources = () if mask is None else (tree.path(mask),)
        samples.append(Sample(tree.path(name), name.replace("images/", ""), split, read, sources=sources))
    recognition = recognise(tree) or Recognition(NAME, 0.0, "It was asked for.")
    notes = (f"Names of the classes are from {config}; those that are not scored are void.",)
    return Dataset(tree.root, recognition, classes, tuple(samples), notes)


def _configs(tree: DatasetTree) -> list[tuple[str, str]]:
    """Version and name, oldest first; a config without version is older than any."""
    found = [(match[1] or "", name) for name in tree.files if (match := _CONFIG.search(name))]
    return sorted(found)


def _class(place: int, row: dict[str, object]) -> DatasetClass:
    colour = row["color"]
    if not isinstance(colour, list) or len(colour) != 3:
        raise ValueError("a colour has three parts")
    title = str(row.get("readable") or row["name"])
    fate = ClassTarget.CLASS if row.get("evaluate", True) else ClassTarget.VOID
    return DatasetClass(place, title, (int(colour[0]), int(colour[1]), int(colour[2])), fate)
