"""The menu of a class: order, merge, split, value, delete; questions in numbers, errors in the panel."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from core.labels.class_list import VOID, ClassList
from core.labels.label_map import LabelMap
from desktop.theme.theme import apply_theme
from desktop.tour.window_driver import CTRL
from desktop.workspaces.label.classes.dialogs import (
    ClassQuestion,
    DeleteClass,
    MergeClass,
    SplitClass,
    ValueOfClass,
)
from desktop.workspaces.label.panels.classes.list_view import ClassRows
from desktop.workspaces.label.panels.classes.menu import ClassMenu
from desktop.workspaces.label.panels.classes.panel import ClassesPanel
from desktop.workspaces.label.panels.classes.row_delegate import RowPlaces
from tests.desktop.conftest import Desk
from tests.factories import stroke

pytestmark = pytest.mark.qt_log_ignore("does not support")

Q = TypeVar("Q", bound=ClassQuestion)
ALT = Qt.KeyboardModifier.AltModifier


def menu_of(rows: ClassRows, row: int) -> ClassMenu:
    """The menu of a row, opened by a right click."""
    at = rows.visualRect(rows.classes_model.index(row)).center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, rows.viewport().mapToGlobal(at))
    QApplication.sendEvent(rows.viewport(), event)
    return open_menu()


def open_menu() -> ClassMenu:
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, ClassMenu)
    return menu


def choose(menu: ClassMenu, key: str) -> None:
    menu.close()
    action = menu.findChild(object, key)
    assert action is not None and action.isEnabled()
    action.trigger()


def question(desk: Desk, kind: type[Q]) -> Q:
    def there() -> Q | None:
        return next((each for each in desk.page.findChildren(kind) if each.isVisible()), None)

    desk.until(lambda: there() is not None, kind.__name__, 10)
    found = there()
    assert found is not None
    return found


def names(desk: Desk) -> list[str]:
    return [c.name for c in desk.session.editing.classes]


def elsewhere(desk: Desk, value: int) -> None:
    """Paint a class in the third picture, too."""
    labels = LabelMap.blank(96, 64)
    edit = stroke(labels, value, (10, 10), (30, 30))
    desk.session.editing.commit(desk.session.pictures.ids()[2], edit).result(10)


def test_delete_says_its_numbers_and_undo_brings_all_back(desk: Desk) -> None:
    desk.dab(0.2)
    elsewhere(desk, 1)
    painted = desk.values.copy()
    reach = desk.session.editing.class_reach(1).result(10)
    rows = desk.page.classes.rows
    choose(menu_of(rows, 0), "delete_class")
    asked = question(desk, DeleteClass)
    assert asked.sentence.text() == f"{reach.pixels:,} pixels in 2 pictures become unlabelled."
    desk.click(asked.no)
    assert names(desk) == ["grass", "roof"]

    choose(menu_of(rows, 0), "delete_class")
    asked = question(desk, DeleteClass)
    asked.void.click()
    assert "become void" in asked.sentence.text()
    desk.click(asked.yes)
    desk.until(lambda: VOID in desk.values, "void pixels on screen", 10)
    np.testing.assert_array_equal(desk.values == VOID, painted == 1)
    desk.until(lambda: desk.said.endswith("became void. Undo brings it back."), "the sentence", 10)
    assert names(desk) == ["roof"]
    assert rows.active() == 2, "the class in the hand is gone; the next one is taken"
    desk.until(lambda: "Undo “Delete grass”" in desk.page.options.undo.toolTip(), "its name in undo", 10)

    desk.key(Qt.Key.Key_Z, CTRL)
    desk.until(lambda: names(desk) == ["grass", "roof"], "the class", 10)
    desk.until(lambda: np.array_equal(desk.values, painted), "its pixels", 10)
    desk.until(lambda: rows.classes_model.rowCount() == 4, "its row", 10)


def test_a_class_without_pixels_goes_without_a_question(desk: Desk) -> None:
    choose(menu_of(desk.page.classes.rows, 1), "delete_class")
    desk.until(lambda: names(desk) == ["grass"], "the end of the class", 10)
    desk.until(lambda: "Undo brings it back." in desk.said, "the sentence", 10)
    assert not any(each.isVisible() for each in desk.page.findChildren(ClassQuestion))


def test_merge_into_another_class(desk: Desk) -> None:
    desk.dab(0.3)
    painted = desk.values.copy()
    menu = menu_of(desk.page.classes.rows, 0)
    assert [action.text() for action in menu.heirs.actions()] == ["roof"]
    menu.close()
    menu.heirs.actions()[0].trigger()
    asked = question(desk, MergeClass)
    assert asked.sentence.text().endswith("in 1 picture become roof, and the class grass goes.")
    desk.click(asked.yes)
    desk.until(lambda: np.array_equal(desk.values, painted * 2), "the merged pixels on screen", 10)
    assert names(desk) == ["roof"] and desk.page.classes.rows.active() == 2
    desk.until(lambda: "is roof now" in desk.said, "the sentence", 10)


def test_another_value_moves_the_pixels_and_a_taken_one_is_refused(desk: Desk) -> None:
    desk.dab(0.3)
    painted = desk.values.copy()
    choose(menu_of(desk.page.classes.rows, 0), "change_class_value")
    asked = question(desk, ValueOfClass)
    assert not asked.yes.isEnabled()
    asked.number.setValue(2)
    assert "taken" in asked.error.text() and not asked.yes.isEnabled()
    asked.number.setValue(7)
    desk.click(asked.yes)
    desk.until(lambda: np.array_equal(desk.values, painted * 7), "the new value on screen", 10)
    assert desk.session.editing.classes.values == (7, 2) and names(desk) == ["grass", "roof"]
    # Between question and answer somebody else may take the value: then the panel says why not.
    panel = desk.page.classes
    choose(menu_of(panel.rows, 0), "change_class_value")
    asked = question(desk, ValueOfClass)
    asked.number.setValue(9)
    desk.session.editing.change_class_value(2, 9).result(10)
    desk.click(asked.yes)
    desk.until(lambda: "value 9 cannot be used" in panel._error.text(), "the reason", 10)
    assert panel._error.isVisible()


def test_split_off_in_this_picture_alone(desk: Desk) -> None:
    desk.dab(0.3)
    elsewhere(desk, 1)
    painted = desk.values.copy()
    choose(menu_of(desk.page.classes.rows, 0), "split_class")
    asked = question(desk, SplitClass)
    assert asked.sentence.text().startswith(f"{desk.painted:,} pixels of grass")
    QTest.keyClicks(asked.field, "roof")
    assert "already a class" in asked.error.text() and not asked.yes.isEnabled()
    asked.field.clear()
    QTest.keyClicks(asked.field, "meadow")
    desk.click(asked.yes)
    desk.until(lambda: np.array_equal(desk.values, painted * 3), "the new class on screen", 10)
    assert names(desk) == ["grass", "roof", "meadow"]
    assert desk.session.editing.class_reach(1).result(10).pictures == 1
    choose(menu_of(desk.page.classes.rows, 1), "split_class")
    assert "no pixel of roof" in desk.page.classes._error.text()


def test_order_by_keys_and_menu(desk: Desk) -> None:
    rows = desk.page.classes.rows
    desk.key(Qt.Key.Key_Down, ALT)
    desk.until(lambda: names(desk) == ["roof", "grass"], "the other order", 10)
    assert rows.active() == 1, "the class stays in the hand"
    desk.key(Qt.Key.Key_Down, ALT)
    assert names(desk) == ["roof", "grass"], "it was the last one"
    menu = menu_of(rows, 0)
    up, down = menu.findChild(object, "class_up"), menu.findChild(object, "class_down")
    assert (up.isEnabled(), down.isEnabled()) == (False, True)
    choose(menu, "class_down")
    assert names(desk) == ["grass", "roof"]
    desk.until(lambda: "Reorder classes" in desk.page.options.undo.toolTip(), "its name in undo", 10)
    desk.key(Qt.Key.Key_Z, CTRL)
    desk.until(lambda: names(desk) == ["roof", "grass"], "the order before", 10)


def test_f2_renames_the_class_in_the_hand_from_the_canvas(desk: Desk) -> None:
    desk.key(Qt.Key.Key_2)
    desk.key(Qt.Key.Key_F2)
    editor = desk.page.classes.rows.viewport().findChild(QLineEdit)
    assert editor is not None and editor.text() == "roof"
    editor.selectAll()
    QTest.keyClicks(editor, "tiles")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    desk.until(lambda: names(desk) == ["grass", "tiles"], "the new name", 10)


@pytest.fixture
def panel(qtbot: QtBot, qapp: QApplication) -> ClassesPanel:
    made = ClassesPanel(apply_theme(qapp, "light"))
    qtbot.addWidget(made)
    made.resize(304, 400)
    made.show()
    qtbot.waitExposed(made)
    made.set_classes(ClassList().added("road").added("tree").added("water"))
    made.set_active(1)
    return made


def test_the_menu_opens_by_mouse_dots_and_key_but_not_for_what_is_no_class(panel: ClassesPanel) -> None:
    rows = panel.rows
    menu_of(rows, 2).close()
    rect = rows.visualRect(rows.classes_model.index(1))
    dots = RowPlaces.within(rect, rows.scroll_bar_width()).more.center()
    QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=dots)
    menu = open_menu()
    assert [action.text() for action in menu.heirs.actions()] == ["road", "water"]
    menu.close()
    by_key = QContextMenuEvent(
        QContextMenuEvent.Reason.Keyboard, QPoint(0, 0), rows.mapToGlobal(QPoint(0, 0))
    )
    QApplication.sendEvent(rows.viewport(), by_key)
    open_menu().close()
    panel.set_active(VOID)
    QApplication.sendEvent(rows.viewport(), by_key)
    assert QApplication.activePopupWidget() is None


@pytest.mark.parametrize(
    ("row", "below", "wanted"),
    [(1, True, [2, 1, 3]), (2, True, [2, 3, 1]), (0, False, [1, 2, 3]), (4, True, [2, 3, 1])],
)
def test_a_drop_asks_for_an_order(
    panel: ClassesPanel, monkeypatch: pytest.MonkeyPatch, row: int, below: bool, wanted: list[int]
) -> None:
    rows = panel.rows
    heard: list[list[int]] = []
    panel.order_asked.connect(heard.append)
    rect = rows.visualRect(rows.classes_model.index(row))
    at = QPointF(rect.center().x(), rect.bottom() - 2 if below else rect.top() + 2)
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    event = QDropEvent(at, Qt.DropAction.MoveAction, QMimeData(), left, none)
    # Who started the drag is known to a real one only, which would block until the mouse is let go.
    monkeypatch.setattr(event, "source", lambda: rows, raising=False)
    rows.dropEvent(event)
    assert heard == [wanted]
    assert [c.value for c in rows.classes_model.classes] == [1, 2, 3], "the owner decides, then sets the list"
