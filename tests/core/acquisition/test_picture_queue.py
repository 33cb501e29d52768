"""The order of pictures to label: by class, with noise, a random share, and without near-duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from core.acquisition.picture_queue import (
    CHOSEN,
    RANDOM_EVERY,
    PictureQueue,
    QueueReason,
    order_pictures,
)
from core.acquisition.picture_summary import DESCRIPTOR_SIZE, SummaryColumns

ROAD, FENCE, POLE = 1, 2, 3
NAMES = {ROAD: "road", FENCE: "fence", POLE: "pole"}


def columns(
    unsure: Sequence[Mapping[int, float]], looks: np.ndarray | None = None, share: float = 0.2
) -> SummaryColumns:
    """Pictures 1, 2, ...: how unsure each is of a class, and a look, by default one of its own."""
    classes = np.array(sorted({value for each in unsure for value in each}), np.uint8)
    doubt = np.array([[each.get(int(value), 0.0) for value in classes] for each in unsure], np.float32)
    if looks is None:
        looks = np.random.default_rng(5).normal(size=(len(unsure), DESCRIPTOR_SIZE))
    return SummaryColumns(
        np.arange(1, len(unsure) + 1),
        classes,
        doubt,
        np.where(doubt > 0, np.float32(share), np.float32(0)),
        looks.astype(np.float16),
    )


def chosen(queue: PictureQueue, reason: QueueReason) -> list[int]:
    return [int(i) for i in queue.ids[queue.reasons == reason]]


def test_every_open_picture_has_one_place_and_a_seed_gives_one_order() -> None:
    rng = np.random.default_rng(1)
    count = 3 * CHOSEN
    summaries = columns([{ROAD: float(rng.random()), FENCE: float(rng.random())} for _ in range(count)])
    ids = range(1, count + 200)  # the last 199 have no summary
    queue = order_pictures(summaries, open_ids=ids, seed=3)
    assert sorted(queue.ids.tolist()) == list(ids)
    assert np.array_equal(order_pictures(summaries, open_ids=ids, seed=3).ids, queue.ids)
    assert not np.array_equal(order_pictures(summaries, open_ids=ids, seed=4).ids, queue.ids)
    assert {queue.rows[i] for i in queue.ids.tolist()} == set(range(len(ids)))


def test_one_place_in_five_is_random_from_the_start() -> None:
    rng = np.random.default_rng(1)
    summaries = columns([{ROAD: float(rng.random())} for _ in range(2 * CHOSEN)])
    queue = order_pictures(summaries, open_ids=range(1, 2 * CHOSEN + 1))
    at_random = queue.reasons == QueueReason.RANDOM
    groups = len(at_random) // RANDOM_EVERY
    counts = at_random[: groups * RANDOM_EVERY].reshape(groups, RANDOM_EVERY).sum(axis=1)
    full = CHOSEN // RANDOM_EVERY
    assert (counts[:full] == 1).all()
    assert at_random.mean() == pytest.approx(1 / RANDOM_EVERY, abs=0.01)
    first_at_random = queue.ids[at_random][:80]
    assert abs(np.mean(first_at_random) - CHOSEN) < 0.2 * CHOSEN  # uniform, not what is unsure


def test_without_the_picture_with_the_highest_id_the_order_of_the_others_stays() -> None:
    summaries = columns([{ROAD: 0.4}] * 300)
    whole, rest = (order_pictures(summaries, open_ids=range(1, end)) for end in (301, 300))
    moved = [abs(whole.rows[i] - rest.rows[i]) for i in range(1, 300)]
    assert max(moved) <= 5


def test_unsure_pictures_come_before_certain_ones() -> None:
    summaries = columns([{ROAD: 0.5 if i % 2 else 0.05} for i in range(1, 101)])
    queue = order_pictures(summaries, open_ids=range(1, 101))
    first = chosen(queue, QueueReason.UNSURE)[:25]
    assert sum(i % 2 for i in first) >= 23


def test_rare_classes_are_asked_for_more_often() -> None:
    summaries = columns([{ROAD: 0.4} if i % 2 else {POLE: 0.4} for i in range(1, 201)])
    pixels = np.zeros(256, np.int64)
    pixels[ROAD], pixels[POLE] = 10_000_000, 1_000
    queue = order_pictures(summaries, open_ids=range(1, 201), class_pixels=pixels)
    first = chosen(queue, QueueReason.UNSURE)[:40]
    assert sum(i % 2 == 0 for i in first) > 24
    assert any(i % 2 for i in first)  # but not alone


def test_near_duplicates_do_not_follow_each_other_nor_repeat_labelled_pictures() -> None:
    rng = np.random.default_rng(2)
    scenes = rng.normal(size=(20, DESCRIPTOR_SIZE))
    looks = np.repeat(scenes, 10, axis=0) + rng.normal(scale=0.01, size=(200, DESCRIPTOR_SIZE))
    summaries = columns([{ROAD: 0.3} for _ in range(200)], looks)
    labelled = range(1, 11)  # the first scene
    queue = order_pictures(summaries, open_ids=range(11, 201), labelled_ids=labelled)
    unsure = chosen(queue, QueueReason.UNSURE)
    scene_of = [(i - 1) // 10 for i in unsure]
    assert len(set(scene_of)) == len(scene_of)  # each scene once
    assert 0 not in scene_of
    repeated = chosen(queue, QueueReason.REPEATED)
    assert len(repeated) > 100
    assert queue.reason(repeated[0], NAMES).startswith("Looks much like")


def test_reasons_name_the_doubtful_classes_and_what_is_new() -> None:
    looks = np.random.default_rng(7).normal(size=(12, DESCRIPTOR_SIZE))
    looks[1] = looks[0] + 0.5 * looks[2]  # rather like the labelled one, but no duplicate of it
    looks[11] *= 3
    doubts = [{ROAD: 0.1}, *({ROAD: 0.4} for _ in range(10)), {FENCE: 0.3, POLE: 0.25, ROAD: 0.01}]
    queue = order_pictures(columns(doubts, looks), open_ids=range(2, 16), labelled_ids=[1])
    assert queue.reason(1, NAMES) == ""
    reasons = {i: queue.reason(i, NAMES) for i in queue.ids.tolist()}
    assert reasons[15] in ("No prediction yet", "Chosen at random (one in five)")
    assert "Chosen at random (one in five)" in reasons.values()
    row = queue.rows[12]
    if queue.reasons[row] == QueueReason.UNSURE:
        assert reasons[12] in (
            "Unsure about fence and pole; unlike anything labelled",
            "Unsure about pole and fence; unlike anything labelled",
        )
    assert set(queue.classes[row].tolist()) == {FENCE, POLE}
    assert queue.novelty[row] > 1
    assert queue.novelty[queue.rows[2]] < 0.75


def test_a_deleted_class_is_not_named() -> None:
    queue = order_pictures(columns([{ROAD: 0.4}, {ROAD: 0.5}, {ROAD: 0.3}]), open_ids=[1, 2, 3])
    unsure = chosen(queue, QueueReason.UNSURE)
    assert {queue.reason(i, {}) for i in unsure} == {"Unsure"}


def test_pinned_pictures_come_first_and_skipped_ones_last() -> None:
    queue = order_pictures(
        columns([{ROAD: 0.4}] * 8), open_ids=range(1, 9), pinned=[7, 99, 2, 7, 5], skipped=[5, 3, 98]
    )
    ids = queue.ids.tolist()
    assert ids[:2] == [7, 2]
    assert ids[-2:] == [3, 5]
    assert len(ids) == 8
    assert [queue.reason(i, NAMES) for i in (7, 3)] == ["Pinned", "Skipped for now"]


def test_without_any_prediction_the_order_is_random() -> None:
    queue = order_pictures(SummaryColumns.of([]), open_ids=range(50), pinned=[4])
    assert queue.ids[0] == 4
    assert sorted(queue.ids.tolist()) == list(range(50))
    assert queue.ids[1:].tolist() != sorted(queue.ids[1:].tolist())
    assert not queue.has_predictions
    assert len(order_pictures(SummaryColumns.of([]), open_ids=[])) == 0


def test_a_single_prediction_is_known_whatever_its_place() -> None:
    """Its place may be one that is drawn at random, or a repeated one."""
    summaries = columns([{ROAD: 0.5}])
    for labelled in range(RANDOM_EVERY):
        queue = order_pictures(summaries, open_ids=range(1, 4), labelled_ids=range(10, 10 + labelled))
        assert queue.has_predictions
    assert not order_pictures(summaries, open_ids=[2, 3]).has_predictions


def test_equal_pictures_without_any_doubt_still_have_an_order() -> None:
    looks = np.zeros((6, DESCRIPTOR_SIZE))
    queue = order_pictures(columns([{ROAD: 0.0}] * 6, looks), open_ids=range(1, 7))
    assert sorted(queue.ids.tolist()) == list(range(1, 7))


def test_the_order_of_the_others_stays_when_the_first_is_labelled_and_random_ones_get_their_turn() -> None:
    rng = np.random.default_rng(9)
    summaries = columns([{ROAD: float(rng.random()), POLE: float(rng.random())} for _ in range(60)])
    labelled: list[int] = []
    expected: list[int] = []
    reasons = []
    for _ in range(20):
        waiting = set(range(1, 61)) - set(labelled)
        queue = order_pictures(summaries, open_ids=waiting, labelled_ids=labelled, seed=2)
        if labelled:
            assert queue.ids[0] in expected
        expected = queue.ids[1:15].tolist()
        reasons.append(queue.reasons[0])
        labelled.append(int(queue.ids[0]))
    assert sum(reason == QueueReason.RANDOM for reason in reasons) == 20 // RANDOM_EVERY
