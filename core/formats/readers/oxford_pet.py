"""Reads Oxford-IIIT Pet: trimaps (pet, background, border) and split lists; the breed becomes a tag."""

from __future__ import annotations

import re
from functools import partial

from core.base.errors import FormatError
from core.formats.account import AccountBuilder, AccountKind
from core.formats.dataset_tree import DatasetTree, folder_of, stem_of
from core.formats.dataset_types import Dataset, DatasetClass, Recognition, Sample
from core.formats.doubt import Doubt, DoubtAnswer
from core.formats.mask_values import read_index_mask, values_by_index

NAME = "oxford-pet"
DIALECTS = (
    "trimaps with the lists trainval.txt and test.txt",
    "three classes: pet, surroundings, border; `--map border=void` ignores the border",
)
"""Forms of the format that are read, for the documentation."""
CLASSES = (
    DatasetClass(1, "pet", (230, 110, 40)),
    DatasetClass(2, "surroundings", (60, 140, 230)),
    DatasetClass(3, "border", (250, 205, 60)),
)
"""The three values of a trimap."""
_MISSING = "The lists name {count} pictures that do not exist, for example {place}."
_PET = re.compile(r"^(.+)_(\d+)$")


def recognise(tree: DatasetTree) -> Recognition | None:
    trimaps = sum(_is_trimap(name) for name in tree.pictures)
    if not trimaps:
        return None
    return Recognition(NAME, 0.97, f"A folder trimaps contains {trimaps:,} masks.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """trainval.txt and test.txt give the split; listed pictures that do not exist are counted as a problem."""
    masks = {stem_of(name): name for name in tree.pictures if _is_trimap(name)}
    if not masks:
        raise FormatError(f"There is no folder “trimaps” with masks in {tree.root}.")
    read = partial(read_index_mask, values=values_by_index(CLASSES), source="the Pet dataset")
    splits = _splits(tree)
    samples, seen = [], set()
    for name in tree.pictures:
        if _is_trimap(name):
            continue
        stem = stem_of(name)
        seen.add(stem)
        mask = masks.get(stem)
        breed = _PET.match(stem)
        samples.append(
            Sample.with_mask(
                tree.path(name),
                name.removeprefix("images/"),
                splits.get(stem),
                tree.path(mask) if mask else None,
                read,
                (breed[1].replace("_", " ").lower(),) if breed else (),
            )
        )
    account = AccountBuilder()
    for missing in sorted(splits.keys() - seen):
        account.left_out(missing, "the picture does not exist", AccountKind.ENTRY, summary=_MISSING)
    recognition = recognise(tree) or Recognition.requested(NAME)
    notes = ("The breed in the file name becomes a tag.",)
    doubt = Doubt(
        "border-class",
        "The dataset has a value of its own for the border around each pet, where the annotators did not decide.",
        (),
        (
            DoubtAnswer("the border is a class", is_assumed=True),
            DoubtAnswer("the border is void, which training and scores ignore", None, (("border", "void"),)),
        ),
        ("border",),
    )
    return Dataset(
        tree.root, recognition, CLASSES, tuple(samples), notes, account.result(), (doubt,), states_void=True
    )


def _is_trimap(name: str) -> bool:
    return folder_of(name).split("/")[-1].casefold() == "trimaps"


def _splits(tree: DatasetTree) -> dict[str, str]:
    """Split by picture name."""
    found: dict[str, str] = {}
    for last, split in (("trainval.txt", "train"), ("test.txt", "test")):
        for name in tree.files_named(last):
            found |= {line.split()[0]: split for line in tree.read_lines(name) if not line.startswith("#")}
    return found
