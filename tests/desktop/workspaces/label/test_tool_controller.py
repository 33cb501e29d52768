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
from tests.desktop.conftest import GuiDriver

pytestmark = pytest.mark.qt_log_ignore("does not support")

CTRL = Qt.KeyboardModifier.ControlModifier
FINE = CTRL | Qt.KeyboardModifier.ShiftModifier
RIGHT, LEFT, DOWN, UP = Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Down, Qt.Key.Key_Up


def place(gui: GuiDriver) -> QPointF:
    found = gui.canvas._input.pointer.position
    assert found is not None
    return found


def press(gui: GuiDriver, key: Qt.Key, held: Qt.KeyboardModifier, times: int = 1) -> None:
    for _ in range(times):
        QTest.keyClick(gui.canvas, key, held)


def test_keys_move_the_cursor(gui: GuiDriver) -> None:
    gui.canvas._input.pointer_left()
    gui.key(RIGHT, CTRL)
    middle = QPointF(gui.canvas.view_rect.center())
    assert place(gui) == middle + QPointF(10, 0)
    press(gui, UP, CTRL, 3)
    press(gui, LEFT, FINE, 4)
    assert place(gui) == middle + QPointF(6, -30)
    assert gui.canvas.cursor_point == gui.canvas.image_point(place(gui))
    assert gui.window.status_bar.pixel.text().startswith("x ")
    QTest.mouseMove(gui.canvas, QPoint(90, 80))
    assert place(gui) == QPointF(90, 80) and not gui.canvas._input.keyboard_cursor.is_active, (
        "the mouse takes over"
    )


@pytest.mark.parametrize(("key", "held"), [(Qt.Key.Key_Insert, NO_MODIFIER), (Qt.Key.Key_Space, CTRL)])
def test_a_stroke_with_keys_alone(gui: GuiDriver, key: Qt.Key, held: Qt.KeyboardModifier) -> None:
    gui.canvas._input.pointer_left()
    gui.canvas.tools.set_radius(2)
    strokes = gui.labelling.edit_queue.stored_count
    gui.key(key, held)
    assert gui.canvas.is_stroking
    start = place(gui)
    press(gui, RIGHT, CTRL, 8)
    press(gui, DOWN, FINE, 3)
    gui.key(key, held)
    assert not gui.canvas.is_stroking
    gui.wait_until_saved(strokes + 1)
    for step in (QPointF(0, 0), QPointF(40, 0), QPointF(80, 0), QPointF(80, 3)):
        at = gui.canvas.image_point(start + step)
        assert gui.label_values[int(at.y), int(at.x)] == 1, "Ctrl only moved the cursor: it did not erase"
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: gui.labelled_pixels == 0, "undo")


def test_a_polygon_with_keys_alone(gui: GuiDriver) -> None:
    gui.canvas._input.pointer_left()
    gui.key(Qt.Key.Key_P)
    strokes = gui.labelling.edit_queue.stored_count
    for key, times in ((RIGHT, 0), (RIGHT, 12), (DOWN, 12), (LEFT, 12)):
        press(gui, key, CTRL, times)
        press(gui, Qt.Key.Key_Insert, NO_MODIFIER, 2)
    gui.key(Qt.Key.Key_Return)
    gui.wait_until_saved(strokes + 1)
    side = 120 / gui.canvas.scale
    assert gui.labelled_pixels == pytest.approx(side * side, rel=0.25)
    gui.key(Qt.Key.Key_B)


def test_modifiers_work_with_keys_alone(gui: GuiDriver) -> None:
    gui.canvas._input.pointer_left()
    gui.key(Qt.Key.Key_U)
    strokes = gui.labelling.edit_queue.stored_count
    gui.key(Qt.Key.Key_Insert, Qt.KeyboardModifier.ShiftModifier)
    press(gui, RIGHT, CTRL, 12)
    press(gui, DOWN, CTRL, 5)
    gui.key(Qt.Key.Key_Insert)
    gui.wait_until_saved(strokes + 1)
    rows, columns = np.nonzero(gui.label_values)
    assert np.ptp(rows) == np.ptp(columns), "Shift makes a square"
    press(gui, DOWN, CTRL, 10)
    gui.key(Qt.Key.Key_Insert, CTRL)
    press(gui, LEFT, CTRL, 20)
    press(gui, UP, CTRL, 30)
    gui.key(Qt.Key.Key_Insert, CTRL)
    gui.wait_until_saved(strokes + 2)
    assert gui.labelled_pixels == 0, "with Ctrl the same shape erases"
    gui.key(Qt.Key.Key_B)


