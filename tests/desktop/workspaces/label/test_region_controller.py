"""Region actions in a real window: select, move, copy to another picture, change the shape, undo."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.base.geometry import Box, Point
from core.labels.deferred_edit import DeferredEdit
from core.labels.morphology import class_region, dilate
from core.project.project import Project
from core.tools.tool import BackgroundTask
from core.tools.tool_options import RegionScope
from desktop.tour.window_driver import CTRL, NO_MODIFIER, SHIFT
from desktop.workspaces.label import region_controller
from desktop.workspaces.label.panels.tool_controls import ToolControls
from tests.desktop.conftest import GuiDriver
from tests.tool_driver import make_all_large

LEFT = Qt.MouseButton.LeftButton


def paint(gui: GuiDriver, box: Box, value: int = 1) -> None:
    """Paint a rectangle of a class as one edit."""
    labels = gui.labelling.picture.labels
    assert labels is not None
    labels.begin_edit("Rectangle", "test", value)
    labels.paint(box, np.ones((box.height, box.width), bool), value)
    edit = labels.finish_edit()
    assert edit is not None
    before = gui.labelling.edit_queue.stored_count
    gui.canvas.refresh(box)
    gui.canvas.tools.edit_finished.emit(edit)
    gui.wait_until_saved(before + 1)


def expected(*rectangles: tuple[Box, int]) -> np.ndarray:
    values = np.zeros((64, 96), np.uint8)
    for box, value in rectangles:
        values[box.slices] = value
    return values


def click(gui: GuiDriver, x: float, y: float) -> None:
    spot = gui.canvas.widget_point(Point(x, y)).toPoint()
    QTest.mouseMove(gui.canvas, spot)
    QTest.mouseClick(gui.canvas, LEFT, NO_MODIFIER, spot)
    gui.wait(20)


def pull(
    gui: GuiDriver,
    start: tuple[float, float],
    end: tuple[float, float],
    held: Qt.KeyboardModifier = NO_MODIFIER,
) -> None:
    spots = [gui.canvas.widget_point(Point(*at)).toPoint() for at in (start, end)]
    QTest.mouseMove(gui.canvas, spots[0])
    QTest.mousePress(gui.canvas, LEFT, held, spots[0])
    for n in range(1, 6):
        QTest.mouseMove(gui.canvas, spots[0] + (spots[1] - spots[0]) * n / 5)
        gui.wait(5)
    QTest.mouseRelease(gui.canvas, LEFT, held, spots[1])
    gui.wait(20)


def undo(gui: GuiDriver) -> None:
    gui.key(Qt.Key.Key_Z, CTRL)


A, B = Box(10, 10, 30, 25), Box(60, 30, 80, 50)


@pytest.fixture
def chosen(gui: GuiDriver) -> GuiDriver:
    """Two regions of the first class; the first is selected."""
    paint(gui, A)
    paint(gui, B)
    gui.key(Qt.Key.Key_Z)
    click(gui, 15, 15)
    return gui


def test_dragging_moves_the_selected_region_in_one_edit(chosen: GuiDriver) -> None:
    before = chosen.label_values.copy()
    pull(chosen, (15, 15), (25, 35))
    assert np.array_equal(chosen.label_values, expected((A.moved(10, 20), 1), (B, 1)))
    chosen.wait_until(
        lambda: "Move region, grass" in chosen.page.option_bar.undo.text(), "the name of the step"
    )
    undo(chosen)
    chosen.wait_until(lambda: np.array_equal(chosen.label_values, before), "undo")


def test_ctrl_drag_copies_the_region(chosen: GuiDriver) -> None:
    pull(chosen, (15, 15), (25, 40), CTRL)
    assert np.array_equal(chosen.label_values, expected((A, 1), (A.moved(10, 25), 1), (B, 1)))


def test_dragging_an_unselected_region_only_selects_it(chosen: GuiDriver) -> None:
    before = chosen.label_values.copy()
    pull(chosen, (70, 40), (40, 40))
    assert np.array_equal(chosen.label_values, before)
    chosen.key(Qt.Key.Key_Delete)
    assert np.array_equal(chosen.label_values, expected((A, 1)))


def test_arrow_keys_move_the_region_until_enter(chosen: GuiDriver) -> None:
    shown = chosen.labelling.picture.id
    before = chosen.label_values.copy()
    chosen.key(Qt.Key.Key_Right)
    chosen.key(Qt.Key.Key_Down, SHIFT)
    chosen.key(Qt.Key.Key_Left)
    chosen.key(Qt.Key.Key_Right)
    assert np.array_equal(chosen.label_values, before) and chosen.labelling.picture.id == shown
    chosen.key(Qt.Key.Key_Return)
    assert np.array_equal(chosen.label_values, expected((A.moved(1, 10), 1), (B, 1)))
    undo(chosen)
    chosen.wait_until(lambda: np.array_equal(chosen.label_values, before), "undo")


def test_esc_cancels_a_move_and_then_the_selection(chosen: GuiDriver) -> None:
    shown, before = chosen.labelling.picture.id, chosen.label_values.copy()
    chosen.key(Qt.Key.Key_Right)
    chosen.key(Qt.Key.Key_Escape)
    chosen.key(Qt.Key.Key_Return)
    assert np.array_equal(chosen.label_values, before)
    chosen.key(Qt.Key.Key_Escape)
    chosen.key(Qt.Key.Key_Right)  # nothing is chosen any more: the next picture
    chosen.wait_until(lambda: chosen.labelling.picture.id != shown, "the next picture")


def test_undo_cancels_a_move_before_it_reverts_an_edit(chosen: GuiDriver) -> None:
    before = chosen.label_values.copy()
    chosen.key(Qt.Key.Key_Right)
    undo(chosen)
    chosen.wait(100)
    assert np.array_equal(chosen.label_values, before)
    undo(chosen)
    chosen.wait_until(lambda: np.array_equal(chosen.label_values, expected((A, 1))), "undo")


def test_a_region_is_pasted_into_another_picture(chosen: GuiDriver, tmp_path: Path) -> None:
    shown = chosen.labelling.picture.id
    chosen.key(Qt.Key.Key_C, CTRL)
    chosen.key(Qt.Key.Key_D)
    chosen.wait_until(lambda: chosen.labelling.picture.id != shown, "the next picture")
    strokes = chosen.labelling.edit_queue.stored_count
    chosen.key(Qt.Key.Key_V, CTRL)
    assert not chosen.label_values.any()
    chosen.key(Qt.Key.Key_Right, SHIFT)
    chosen.key(Qt.Key.Key_Return)
    assert np.array_equal(chosen.label_values, expected((A.moved(10, 0), 1)))
    chosen.wait_until_saved(strokes + 1)
    with Project.open_read_only(tmp_path / "pictures") as reader:
        assert np.array_equal(reader.labels.read(2, 96, 64), expected((A.moved(10, 0), 1)))
        assert reader.journal.history(2)[-1].name == "Paste region, grass"


def test_a_moved_region_is_applied_when_another_picture_is_shown(chosen: GuiDriver) -> None:
    shown = chosen.labelling.picture.id
    strokes = chosen.labelling.edit_queue.stored_count
    chosen.key(Qt.Key.Key_Right, SHIFT)
    chosen.key(Qt.Key.Key_D)
    chosen.wait_until(lambda: chosen.labelling.picture.id != shown, "the next picture")
    chosen.wait_until_saved(strokes + 1)
    chosen.key(Qt.Key.Key_A)
    chosen.wait_until(lambda: chosen.labelling.picture.id == shown, "the picture before")
    assert np.array_equal(chosen.label_values, expected((A.moved(10, 0), 1), (B, 1)))


def test_a_locked_class_is_neither_moved_nor_covered(chosen: GuiDriver) -> None:
    before = chosen.label_values.copy()
    chosen.canvas.tools.options.locked = frozenset({1})
    try:
        pull(chosen, (15, 15), (30, 30))
        assert np.array_equal(chosen.label_values, before) and "locked" in chosen.said
        chosen.key(Qt.Key.Key_Delete)
        assert np.array_equal(chosen.label_values, before)
    finally:
        chosen.canvas.tools.options.locked = frozenset()


def test_delete_removes_the_region_under_the_pointer_with_any_tool(gui: GuiDriver) -> None:
    paint(gui, A)
    paint(gui, B)
    point_at(gui, Point(70, 40))
    gui.key(Qt.Key.Key_Delete)
    gui.wait_until(lambda: np.array_equal(gui.label_values, expected((A, 1))), "the region deleted")
    point_at(gui, Point(50, 5))
    gui.key(Qt.Key.Key_Delete)
    gui.wait_until(lambda: "no label here" in gui.said, "the sentence")


def point_at(gui: GuiDriver, point: Point) -> None:
    """Move the mouse there, and wait until the canvas knows."""

    def is_there() -> bool:
        at = gui.canvas.cursor_point
        return at is not None and abs(at.x - point.x) < 1 and abs(at.y - point.y) < 1

    QTest.mouseMove(gui.canvas, gui.canvas.widget_point(point).toPoint())
    gui.wait_until(is_there, "the mouse at the point")


@pytest.mark.parametrize("at_once", [region_controller.INLINE_PIXELS, 0])
def test_shortcuts_change_the_shape_of_the_selected_region(
    chosen: GuiDriver, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Computed at once, and on another thread as for large regions."""
    monkeypatch.setattr(region_controller, "INLINE_PIXELS", at_once)
    before, amount = chosen.label_values.copy(), chosen.canvas.tools.options.region_amount
    wanted = before.copy()
    box, mask = dilate(class_region(expected((A, 1)), 1), amount, Box(0, 0, 96, 64))
    wanted[box.slices][mask] = 1
    chosen.key(Qt.Key.Key_G, SHIFT)
    chosen.wait_until(lambda: np.array_equal(chosen.label_values, wanted), "the larger region")
    # The larger region is what is chosen now.
    chosen.key(Qt.Key.Key_G, CTRL | SHIFT)
    chosen.wait_until(lambda: np.array_equal(chosen.label_values, before), "the region as it was")
    undo(chosen)
    chosen.wait_until(lambda: np.array_equal(chosen.label_values, wanted), "undo")


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """All edits are deferred, and the other thread waits for the event."""
    go_on, carry_out = threading.Event(), DeferredEdit.run

    def wait(painting: DeferredEdit) -> None:
        if threading.current_thread() is not threading.main_thread():
            assert go_on.wait(60)
        carry_out(painting)

    make_all_large(monkeypatch)
    monkeypatch.setattr(region_controller, "INLINE_PIXELS", 0)
    monkeypatch.setattr(DeferredEdit, "run", wait)
    yield go_on
    go_on.set()


