"""Plans the assignment of pictures to train, val and test. Pure computation; nothing is stored here."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from core.base.errors import UserError
from core.project.records import PictureRecord, Split, Status
from core.project.splits.stratification import SplitUnits, assign_units

ALL_SPLITS = (Split.TRAIN, Split.VAL, Split.TEST)
SPLIT_NAMES = {
    "train": Split.TRAIN,
    "training": Split.TRAIN,
    "val": Split.VAL,
    "valid": Split.VAL,
    "validation": Split.VAL,
    "dev": Split.VAL,
    "test": Split.TEST,
    "testing": Split.TEST,
}
"""Folders and tags with these names determine the split of their pictures."""
_LAST_DIGITS = re.compile(r"\d+(?=\D*$)")

Pixels = Mapping[int, Mapping[int, int]]
"""Labelled pixels by picture id and class value."""


class SplitGrouping(StrEnum):
    """Pictures to keep together in one split: nothing (each picture alone), a folder, a sequence, or the pictures of a
    tag."""

    SHARE = "share"
    FOLDER = "folder"
    GROUP = "group"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """How to split. `shares` of train, val and test are relative; `reassign`: also pictures that have a split.

    Raises UserError for shares that are negative, not finite or all zero.
    """

    grouping: SplitGrouping = SplitGrouping.SHARE
    shares: tuple[float, float, float] = (70.0, 15.0, 15.0)
    stratify: bool = False
    seed: int = 0
    reassign: bool = False

    def __post_init__(self) -> None:
        if any(not math.isfinite(s) or s < 0 for s in self.shares) or not 0 < sum(self.shares) < math.inf:
            raise UserError("Give three shares of 0 or more, for train, val and test, such as 70,15,15.")


@dataclass(slots=True)
class SplitStats:
    """Counts of one split: pictures, labelled pictures, and labelled pixels by class value."""

    pictures: int = 0
    labelled: int = 0
    pixels: Counter[int] = field(default_factory=Counter)

    def share(self, value: int) -> float:
        """Share of a class in the labelled pixels of this split, 0..1."""
        total = sum(self.pixels.values())
        return self.pixels[value] / total if total else 0.0


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """What a split would change. `changes`: the new splits of pictures whose split differs, by picture id.

    pictures: how many take part (skipped ones do not); units: how many groups were assigned as a whole; moved: how many
    pictures leave a split they had; stats: the counts of each split afterwards
    """

    options: SplitOptions
    changes: Mapping[int, Split]
    pictures: int
    units: int
    moved: int
    stats: Mapping[Split, SplitStats]


def plan_splits(records: Sequence[PictureRecord], pixels: Pixels, options: SplitOptions) -> SplitPlan:
    """Plan a split. The same pictures and options give the same plan.

    Groups are never divided: where pictures of a group have a split that must be kept, the others get it too.
    """
    pool = [r for r in records if r.status != Status.SKIPPED]
    units = _units(pool, options.grouping)
    assigned: dict[int, Split] = {} if options.reassign else {r.id: r.split for r in pool if r.split}
    named = _named_splits(pool, options.grouping)
    assigned |= {i: split for i, split in named.items() if i not in assigned}
    free: list[list[int]] = []
    for unit in units:
        unassigned = [i for i in unit if i not in assigned]
        known = Counter(assigned[i] for i in unit if i in assigned and i not in named)
        if unassigned and known:
            joined = max(ALL_SPLITS, key=lambda split: known[split])
            assigned |= dict.fromkeys(unassigned, joined)
        elif unassigned:
            free.append(unassigned)
    _assign_free_units(free, assigned, pixels, options, len(pool))
    changes = {r.id: assigned[r.id] for r in pool if assigned[r.id] != r.split}
    had = {r.id for r in pool if r.split is not None}
    return SplitPlan(
        options,
        changes,
        len(pool),
        len(units),
        len(had & changes.keys()),
        split_stats(pool, pixels, assigned),
    )


def split_stats(
    records: Iterable[PictureRecord], pixels: Pixels, splits: Mapping[int, Split] | None = None
) -> dict[Split, SplitStats]:
    """Counts of every split, with the splits given by picture id, else with those of the records."""
    parts = {split: SplitStats() for split in ALL_SPLITS}
    for record in records:
        split = record.split if splits is None else splits.get(record.id)
        if split is not None:
            part = parts[split]
            part.pictures += 1
            part.labelled += record.is_labelled
            part.pixels.update(pixels.get(record.id, {}))
    return parts


def classes_in_one_split(parts: Mapping[Split, SplitStats]) -> dict[int, Split]:
    """Class values that occur in only one of several labelled splits, with that split: such a class is never trained or
    never evaluated."""
    used = [split for split, part in parts.items() if part.labelled]
    places: dict[int, list[Split]] = defaultdict(list)
    for split in used:
        for value, count in parts[split].pixels.items():
            if count:
                places[value].append(split)
    return {v: found[0] for v, found in sorted(places.items()) if len(found) == 1 and len(used) > 1}


def sequence_of(path: str) -> str:
    """The key of a frame's sequence: its folder, and its name up to the last number."""
    folder, _, name = path.rpartition("/")
    stem = name.rsplit(".", 1)[0]
    digits = _LAST_DIGITS.search(stem)
    return f"{folder}/{stem[: digits.start()] if digits else stem}"


