"""Groups frames of one sequence, and assigns newly labelled pictures to train and val."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from core.project.records import Split

GROUP_TAG = "group:"
"""A tag with this prefix names the group of a picture, whatever the name of its file."""
VAL_EVERY = 5
"""One labelled picture in this many goes to val."""
MAX_FRAME_STEP = 1000
"""Largest step between the numbers of successive frames; larger ones are times rather than frame numbers."""

_NUMBERED = re.compile(r"(.*?)(\d{1,15})(\D*)$")


def sequence_groups(paths: Mapping[int, str]) -> dict[int, str]:
    """The group of each picture by id, from its relative path: its sequence, or the picture alone.

    The pictures of a folder whose names differ only in their last number are a sequence when most of these numbers
    follow each other in the same step, as frames of a video do: 0001TP_006690, 0001TP_006720, ...
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
    """The new split of each labelled picture that has none, by picture id.

    rows: (picture id, split) of all labelled pictures, ordered by id. A group gets one split as a whole, the one it has
    already; a new group goes to val when that has fewer than one picture in VAL_EVERY. Large groups are assigned first,
    so that the small ones end up in val. A group is divided in two cases: when val would otherwise stay empty although
    three pictures are labelled, and when its split is val and val has grown to twice the size of train, because
    further labelling of that group should also add to the training pictures.
    """
    splits_of: dict[str, set[Split]] = defaultdict(set)
    unassigned: dict[str, list[int]] = defaultdict(list)
    count: Counter[Split] = Counter()
    for picture_id, split in rows:
        group = group_of.get(picture_id, str(picture_id))
        if split is None:
            unassigned[group].append(picture_id)
        else:
            count[split] += 1
            splits_of[group].add(split)
    found: dict[int, Split] = {}

    def assign(picture_ids: Iterable[int], split: Split) -> None:
        for picture_id in picture_ids:
            found[picture_id] = split
            count[split] += 1

    def next_split() -> Split:
        # Two for train first, then val whenever it has fewer than one in five.
        train, val = count[Split.TRAIN], count[Split.VAL]
        return Split.VAL if train >= 2 and val * VAL_EVERY < train + val - 1 else Split.TRAIN

    no_new_group = unassigned.keys() <= splits_of.keys()
    single_group = len(unassigned.keys() | splits_of.keys()) == 1
    for group in sorted(
        unassigned, key=lambda name: (name not in splits_of, -len(unassigned[name]), unassigned[name][0])
    ):
        current = splits_of.get(group, set())
        val_is_empty = not count[Split.VAL] and (single_group or no_new_group)
        val_is_too_large = current == {Split.VAL} and count[Split.VAL] >= 2 * count[Split.TRAIN]
        in_use = current - {Split.TEST}
        if len(in_use) == 2 or val_is_empty or val_is_too_large:
            for picture_id in unassigned[group]:
                assign([picture_id], next_split())
        elif current:
            assign(unassigned[group], next(iter(in_use or current)))
        else:
            assign(unassigned[group], next_split())
    return found
