"""Dataset statistics and findings, computed from stored counts without reading labels or pictures."""

from __future__ import annotations

import itertools
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
from core.session.dataset.near_duplicates import sequence_name, sequences_across_splits

TINY_PIXELS = 16
"""Regions of fewer pixels are mostly painted by mistake."""

MAX_LISTED_SEQUENCES = 5
"""Up to so many sequences have a finding each; more share one."""


@dataclass(frozen=True, slots=True)
class DatasetFinding:
    """A possible problem of the dataset. key: names its kind; pictures: ids of those that it is about."""

    key: str
    sentence: str
    pictures: frozenset[int]


@dataclass(frozen=True, slots=True)
class DatasetStatistics:
    """Counts of a dataset.

    table: pictures by split and status; parts: labels of each split; whole: labels of all pictures
    class_pictures: pictures by class value and split, with split None for all pictures
    sizes: ((width, height), pictures) of the pictures opened so far, the most frequent first
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
    """Count. pixels: labelled pixels by picture id and class value"""
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
    unreadable = frozenset(r.id for r in records if r.problem is not None)
    replaced = frozenset(r.id for r in records if r.is_replaced)
    empty = frozenset(r.id for r in records if r.status == Status.DONE and not r.is_labelled)
    found = [
        DatasetFinding("unreadable", f"{count_of(len(unreadable), 'picture')} cannot be read.", unreadable),
        DatasetFinding(
            "replaced",
            f"{count_of(len(replaced), 'labelled picture')} with a file that has been replaced since: left out of "
            "training until you say what becomes of the label.",
            replaced,
        ),
        DatasetFinding(
            "empty done", f"{count_of(len(empty), 'picture')} marked as done without a label.", empty
        ),
    ]
    if len(sizes) > 1:
        usual, _ = sizes.most_common(1)[0]
        others = frozenset(r.id for r in records if r.width and (r.width, r.height) != usual)
        sentence = (
            f"{count_of(len(others), 'picture')} of another size than the usual {usual[0]} × {usual[1]}."
        )
        found.append(DatasetFinding("odd size", sentence, others))
    for value, split in classes_in_one_split(parts).items():
        with_class = frozenset(i for i, of_picture in pixels.items() if of_picture.get(value))
        name = classes.name_of(value)
        if split == Split.TRAIN:
            sentence = f"{name} occurs only in train, so it is never scored."
            found.append(DatasetFinding(f"only:{value}", sentence, with_class))
        elif not parts[Split.TRAIN].pixels[value]:
            sentence = f"{name} occurs only in {split}, so it is never trained."
            found.append(DatasetFinding(f"only:{value}", sentence, with_class))
    return found + _split_sequence_findings(records)


def _split_sequence_findings(records: Sequence[PictureRecord]) -> list[DatasetFinding]:
    sequences = sequences_across_splits(records)
    frames: dict[str, list[int]] = {name: [] for name in sequences}
    for record in records:
        if record.split is not None and sequence_name(record) in frames:
            frames[sequence_name(record)].append(record.id)
    if len(sequences) > MAX_LISTED_SEQUENCES:
        first = next(iter(sequences))
        sentence = (
            f"Frames of {len(sequences):,} sequences are in several splits, such as those of “{first}”."
        )
        return [DatasetFinding("torn", sentence, frozenset(itertools.chain.from_iterable(frames.values())))]
    found = []
    for name, splits in sequences.items():
        counts = ", ".join(f"{count:,} in {split}" for split, count in splits.items())
        sentence = f"Frames of “{name}” are in several splits: {counts}."
        found.append(DatasetFinding(f"torn:{name}", sentence, frozenset(frames[name])))
    return found


def count_tiny_regions(values: Values, limit: int = TINY_PIXELS) -> int:
    """Number of 8-connected regions of fewer than `limit` pixels in a label, (H, W) uint8."""
    count = 0
    for value in np.unique(values):
        if value != UNLABELLED:
            mask = (values == value).view(np.uint8)
            _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
            count += int((stats[1:, cv2.CC_STAT_AREA] < limit).sum())
    return count