def _units(pool: Sequence[PictureRecord], by: SplitGrouping) -> list[list[int]]:
    """Groups of ids that stay together, in the order of the pictures."""
    match by:
        case SplitGrouping.SHARE:
            return [[r.id] for r in pool]
        case SplitGrouping.FOLDER:
            keys = {r.id: r.path.rpartition("/")[0] for r in pool}
        case SplitGrouping.GROUP:
            keys = {r.id: sequence_of(r.path) for r in pool}
        case SplitGrouping.TAG:
            keys = _tag_groups(pool)
    units: dict[str, list[int]] = defaultdict(list)
    for picture_id, key in keys.items():
        units[key].append(picture_id)
    return list(units.values())


def _tag_groups(pool: Sequence[PictureRecord]) -> dict[int, str]:
    """A key for each picture: pictures connected by shared tags have the same; those without a tag have their own."""
    parent: dict[str, str] = {}

    def root(tag: str) -> str:
        while parent.setdefault(tag, tag) != tag:
            parent[tag] = parent[parent[tag]]
            tag = parent[tag]
        return tag

    tags = {r.id: [t for t in r.tags if t.casefold() not in SPLIT_NAMES] for r in pool}
    for tags_of_one in tags.values():
        for tag in tags_of_one[1:]:
            parent[root(tag)] = root(tags_of_one[0])
    # No tag contains "\x1f", so the key of a picture without tags cannot equal a tag.
    return {i: root(tags_of_one[0]) if tags_of_one else f"\x1f{i}" for i, tags_of_one in tags.items()}


def _named_splits(pool: Sequence[PictureRecord], by: SplitGrouping) -> dict[int, Split]:
    """The split of each picture whose folder or tag is called like a split; the innermost folder takes precedence."""
    found: dict[int, Split] = {}
    for record in pool:
        words: Iterable[str] = ()
        if by == SplitGrouping.FOLDER:
            words = reversed(record.path.split("/")[:-1])
        elif by == SplitGrouping.TAG:
            words = record.tags
        split = next((SPLIT_NAMES[w.casefold()] for w in words if w.casefold() in SPLIT_NAMES), None)
        if split is not None:
            found[record.id] = split
    return found


def _assign_free_units(
    free: list[list[int]], assigned: dict[int, Split], pixels: Pixels, options: SplitOptions, total: int
) -> None:
    """Add the units without a split to `assigned`, so that all pictures together come close to the shares."""
    shares = np.array(options.shares, float) / sum(options.shares)
    index_of = {split: n for n, split in enumerate(ALL_SPLITS)}
    have = Counter(index_of[split] for split in assigned.values())
    wanted = shares * total - [have[n] for n in range(3)]
    values = sorted({v for counts in pixels.values() for v in counts}) if options.stratify else []
    column = {value: n for n, value in enumerate(values)}
    amounts = np.zeros((len(free), len(values)))
    for row, unit in enumerate(free):
        for picture_id in unit if values else ():
            for value, count in pixels.get(picture_id, {}).items():
                amounts[row, column[value]] += count
    taken = np.zeros((3, len(values)))
    for picture_id, split in assigned.items() if values else ():
        for value, count in pixels.get(picture_id, {}).items():
            taken[index_of[split], column[value]] += count
    wanted_amounts = shares[:, None] * (amounts.sum(axis=0) + taken.sum(axis=0)) - taken
    sizes = np.array([len(unit) for unit in free], int)
    split_indexes = assign_units(SplitUnits(sizes, amounts), wanted, wanted_amounts, shares > 0, options.seed)
    for unit, n in zip(free, split_indexes, strict=True):
        assigned |= dict.fromkeys(unit, ALL_SPLITS[n])
