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
from tests.desktop.conftest import GuiDriver
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


def predict(gui: GuiDriver) -> int:
    """Show a prediction of the active picture. Returns the id of the picture."""
    shown = gui.labelling.picture.id
    assert shown is not None
    gui.labelling._pictures._prediction_loaded(shown, PredictedMask(TOLD, np.full(TOLD.shape, 255, np.uint8)))
    return shown


def act(gui: GuiDriver, action: str) -> None:
    gui.window.actions_by_id[action].trigger()


@pytest.mark.usefixtures("either")
def test_accepting_all_fills_only_unlabelled_pixels(gui: GuiDriver) -> None:
    gui.key(Qt.Key.Key_1)
    gui.dab(0.75)
    mine = gui.label_values == 1
    predict(gui)
    act(gui, "accept_all")
    gui.wait_until_saved(2)
    assert (gui.label_values == np.where(mine, 1, TOLD)).all()
    act(gui, "accept_all")
    gui.wait_until(lambda: gui.said.startswith("Nothing to accept: "), "that nothing is left")
    act(gui, "undo")
    gui.wait_until(lambda: np.array_equal(gui.label_values == 1, mine), "one step back")


@pytest.mark.usefixtures("either")
def test_accept_and_next_marks_done_and_shows_the_next_picture(gui: GuiDriver) -> None:
    first = predict(gui)
    act(gui, "accept_and_next")
    gui.wait_until(lambda: gui.labelling.picture.id != first, "the next picture")
    gui.wait_until(lambda: gui.session.pictures.get(first).status == Status.DONE, "the first one done")
    assert gui.session.pictures.get(first).labelled_pixels == TOLD.size
    act(gui, "previous_picture")
    gui.wait_until(
        lambda: gui.labelling.picture.id == first and (gui.label_values == TOLD).all(), "the first again"
    )
    act(gui, "next_picture")
    gui.wait_until(lambda: gui.labelling.picture.id != first, "a bare picture")
    act(gui, "copy_previous")
    gui.wait_until_said("Copied 6,144 pixels")
    assert (gui.label_values == TOLD).all()


def test_another_picture_requested_meanwhile_stays(gui: GuiDriver, held: threading.Event) -> None:
    ids = [gui.session.pictures.at(row).id for row in range(3)]
    first = predict(gui)
    assert first == ids[0]
    act(gui, "accept_and_next")
    assert gui.labelling.picture.id == first and gui.labelled_pixels == 0
    gui.labelling.show_picture(ids[2])
    gui.wait_until(lambda: gui.labelling.picture.id == ids[2], "the picture that was asked for")
    gui.wait_until(lambda: gui.session.pictures.get(first).status == Status.DONE, "the first one done")
    gui.wait_until_saved(1)
    gui.wait(100)
    assert gui.labelling.picture.id == ids[2] and gui.labelled_pixels == 0


def test_accepting_twice_quickly_does_not_accept_for_the_next_picture(
    gui: GuiDriver, held: threading.Event
) -> None:
    first = predict(gui)
    gui.wait_until(
        lambda: gui.labelling._pictures._prefetcher._result() is not None, "the next picture to lie ready"
    )
    act(gui, "accept_and_next")
    act(gui, "accept_and_next")
    gui.wait_until(lambda: gui.labelling.picture.id != first, "the next picture")
    held.set()
    gui.wait_until(lambda: not gui.canvas.tools.is_waiting, "the other thread")
    gui.wait_until_saved(1)
    assert gui.labelled_pixels == 0 and gui.labelling.edit_queue.stored_count == 1


def test_a_stroke_made_meanwhile_belongs_to_this_picture(gui: GuiDriver, held: threading.Event) -> None:
    first = predict(gui)
    gui.wait_until(
        lambda: gui.labelling._pictures._prefetcher._result() is not None, "the next picture to lie ready"
    )
    gui.key(Qt.Key.Key_2)
    act(gui, "accept_and_next")
    QTest.mousePress(gui.canvas, Qt.MouseButton.LeftButton, pos=gui.position_of(0.2, 0.5))
    gui.wait(100)
    QTest.mouseMove(gui.canvas, gui.position_of(0.3, 0.5))
    QTest.mouseRelease(gui.canvas, Qt.MouseButton.LeftButton, pos=gui.position_of(0.3, 0.5))
    gui.wait_until_saved(2)
    assert gui.labelling.picture.id == first
    assert gui.label_values[32, 20] == gui.label_values[32, 28] == 2 and gui.label_values[5, 5] == 1
    assert gui.session.pictures.get(first).status == Status.DONE


def test_esc_cancels_accepting_and_stays_on_the_picture(gui: GuiDriver, held: threading.Event) -> None:
    first = predict(gui)
    act(gui, "accept_and_next")
    gui.key(Qt.Key.Key_Escape, on=gui.canvas)
    held.set()
    gui.key(Qt.Key.Key_1)
    gui.dab(0.5)
    assert gui.labelling.picture.id == first and gui.labelling.edit_queue.stored_count == 1
    assert gui.session.pictures.get(first).status != Status.DONE
    assert 0 < gui.labelled_pixels < TOLD.size


def test_the_corrected_share_is_reported_beside_the_previous_one(gui: GuiDriver, tmp_path: Path) -> None:
    with project_in(tmp_path / "told") as project:
        run = project.runs.start('{"architecture": "asymmetric-unet"}', "{}", None, 1)
        for picture_id in (1, 2):
            width, height = project.pictures.get(picture_id).width, project.pictures.get(picture_id).height
            ones = np.full((height or 64, width or 96), 1, np.uint8)
            write_prediction(project.prediction_path(picture_id), PredictedMask(ones, ones, run.id))
            project.runs.record_prediction(picture_id, run.id, 0.5)
    gui.window.open_project(tmp_path / "told")
    gui.wait_until(lambda: gui.window.context is not None and gui.has_picture(), "a picture", 20)
    gui.wait_until(lambda: gui.labelling.picture.prediction is not None, "its prediction", 20)

    gui.key(Qt.Key.Key_2)
    gui.dab(0.5)
    gui.key(Qt.Key.Key_Return, CTRL)
    gui.wait_until(lambda: gui.said.startswith("Corrected"), "what it took", 10)
    first = gui.said
    assert first.startswith("Corrected ") and " % of " in first and "previous" not in first

    gui.wait_until(lambda: gui.labelling.picture.id == 2, "the next picture", 10)
    gui.wait_until(lambda: gui.labelling.picture.prediction is not None, "its prediction", 20)
    gui.key(Qt.Key.Key_Return, CTRL)
    gui.wait_until(lambda: gui.said.startswith("Corrected 0 %"), "what this one took", 10)
    assert gui.said.endswith(f", {first.split()[1]} % of the previous picture.")

    gui.wait_until(lambda: gui.labelling.picture.id == 3, "the last picture", 10)
    gui.window.show_message("")
    gui.dab(0.5)
    gui.key(Qt.Key.Key_D, CTRL)
    gui.wait_until(lambda: gui.session.pictures.get(3).status == "done", "the mark", 10)
    gui.session.wait_until_saved()
    gui.wait(50)
    assert not gui.said, "nobody had predicted it"
