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
        monkeypatch.setattr(controller, "MAX_IMMEDIATE_PIXELS", 0)


@pytest.fixture
def held(go_on: threading.Event, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Everything is large, and the other thread does not begin before this."""
    monkeypatch.setattr(controller, "MAX_IMMEDIATE_PIXELS", 0)
    return go_on


def predict(desk: Desk) -> int:
    """Put a prediction under the hand. Returns the picture."""
    shown = desk.labelling.picture.id
    assert shown is not None
    desk.labelling._pictures._prediction_loaded(
        shown, PredictedMask(TOLD, np.full(TOLD.shape, 255, np.uint8))
    )
    return shown


def act(desk: Desk, action: str) -> None:
    desk.window.actions_by_id[action].trigger()


@pytest.mark.usefixtures("either")
def test_all_of_it_and_only_where_nothing_is_said(desk: Desk) -> None:
    desk.key(Qt.Key.Key_1)
    desk.dab(0.75)
    mine = desk.label_values == 1
    predict(desk)
    act(desk, "accept_all")
    desk.wait_until_saved(2)
    assert (desk.label_values == np.where(mine, 1, TOLD)).all()
    act(desk, "accept_all")
    desk.wait_until(lambda: desk.said.startswith("Nothing to accept here"), "that nothing is left")
    act(desk, "undo")
    desk.wait_until(lambda: np.array_equal(desk.label_values == 1, mine), "one step back")


@pytest.mark.usefixtures("either")
def test_take_over_and_go_on(desk: Desk) -> None:
    first = predict(desk)
    act(desk, "accept_and_next")
    desk.wait_until(lambda: desk.labelling.picture.id != first, "the next picture")
    desk.wait_until(lambda: desk.session.pictures.get(first).status == Status.DONE, "the first one done")
    assert desk.session.pictures.get(first).labelled_pixels == TOLD.size
    act(desk, "previous_picture")
    desk.wait_until(
        lambda: desk.labelling.picture.id == first and (desk.label_values == TOLD).all(), "the first again"
    )
    act(desk, "next_picture")
    desk.wait_until(lambda: desk.labelling.picture.id != first, "a bare picture")
    act(desk, "copy_previous")
    desk.wait_until(lambda: desk.said.startswith("Copied 6,144 pixels"), "the copy")
    assert (desk.label_values == TOLD).all()


def test_who_goes_elsewhere_meanwhile_is_not_led_on(desk: Desk, held: threading.Event) -> None:
    ids = [desk.session.pictures.at(row).id for row in range(3)]
    first = predict(desk)
    assert first == ids[0]
    act(desk, "accept_and_next")
    assert desk.labelling.picture.id == first and desk.labelled_pixels == 0
    desk.labelling.show_picture(ids[2])
    desk.wait_until(lambda: desk.labelling.picture.id == ids[2], "the picture that was asked for")
    desk.wait_until(lambda: desk.session.pictures.get(first).status == Status.DONE, "the first one done")
    desk.wait_until_saved(1)
    desk.wait(100)
    assert desk.labelling.picture.id == ids[2] and desk.labelled_pixels == 0


def test_whoever_is_too_quick_does_not_accept_it_for_the_next_picture(
    desk: Desk, held: threading.Event
) -> None:
    first = predict(desk)
    desk.wait_until(
        lambda: desk.labelling._pictures._prefetcher._result() is not None, "the next picture to lie ready"
    )
    act(desk, "accept_and_next")
    act(desk, "accept_and_next")
    desk.wait_until(lambda: desk.labelling.picture.id != first, "the next picture")
    held.set()
    desk.wait_until(lambda: not desk.canvas.tools.is_waiting, "the other thread")
    desk.wait_until_saved(1)
    assert desk.labelled_pixels == 0 and desk.labelling.edit_queue.stored_count == 1


def test_a_stroke_that_comes_meanwhile_is_for_this_picture(desk: Desk, held: threading.Event) -> None:
    first = predict(desk)
    desk.wait_until(
        lambda: desk.labelling._pictures._prefetcher._result() is not None, "the next picture to lie ready"
    )
    desk.key(Qt.Key.Key_2)
    act(desk, "accept_and_next")
    QTest.mousePress(desk.canvas, Qt.MouseButton.LeftButton, pos=desk.position_of(0.2, 0.5))
    desk.wait(100)
    QTest.mouseMove(desk.canvas, desk.position_of(0.3, 0.5))
    QTest.mouseRelease(desk.canvas, Qt.MouseButton.LeftButton, pos=desk.position_of(0.3, 0.5))
    desk.wait_until_saved(2)
    assert desk.labelling.picture.id == first
    assert desk.label_values[32, 20] == desk.label_values[32, 28] == 2 and desk.label_values[5, 5] == 1
    assert desk.session.pictures.get(first).status == Status.DONE


def test_esc_throws_it_away_and_stays(desk: Desk, held: threading.Event) -> None:
    first = predict(desk)
    act(desk, "accept_and_next")
    desk.key(Qt.Key.Key_Escape, on=desk.canvas)
    held.set()
    desk.key(Qt.Key.Key_1)
    desk.dab(0.5)
    assert desk.labelling.picture.id == first and desk.labelling.edit_queue.stored_count == 1
    assert desk.session.pictures.get(first).status != Status.DONE
    assert 0 < desk.labelled_pixels < TOLD.size
