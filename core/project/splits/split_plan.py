"""Plans which pictures teach, which judge and which are kept for the end: pure numbers, nothing is written here."""

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
"""Folders and tags that say by themselves where their pictures belong."""
_LAST_DIGITS = re.compile(r"\d+(?=\D*$)")

Pixels = Mapping[int, Mapping[int, int]]
"""Labelled pixels by picture id and class value."""


class SplitGrouping(StrEnum):
    """What stays together: nothing, the pictures of one folder, the frames of one sequence, those of one tag."""

    SHARE = "share"
    FOLDER = "folder"
    GROUP = "group"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """How to split. `shares` of train, val and test are relative; `everything`: also pictures that have a split.

    Raises UserError for shares that are no shares.
    """

    grouping: SplitGrouping = SplitGrouping.SHARE
    shares: tuple[float, float, float] = (70.0, 15.0, 15.0)
    stratify: bool = False
    seed: int = 0
    reassign: bool = False

    def __post_init__(self) -> None:
        if any(not math.isfinite(s) or s < 0 for s in self.shares) or not 0 < sum(self.shares) < math.inf:
            raise UserError("Shares are three numbers from 0 on, for train, val and test, such as 70,15,15.")


@dataclass(slots=True)
class SplitStats:
    """One split in numbers: pictures, those with a label, and labelled pixels by class value."""

    pictures: int = 0
    labelled: int = 0
    pixels: Counter[int] = field(default_factory=Counter)

    def share(self, value: int) -> float:
        """Share of a class in all labelled pixels of this part, 0..1."""
        total = sum(self.pixels.values())
        return self.pixels[value] / total if total else 0.0


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """What a split would do. `changes` holds only the pictures that get another split than they have.

    `pictures` are all that take part (skipped ones do not), `units` how many things were dealt whole, `moved` how many
    pictures leave a split they had, and `parts` what each split will hold.
    """

    options: SplitOptions
    changes: Mapping[int, Split]
    pictures: int
    units: int
    moved: int
    stats: Mapping[Split, SplitStats]


def plan_splits(records: Sequence[PictureRecord], pixels: Pixels, options: SplitOptions) -> SplitPlan:
    """Plan it. The same pictures and wish give the same plan.

    What stays together is never torn: where part of it has a split already and may not be moved, the rest joins it.
    """
    pool = [r for r in records if r.status != Status.SKIPPED]
    units = _units(pool, options.grouping)
    settled: dict[int, Split] = {} if options.reassign else {r.id: r.split for r in pool if r.split}
    named = _named_splits(pool, options.grouping)
    settled |= {i: split for i, split in named.items() if i not in settled}
    free: list[list[int]] = []
    for unit in units:
        loose = [i for i in unit if i not in settled]
        known = Counter(settled[i] for i in unit if i in settled and i not in named)
        if loose and known:
            joined = max(ALL_SPLITS, key=lambda split: known[split])
            settled |= dict.fromkeys(loose, joined)
        elif loose:
            free.append(loose)
    _assign_free_units(free, settled, pixels, options, len(pool))
    changes = {r.id: settled[r.id] for r in pool if settled[r.id] != r.split}
    had = {r.id for r in pool if r.split is not None}
    return SplitPlan(
        options, changes, len(pool), len(units), len(had & changes.keys()), split_stats(pool, pixels, settled)
    )


def split_stats(
    records: Iterable[PictureRecord], pixels: Pixels, splits: Mapping[int, Split] | None = None
) -> dict[Split, SplitStats]:
    """Every split in numbers: as `splits` says, else as the records say."""
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
    """Class values that occur in a single split although others hold labels too: they are never judged, or never
    taught."""
    used = [split for split, part in parts.items() if part.labelled]
    places: dict[int, list[Split]] = defaultdict(list)
    for split in used:
        for value, count in parts[split].pixels.items():
            if count:
                places[value].append(split)
    return {v: found[0] for v, found in sorted(places.items()) if len(found) == 1 and len(used) > 1}


def sequence_of(path: str) -> str:
    """What a frame shares with the others of its sequence: its folder, and its name before the last run of digits."""
    folder, _, name = path.rpartition("/")
    stem = name.rsplit(".", 1)[0]
    digits = _LAST_DIGITS.search(stem)
    return f"{folder}/{stem[: digits.start()] if digits else stem}"


def _units(pool: Sequence[PictureRecord], by: SplitGrouping) -> list[list[int]]:
    """Ids that stay together, in the order of the list."""
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
    """Pictures that share a tag, directly or through others, have one key; without a tag each has its own."""
    parent: dict[str, str] = {}

    def top(tag: str) -> str:
        while parent.setdefault(tag, tag) != tag:
            parent[tag] = parent[parent[tag]]
            tag = parent[tag]
        return tag

    tags = {r.id: [t for t in r.tags if t.casefold() not in SPLIT_NAMES] for r in pool}
    for of_one in tags.values():
        for tag in of_one[1:]:
            parent[top(tag)] = top(of_one[0])
    # "\x1f" is in no tag: a picture of its own cannot meet a tag that looks like its number.
    return {i: top(of_one[0]) if of_one else f"\x1f{i}" for i, of_one in tags.items()}


def _named_splits(pool: Sequence[PictureRecord], by: SplitGrouping) -> dict[int, Split]:
    """Pictures whose folder or tag is called like a split; the innermost folder decides."""
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
    free: list[list[int]], settled: dict[int, Split], pixels: Pixels, wish: SplitOptions, total: int
) -> None:
    """Give every free unit a split, so that all together, settled ones counted, come close to the shares."""
    shares = np.array(wish.shares, float) / sum(wish.shares)
    place = {split: n for n, split in enumerate(ALL_SPLITS)}
    have = Counter(place[split] for split in settled.values())
    wanted = shares * total - [have[n] for n in range(3)]
    values = sorted({v for of_one in pixels.values() for v in of_one}) if wish.stratify else []
    column = {value: n for n, value in enumerate(values)}
    amounts = np.zeros((len(free), len(values)))
    for row, unit in enumerate(free):
        for picture_id in unit if values else ():
            for value, count in pixels.get(picture_id, {}).items():
                amounts[row, column[value]] += count
    taken = np.zeros((3, len(values)))
    for picture_id, split in settled.items() if values else ():
        for value, count in pixels.get(picture_id, {}).items():
            taken[place[split], column[value]] += count
    wanted_amounts = shares[:, None] * (amounts.sum(axis=0) + taken.sum(axis=0)) - taken
    sizes = np.array([len(unit) for unit in free], int)
    dealt = assign_units(SplitUnits(sizes, amounts), wanted, wanted_amounts, shares > 0, wish.seed)
    for unit, n in zip(free, dealt, strict=True):
        settled |= dict.fromkeys(unit, ALL_SPLITS[n])
