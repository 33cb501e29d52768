"""Sets a part of the training pictures aside for validation where a dataset has none, so that scores exist."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import replace

from core.base.text import count_of
from core.formats.dataset_types import Dataset
from core.project.splits.auto_split import VAL_EVERY, sequence_groups

MIN_TRAINING = 10
"""With fewer training pictures nothing is set aside."""
_LARGEST_SHARE = 0.4


def with_validation(dataset: Dataset) -> Dataset:
    """The dataset, with a fifth of its training pictures in val if it states train but no val; a note says so.

    Whole groups of similar pictures are set aside. A hash of the group decides, so that a dataset that grew sets the
    same groups aside again.
    """
    splits = [sample.split for sample in dataset.samples]
    train = [n for n, split in enumerate(splits) if split == "train"]
    if "val" in splits or len(train) < MIN_TRAINING:
        return dataset
    names = {n: dataset.samples[n].target_path for n in train}
    groups: dict[str, list[int]] = defaultdict(list)
    for n, group in sequence_groups(names).items():
        groups[group].append(n)
    chosen: list[int] = []
    taken = 0
    for group in sorted(groups, key=_fraction):
        if taken and _fraction(group) * VAL_EVERY > 1:
            break
        if len(chosen) + len(groups[group]) <= _LARGEST_SHARE * len(train):
            chosen += groups[group]
            taken += 1
    kind = count_of(taken, "group")
    if not chosen:  # one long sequence: its end is the least similar to the rest
        chosen, kind = train[-(len(train) // VAL_EVERY) :], "the end of the longest sequence"
    aside = set(chosen)
    samples = tuple(
        replace(sample, split="val") if n in aside else sample for n, sample in enumerate(dataset.samples)
    )
    note = (
        f"The dataset names no validation pictures, so {len(aside):,} of its {len(train):,} training pictures ({kind}) "
        "were set aside for validation. The page Data assigns them otherwise, and so does --split."
    )
    return replace(dataset, samples=samples, notes=(*dataset.notes, note))


def _fraction(group: str) -> float:
    """0..1, the same for the same group."""
    digest = hashlib.blake2b(group.encode("utf-8", "surrogateescape"), digest_size=4).digest()
    return int.from_bytes(digest) / 0xFFFFFFFF
