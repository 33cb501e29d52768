"""Split plans: shares are met, groups stay together, the same seed gives the same plan."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import UserError
from core.project.records import PictureRecord, Split, Status
from core.project.splits.split_plan import (
    ALL_SPLITS,
    SplitGrouping,
    SplitOptions,
    SplitPlan,
    classes_in_one_split,
    plan_splits,
    sequence_of,
)

shares = st.tuples(*[st.integers(0, 100)] * 3).filter(lambda s: sum(s) > 0)
sizes = st.lists(st.integers(1, 30), min_size=1, max_size=25)


def frames(*counts: int, **more: object) -> list[PictureRecord]:
    """Sequences of so many frames each."""
    paths = [f"day/s{chr(97 + n)}_{k:04}.png" for n, count in enumerate(counts) for k in range(count)]
    return [PictureRecord(n + 1, path, **more) for n, path in enumerate(paths)]  # type: ignore[arg-type]


def dealt(records: list[PictureRecord], plan: SplitPlan) -> dict[int, Split | None]:
    return {r.id: plan.changes.get(r.id, r.split) for r in records}


def torn(records: list[PictureRecord], plan: SplitPlan) -> bool:
    after = dealt(records, plan)
    homes: dict[str, set[Split | None]] = {}
    for record in records:
        homes.setdefault(sequence_of(record.path), set()).add(after[record.id])
    return any(len(found) > 1 for found in homes.values())


@given(sizes, shares, st.integers(0, 5), st.booleans())
def test_groups_stay_together_and_shares_are_met_within_a_group(
    counts: list[int], wanted: tuple[int, int, int], seed: int, stratify: bool
) -> None:
    records = frames(*counts)
    wish = SplitOptions(SplitGrouping.GROUP, wanted, stratify, seed)
    pixels = {r.id: {1 + r.id % 3: 10 + r.id} for r in records}
    plan = plan_splits(records, pixels, wish)
    assert plan.changes.keys() == {r.id for r in records}
    assert not torn(records, plan)
    assert plan == plan_splits(records, pixels, wish)
    for split, share in zip(ALL_SPLITS, wanted, strict=True):
        target = len(records) * share / sum(wanted)
        assert plan.stats[split].pictures < target + max(counts) + 1e-6
        if not share:
            assert plan.stats[split].pictures == 0
    if len(counts) >= 3 and all(wanted):
        assert all(plan.stats[split].pictures for split in ALL_SPLITS)


@given(st.integers(1, 200), shares, st.integers(0, 5), st.booleans())
def test_single_pictures_meet_the_shares_within_one(
    count: int, wanted: tuple[int, int, int], seed: int, stratify: bool
) -> None:
    records = frames(count)
    pixels = {r.id: {1 + r.id % 4: r.id} for r in records}
    plan = plan_splits(records, pixels, SplitOptions(SplitGrouping.SHARE, wanted, stratify, seed))
    most = 1 if count > 6 else 2  # of very few, each part gets one if it can
    for split, share in zip(ALL_SPLITS, wanted, strict=True):
        assert abs(plan.stats[split].pictures - count * share / sum(wanted)) <= most + 1


@given(st.data())
def test_existing_splits_are_kept_and_their_groups_join(data: st.DataObject) -> None:
    counts = data.draw(sizes)
    split = st.one_of(st.none(), st.sampled_from(ALL_SPLITS))
    records = [
        PictureRecord(r.id, r.path, split=data.draw(split) if r.id % 7 == 0 else None)
        for r in frames(*counts)
    ]
    plan = plan_splits(records, {}, SplitOptions(SplitGrouping.GROUP))
    had = {r.id: r.split for r in records if r.split}
    assert not had.keys() & plan.changes.keys()
    assert plan.moved == 0
    after = dealt(records, plan)
    assert None not in after.values()
    for record in records:
        mates = {
            had[r.id] for r in records if r.id in had and sequence_of(r.path) == sequence_of(record.path)
        }
        assert not mates or after[record.id] in mates
    again = plan_splits(records, {}, SplitOptions(SplitGrouping.GROUP, reassign=True))
    assert not torn(records, again)
    assert again.moved == len(had.keys() & again.changes.keys())


def test_other_seeds_give_other_plans() -> None:
    records = frames(200)
    plans = [plan_splits(records, {}, SplitOptions(seed=seed)).changes for seed in (0, 1)]
    assert plans[0] != plans[1]


def test_pictures_counted_towards_the_shares() -> None:
    records = [PictureRecord(n, f"{n}.png", split=Split.TRAIN if n < 70 else None) for n in range(100)]
    plan = plan_splits(records, {}, SplitOptions())
    assert Counter(plan.changes.values()) == {Split.VAL: 15, Split.TEST: 15}


def distance(plan: SplitPlan, values: list[int]) -> float:
    """How far the pixels of each class are from the shares wanted, summed up."""
    far = 0.0
    for value in values:
        total = sum(part.pixels[value] for part in plan.stats.values())
        for split, share in zip(ALL_SPLITS, plan.options.shares, strict=True):
            far += abs(plan.stats[split].pixels[value] / total - share / sum(plan.options.shares))
    return far


@pytest.mark.parametrize("by", [SplitGrouping.SHARE, SplitGrouping.GROUP])
def test_stratified_split_is_better_than_random_for_rare_classes(by: SplitGrouping) -> None:
    chance = np.random.default_rng(4)
    records = frames(*[5] * 60)
    pixels: dict[int, dict[int, int]] = {}
    for record in records:
        group = (record.id - 1) // 5
        pixels[record.id] = {1: 1000, 2: int(chance.integers(0, 400))}
        if group % 7 == 0:  # rare, and in some groups far more than in others
            pixels[record.id][3] = int(chance.integers(1, 20)) * (1 + group)
        if group in (3, 20, 40):
            pixels[record.id][4] = 50
    values = [1, 2, 3, 4]
    plain = [distance(plan_splits(records, pixels, SplitOptions(by, seed=s)), values) for s in range(8)]
    better = [
        distance(plan_splits(records, pixels, SplitOptions(by, stratify=True, seed=s)), values)
        for s in range(8)
    ]
    assert max(better) < np.median(plain)
    assert np.mean(better) < 0.6 * np.mean(plain)


def test_folders_and_tags_named_like_a_split_determine_it() -> None:
    paths = ("images/Train/a/1.png", "images/val/1.png", "other/1.png", "other/2.png", "test/val/x.png")
    records = [PictureRecord(n, path) for n, path in enumerate(paths)]
    plan = plan_splits(records, {}, SplitOptions(SplitGrouping.FOLDER, (0, 0, 100)))
    assert dealt(records, plan) == {
        0: Split.TRAIN,
        1: Split.VAL,
        2: Split.TEST,
        3: Split.TEST,
        4: Split.VAL,
    }
    tags = (("night", "Val"), ("night",), ("night", "rain"), ("rain",), ("sun",), ())
    tagged = [PictureRecord(n, f"{n}.png", tags=t) for n, t in enumerate(tags)]
    plan = plan_splits(tagged, {}, SplitOptions(SplitGrouping.TAG, (50, 0, 50)))
    after = dealt(tagged, plan)
    assert after[0] == Split.VAL
    assert after[1] == after[2] == after[3]
    assert {after[4], after[5]} == {Split.TRAIN, Split.TEST} - {after[1]} or after[4] == after[5]


def test_sequence_keys() -> None:
    same = ("day/0001TP_006690.png", "day/0001TP_006720.jpg", "day/0001TP_7.png")
    assert {sequence_of(path) for path in same} == {"day/0001TP_"}
    assert sequence_of("0001TP_006690.png") != sequence_of("day/0001TP_006690.png")
    assert sequence_of("clip12_0003_left.png") == sequence_of("clip12_0009.png") == "/clip12_"
    assert sequence_of("roof.png") == "/roof"


def test_skipped_pictures_are_left_out_and_classes_in_one_split_are_named() -> None:
    records = [PictureRecord(n, f"{n}.png", labelled_pixels=9) for n in range(1, 5)]
    records.append(PictureRecord(9, "9.png", status=Status.SKIPPED))
    pixels = {1: {1: 5, 2: 4}, 2: {1: 9}, 3: {1: 9}, 4: {1: 8, 3: 1}}
    plan = plan_splits(records, pixels, SplitOptions(shares=(2, 1, 1)))
    assert plan.pictures == 4 and 9 not in plan.changes
    lonely = classes_in_one_split(plan.stats)
    assert lonely == {2: plan.changes[1], 3: plan.changes[4]}


@pytest.mark.parametrize("bad", [(0, 0, 0), (-1, 2, 3), (float("nan"), 1, 1), (float("inf"), 1, 1)])
def test_invalid_shares(bad: tuple[float, float, float]) -> None:
    with pytest.raises(UserError, match="70,15,15"):
        SplitOptions(shares=bad)
