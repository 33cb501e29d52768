"""Which pictures are near-copies of each other, and how labelled ones are divided into train and val."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from core.project.records import Split

GROUP_TAG = "group:"
"""A tag that begins so names the group of a picture, whatever its file is called."""
VAL_EVERY = 5
"""One labelled picture in five judges the network instead of teaching it."""
MAX_FRAME_STEP = 1000
"""Between the numbers of two frames of one sequence; what counts hundredths of seconds is no counter."""

_NUMBERED = re.compile(r"(.*?)(\d{1,15})(\D*)$")


def sequence_groups(paths: Mapping[int, str]) -> dict[int, str]:
    """The group of each picture by its relative path: its sequence, or it stands alone. A sequence is all
    pictures of a folder whose names differ in their last number only, when most of these numbers follow each
    other at the same step, as frames of a video do: 0001TP_006690, 0001TP_006720, ...
    """
    numbers: dict[str, list[int]] = defaultdict(list)
    key_of: dict[int, str] = {}
    for picture_id, path in paths.items():
        folder, _, name = path.rpartition("/")
        found = _NUMBERED.match(name.rpartition(".")[0] or name)
        if found:
            key = f"{folder}/{found[1]}#{found[3]}"
            key_of[picture_id] = key
            numbers[key].append(int(found[2]))
    sequences = {key for key, some in numbers.items() if _is_sequence(some)}
    return {i: key if (key := key_of.get(i, "")) in sequences else path for i, path in paths.items()}


def _is_sequence(numbers: Sequence[int]) -> bool:
    if len(numbers) < 2:
        return False
    gaps = Counter(after - before for before, after in pairwise(sorted(numbers)))
    (step, often), *_ = gaps.most_common(1)
    return 0 < step <= MAX_FRAME_STEP and 2 * often >= gaps.total()


def assign_splits(rows: Iterable[tuple[int, Split | None]], group_of: Mapping[int, str]) -> dict[int, Split]:
    """The split of each labelled picture that has none yet.

    rows: (picture id, split) of all labelled pictures, in order of id. A group goes to one side as a whole, the
    side it is on already; a new one to val when that has less than its fifth, the largest first, so that the
    small ones judge. Two things matter more than whole groups, and then pictures are divided one by one: that
    there is a val part as soon as three pictures carry labels, and that what a person goes on labelling also
    teaches (a val that has grown to twice the train part takes no more than its fifth).
    """
    sides: dict[str, set[Split]] = defaultdict(set)
    waiting: dict[str, list[int]] = defaultdict(list)
    count: Counter[Split] = Counter()
    for picture_id, split in rows:
        group = group_of.get(picture_id, str(picture_id))
        if split is None:
            waiting[group].append(picture_id)
        else:
            count[split] += 1
            sides[group].add(split)
    found: dict[int, Split] = {}

    def put(picture_ids: Iterable[int], split: Split) -> None:
        for picture_id in picture_ids:
            found[picture_id] = split
            count[split] += 1

    def turn() -> Split:
        # Two for train first, then val whenever it has fallen behind one in five.
        train, val = count[Split.TRAIN], count[Split.VAL]
        return Split.VAL if train >= 2 and val * VAL_EVERY < train + val - 1 else Split.TRAIN

    none_new = waiting.keys() <= sides.keys()
    lone = len(waiting.keys() | sides.keys()) == 1
    for group in sorted(waiting, key=lambda name: (name not in sides, -len(waiting[name]), waiting[name][0])):
        on = sides.get(group, set())
        nothing_judges = not count[Split.VAL] and (lone or none_new)
        judges_too_much = on == {Split.VAL} and count[Split.VAL] >= 2 * count[Split.TRAIN]
        learned = on - {Split.TEST}
        if len(learned) == 2 or nothing_judges or judges_too_much:
            for picture_id in waiting[group]:
                put([picture_id], turn())
        elif on:
            put(waiting[group], next(iter(learned or on)))
        else:
            put(waiting[group], turn())
    return found
