"""Near-copies among the pictures of a project, and which of them leak from one split into another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.images.perceptual_hash import connected_groups, find_similar_pairs
from core.project.project import Project
from core.project.records import PictureRecord, Split, Status
from core.project.splits.split_plan import sequence_of
from core.session.dataset.fingerprints import read_fingerprints

_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Ids of two pictures that are near-copies of each other; `likeness` 0..1."""

    one: int
    two: int
    similarity: float


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """What a look at all pictures found. `groups` hang together by pairs, the largest first."""

    compared: int
    unreadable: tuple[int, ...]
    pairs: tuple[DuplicatePair, ...]
    groups: tuple[tuple[int, ...], ...]


def find_near_duplicates(
    project: Project,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> NearDuplicates:
    """Look at every picture that is not skipped. Raises Cancelled."""
    records = [r for r in project.pictures.all() if r.status != Status.SKIPPED]
    rows, unread = read_fingerprints(project, records, progress, cancelled)
    found = find_similar_pairs(np.ascontiguousarray(rows["bits"]), rows["grey"], cancelled)
    ids = rows["id"].tolist()
    places = zip(found.first.tolist(), found.second.tolist(), found.similarity.tolist(), strict=True)
    return NearDuplicates(
        len(rows),
        tuple(unread),
        tuple(DuplicatePair(ids[one], ids[two], likeness) for one, two, likeness in places),
        tuple(tuple(ids[place] for place in group) for group in connected_groups(found)),
    )


def leaks(pairs: Iterable[DuplicatePair], records: Mapping[int, PictureRecord]) -> list[DuplicatePair]:
    """Pairs on different sides of train, val and test, most alike first: what is learned there is judged by its copy.

    Skipped pictures are on no side.
    """

    def side(picture_id: int) -> Split | None:
        record = records.get(picture_id)
        return None if record is None or record.status == Status.SKIPPED else record.split

    torn = [p for p in pairs if (a := side(p.one)) and (b := side(p.two)) and a != b]
    return sorted(torn, key=lambda pair: (-pair.similarity, pair.one, pair.two))


@dataclass(frozen=True, slots=True)
class PairList:
    """Near-copies with the splits of now: how many pairs leak, how many do not, and the first of them."""

    leak_count: int
    other_count: int
    pairs: tuple[DuplicatePair, ...]


def list_pairs(pairs: Sequence[DuplicatePair], records: Mapping[int, PictureRecord], most: int) -> PairList:
    """Leaks first, most alike first, at most so many; pairs with a skipped picture are settled and left out."""
    alive = {i for i, record in records.items() if record.status != Status.SKIPPED}
    open_ = [p for p in pairs if p.one in alive and p.two in alive]
    leaking = leaks(open_, records)
    leaky = set(leaking)
    others = [p for p in open_ if p not in leaky]
    others.sort(key=lambda pair: (-pair.similarity, pair.one, pair.two))
    return PairList(len(leaking), len(others), tuple((leaking + others)[:most]))


def sequence_name(record: PictureRecord) -> str:
    """The name of a frame before its number, whatever folder it lies in."""
    return sequence_of(record.name).removeprefix("/")


def split_sequences(records: Sequence[PictureRecord]) -> dict[str, Counter[Split]]:
    """Sequences with frames on several sides, by the name before their numbers, whatever folder each lies in.

    Their frames need not be near-copies to show the same place. Names without a number of their own, such as IMG_,
    are those of a camera and not of a sequence; they are left out.
    """
    found: dict[str, Counter[Split]] = {}
    for record in records:
        if record.split is not None and record.status != Status.SKIPPED:
            found.setdefault(sequence_name(record), Counter())[record.split] += 1
    return {name: sides for name, sides in sorted(found.items()) if len(sides) > 1 and _DIGIT.search(name)}