def test_the_view_scrolls_when_the_cursor_reaches_the_edge(gui: GuiDriver) -> None:
    gui.canvas.zoom_by(20)
    gui.canvas._input.pointer_left()
    before = gui.canvas.image_point(QPointF(0, 0))
    press(gui, RIGHT, CTRL, gui.canvas.view_rect.width() // 20 + 5)
    assert place(gui).x() == gui.canvas.view_rect.width() - 1
    assert gui.canvas.image_point(QPointF(0, 0)).x > before.x
    gui.canvas.fit()


def test_a_stroke_by_keys_is_finished_when_the_focus_leaves(gui: GuiDriver) -> None:
    gui.canvas._input.pointer_left()
    strokes = gui.labelling.edit_queue.stored_count
    gui.key(Qt.Key.Key_Insert)
    assert gui.canvas.is_stroking
    gui.page.classes.focus_name_field()
    gui.wait_until(lambda: not gui.canvas.is_stroking, "the end of the stroke")
    gui.wait_until_saved(strokes + 1)
    assert not gui.canvas._input.keyboard_cursor.is_active
    gui.canvas.setFocus()


def test_canvas_keys_are_no_shortcuts() -> None:
    for keys in ("Ctrl+Left", "Ctrl+Shift+Up", "Ins", "Shift+Ins", "Ctrl+Ins", "Alt+Ins", "Ctrl+Space"):
        assert "canvas" in reserved_reason(keys)
        assert all(keys not in entry.shortcuts for entry in ACTIONS)
    assert reserved_reason("Ctrl+Alt+Left") == ""


def test_esc_moves_the_focus_to_the_canvas_and_so_does_enter_in_a_number_field(gui: GuiDriver) -> None:
    def focus() -> QWidget | None:
        return QApplication.focusWidget()

    number, field = gui.page.option_bar.size_field, gui.page.classes.name_field
    gui.window.activateWindow()
    for widget in (
        number,
        field,
        gui.page.classes.list_view,
        gui.page.layers.shape,
        gui.page.filmstrip.thumbnails,
    ):
        widget.setFocus()
        assert focus() is not gui.canvas
        QTest.keyClick(focus(), Qt.Key.Key_Escape)
        assert focus() is gui.canvas, widget.accessibleName()
    number.setFocus()
    number.selectAll()
    QTest.keyClicks(number, "42")
    QTest.keyClick(number, Qt.Key.Key_Return)
    assert focus() is gui.canvas and gui.canvas.tools.options.brush_radius == 21
    field.setFocus()
    QTest.keyClicks(field, ",")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert focus() is field, "what was refused can be mended"
    field.clear()
    gui.canvas.setFocus()


def by_mouse(gui: GuiDriver, key: str) -> None:
    """Move from the canvas to the button of an action, and click it."""
    QTest.mouseMove(gui.canvas, gui.position_of(0.5, 0.5))
    QApplication.sendEvent(gui.canvas, QEvent(QEvent.Type.Leave))
    gui.click(gui.page.tool_strip.buttons[key])


def click(gui: GuiDriver, x: float, y: float, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
    QTest.mouseMove(gui.canvas, gui.position_of(x, y))
    QTest.mouseClick(gui.canvas, button, NO_MODIFIER, gui.position_of(x, y))
    gui.wait(20)


def test_a_class_is_picked_with_the_mouse_alone(gui: GuiDriver) -> None:
    gui.key(Qt.Key.Key_2)
    gui.dab(0.25)
    gui.key(Qt.Key.Key_1)
    tool, before = gui.canvas.tools.tool, gui.label_values.copy()
    by_mouse(gui, "pick_class")
    assert "Click a pixel of the class" in gui.said
    assert gui.page.option_bar.tool_name.text() == "Pick class"
    click(gui, 0.25, 0.5)
    assert gui.page.classes.list_view.active_value() == 2
    assert gui.canvas.tools.tool is tool and gui.page.option_bar.tool_name.text() == "Brush", (
        "the brush is back"
    )
    assert (gui.label_values == before).all(), "the click has painted nothing"
    gui.key(Qt.Key.Key_1)
    for button, x in ((Qt.MouseButton.RightButton, 0.25), (Qt.MouseButton.LeftButton, 1.4)):
        by_mouse(gui, "pick_class")
        click(gui, x, 0.5, button)
    assert gui.canvas.tools.tool is not tool, "a click beside the picture says nothing: the question stands"
    gui.key(Qt.Key.Key_Escape)
    assert gui.canvas.tools.tool is tool and gui.page.classes.list_view.active_value() == 1
    by_mouse(gui, "pick_class")
    gui.click(gui.page.tool_strip.buttons["tool_fill"])
    assert gui.canvas.tools.tool.name == "fill", "who takes another tool wants that"
    gui.key(Qt.Key.Key_B)


def test_a_region_is_accepted_with_the_mouse_alone(gui: GuiDriver) -> None:
    said = np.full((64, 96), 1, np.uint8)
    said[:, 48:] = 2
    shown = gui.record.id
    gui.labelling._pictures._prediction_loaded(shown, PredictedMask(said, np.full((64, 96), 255, np.uint8)))
    strokes = gui.labelling.edit_queue.stored_count
    by_mouse(gui, "accept_region")
    click(gui, 0.75, 0.5)
    gui.wait_until_saved(strokes + 1)
    assert (gui.label_values == np.where(said == 2, 2, 0)).all()


def test_an_outline_is_opened_with_the_mouse_alone(gui: GuiDriver) -> None:
    gui.canvas.tools.set_radius(10)
    gui.dab(0.5)
    QApplication.sendEvent(gui.canvas, QEvent(QEvent.Type.Leave))
    gui.window.actions_by_id["edit_region_outline"].trigger()
    click(gui, 0.5, 0.5)
    gui.wait_until(
        lambda: gui.canvas.tools.tool.name == "polygon" and gui.canvas.tools.tool.is_busy, "its corners", 20
    )
    gui.key(Qt.Key.Key_Escape)
    gui.key(Qt.Key.Key_B)


def test_every_action_is_in_the_menu(gui: GuiDriver) -> None:
    def within(menu: QMenu) -> set[str]:
        found: set[str] = set()
        for action in menu.actions():
            inner = action.menu()
            found |= within(inner) if inner is not None else {action.objectName()}
        return found

    found = within(gui.window.top_bar.project.menu())
    assert {entry.id for entry in ACTIONS} - found == set()


def test_tool_and_class_stay_with_the_next_picture_and_the_next_start(gui: GuiDriver, tmp_path: Path) -> None:
    gui.key(Qt.Key.Key_G)
    gui.key(Qt.Key.Key_2)
    tool = gui.canvas.tools.tool
    shown = gui.labelling.picture.id
    gui.key(Qt.Key.Key_D)
    gui.wait_until(lambda: gui.labelling.picture.id not in (None, shown), "the next picture")
    assert gui.canvas.tools.tool is tool and gui.page.classes.list_view.active_value() == 2
    gui.window.close_project()
    gui.window.open_project(tmp_path / "pictures")
    gui.wait_until(gui.has_picture, "a picture", 60)
    actions = gui.window.actions_by_id
    gui.wait_until(
        lambda: actions["tool_fill"].isChecked() and gui.page.classes.list_view.active_value() == 2,
        "what was in hand",
    )
    gui.session.set_fact("tool_in_hand", "tool_of_the_devil")
    gui.session.set_fact("active_class", "77")
    gui.window.close_project()
    gui.window.open_project(tmp_path / "pictures")
    gui.wait_until(gui.has_picture, "a picture", 60)
    gui.wait(50)
    assert actions["tool_brush"].isChecked() and gui.page.classes.list_view.active_value() == 1


def test_position_and_zoom_stay_when_set(gui: GuiDriver) -> None:
    settings, shown = gui.window._settings, gui.labelling.picture.id
    settings.set("keep_view", True)
    gui.canvas.zoom_at(QPointF(100, 100), 3)
    before = gui.canvas.scale, gui.canvas.image_point(QPointF(0, 0))
    gui.key(Qt.Key.Key_D)
    gui.wait_until(lambda: gui.labelling.picture.id not in (None, shown), "the next picture")
    gui.wait_until(lambda: gui.canvas.has_picture, "the picture itself")
    assert (gui.canvas.scale, gui.canvas.image_point(QPointF(0, 0))) == before
    settings.set("keep_view", False)
    gui.key(Qt.Key.Key_A)
    gui.wait_until(lambda: gui.labelling.picture.id == shown, "the first picture")
    assert gui.canvas.is_fitted


def test_the_message_of_a_tool_is_cleared_by_another_tool(gui: GuiDriver) -> None:
    gui.key(Qt.Key.Key_U)
    gui.drag([(0.3, 0.3), (0.4, 0.5), (0.6, 0.7)])
    assert "pixels" in gui.said
    gui.key(Qt.Key.Key_B)
    assert gui.said == ""


def test_undo_cancels_a_shape_under_way_without_earlier_edits(gui: GuiDriver) -> None:
    undo, canvas, button = gui.page.option_bar.undo, gui.canvas, Qt.MouseButton.LeftButton
    assert not undo.isEnabled() and undo.toolTip().startswith("Nothing to undo")
    QTest.mousePress(canvas, button, pos=gui.position_of(0.3, 0.5))
    QTest.mouseMove(canvas, gui.position_of(0.5, 0.5))
    assert gui.labelled_pixels and undo.isEnabled() and undo.toolTip().startswith("Undo")
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: not gui.labelled_pixels and not undo.isEnabled(), "the stroke taken back", 5)
    QTest.mouseRelease(canvas, button, pos=gui.position_of(0.5, 0.5))
    gui.key(Qt.Key.Key_P)
    for at in ((0.2, 0.2), (0.7, 0.2), (0.7, 0.7)):
        QTest.mouseClick(canvas, button, pos=gui.position_of(*at))
    gui.key(Qt.Key.Key_Z, CTRL)
    QTest.mouseClick(canvas, button, pos=gui.position_of(0.3, 0.9))
    inside, outside = (canvas.image_point(QPointF(gui.position_of(*at))) for at in ((0.4, 0.4), (0.65, 0.65)))
    gui.key(Qt.Key.Key_Return)
    gui.wait_until_saved(2)
    assert (
        gui.label_values[int(inside.y), int(inside.x)]
        and not gui.label_values[int(outside.y), int(outside.x)]
    )
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: not gui.labelled_pixels and not undo.isEnabled(), "the polygon taken back", 5)
