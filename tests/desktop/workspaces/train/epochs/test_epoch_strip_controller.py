"""The epoch strip: predictions at each checkpoint of a run, a slider through them, and a second run beside it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest

from core.labels.prediction_history import PredictionHistory, PublishedCheckpoint
from core.models.spec import WEIGHTS_FILE
from core.project.project import Project
from core.session.models.epoch_strips import LABEL, StripHistory
from desktop.theme.theme import Theme
from desktop.workspaces.train.epochs.epoch_strip_controller import CHOSEN_FACT
from desktop.workspaces.train.epochs.epoch_strip_view import EpochStripView
from desktop.workspaces.train.epochs.strip_moments import checkpoint_at, moments, spread
from desktop.workspaces.train.runs.runs_table import TITLES
from tests.desktop.conftest import GuiDriver
from tests.factories import MODEL, label_all


def published(step: int, seconds: float) -> PublishedCheckpoint:
    return PublishedCheckpoint(step, seconds, step / 10, 0.5)


def with_strips(gui: GuiDriver) -> EpochStripView:
    """Run 1 predicts class 1 in all pictures, then class 2; run 2 always class 2; run 3 has no strip."""
    folder = gui.session.folder
    gui.window.close_project()
    with Project.open(folder, purpose="a test") as project:
        label_all(project, project.pictures.all())
        for number in (1, 2, 3):
            run = project.runs.start(MODEL, "{}", None, 3)
            project.run_folder(run.id).mkdir(parents=True)
            (project.run_folder(run.id) / WEIGHTS_FILE).write_bytes(b"weights")
            project.runs.update(run.id, published=1)
            project.runs.end(run.id, "finished")
            history = PredictionHistory(project.run_folder(run.id))
            values = {1: ((100, 10.0, 1), (200, 20.0, 2)), 2: ((50, 15.0, 2),), 3: ()}[number]
            for step, seconds, value in values:
                mask = np.full((32, 48), value, np.uint8)
                history.add(published(step, seconds), dict.fromkeys((1, 2, 3, 99), mask))
    gui.window.open_project(folder)
    gui.wait_until(gui.has_picture, "a picture", 60)
    gui.window.actions_by_id["workspace_train"].trigger()
    page = gui.window.workspaces.train
    gui.wait_until(lambda: page.runs.rowCount() == 3, "the runs", 30)
    page.runs.selectRow(2)
    gui.click(page.strip)
    view = gui.window.context.train_controller.epoch_strip_controller.view
    assert view is not None
    gui.wait_until(lambda: len(view.tiles) == 3, "the pictures", 60)
    return view


def colours(view: EpochStripView, number: int) -> list[QColor]:
    """In the middle of the left and of the right half of a picture."""
    tile = view.tiles[number]
    area, image = tile.picture_area(), tile.grab().toImage()
    return [
        image.pixelColor(QPointF(area.left() + share * area.width(), area.center().y()).toPoint())
        for share in (0.25, 0.75)
    ]


def wait_for_side(gui: GuiDriver, view: EpochStripView, side: int) -> None:
    gui.wait_until(lambda: all(tile.has_side(side) for tile in view.tiles.values()), "the predictions", 60)


def test_a_slider_goes_through_the_checkpoints(gui: GuiDriver) -> None:
    view = with_strips(gui)
    wait_for_side(gui, view, 0)
    assert list(view.tiles) == [1, 2, 3], "not a picture that is gone"
    assert view.time.value() == view.time.maximum() == 1
    assert "checkpoint 2 of 2, step 200" in view.scores.text()
    gui.wait_until(lambda: colours(view, 1)[0] != colours(view, 1)[1], "the picture below", 10)
    late = colours(view, 1)
    view.time.setFocus()
    QTest.keyClick(view.time, Qt.Key.Key_Left)
    assert "checkpoint 1 of 2, step 100" in view.scores.text()
    assert view.when.text() == "After 10 s of training"
    gui.wait_until(lambda: colours(view, 1) != late, "the earlier prediction", 60)
    QTest.keyClick(view.time, Qt.Key.Key_Right)
    gui.wait_until(lambda: colours(view, 1) == late, "the later prediction", 60)


def test_two_runs_are_swiped_and_pictures_chosen(gui: GuiDriver) -> None:
    view = with_strips(gui)
    wait_for_side(gui, view, 0)
    assert not view.swipe.isVisible()
    view.beside.setCurrentIndex(view.beside.findData(2))
    view.beside.activated.emit(view.beside.currentIndex())
    gui.wait_until(lambda: view.time.maximum() == 2, "the moments of both", 60)
    wait_for_side(gui, view, 1)
    assert view.swipe.isVisible()
    view.time.setValue(0)
    assert "Run 2: checkpoint 1 of 1" in view.scores.text(), "its first one before there was any"
    gui.wait_until(lambda: colours(view, 1)[0] != colours(view, 1)[1], "both predictions", 60)
    tile = view.tiles[1]
    area = tile.picture_area()
    place = QPointF(area.left() + 0.9 * area.width(), area.center().y()).toPoint()
    QTest.mouseClick(tile, Qt.MouseButton.LeftButton, pos=place)
    assert view.swipe.value() == pytest.approx(90, abs=2)
    view.beside.setCurrentIndex(view.beside.findData(LABEL))
    view.beside.activated.emit(view.beside.currentIndex())
    gui.wait_until(lambda: view.time.maximum() == 1, "one run", 60)
    wait_for_side(gui, view, 1)

    next(action for action in view.menu.actions() if action.data() == 2).trigger()
    gui.wait_until(lambda: list(view.tiles) == [1, 3], "two pictures", 30)
    gui.session.wait_until_saved()
    assert json.loads(gui.session.fact(CHOSEN_FACT).result() or "") == [1, 3]


def test_a_run_without_a_strip_is_said(gui: GuiDriver) -> None:
    view = with_strips(gui)
    gui.click(view.back)
    page = gui.window.workspaces.train
    page.runs.selectRow(0)
    gui.click(page.strip)
    gui.wait_until(view.message.isVisible, "the sentence", 60)
    assert "Nothing is stored of this run" in view.message.text()


def test_predictions_are_loaded_while_the_slider_is_dragged(gui: GuiDriver) -> None:
    """A change every few milliseconds must not put off loading until the drag pauses."""
    view = with_strips(gui)
    wait_for_side(gui, view, 0)
    controller = gui.window.context.train_controller.epoch_strip_controller
    loaded: list[int] = []
    controller._load_timer.timeout.connect(lambda: loaded.append(view.time.value()))
    drag = QTimer(interval=4)
    drag.timeout.connect(lambda: view.time.setValue(1 - view.time.value()))
    drag.start()
    gui.wait_until(lambda: len(loaded) >= 2, "frames to be asked for", 10)
    assert drag.isActive()
    drag.stop()


def test_a_run_whose_weights_are_gone_has_no_strip(gui: GuiDriver) -> None:
    view = with_strips(gui)
    wait_for_side(gui, view, 0)
    gui.click(view.back)
    (gui.session.home / "models" / "2" / WEIGHTS_FILE).unlink()
    gui.session.run_book.set_starred([1], True).result()  # the runs are listed again
    page = gui.window.workspaces.train
    gui.wait_until(lambda: page.runs.item(1, TITLES.index("State")).text() == "Files gone", "the state", 30)
    page.runs.selectRow(2)
    gui.click(page.strip)
    gui.wait_until(lambda: view.run.count() == 1, "one run less", 30)
    assert view.run.currentData() == 1 and "1 whose weights are gone" in view.run.toolTip()


def test_a_picture_is_listed_by_its_name(qtbot, theme: Theme) -> None:
    view = EpochStripView(theme)
    qtbot.addWidget(view)
    view.set_histories([StripHistory(1, (published(1, 5.0),), {1: "a & b <i>.png"})], [1])
    assert [action.text() for action in view.menu.actions()] == ["a && b <i>.png"]
    assert "&lt;i&gt;" in view.tiles[1].toolTip()


def test_moments_and_spread() -> None:
    one = StripHistory(1, (published(1, 5.0), published(2, 9.0)), {})
    other = StripHistory(2, (published(3, 7.0), published(4, 9.0)), {})
    assert moments([one, other]) == [5.0, 7.0, 9.0]
    assert [checkpoint_at(other, at)[0] for at in (0.0, 7.0, 8.9, 9.0, 99.0)] == [0, 0, 0, 1, 1]  # type: ignore[index]
    assert checkpoint_at(StripHistory(3, (), {}), 1.0) is None
    assert spread(range(16), 6) == [0, 3, 6, 9, 12, 15]
    assert spread([4, 5], 6) == [4, 5]
