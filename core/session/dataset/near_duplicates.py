"""Finds near-duplicates among the pictures of a project, and those that leak from one split into another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.base.progress import ProgressCallback
from core.images.perceptual_hash import connected_groups, find_similar_pairs
from core.project.project import Project
from core.project.records import PictureRecord, Split, Status
from core.project.splits.split_plan import sequence_of
from core.session.dataset.fingerprint_cache import read_fingerprints

_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Ids of two pictures that are near-duplicates of each other. similarity: 0..1"""

    one: int
    two: int
    similarity: float


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """The result of a search.

    compared: number of pictures; unreadable: ids; groups: ids connected by pairs, the largest group first
    """

    compared: int
    unreadable: tuple[int, ...]
    pairs: tuple[DuplicatePair, ...]
    groups: tuple[tuple[int, ...], ...]


def find_near_duplicates(
    project: Project,
    progress: ProgressCallback = lambda _done, _of: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> NearDuplicates:
    """Compare all pictures that are not skipped. Raises Cancelled."""
    records = [r for r in project.pictures.all() if r.status != Status.SKIPPED]
    rows, unreadable = read_fingerprints(project, records, progress, cancelled)
    found = find_similar_pairs(np.ascontiguousarray(rows["bits"]), rows["grey"], cancelled)
    ids = rows["id"].tolist()
    pairs = zip(found.first.tolist(), found.second.tolist(), found.similarity.tolist(), strict=True)
    return NearDuplicates(
        len(rows),
        tuple(unreadable),
        tuple(DuplicatePair(ids[one], ids[two], similarity) for one, two, similarity in pairs),
        tuple(tuple(ids[row] for row in group) for group in connected_groups(found)),
    )


def leaks(pairs: Iterable[DuplicatePair], records: Mapping[int, PictureRecord]) -> list[DuplicatePair]:
    """Pairs in different splits, the most similar first: the network is scored on a copy of a training picture.

    Pairs with a skipped picture do not count.
    """

    def split_of(picture_id: int) -> Split | None:
        record = records.get(picture_id)
        return None if record is None or record.status == Status.SKIPPED else record.split

    leaking = [p for p in pairs if (a := split_of(p.one)) and (b := split_of(p.two)) and a != b]
    return sorted(leaking, key=lambda pair: (-pair.similarity, pair.one, pair.two))


@dataclass(frozen=True, slots=True)
class PairList:
    """Near-duplicate pairs judged by the current splits: how many leak, how many do not, and the first of them."""

    leak_count: int
    other_count: int
    pairs: tuple[DuplicatePair, ...]


def list_pairs(pairs: Sequence[DuplicatePair], records: Mapping[int, PictureRecord], limit: int) -> PairList:
    """At most `limit` pairs, leaks first, then by similarity. Pairs with a skipped picture are left out."""
    in_use = {i for i, record in records.items() if record.status != Status.SKIPPED}
    kept = [p for p in pairs if p.one in in_use and p.two in in_use]
    leaking = leaks(kept, records)
    leaking_set = set(leaking)
    others = [p for p in kept if p not in leaking_set]
    others.sort(key=lambda pair: (-pair.similarity, pair.one, pair.two))
    return PairList(len(leaking), len(others), tuple((leaking + others)[:limit]))


def sequence_name(record: PictureRecord) -> str:
    """The name of a frame before its number, without its folder."""
    return sequence_of(record.name).removeprefix("/")


def sequences_across_splits(records: Sequence[PictureRecord]) -> dict[str, Counter[Split]]:
    """Sequences with frames in several splits, by `sequence_name`, with their number of frames in each split.

    Frames of one place need not be near-duplicates. Names without a digit, such as IMG_, come from a camera and not
    from a sequence; they are left out.
    """
    found: dict[str, Counter[Split]] = {}
    for record in records:
        if record.split is not None and record.status != Status.SKIPPED:
            found.setdefault(sequence_name(record), Counter())[record.split] += 1
    return {name: splits for name, splits in sorted(found.items()) if len(splits) > 1 and _DIGIT.search(name)}
