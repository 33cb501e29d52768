"""Accepting predictions and copying labels, also as deferred edits, and the report of corrected shares.

The pictures are small; the size from which edits are deferred is set to zero.
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.labels.prediction import PredictedMask, write_prediction
from core.project.records import Status
from desktop.tour.window_driver import CTRL
from desktop.workspaces.label import controller
from desktop.workspaces.label.prediction_controller import percent_text
from tests.desktop.conftest import Desk
from tests.factories import project_in

pytestmark = pytest.mark.qt_log_ignore("does not support")

TOLD = np.ones((64, 96), np.uint8)
TOLD[:, 48:] = 2


@pytest.fixture(params=["at once", "beside"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "beside":
        monkeypatch.setattr(controller, "MAX_IMMEDIATE_PIXELS", 0)


@pytest.fixture
def held(go_on: threading.Event, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """All edits are deferred, and the other thread waits for the event."""
    monkeypatch.setattr(controller, "MAX_IMMEDIATE_PIXELS", 0)
    return go_on


def predict(desk: Desk) -> int:
    """Show a prediction of the active picture. Returns the id of the picture."""
    shown = desk.labelling.picture.id
    assert shown is not None
    desk.labelling._pictures._prediction_loaded(
        shown, PredictedMask(TOLD, np.full(TOLD.shape, 255, np.uint8))
    )
    return shown


def act(desk: Desk, action: str) -> None:
    desk.window.actions_by_id[action].trigger()


@pytest.mark.usefixtures("either")
def test_accepting_all_fills_only_unlabelled_pixels(desk: Desk) -> None:
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
def test_accept_and_next_marks_done_and_shows_the_next_picture(desk: Desk) -> None:
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


def test_another_picture_requested_meanwhile_stays(desk: Desk, held: threading.Event) -> None:
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


def test_accepting_twice_quickly_does_not_accept_for_the_next_picture(
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


def test_a_stroke_made_meanwhile_belongs_to_this_picture(desk: Desk, held: threading.Event) -> None:
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


def test_esc_cancels_accepting_and_stays_on_the_picture(desk: Desk, held: threading.Event) -> None:
    first = predict(desk)
    act(desk, "accept_and_next")
    desk.key(Qt.Key.Key_Escape, on=desk.canvas)
    held.set()
    desk.key(Qt.Key.Key_1)
    desk.dab(0.5)
    assert desk.labelling.picture.id == first and desk.labelling.edit_queue.stored_count == 1
    assert desk.session.pictures.get(first).status != Status.DONE
    assert 0 < desk.labelled_pixels < TOLD.size


def test_the_corrected_share_is_reported_beside_the_previous_one(desk: Desk, tmp_path: Path) -> None:
    with project_in(tmp_path / "told") as project:
        run = project.runs.start('{"architecture": "asymmetric-unet"}', "{}", None, 1)
        for picture_id in (1, 2):
            width, height = project.pictures.get(picture_id).width, project.pictures.get(picture_id).height
            ones = np.full((height or 64, width or 96), 1, np.uint8)
            write_prediction(project.prediction_path(picture_id), PredictedMask(ones, ones, run.id))
    desk.window.open_project(tmp_path / "told")
    desk.wait_until(lambda: desk.window.context is not None and desk.has_picture(), "a picture", 20)
    desk.wait_until(lambda: desk.labelling.picture.prediction is not None, "its prediction", 20)

    desk.key(Qt.Key.Key_2)
    desk.dab(0.5)
    desk.key(Qt.Key.Key_Return, CTRL)
    desk.wait_until(lambda: desk.said.startswith("Corrected"), "what it took", 10)
    first = desk.said
    assert first.startswith("Corrected ") and " % of " in first and "before" not in first

    desk.wait_until(lambda: desk.labelling.picture.id == 2, "the next picture", 10)
    desk.wait_until(lambda: desk.labelling.picture.prediction is not None, "its prediction", 20)
    desk.key(Qt.Key.Key_Return, CTRL)
    desk.wait_until(lambda: desk.said.startswith("Corrected nothing"), "what this one took", 10)
    assert desk.said.endswith(f", {first.split()[1]} % of the one before.")

    desk.wait_until(lambda: desk.labelling.picture.id == 3, "the last picture", 10)
    desk.window.show_message("")
    desk.dab(0.5)
    desk.key(Qt.Key.Key_D, CTRL)
    desk.wait_until(lambda: desk.session.pictures.get(3).status == "done", "the mark", 10)
    desk.session.wait_until_saved()
    desk.wait(50)
    assert not desk.said, "nobody had predicted it"


def test_shares_as_text() -> None:
    assert [percent_text(share) for share in (0, 0.004, 0.03, 0.114)] == [
        "nothing",
        "less than 1 %",
        "3 %",
        "11 %",
    ]
