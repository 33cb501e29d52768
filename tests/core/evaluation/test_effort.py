"""Annotation effort: the order of pictures, quarters and shares."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.evaluation.effort import (
    AnnotatedPicture,
    Effort,
    PictureOrder,
    initial_order,
    next_first,
    summarise_effort,
)
from core.project.records import PictureRecord


def worked(strokes: int, seconds: float, blank_seconds: float = 10.0) -> AnnotatedPicture:
    return AnnotatedPicture("p.png", strokes, seconds, 0.0, 100, 9, blank_seconds, None, None, 0.0, 0.1, None)


def test_quarters_count_pictures_and_shares_count_seconds() -> None:
    done = [worked(10, 10)] * 2 + [worked(6, 6)] * 5 + [worked(1, 1), worked(3, 2, 20.0)]
    assert summarise_effort(done) == Effort(9, 54, 900, 53.0, 100.0, 0.53, 3 / 30, 10.0, 2.0)
    assert done[-1].share == 0.1
    timed = [replace(done[0], tools={"brush": 2.0, "check": 0.5}, miou=number / 10) for number in range(10)]
    timed[3] = replace(timed[3], tools={"fill": 1.0}, from_blank=True, blank_tools={"polygon": 4.0})
    total = summarise_effort(timed)
    assert total.tools == {"brush": 18.0, "check": 4.5, "fill": 1.0} and total.blank_tools == {"polygon": 4.0}
    assert (total.from_blank, total.miou_at_fifth) == (1, 0.1)
    lone = summarise_effort([worked(4, 5)])
    assert (lone.share_last_quarter, lone.strokes_first_quarter, lone.strokes_last_quarter) == (0.5, 4.0, 4.0)
    with pytest.raises(ValueError, match="no picture was annotated"):
        summarise_effort([])


def test_random_order_depends_on_the_seed() -> None:
    ids = list(range(20))
    assert initial_order(ids, PictureOrder.NAME, 3) == ids
    assert sorted(initial_order(ids, PictureOrder.RANDOM, 3)) == ids
    assert (
        initial_order(ids, PictureOrder.RANDOM, 3)
        == initial_order(ids, PictureOrder.RANDOM, 3)
        != initial_order(ids, PictureOrder.RANDOM, 4)
    )
    for order in (PictureOrder.UNCERTAIN, PictureOrder.QUEUE):
        assert initial_order(ids, order, 3) == initial_order(ids, PictureOrder.RANDOM, 3)


def test_least_confident_first_without_prediction_last() -> None:
    sure = {1: None, 2: 0.9, 3: None, 4: 0.3, 5: 0.6}
    waiting = [PictureRecord(i, f"p{i}.png", mean_confidence=mean) for i, mean in sure.items()]
    assert [r.id for r in next_first(waiting, PictureOrder.UNCERTAIN)] == [4, 5, 2, 1, 3]
    assert [r.id for r in next_first(waiting, PictureOrder.RANDOM)] == [1, 2, 3, 4, 5]
