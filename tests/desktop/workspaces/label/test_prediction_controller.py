"""Predictions and other labels are taken over beside the window where they are large, and nobody waits for it.

Nothing here is large: the size from which another thread paints is set to nothing.
"""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.labels.prediction import PredictedMask
from core.project.records import Status
from desktop.workspaces.label import controller
from tests.desktop.conftest import Desk

TOLD = np.ones((64, 96), np.uint8)
TOLD[:, 48:] = 2


@pytest.fixture(params=["at once", "beside"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "beside":
        monkeypatch.setattr(controller, "AT_ONCE", 0)


@pytest.fixture
def held(go_on: threading.Event, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Everything is large, and the other thread does not begin before this."""
    monkeypatch.setattr(controller, "AT_ONCE", 0)
    return go_on


def predict(desk: Desk) -> int:
    """Put a prediction under the hand. Returns the picture."""
    shown = desk.labelling.hand.shown
    assert shown is not None
    desk.labelling._accepting._take(shown, PredictedMask(TOLD, np.full(TOLD.shape, 255, np.uint8)))
    return shown


def act(desk: Desk, action: str) -> None:
    desk.window.actions_by_id[action].trigger()


@pytest.mark.usefixtures("either")
def test_all_of_it_and_only_where_nothing_is_said(desk: Desk) -> None:
    desk.key(Qt.Key.Key_1)
    desk.dab(0.75)
    mine = desk.values == 1
    predict(desk)
    act(desk, "accept_all")
    desk.until_saved(2)
    assert (desk.values == np.where(mine, 1, TOLD)).all()
    act(desk, "accept_all")
    desk.until(lambda: desk.said.startswith("Nothing to accept here"), "that nothing is left")
    act(desk, "undo")
    desk.until(lambda: np.array_equal(desk.values == 1, mine), "one step back")


@pytest.mark.usefixtures("either")
def test_take_over_and_go_on(desk: Desk) -> None:
    first = predict(desk)
    act(desk, "accept_and_next")
    desk.until(lambda: desk.labelling.hand.shown != first, "the next picture")
    desk.until(lambda: desk.session.pictures.get(first).status == Status.DONE, "the first one done")
    assert desk.session.pictures.get(first).labelled_pixels == TOLD.size
    act(desk, "previous_picture")
    desk.until(lambda: desk.labelling.hand.shown == first and (desk.values == TOLD).all(), "the first again")
    act(desk, "next_picture")
    desk.until(lambda: desk.labelling.hand.shown != first, "a bare picture")
    act(desk, "copy_previous")
    desk.until(lambda: desk.said.startswith("Copied 6,144 pixels"), "the copy")
    assert (desk.values == TOLD).all()


def test_who_goes_elsewhere_meanwhile_is_not_led_on(desk: Desk, held: threading.Event) -> None:
    ids = [desk.session.pictures.at(row).id for row in range(3)]
    first = predict(desk)
    assert first == ids[0]
    act(desk, "accept_and_next")
    assert desk.labelling.hand.shown == first and desk.painted == 0
    desk.labelling.show(ids[2])
    desk.until(lambda: desk.labelling.hand.shown == ids[2], "the picture that was asked for")
    desk.until(lambda: desk.session.pictures.get(first).status == Status.DONE, "the first one done")
    desk.until_saved(1)
    desk.rest(100)
    assert desk.labelling.hand.shown == ids[2] and desk.painted == 0


def test_whoever_is_too_quick_does_not_accept_it_for_the_next_picture(
    desk: Desk, held: threading.Event
) -> None:
    first = predict(desk)
    desk.until(lambda: desk.labelling._foreseeing._ready() is not None, "the next picture to lie ready")
    act(desk, "accept_and_next")
    act(desk, "accept_and_next")
    desk.until(lambda: desk.labelling.hand.shown != first, "the next picture")
    held.set()
    desk.until(lambda: not desk.canvas.is_waiting, "the other thread")
    desk.until_saved(1)
    assert desk.painted == 0 and desk.labelling.saving.strokes == 1


def test_a_stroke_that_comes_meanwhile_is_for_this_picture(desk: Desk, held: threading.Event) -> None:
    first = predict(desk)
    desk.until(lambda: desk.labelling._foreseeing._ready() is not None, "the next picture to lie ready")
    desk.key(Qt.Key.Key_2)
    act(desk, "accept_and_next")
    QTest.mousePress(desk.canvas, Qt.MouseButton.LeftButton, pos=desk.at(0.2, 0.5))
    desk.rest(100)
    QTest.mouseMove(desk.canvas, desk.at(0.3, 0.5))
    QTest.mouseRelease(desk.canvas, Qt.MouseButton.LeftButton, pos=desk.at(0.3, 0.5))
    desk.until_saved(2)
    assert desk.labelling.hand.shown == first
    assert desk.values[32, 20] == desk.values[32, 28] == 2 and desk.values[5, 5] == 1
    assert desk.session.pictures.get(first).status == Status.DONE


def test_esc_throws_it_away_and_stays(desk: Desk, held: threading.Event) -> None:
    first = predict(desk)
    act(desk, "accept_and_next")
    desk.key(Qt.Key.Key_Escape, on=desk.canvas)
    held.set()
    desk.key(Qt.Key.Key_1)
    desk.dab(0.5)
    assert desk.labelling.hand.shown == first and desk.labelling.saving.strokes == 1
    assert desk.session.pictures.get(first).status != Status.DONE
    assert 0 < desk.painted < TOLD.size
