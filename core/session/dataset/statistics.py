"""The dataset in numbers, and what in it looks odd; from what is known already, so that it costs little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from core.base.text import count_of
from core.labels.class_list import UNLABELLED, ClassList
from core.labels.label_map import Values
from core.project.records import PictureRecord, Split, Status
from core.project.splits.split_plan import Pixels, SplitStats, classes_in_one_split, split_stats
from core.session.dataset.near_duplicates import sequence_name, split_sequences

TINY_PIXELS = 16
"""Regions of fewer pixels are most often slips of the hand."""

MAX_LISTED_SEQUENCES = 5
"""Sequences named one by one; of more only the number is told."""


@dataclass(frozen=True, slots=True)
class DatasetFinding:
    """Something worth a look: in one sentence, with the pictures it is about. `key` names its kind."""

    key: str
    sentence: str
    pictures: frozenset[int]


@dataclass(frozen=True, slots=True)
class DatasetStatistics:
    """`table` counts pictures by split and status, `parts` the labels of each split, `whole` those of all.

    `class_pictures` counts pictures by class value, in all and by split; `sizes` are (width, height) with how many
    pictures have them, the most frequent first; only pictures that were opened have one.
    """

    table: Mapping[tuple[Split | None, Status], int]
    parts: Mapping[Split, SplitStats]
    whole: SplitStats
    class_pictures: Mapping[tuple[int, Split | None], int]
    sizes: tuple[tuple[tuple[int, int], int], ...]
    findings: tuple[DatasetFinding, ...]


def dataset_statistics(
    records: Sequence[PictureRecord], pixels: Pixels, classes: ClassList
) -> DatasetStatistics:
    """Count. `class_pictures` has the pictures without a split under None only together with all others."""
    whole, class_pictures = SplitStats(), Counter[tuple[int, Split | None]]()
    for record in records:
        whole.pictures += 1
        whole.labelled += record.is_labelled
        for value, count in pixels.get(record.id, {}).items():
            whole.pixels[value] += count
            class_pictures[value, None] += 1
            if record.split is not None:
                class_pictures[value, record.split] += 1
    parts = split_stats((r for r in records if r.status != Status.SKIPPED), pixels)
    sizes = Counter((r.width, r.height) for r in records if r.width and r.height)
    return DatasetStatistics(
        Counter((r.split, r.status) for r in records),
        parts,
        whole,
        class_pictures,
        tuple(sizes.most_common()),
        tuple(f for f in _findings(records, pixels, classes, parts, sizes) if f.pictures),
    )


def _findings(
    records: Sequence[PictureRecord],
    pixels: Pixels,
    classes: ClassList,
    parts: Mapping[Split, SplitStats],
    sizes: Counter[tuple[int, int]],
) -> list[DatasetFinding]:
    unread = frozenset(r.id for r in records if r.problem is not None)
    empty = frozenset(r.id for r in records if r.status == Status.DONE and not r.is_labelled)
    found = [
        DatasetFinding("unreadable", f"{count_of(len(unread), 'picture')} cannot be read.", unread),
        DatasetFinding(
            "empty done", f"{count_of(len(empty), 'picture')} marked as done without any label.", empty
        ),
    ]
    if len(sizes) > 1:
        usual, _ = sizes.most_common(1)[0]
        odd = frozenset(r.id for r in records if r.width and (r.width, r.height) != usual)
        said = f"{count_of(len(odd), 'picture')} of another size than the usual {usual[0]} × {usual[1]}."
        found.append(DatasetFinding("odd size", said, odd))
    for value, split in classes_in_one_split(parts).items():
        carriers = frozenset(i for i, of_one in pixels.items() if of_one.get(value))
        lack = "it is never judged" if split == Split.TRAIN else "it is never taught"
        if split == Split.TRAIN or not parts[Split.TRAIN].pixels[value]:
            said = f"{classes.name_of(value)} occurs in {split} only: {lack}."
            found.append(DatasetFinding(f"only:{value}", said, carriers))
    return found + _split_sequence_findings(records)


def _split_sequence_findings(records: Sequence[PictureRecord]) -> list[DatasetFinding]:
    torn = split_sequences(records)
    frames: dict[str, list[int]] = {name: [] for name in torn}
    for record in records:
        if record.split is not None and sequence_name(record) in frames:
            frames[sequence_name(record)].append(record.id)
    if len(torn) > MAX_LISTED_SEQUENCES:
        said = (
            f"Frames of {len(torn):,} sequences are on several sides, such as those of “{next(iter(torn))}”."
        )
        return [DatasetFinding("torn", said, frozenset(i for of_one in frames.values() for i in of_one))]
    found = []
    for name, sides in torn.items():
        counts = ", ".join(f"{count:,} in {side}" for side, count in sides.items())
        said = f"Frames of “{name}” are on several sides: {counts}."
        found.append(DatasetFinding(f"torn:{name}", said, frozenset(frames[name])))
    return found


def count_tiny_regions(values: Values, limit: int = TINY_PIXELS) -> int:
    """How many connected regions of fewer than `limit` pixels a label has, (H, W) uint8; diagonals hang together."""
    count = 0
    for value in np.unique(values):
        if value != UNLABELLED:
            mask = (values == value).view(np.uint8)
            _, _, numbers, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
            count += int((numbers[1:, cv2.CC_STAT_AREA] < limit).sum())
    return count
