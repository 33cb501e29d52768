"""The queue in the real window: N goes from one useful region to the next; order of the filmstrip, pins, skips."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu

from core.base.geometry import Box
from core.labels.prediction import PredictedMask, read_prediction, write_prediction
from core.project.project import Project
from core.project.records import Status
from core.session.acquisition.queue_service import PINNED_TAG, SKIPPED_TAG
from desktop.main_window import MainWindow
from desktop.tour.window_driver import SHIFT
from desktop.workspaces.label.queue import queue_controller
from desktop.workspaces.label.queue.queue_controller import (
    FIRST,
    NO_MORE,
    NO_PREDICTIONS,
    SURE,
    QueueController,
)
from tests.desktop.conftest import GuiDriver
from tests.factories import predict, project_in

pytestmark = pytest.mark.qt_log_ignore("does not support")

N, ESC = Qt.Key.Key_N, Qt.Key.Key_Escape


def unsure_prediction(project: Project, picture_id: int, *boxes: Box) -> None:
    """Class 1 left and 2 right, unsure in these boxes."""
    predict(project, picture_id)
    run_id = read_prediction(project.prediction_path(picture_id)).run_id
    values = np.ones((64, 96), np.uint8)
    values[:, 48:] = 2
    confidence = np.full(values.shape, 255, np.uint8)
    for box in boxes:
        confidence[box.slices] = 60
    write_prediction(project.prediction_path(picture_id), PredictedMask(values, confidence, run_id))


LEFT, RIGHT = Box(0, 0, 32, 32), Box(64, 32, 96, 64)
"""Cells of a picture of 96 x 64 pixels."""


@pytest.fixture
def queued(
    one_window: tuple[MainWindow, list[BaseException]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GuiDriver]:
    """A window with six pictures; all but the first are predicted, unsure in two cells."""
    monkeypatch.setattr(queue_controller, "ORDER_DELAY_MS", 50)
    monkeypatch.setattr(queue_controller, "FIRST_ORDER_MS", 50)
    window, mistakes = one_window
    project = project_in(tmp_path / "pictures", 6)
    for picture_id in range(2, 7):
        unsure_prediction(project, picture_id, LEFT, RIGHT)
    project.close()
    made = GuiDriver(window)
    window.open_project(tmp_path / "pictures")
    made.wait_until(made.has_picture, "a picture", 20)
    made.wait_until(lambda: len(made.session.pictures) == 6, "all pictures", 20)
    made.wait_until(lambda: controller(made)._queue is not None, "the queue", 20)
    made.wait_until(lambda: not made.session.queue.order().result(20).waiting, "all summaries", 20)
    made.wait_until(lambda: bool(reason_text(made, 2)), "a reason", 20)
    yield made
    window.close_project()
    window.show_message("")
    assert mistakes == []


def controller(gui: GuiDriver) -> QueueController:
    return gui.labelling._queue


def reason_text(gui: GuiDriver, picture_id: int) -> str:
    text = controller(gui).reason(picture_id)
    return "" if text.startswith(("No prediction", "Its prediction")) else text


def frames(gui: GuiDriver) -> set[Box]:
    return set(gui.canvas._overlays._frames)


def at_region(gui: GuiDriver) -> Box | None:
    region = controller(gui).regions.current
    return region.box if region else None


def press(gui: GuiDriver, *, back: bool = False) -> tuple[int | None, Box | None]:
    """N or Shift+N, until another region is shown. Returns picture and region."""
    before = gui.labelling.picture.id, at_region(gui)
    gui.canvas.setFocus()
    gui.key(N, SHIFT) if back else gui.key(N)
    gui.wait_until(
        lambda: at_region(gui) is not None and (gui.labelling.picture.id, at_region(gui)) != before,
        f"another region than {before}",
        10,
    )
    return gui.labelling.picture.id, at_region(gui)


def test_n_goes_to_regions_across_pictures_and_back(queued: GuiDriver) -> None:
    assert queued.labelling.picture.id == 1  # without a prediction
    steps = [press(queued) for _ in range(4)]
    first, second = steps[0][0], steps[2][0]
    assert first != 1 and second not in (None, first, 1)
    assert [picture_id for picture_id, _ in steps] == [first, first, second, second]
    assert {box for _, box in steps[:2]} == {LEFT, RIGHT} == {box for _, box in steps[2:]}
    assert frames(queued) == {LEFT, RIGHT}
    assert queued.said.startswith("Region 2 of 2: unsure about ")
    assert queued.page.filmstrip.reason.text() == controller(queued).reason(second or 0) != ""
    assert press(queued, back=True) == steps[2]
    assert press(queued, back=True) == steps[1]  # in the picture before, its last region
    queued.canvas.setFocus()
    queued.key(ESC)
    assert frames(queued) == set()


def test_shift_n_at_the_beginning_says_so(queued: GuiDriver) -> None:
    queued.key(N, SHIFT)
    queued.wait_until(lambda: queued.said == FIRST, "the sentence", 5)


def test_a_labelled_region_is_left_out(queued: GuiDriver) -> None:
    _, box = press(queued)
    queued.window.actions_by_id["accept_all"].trigger()
    queued.wait_until(lambda: frames(queued) == set(), "no frames", 10)
    assert box in (LEFT, RIGHT)
    picture_id = queued.labelling.picture.id
    assert press(queued)[0] != picture_id


def test_the_filmstrip_shows_the_order_and_a_finished_picture_stays_until_the_next(queued: GuiDriver) -> None:
    strip = queued.page.filmstrip
    strip.order.setCurrentIndex(strip.order.findData("queue"))
    strip.order.activated.emit(strip.order.currentIndex())
    queue = queued.session.queue.order().result(20).queue
    listed = queued.labelling._navigator._list
    queued.wait_until(
        lambda: [listed.record(row).id for row in range(6)] == queue.ids.tolist(), "the order", 10
    )
    first, second = (int(i) for i in queue.ids[:2])
    queued.labelling.show_picture(first)
    queued.wait_until(lambda: queued.labelling.picture.id == first, "the first", 10)
    queued.session.editing.set_status(first, Status.DONE).result(10)
    queued.wait_until(lambda: not reason_text(queued, first), "the new order", 10)
    assert listed.row_of(first) == 0
    queued.canvas.setFocus()
    queued.key(Qt.Key.Key_D)
    queued.wait_until(lambda: queued.labelling.picture.id == second, "the second", 10)


def test_pin_and_skip_in_the_context_menu_and_undone(queued: GuiDriver) -> None:
    def choose(picture_id: int, title: str) -> None:
        queued.page.filmstrip.menu_requested.emit(picture_id, QPoint(10, 10))
        menu = controller(queued)._menu
        assert isinstance(menu, QMenu)
        next(action for action in menu.actions() if action.text() == title).trigger()
        menu.close()

    choose(5, "Pin: label it first")
    queued.wait_until(lambda: controller(queued).reason(5) == "Pinned", "the pin", 10)
    assert press(queued)[0] == 5
    assert queued.page.filmstrip.reason.text() == "Pinned"
    assert queued.window.actions_by_id["pin_picture"].isChecked()
    queued.window.actions_by_id["undo"].trigger()
    queued.wait_until(lambda: queued.session.pictures.get(5).tags == (), "the undo", 10)
    choose(3, "Skip for now")
    queued.wait_until(lambda: controller(queued).reason(3) == "Skipped for now", "the skip", 10)
    assert queued.session.pictures.get(3).tags == (SKIPPED_TAG,)
    choose(3, "Skip no longer")
    queued.wait_until(lambda: queued.session.pictures.get(3).tags == (), "no tag", 10)


def test_skip_for_now_goes_on_and_pin_is_an_action(queued: GuiDriver) -> None:
    picture_id, _ = press(queued)
    assert picture_id is not None
    queued.window.actions_by_id["pin_picture"].trigger()
    queued.wait_until(lambda: queued.session.pictures.get(picture_id).tags == (PINNED_TAG,), "the pin", 10)
    queued.window.actions_by_id["skip_for_now"].trigger()
    queued.wait_until(lambda: queued.labelling.picture.id not in (1, picture_id), "another picture", 10)
    queued.wait_until(lambda: queued.session.pictures.get(picture_id).tags == (SKIPPED_TAG,), "the skip", 10)


def test_a_filter_that_leaves_nothing_is_said_at_the_first_press(queued: GuiDriver) -> None:
    queued.labelling.filter_pictures("found:one", "One", frozenset((1,)))
    queued.canvas.setFocus()
    queued.key(N)
    queued.wait_until(lambda: queued.said == f"{NO_MORE} Press N to begin again.", "the sentence", 10)
    queued.labelling.filter_pictures("all", "")


def test_a_sure_picture_is_said_to_be_sure(queued: GuiDriver) -> None:
    queued.labelling.show_picture(2)
    queued.wait_until(lambda: queued.labelling.picture.prediction is not None, "its prediction", 10)
    queued.window.actions_by_id["accept_all"].trigger()
    queued.wait_until(lambda: queued.labelled_pixels == 96 * 64, "no doubt left", 10)
    queued.wait_until(lambda: controller(queued).reason(2) == "", "another order", 10)
    controller(queued)._visited = [2]
    queued.canvas.setFocus()
    queued.key(N)
    queued.wait_until(lambda: queued.said == SURE, "the sentence", 10)


def test_skip_without_predictions_goes_to_the_next_open_picture(gui: GuiDriver) -> None:
    gui.window.actions_by_id["skip_for_now"].trigger()
    gui.wait_until(lambda: gui.labelling.picture.id == 2, "the next picture", 10)
    gui.wait_until(lambda: gui.session.pictures.get(1).tags == (SKIPPED_TAG,), "the skip", 10)


def test_a_pin_that_is_stored_while_the_project_closes_orders_nothing(queued: GuiDriver) -> None:
    queued.window.actions_by_id["pin_picture"].trigger()
    queued.window.close_project()
    queued.wait(200)  # the fixture looks for mistakes


def test_a_new_order_leaves_the_filmstrip_where_it_was_scrolled_to(queued: GuiDriver) -> None:
    strip = queued.page.filmstrip
    strip.order.setCurrentIndex(strip.order.findData("queue"))
    strip.order.activated.emit(strip.order.currentIndex())
    strip.thumbnails.setMaximumWidth(300)
    bar = strip.thumbnails.horizontalScrollBar()
    queued.wait_until(lambda: bar.maximum() > 0, "a narrow filmstrip", 5)
    bar.setValue(bar.maximum())
    place = bar.value()
    assert place > 0
    listed = queued.labelling._navigator._list
    before = [listed.record(row).id for row in range(6)]
    queued.session.queue.pin(before[-2]).result(10)
    queued.wait_until(lambda: controller(queued).reason(before[-2]) == "Pinned", "the pin", 10)
    assert bar.value() == place
    assert [listed.record(row).id for row in range(6)] != before
    strip.thumbnails.setMaximumWidth((1 << 24) - 1)


def test_when_all_is_done_no_training_is_asked_for(queued: GuiDriver) -> None:
    for picture_id in range(1, 7):
        queued.session.editing.set_status(picture_id, Status.DONE).result(10)

    def is_empty() -> bool:
        queue = controller(queued)._queue
        return queue is not None and not len(queue)

    queued.wait_until(is_empty, "an empty queue", 10)
    queued.canvas.setFocus()
    queued.key(N)
    queued.wait_until(lambda: queued.said.startswith(NO_MORE), "the sentence", 10)


def test_without_predictions_a_sentence_says_what_to_do(gui: GuiDriver) -> None:
    gui.key(N)
    gui.wait_until(lambda: gui.said == NO_PREDICTIONS, "the sentence", 10)
    assert frames(gui) == set()


def test_the_right_button_on_a_thumbnail_opens_its_menu(queued: GuiDriver) -> None:
    strip = queued.page.filmstrip.thumbnails
    place = strip._rect_of(1).center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, strip.viewport().mapToGlobal(place))
    QApplication.sendEvent(strip.viewport(), event)
    menu = controller(queued)._menu
    assert menu is not None and menu.isVisible()
    assert [action.text() for action in menu.actions()] == ["Pin: label it first", "Skip for now"]
    menu.actions()[0].trigger()
    menu.close()
    picture_id = queued.labelling._navigator._list.record(1).id
    queued.wait_until(lambda: queued.session.pictures.get(picture_id).tags == (PINNED_TAG,), "the pin", 10)
