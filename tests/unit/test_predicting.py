"""Whose turn it is to be predicted."""

from __future__ import annotations

from core.session.predicting import in_turn

PICTURES = [1, 2, 3, 4, 5, 6]


def test_the_shown_picture_is_first_and_then_those_that_come_next() -> None:
    assert in_turn(PICTURES, 4, {}) == [4, 5, 6, 1, 2, 3]
    assert in_turn(PICTURES, None, {}) == PICTURES
    assert in_turn(PICTURES, 9, {}) == PICTURES  # not among those that can be read
    assert in_turn([], 4, {}) == []


def test_who_has_no_prediction_comes_before_who_has_an_old_one() -> None:
    assert in_turn(PICTURES, 4, {5: 2, 6: 1, 4: 3}) == [4, 1, 2, 3, 6, 5]


def test_everybody_is_reached_however_often_the_weights_change() -> None:
    turns: dict[int, int] = {}
    for change in range(5):
        for number, picture_id in enumerate(in_turn(PICTURES, 4, turns)[:2]):
            turns[picture_id] = 2 * change + number
    assert set(turns) == set(PICTURES)
