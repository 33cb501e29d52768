"""Everything with keys alone, everything with the mouse alone, and the hand as it was left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from core.labels.prediction import PredictedMask
from desktop.actions.catalog import ACTIONS
from desktop.actions.keymap import why_not
from desktop.tour.window_driver import PLAIN
from tests.desktop.conftest import Desk

pytestmark = pytest.mark.qt_log_ignore("does not support")

CTRL = Qt.KeyboardModifier.ControlModifier
FINE = CTRL | Qt.KeyboardModifier.ShiftModifier
RIGHT, LEFT, DOWN, UP = Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Down, Qt.Key.Key_Up


def place(desk: Desk) -> QPointF:
    found = desk.canvas._pointer.position
    assert found is not None
    return found


def press(desk: Desk, key: Qt.Key, held: Qt.KeyboardModifier, times: int = 1) -> None:
    for _ in range(times):
        QTest.keyClick(desk.canvas, key, held)


def test_keys_lead_the_cursor(desk: Desk) -> None:
    desk.canvas._pointer.away()
    desk.key(RIGHT, CTRL)
    middle = QPointF(desk.canvas.room.center())
    assert place(desk) == middle + QPointF(10, 0)
    press(desk, UP, CTRL, 3)
    press(desk, LEFT, FINE, 4)
    assert place(desk) == middle + QPointF(6, -30)
    assert desk.canvas.cursor_point == desk.canvas.image_point(place(desk))
    assert desk.window.status.pixel.text().startswith("x ")
    QTest.mouseMove(desk.canvas, QPoint(90, 80))
    assert place(desk) == QPointF(90, 80) and not desk.canvas._pointer.keys.is_on, "the mouse takes over"


@pytest.mark.parametrize(("key", "held"), [(Qt.Key.Key_Insert, PLAIN), (Qt.Key.Key_Space, CTRL)])
def test_a_stroke_with_keys_alone(desk: Desk, key: Qt.Key, held: Qt.KeyboardModifier) -> None:
    desk.canvas._pointer.away()
    desk.canvas.set_radius(2)
    strokes = desk.labelling.saving.strokes
    desk.key(key, held)
    assert desk.canvas.is_held
    start = place(desk)
    press(desk, RIGHT, CTRL, 8)
    press(desk, DOWN, FINE, 3)
    desk.key(key, held)
    assert not desk.canvas.is_held
    desk.until_saved(strokes + 1)
    for step in (QPointF(0, 0), QPointF(40, 0), QPointF(80, 0), QPointF(80, 3)):
        at = desk.canvas.image_point(start + step)
        assert desk.values[int(at.y), int(at.x)] == 1, "Ctrl only moved the cursor: it did not erase"
    desk.key(Qt.Key.Key_Z, CTRL)
    desk.until(lambda: desk.painted == 0, "undo")


def test_a_polygon_with_keys_alone(desk: Desk) -> None:
    desk.canvas._pointer.away()
    desk.key(Qt.Key.Key_P)
    strokes = desk.labelling.saving.strokes
    for key, times in ((RIGHT, 0), (RIGHT, 12), (DOWN, 12), (LEFT, 12)):
        press(desk, key, CTRL, times)
        press(desk, Qt.Key.Key_Insert, PLAIN, 2)
    desk.key(Qt.Key.Key_Return)
    desk.until_saved(strokes + 1)
    side = 120 / desk.canvas.scale
    assert desk.painted == pytest.approx(side * side, rel=0.25)
    desk.key(Qt.Key.Key_B)


def test_keys_alone_hold_what_the_mouse_would_be_held_with(desk: Desk) -> None:
    desk.canvas._pointer.away()
    desk.key(Qt.Key.Key_U)
    strokes = desk.labelling.saving.strokes
    desk.key(Qt.Key.Key_Insert, Qt.KeyboardModifier.ShiftModifier)
    press(desk, RIGHT, CTRL, 12)
    press(desk, DOWN, CTRL, 5)
    desk.key(Qt.Key.Key_Insert)
    desk.until_saved(strokes + 1)
    rows, columns = np.nonzero(desk.values)
    assert np.ptp(rows) == np.ptp(columns), "Shift makes a square"
    press(desk, DOWN, CTRL, 10)
    desk.key(Qt.Key.Key_Insert, CTRL)
    press(desk, LEFT, CTRL, 20)
    press(desk, UP, CTRL, 30)
    desk.key(Qt.Key.Key_Insert, CTRL)
    desk.until_saved(strokes + 2)
    assert desk.painted == 0, "with Ctrl the same shape erases"
    desk.key(Qt.Key.Key_B)


def test_the_picture_moves_where_the_cursor_meets_the_edge(desk: Desk) -> None:
    desk.canvas.zoom_by(20)
    desk.canvas._pointer.away()
    before = desk.canvas.image_point(QPointF(0, 0))
    press(desk, RIGHT, CTRL, desk.canvas.room.width() // 20 + 5)
    assert place(desk).x() == desk.canvas.room.width() - 1
    assert desk.canvas.image_point(QPointF(0, 0)).x > before.x
    desk.canvas.fit()


def test_what_is_held_by_keys_is_finished_when_they_go_elsewhere(desk: Desk) -> None:
    desk.canvas._pointer.away()
    strokes = desk.labelling.saving.strokes
    desk.key(Qt.Key.Key_Insert)
    assert desk.canvas.is_held
    desk.page.classes.focus_field()
    desk.until(lambda: not desk.canvas.is_held, "the end of the stroke")
    desk.until_saved(strokes + 1)
    assert not desk.canvas._pointer.keys.is_on
    desk.canvas.setFocus()


def test_these_keys_are_nobody_elses() -> None:
    for keys in ("Ctrl+Left", "Ctrl+Shift+Up", "Ins", "Shift+Ins", "Ctrl+Ins", "Alt+Ins", "Ctrl+Space"):
        assert "canvas" in why_not(keys)
        assert all(keys not in entry.shortcuts for entry in ACTIONS)
    assert why_not("Ctrl+Alt+Left") == ""


def test_esc_leads_back_to_the_picture_and_enter_from_a_number(desk: Desk) -> None:
    def focus() -> QWidget | None:
        return QApplication.focusWidget()

    number, field = desk.page.options.number, desk.page.classes.field
    desk.window.activateWindow()
    for widget in (number, field, desk.page.classes.rows, desk.page.layers.shape, desk.page.filmstrip.thumbs):
        widget.setFocus()
        assert focus() is not desk.canvas
        QTest.keyClick(focus(), Qt.Key.Key_Escape)
        assert focus() is desk.canvas, widget.accessibleName()
    number.setFocus()
    number.selectAll()
    QTest.keyClicks(number, "42")
    QTest.keyClick(number, Qt.Key.Key_Return)
    assert focus() is desk.canvas and desk.canvas.options.brush_radius == 21
    field.setFocus()
    QTest.keyClicks(field, ",")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert focus() is field, "what was refused can be mended"
    field.clear()
    desk.canvas.setFocus()


def by_mouse(desk: Desk, key: str) -> None:
    """Go from the picture to the button of an action, and click it."""
    QTest.mouseMove(desk.canvas, desk.at(0.5, 0.5))
    QApplication.sendEvent(desk.canvas, QEvent(QEvent.Type.Leave))
    desk.click(desk.page.tools.buttons[key])


def click(desk: Desk, x: float, y: float, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
    QTest.mouseMove(desk.canvas, desk.at(x, y))
    QTest.mouseClick(desk.canvas, button, PLAIN, desk.at(x, y))
    desk.rest(20)


def test_a_class_is_picked_with_the_mouse_alone(desk: Desk) -> None:
    desk.key(Qt.Key.Key_2)
    desk.dab(0.25)
    desk.key(Qt.Key.Key_1)
    tool, before = desk.canvas.tool, desk.values.copy()
    by_mouse(desk, "pick_class")
    assert "Click a pixel of the class" in desk.said
    assert desk.page.options.tool.text() == "Pick class"
    click(desk, 0.25, 0.5)
    assert desk.page.classes.rows.active() == 2
    assert desk.canvas.tool is tool and desk.page.options.tool.text() == "Brush", "the brush is back"
    assert (desk.values == before).all(), "the click has painted nothing"
    desk.key(Qt.Key.Key_1)
    for button, x in ((Qt.MouseButton.RightButton, 0.25), (Qt.MouseButton.LeftButton, 1.4)):
        by_mouse(desk, "pick_class")
        click(desk, x, 0.5, button)
    assert desk.canvas.tool is not tool, "a click beside the picture says nothing: the question stands"
    desk.key(Qt.Key.Key_Escape)
    assert desk.canvas.tool is tool and desk.page.classes.rows.active() == 1
    by_mouse(desk, "pick_class")
    desk.click(desk.page.tools.buttons["tool_fill"])
    assert desk.canvas.tool.name == "fill", "who takes another tool wants that"
    desk.key(Qt.Key.Key_B)


def test_a_region_is_accepted_with_the_mouse_alone(desk: Desk) -> None:
    said = np.full((64, 96), 1, np.uint8)
    said[:, 48:] = 2
    shown = desk.record.id
    desk.labelling._accepting._take(shown, PredictedMask(said, np.full((64, 96), 255, np.uint8)))
    strokes = desk.labelling.saving.strokes
    by_mouse(desk, "accept_region")
    click(desk, 0.75, 0.5)
    desk.until_saved(strokes + 1)
    assert (desk.values == np.where(said == 2, 2, 0)).all()


def test_an_outline_is_opened_with_the_mouse_alone(desk: Desk) -> None:
    desk.canvas.set_radius(10)
    desk.dab(0.5)
    QApplication.sendEvent(desk.canvas, QEvent(QEvent.Type.Leave))
    desk.window.actions_by_id["edit_region_outline"].trigger()
    click(desk, 0.5, 0.5)
    desk.until(lambda: desk.canvas.tool.name == "polygon" and desk.canvas.tool.is_busy, "its corners", 20)
    desk.key(Qt.Key.Key_Escape)
    desk.key(Qt.Key.Key_B)


def test_every_action_is_in_the_menu(desk: Desk) -> None:
    def within(menu: QMenu) -> set[str]:
        found: set[str] = set()
        for action in menu.actions():
            inner = action.menu()
            found |= within(inner) if inner is not None else {action.objectName()}
        return found

    found = within(desk.window.top.project.menu())
    assert {entry.id for entry in ACTIONS} - found == set()


def test_tool_and_class_stay_with_the_next_picture_and_the_next_start(desk: Desk, tmp_path: Path) -> None:
    desk.key(Qt.Key.Key_G)
    desk.key(Qt.Key.Key_2)
    tool = desk.canvas.tool
    shown = desk.labelling.hand.shown
    desk.key(Qt.Key.Key_D)
    desk.until(lambda: desk.labelling.hand.shown not in (None, shown), "the next picture")
    assert desk.canvas.tool is tool and desk.page.classes.rows.active() == 2
    desk.window.close_project()
    desk.window.open(tmp_path / "pictures")
    desk.until(desk.has_picture, "a picture", 60)
    actions = desk.window.actions_by_id
    desk.until(
        lambda: actions["tool_fill"].isChecked() and desk.page.classes.rows.active() == 2, "what was in hand"
    )
    desk.session.remember("tool_in_hand", "tool_of_the_devil")
    desk.session.remember("active_class", "77")
    desk.window.close_project()
    desk.window.open(tmp_path / "pictures")
    desk.until(desk.has_picture, "a picture", 60)
    desk.rest(50)
    assert actions["tool_brush"].isChecked() and desk.page.classes.rows.active() == 1


def test_place_and_zoom_stay_if_wanted(desk: Desk) -> None:
    settings, shown = desk.window._settings, desk.labelling.hand.shown
    settings.set("keep_view", True)
    desk.canvas.zoom_at(QPointF(100, 100), 3)
    before = desk.canvas.scale, desk.canvas.image_point(QPointF(0, 0))
    desk.key(Qt.Key.Key_D)
    desk.until(lambda: desk.labelling.hand.shown not in (None, shown), "the next picture")
    desk.until(lambda: desk.canvas.has_picture, "the picture itself")
    assert (desk.canvas.scale, desk.canvas.image_point(QPointF(0, 0))) == before
    settings.set("keep_view", False)
    desk.key(Qt.Key.Key_A)
    desk.until(lambda: desk.labelling.hand.shown == shown, "the first picture")
    assert desk.canvas.is_fitted


def test_what_a_tool_has_said_is_over_with_another_tool(desk: Desk) -> None:
    desk.key(Qt.Key.Key_U)
    desk.drag([(0.3, 0.3), (0.4, 0.5), (0.6, 0.7)])
    assert "pixels" in desk.said
    desk.key(Qt.Key.Key_B)
    assert desk.said == ""


def test_undo_takes_back_what_is_being_drawn_on_a_fresh_picture(desk: Desk) -> None:
    undo, canvas, button = desk.page.options.undo, desk.canvas, Qt.MouseButton.LeftButton
    assert not undo.isEnabled() and undo.toolTip().startswith("Nothing to undo")
    QTest.mousePress(canvas, button, pos=desk.at(0.3, 0.5))
    QTest.mouseMove(canvas, desk.at(0.5, 0.5))
    assert desk.painted and undo.isEnabled() and undo.toolTip().startswith("Undo")
    desk.key(Qt.Key.Key_Z, CTRL)
    desk.until(lambda: not desk.painted and not undo.isEnabled(), "the stroke taken back", 5)
    QTest.mouseRelease(canvas, button, pos=desk.at(0.5, 0.5))
    desk.key(Qt.Key.Key_P)
    for at in ((0.2, 0.2), (0.7, 0.2), (0.7, 0.7)):
        QTest.mouseClick(canvas, button, pos=desk.at(*at))
    desk.key(Qt.Key.Key_Z, CTRL)
    QTest.mouseClick(canvas, button, pos=desk.at(0.3, 0.9))
    inside, outside = (canvas.image_point(QPointF(desk.at(*at))) for at in ((0.4, 0.4), (0.65, 0.65)))
    desk.key(Qt.Key.Key_Return)
    desk.until_saved(2)
    assert desk.values[int(inside.y), int(inside.x)] and not desk.values[int(outside.y), int(outside.x)]
    desk.key(Qt.Key.Key_Z, CTRL)
    desk.until(lambda: not desk.painted and not undo.isEnabled(), "the polygon taken back", 5)
