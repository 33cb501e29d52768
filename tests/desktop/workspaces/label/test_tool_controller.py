"""Painting with keys alone, actions with the mouse alone, and active tool and class restored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from core.labels.prediction import PredictedMask
from desktop.actions.catalog import ACTIONS
from desktop.actions.keymap import reserved_reason
from desktop.tour.window_driver import NO_MODIFIER
from tests.desktop.conftest import Desk

pytestmark = pytest.mark.qt_log_ignore("does not support")

CTRL = Qt.KeyboardModifier.ControlModifier
FINE = CTRL | Qt.KeyboardModifier.ShiftModifier
RIGHT, LEFT, DOWN, UP = Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Down, Qt.Key.Key_Up


def place(desk: Desk) -> QPointF:
    found = desk.canvas._input.pointer.position
    assert found is not None
    return found


def press(desk: Desk, key: Qt.Key, held: Qt.KeyboardModifier, times: int = 1) -> None:
    for _ in range(times):
        QTest.keyClick(desk.canvas, key, held)


def test_keys_move_the_cursor(desk: Desk) -> None:
    desk.canvas._input.pointer_left()
    desk.key(RIGHT, CTRL)
    middle = QPointF(desk.canvas.view_rect.center())
    assert place(desk) == middle + QPointF(10, 0)
    press(desk, UP, CTRL, 3)
    press(desk, LEFT, FINE, 4)
    assert place(desk) == middle + QPointF(6, -30)
    assert desk.canvas.cursor_point == desk.canvas.image_point(place(desk))
    assert desk.window.status_bar.pixel.text().startswith("x ")
    QTest.mouseMove(desk.canvas, QPoint(90, 80))
    assert place(desk) == QPointF(90, 80) and not desk.canvas._input.keyboard_cursor.is_active, (
        "the mouse takes over"
    )


@pytest.mark.parametrize(("key", "held"), [(Qt.Key.Key_Insert, NO_MODIFIER), (Qt.Key.Key_Space, CTRL)])
def test_a_stroke_with_keys_alone(desk: Desk, key: Qt.Key, held: Qt.KeyboardModifier) -> None:
    desk.canvas._input.pointer_left()
    desk.canvas.tools.set_radius(2)
    strokes = desk.labelling.edit_queue.stored_count
    desk.key(key, held)
    assert desk.canvas.is_stroking
    start = place(desk)
    press(desk, RIGHT, CTRL, 8)
    press(desk, DOWN, FINE, 3)
    desk.key(key, held)
    assert not desk.canvas.is_stroking
    desk.wait_until_saved(strokes + 1)
    for step in (QPointF(0, 0), QPointF(40, 0), QPointF(80, 0), QPointF(80, 3)):
        at = desk.canvas.image_point(start + step)
        assert desk.label_values[int(at.y), int(at.x)] == 1, "Ctrl only moved the cursor: it did not erase"
    desk.key(Qt.Key.Key_Z, CTRL)
    desk.wait_until(lambda: desk.labelled_pixels == 0, "undo")


def test_a_polygon_with_keys_alone(desk: Desk) -> None:
    desk.canvas._input.pointer_left()
    desk.key(Qt.Key.Key_P)
    strokes = desk.labelling.edit_queue.stored_count
    for key, times in ((RIGHT, 0), (RIGHT, 12), (DOWN, 12), (LEFT, 12)):
        press(desk, key, CTRL, times)
        press(desk, Qt.Key.Key_Insert, NO_MODIFIER, 2)
    desk.key(Qt.Key.Key_Return)
    desk.wait_until_saved(strokes + 1)
    side = 120 / desk.canvas.scale
    assert desk.labelled_pixels == pytest.approx(side * side, rel=0.25)
    desk.key(Qt.Key.Key_B)


def test_modifiers_work_with_keys_alone(desk: Desk) -> None:
    desk.canvas._input.pointer_left()
    desk.key(Qt.Key.Key_U)
    strokes = desk.labelling.edit_queue.stored_count
    desk.key(Qt.Key.Key_Insert, Qt.KeyboardModifier.ShiftModifier)
    press(desk, RIGHT, CTRL, 12)
    press(desk, DOWN, CTRL, 5)
    desk.key(Qt.Key.Key_Insert)
    desk.wait_until_saved(strokes + 1)
    rows, columns = np.nonzero(desk.label_values)
    assert np.ptp(rows) == np.ptp(columns), "Shift makes a square"
    press(desk, DOWN, CTRL, 10)
    desk.key(Qt.Key.Key_Insert, CTRL)
    press(desk, LEFT, CTRL, 20)
    press(desk, UP, CTRL, 30)
    desk.key(Qt.Key.Key_Insert, CTRL)
    desk.wait_until_saved(strokes + 2)
    assert desk.labelled_pixels == 0, "with Ctrl the same shape erases"
    desk.key(Qt.Key.Key_B)


def test_the_view_scrolls_when_the_cursor_reaches_the_edge(desk: Desk) -> None:
    desk.canvas.zoom_by(20)
    desk.canvas._input.pointer_left()
    before = desk.canvas.image_point(QPointF(0, 0))
    press(desk, RIGHT, CTRL, desk.canvas.view_rect.width() // 20 + 5)
    assert place(desk).x() == desk.canvas.view_rect.width() - 1
    assert desk.canvas.image_point(QPointF(0, 0)).x > before.x
    desk.canvas.fit()


def test_a_stroke_by_keys_is_finished_when_the_focus_leaves(desk: Desk) -> None:
    desk.canvas._input.pointer_left()
    strokes = desk.labelling.edit_queue.stored_count
    desk.key(Qt.Key.Key_Insert)
    assert desk.canvas.is_stroking
    desk.page.classes.focus_name_field()
    desk.wait_until(lambda: not desk.canvas.is_stroking, "the end of the stroke")
    desk.wait_until_saved(strokes + 1)
    assert not desk.canvas._input.keyboard_cursor.is_active
    desk.canvas.setFocus()


def test_canvas_keys_are_no_shortcuts() -> None:
    for keys in ("Ctrl+Left", "Ctrl+Shift+Up", "Ins", "Shift+Ins", "Ctrl+Ins", "Alt+Ins", "Ctrl+Space"):
        assert "canvas" in reserved_reason(keys)
        assert all(keys not in entry.shortcuts for entry in ACTIONS)
    assert reserved_reason("Ctrl+Alt+Left") == ""


def test_esc_moves_the_focus_to_the_canvas_and_so_does_enter_in_a_number_field(desk: Desk) -> None:
    def focus() -> QWidget | None:
        return QApplication.focusWidget()

    number, field = desk.page.option_bar.size_field, desk.page.classes.name_field
    desk.window.activateWindow()
    for widget in (
        number,
        field,
        desk.page.classes.list_view,
        desk.page.layers.shape,
        desk.page.filmstrip.thumbnails,
    ):
        widget.setFocus()
        assert focus() is not desk.canvas
        QTest.keyClick(focus(), Qt.Key.Key_Escape)
        assert focus() is desk.canvas, widget.accessibleName()
    number.setFocus()
    number.selectAll()
    QTest.keyClicks(number, "42")
    QTest.keyClick(number, Qt.Key.Key_Return)
    assert focus() is desk.canvas and desk.canvas.tools.options.brush_radius == 21
    field.setFocus()
    QTest.keyClicks(field, ",")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert focus() is field, "what was refused can be mended"
    field.clear()
    desk.canvas.setFocus()


def by_mouse(desk: Desk, key: str) -> None:
    """Move from the canvas to the button of an action, and click it."""
    QTest.mouseMove(desk.canvas, desk.position_of(0.5, 0.5))
    QApplication.sendEvent(desk.canvas, QEvent(QEvent.Type.Leave))
    desk.click(desk.page.tool_strip.buttons[key])


def click(desk: Desk, x: float, y: float, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
    QTest.mouseMove(desk.canvas, desk.position_of(x, y))
    QTest.mouseClick(desk.canvas, button, NO_MODIFIER, desk.position_of(x, y))
    desk.wait(20)


def test_a_class_is_picked_with_the_mouse_alone(desk: Desk) -> None:
    desk.key(Qt.Key.Key_2)
    desk.dab(0.25)
    desk.key(Qt.Key.Key_1)
    tool, before = desk.canvas.tools.tool, desk.label_values.copy()
    by_mouse(desk, "pick_class")
    assert "Click a pixel of the class" in desk.said
    assert desk.page.option_bar.tool_name.text() == "Pick class"
    click(desk, 0.25, 0.5)
    assert desk.page.classes.list_view.active_value() == 2
    assert desk.canvas.tools.tool is tool and desk.page.option_bar.tool_name.text() == "Brush", (
        "the brush is back"
    )
    assert (desk.label_values == before).all(), "the click has painted nothing"
    desk.key(Qt.Key.Key_1)
    for button, x in ((Qt.MouseButton.RightButton, 0.25), (Qt.MouseButton.LeftButton, 1.4)):
        by_mouse(desk, "pick_class")
        click(desk, x, 0.5, button)
    assert desk.canvas.tools.tool is not tool, "a click beside the picture says nothing: the question stands"
    desk.key(Qt.Key.Key_Escape)
    assert desk.canvas.tools.tool is tool and desk.page.classes.list_view.active_value() == 1
    by_mouse(desk, "pick_class")
    desk.click(desk.page.tool_strip.buttons["tool_fill"])
    assert desk.canvas.tools.tool.name == "fill", "who takes another tool wants that"
    desk.key(Qt.Key.Key_B)


def test_a_region_is_accepted_with_the_mouse_alone(desk: Desk) -> None:
    said = np.full((64, 96), 1, np.uint8)
    said[:, 48:] = 2
    shown = desk.record.id
    desk.labelling._pictures._prediction_loaded(shown, PredictedMask(said, np.full((64, 96), 255, np.uint8)))
    strokes = desk.labelling.edit_queue.stored_count
    by_mouse(desk, "accept_region")
    click(desk, 0.75, 0.5)
    desk.wait_until_saved(strokes + 1)
    assert (desk.label_values == np.where(said == 2, 2, 0)).all()


def test_an_outline_is_opened_with_the_mouse_alone(desk: Desk) -> None:
    desk.canvas.tools.set_radius(10)
    desk.dab(0.5)
    QApplication.sendEvent(desk.canvas, QEvent(QEvent.Type.Leave))
    desk.window.actions_by_id["edit_region_outline"].trigger()
    click(desk, 0.5, 0.5)
    desk.wait_until(
        lambda: desk.canvas.tools.tool.name == "polygon" and desk.canvas.tools.tool.is_busy, "its corners", 20
    )
    desk.key(Qt.Key.Key_Escape)
    desk.key(Qt.Key.Key_B)


def test_every_action_is_in_the_menu(desk: Desk) -> None:
    def within(menu: QMenu) -> set[str]:
        found: set[str] = set()
        for action in menu.actions():
            inner = action.menu()
            found |= within(inner) if inner is not None else {action.objectName()}
        return found

    found = within(desk.window.top_bar.project.menu())
    assert {entry.id for entry in ACTIONS} - found == set()


def test_tool_and_class_stay_with_the_next_picture_and_the_next_start(desk: Desk, tmp_path: Path) -> None:
    desk.key(Qt.Key.Key_G)
    desk.key(Qt.Key.Key_2)
    tool = desk.canvas.tools.tool
    shown = desk.labelling.picture.id
    desk.key(Qt.Key.Key_D)
    desk.wait_until(lambda: desk.labelling.picture.id not in (None, shown), "the next picture")
    assert desk.canvas.tools.tool is tool and desk.page.classes.list_view.active_value() == 2
    desk.window.close_project()
    desk.window.open_project(tmp_path / "pictures")
    desk.wait_until(desk.has_picture, "a picture", 60)
    actions = desk.window.actions_by_id
    desk.wait_until(
        lambda: actions["tool_fill"].isChecked() and desk.page.classes.list_view.active_value() == 2,
        "what was in hand",
    )
    desk.session.set_fact("tool_in_hand", "tool_of_the_devil")
    desk.session.set_fact("active_class", "77")
    desk.window.close_project()
    desk.window.open_project(tmp_path / "pictures")
    desk.wait_until(desk.has_picture, "a picture", 60)
    desk.wait(50)
    assert actions["tool_brush"].isChecked() and desk.page.classes.list_view.active_value() == 1


def test_position_and_zoom_stay_when_set(desk: Desk) -> None:
    settings, shown = desk.window._settings, desk.labelling.picture.id
    settings.set("keep_view", True)
    desk.canvas.zoom_at(QPointF(100, 100), 3)
    before = desk.canvas.scale, desk.canvas.image_point(QPointF(0, 0))
    desk.key(Qt.Key.Key_D)
    desk.wait_until(lambda: desk.labelling.picture.id not in (None, shown), "the next picture")
    desk.wait_until(lambda: desk.canvas.has_picture, "the picture itself")
    assert (desk.canvas.scale, desk.canvas.image_point(QPointF(0, 0))) == before
    settings.set("keep_view", False)
    desk.key(Qt.Key.Key_A)
    desk.wait_until(lambda: desk.labelling.picture.id == shown, "the first picture")
    assert desk.canvas.is_fitted


def test_the_message_of_a_tool_is_cleared_by_another_tool(desk: Desk) -> None:
    desk.key(Qt.Key.Key_U)
    desk.drag([(0.3, 0.3), (0.4, 0.5), (0.6, 0.7)])
    assert "pixels" in desk.said
    desk.key(Qt.Key.Key_B)
    assert desk.said == ""


def test_undo_cancels_a_shape_under_way_without_earlier_edits(desk: Desk) -> None:
    undo, canvas, button = desk.page.option_bar.undo, desk.canvas, Qt.MouseButton.LeftButton
    assert not undo.isEnabled() and undo.toolTip().startswith("Nothing to undo")
    QTest.mousePress(canvas, button, pos=desk.position_of(0.3, 0.5))
    QTest.mouseMove(canvas, desk.position_of(0.5, 0.5))
    assert desk.labelled_pixels and undo.isEnabled() and undo.toolTip().startswith("Undo")
    desk.key(Qt.Key.Key_Z, CTRL)
    desk.wait_until(lambda: not desk.labelled_pixels and not undo.isEnabled(), "the stroke taken back", 5)
    QTest.mouseRelease(canvas, button, pos=desk.position_of(0.5, 0.5))
    desk.key(Qt.Key.Key_P)
    for at in ((0.2, 0.2), (0.7, 0.2), (0.7, 0.7)):
        QTest.mouseClick(canvas, button, pos=desk.position_of(*at))
    desk.key(Qt.Key.Key_Z, CTRL)
    QTest.mouseClick(canvas, button, pos=desk.position_of(0.3, 0.9))
    inside, outside = (
        canvas.image_point(QPointF(desk.position_of(*at))) for at in ((0.4, 0.4), (0.65, 0.65))
    )
    desk.key(Qt.Key.Key_Return)
    desk.wait_until_saved(2)
    assert (
        desk.label_values[int(inside.y), int(inside.x)]
        and not desk.label_values[int(outside.y), int(outside.x)]
    )
    desk.key(Qt.Key.Key_Z, CTRL)
    desk.wait_until(lambda: not desk.labelled_pixels and not undo.isEnabled(), "the polygon taken back", 5)