def test_a_large_region_stays_selected_after_a_move(chosen: GuiDriver, held: threading.Event) -> None:
    pull(chosen, (15, 15), (25, 35))
    assert np.array_equal(chosen.label_values, expected((A, 1), (B, 1))), "not yet"
    held.set()
    there = A.moved(10, 20)
    chosen.wait_until(lambda: np.array_equal(chosen.label_values, expected((there, 1), (B, 1))), "the move")
    chosen.key(Qt.Key.Key_Delete)
    chosen.wait_until(
        lambda: np.array_equal(chosen.label_values, expected((B, 1))), "only what was chosen is gone"
    )


def test_a_cancelled_move_of_a_large_region_leaves_it_in_place(
    chosen: GuiDriver, held: threading.Event
) -> None:
    strokes = chosen.labelling.edit_queue.stored_count
    pull(chosen, (15, 15), (25, 35))
    chosen.key(Qt.Key.Key_Escape)
    held.set()
    chosen.wait(50)
    assert np.array_equal(chosen.label_values, expected((A, 1), (B, 1)))
    assert chosen.labelling.edit_queue.stored_count == strokes
    chosen.wait_until(lambda: "Rectangle" in chosen.page.option_bar.undo.text(), "what undo would take back")


def test_another_tool_applies_the_move_of_a_large_region(chosen: GuiDriver, held: threading.Event) -> None:
    chosen.key(Qt.Key.Key_Right)
    chosen.key(Qt.Key.Key_B)
    held.set()
    chosen.wait_until(
        lambda: np.array_equal(chosen.label_values, expected((A.moved(1, 0), 1), (B, 1))), "the move"
    )


