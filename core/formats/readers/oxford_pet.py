"""Oxford-IIIT Pet: trimaps (pet, background, border), lists of breeds; the breed becomes a tag."""

from __future__ import annotations

import re
from functools import partial

from core.base.errors import FormatError
from core.formats.class_sets import class_set
from core.formats.dataset_tree import DatasetTree, folder_of, stem_of
from core.formats.dataset_types import Dataset, Recognition, Sample
from core.formats.mask_values import read_index_mask, values_by_index

NAME = "oxford-pet"
_PET = re.compile(r"^(.+)_(\d+)$")


def recognise(tree: DatasetTree) -> Recognition | None:
    trimaps = sum(1 for name in tree.pictures if folder_of(name).split("/")[-1].casefold() == "trimaps")
    if not trimaps:
        return None
    return Recognition(NAME, 0.97, f"It holds {trimaps:,} masks in a folder called trimaps.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """The lists trainval.txt and test.txt give the split; names in them that are not there are counted."""
    masks = {stem_of(n): n for n in tree.pictures if folder_of(n).split("/")[-1].casefold() == "trimaps"}
    if not masks:
        raise FormatError(f"There is no folder “trimaps” with masks in {tree.root}.")
    classes = class_set("pet")
    values = values_by_index(classes)
    listed = _listed(tree)
    samples, seen = [], set()
    for name in tree.pictures:
        stem = stem_of(name)
        if name == masks.get(stem) or folder_of(name).split("/")[-1].casefold() == "trimaps":
            continue
        seen.add(stem)
        mask = masks.get(stem)
        read = None if mask is None else partial(read_index_mask, tree.path(mask), values, "the Pet dataset")
        breed = _PET.match(stem)
        tags = (breed[1].replace("_", " ").lower(),) if breed else ()
        sources = () if mask is None else (tree.path(mask),)
        samples.append(
            Sample(
                tree.path(name), name.removeprefix("images/"), listed.get(stem), read, tags, sources=sources
            )
        )
    problems = []
    if gone := sorted(listed.keys() - seen):
        problems.append(f"The lists name {len(gone):,} pictures that are not there, {gone[0]} for one.")
    recognition = recognise(tree) or Recognition(NAME, 0.0, "It was asked for.")
    notes = ("The border of a pet is void: nobody says what it is. The breed, from the name, becomes a tag.",)
    return Dataset(tree.root, recognition, classes, tuple(samples), notes, tuple(problems))


def _listed(tree: DatasetTree) -> dict[str, str]:
    """Split by name. What is in no list has none."""
    found: dict[str, str] = {}
    for last, split in (("trainval.txt", "train"), ("test.txt", "test")):
        for name in tree.files_named(last):
            found |= {line.split()[0]: split for line in tree.read_lines(name) if not line.startswith("#")}
    return found