@pytest.mark.parametrize("act", ["esc", "undo", "wait"])
def test_an_operation_waits_for_the_deferred_edit_of_its_region(
    chosen: GuiDriver, held: threading.Event, act: str
) -> None:
    before, strokes = chosen.label_values.copy(), chosen.labelling.edit_queue.stored_count
    chosen.key(Qt.Key.Key_Delete)
    chosen.wait_until(lambda: chosen.canvas.tools.pending_edit.is_cancellable, "the thought")
    if act == "esc":
        chosen.key(Qt.Key.Key_Escape)
        held.set()
        chosen.wait(50)
        assert (
            np.array_equal(chosen.label_values, before)
            and chosen.labelling.edit_queue.stored_count == strokes
        )
        return
    if act == "undo":
        undo(chosen)
        chosen.wait_until_saved(strokes + 1)
        chosen.wait_until(lambda: np.array_equal(chosen.label_values, before), "the undo")
        return
    held.set()
    chosen.wait_until(lambda: np.array_equal(chosen.label_values, expected((B, 1))), "the change")


def test_an_outdated_result_is_not_applied(chosen: GuiDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(region_controller, "INLINE_PIXELS", 0)
    chosen.window.actions_by_id["grow_region"].trigger()
    paint_now = Box(28, 20, 34, 24)  # before the result can be handed over
    labels = chosen.labelling.picture.labels
    assert labels is not None
    labels.begin_edit("Rectangle", "test", 2)
    labels.paint(paint_now, np.ones((4, 6), bool), 2)
    edit = labels.finish_edit()
    chosen.canvas.tools.edit_finished.emit(edit)
    chosen.wait_until(lambda: "has changed since" in chosen.said, "the sentence")
    assert np.array_equal(chosen.label_values, expected((A, 1), (B, 1), (paint_now, 2)))


def test_the_menu_of_the_option_bar_runs_the_operations(chosen: GuiDriver) -> None:
    controls = chosen.page.option_bar.controls
    assert isinstance(controls, ToolControls)
    menu = controls.widget("reshape").menu()
    listed = [action.objectName() for action in menu.actions() if not action.isSeparator()]
    assert set(region_controller._OPERATIONS) <= set(listed)
    next(action for action in menu.actions() if action.objectName() == "keep_largest").trigger()
    chosen.wait_until(lambda: np.array_equal(chosen.label_values, expected((B, 1))), "the largest part alone")


def test_the_menu_has_the_rare_options(chosen: GuiDriver) -> None:
    menu = chosen.page.option_bar.controls.widget("reshape").menu()
    rows = {action.objectName(): action for action in menu.actions() if action.isCheckable()}
    assert rows["scope=region"].isChecked()
    rows["scope=class"].trigger()
    try:
        chosen.key(Qt.Key.Key_Delete)
        chosen.wait_until(lambda: not chosen.label_values.any(), "both regions gone")
    finally:
        rows["scope=region"].trigger()
    assert chosen.canvas.tools.options.scope == RegionScope.REGION


def test_region_shortcuts_do_nothing_while_the_canvas_is_hidden(chosen: GuiDriver) -> None:
    before = chosen.label_values.copy()
    chosen.window.actions_by_id["workspace_train"].trigger()
    chosen.window.actions_by_id["delete_region"].trigger()
    chosen.window.actions_by_id["workspace_label"].trigger()
    assert np.array_equal(chosen.label_values, before)


def test_paste_from_the_menu_selects_the_region_tool(chosen: GuiDriver) -> None:
    chosen.window.actions_by_id["copy_region"].trigger()
    chosen.key(Qt.Key.Key_B)
    chosen.window.actions_by_id["paste_region"].trigger()
    chosen.key(Qt.Key.Key_Down, SHIFT)
    chosen.key(Qt.Key.Key_Return)
    both = Box(A.x0, A.y0, A.x1, A.y1 + 10)
    assert np.array_equal(chosen.label_values, expected((both, 1), (B, 1)))


def test_a_copied_region_is_dropped_with_its_class(chosen: GuiDriver) -> None:
    chosen.key(Qt.Key.Key_C, CTRL)
    chosen.session.editing.delete_class(1).result(60)
    chosen.wait_until(lambda: not chosen.label_values.any(), "the class gone")
    chosen.window.actions_by_id["paste_region"].trigger()
    assert "Copy a region first" in chosen.said
    chosen.key(Qt.Key.Key_Return)
    assert not chosen.label_values.any()


def test_esc_cancels_a_computation_and_keeps_the_selection(chosen: GuiDriver) -> None:
    go_on, ended, results = threading.Event(), threading.Event(), []

    def run(unwanted: Callable[[], bool]) -> object:
        go_on.wait(60)
        results.append(unwanted())
        ended.set()
        return None

    chosen.canvas.tools.run_task(BackgroundTask("Grow, grass", run), lambda _result: results.append("taken"))
    chosen.key(Qt.Key.Key_Escape)
    go_on.set()
    chosen.wait_until(ended.is_set, "the end of the work")
    chosen.wait(50)
    assert results == [True]
    chosen.key(Qt.Key.Key_Delete)
    assert np.array_equal(chosen.label_values, expected((B, 1)))
