"""Operations on classes: reorder, merge, split, value, delete; their dialogs, and errors in the panel."""

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
    ClassDialog,
    ClassValueDialog,
    DeleteClassDialog,
    MergeClassDialog,
    SplitClassDialog,
)
from desktop.workspaces.label.panels.classes.list_view import ClassListView
from desktop.workspaces.label.panels.classes.menu import ClassMenu
from desktop.workspaces.label.panels.classes.panel import ClassesPanel
from desktop.workspaces.label.panels.classes.row_delegate import RowLayout, scroll_bar_width
from tests.desktop.conftest import GuiDriver
from tests.factories import stroke

pytestmark = pytest.mark.qt_log_ignore("does not support")

Q = TypeVar("Q", bound=ClassDialog)
ALT = Qt.KeyboardModifier.AltModifier


def menu_of(rows: ClassListView, row: int) -> ClassMenu:
    """Open the menu of a row by a right click."""
    at = rows.visualRect(rows.class_model.index(row)).center()
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


def question(gui: GuiDriver, kind: type[Q]) -> Q:
    def there() -> Q | None:
        return next((each for each in gui.page.findChildren(kind) if each.isVisible()), None)

    gui.wait_until(lambda: there() is not None, kind.__name__, 10)
    found = there()
    assert found is not None
    return found


def names(gui: GuiDriver) -> list[str]:
    return [c.name for c in gui.session.editing.classes]


def elsewhere(gui: GuiDriver, value: int) -> None:
    """Paint a class in the third picture, too."""
    labels = LabelMap.blank(96, 64)
    edit = stroke(labels, value, (10, 10), (30, 30))
    gui.session.editing.commit(gui.session.pictures.ids()[2], edit).result(10)


def test_delete_shows_the_pixel_count_and_can_be_undone(gui: GuiDriver) -> None:
    gui.dab(0.2)
    elsewhere(gui, 1)
    painted = gui.label_values.copy()
    reach = gui.session.editing.class_usage(1).result(10)
    rows = gui.page.classes.list_view
    choose(menu_of(rows, 0), "delete_class")
    asked = question(gui, DeleteClassDialog)
    assert asked.sentence.text() == f"{reach.pixels:,} pixels in 2 pictures will become unlabelled."
    gui.click(asked.cancel_button)
    assert names(gui) == ["grass", "roof"]

    choose(menu_of(rows, 0), "delete_class")
    asked = question(gui, DeleteClassDialog)
    asked.void.click()
    assert "become void" in asked.sentence.text()
    gui.click(asked.accept_button)
    gui.wait_until(lambda: VOID in gui.label_values, "void pixels on screen", 10)
    np.testing.assert_array_equal(gui.label_values == VOID, painted == 1)
    gui.wait_until(lambda: gui.said.endswith("became void. Undo reverts it."), "the sentence", 10)
    assert names(gui) == ["roof"]
    assert rows.active_value() == 2, "the class in the hand is gone; the next one is taken"
    gui.wait_until(
        lambda: "Undo “Delete grass”" in gui.page.option_bar.undo.toolTip(), "its name in undo", 10
    )

    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: names(gui) == ["grass", "roof"], "the class", 10)
    gui.wait_until(lambda: np.array_equal(gui.label_values, painted), "its pixels", 10)
    gui.wait_until(lambda: rows.class_model.rowCount() == 4, "its row", 10)


def test_a_class_without_pixels_is_deleted_without_a_dialog(gui: GuiDriver) -> None:
    choose(menu_of(gui.page.classes.list_view, 1), "delete_class")
    gui.wait_until(lambda: names(gui) == ["grass"], "the end of the class", 10)
    gui.wait_until(lambda: "Undo reverts it." in gui.said, "the sentence", 10)
    assert not any(each.isVisible() for each in gui.page.findChildren(ClassDialog))


def test_merge_into_another_class(gui: GuiDriver) -> None:
    gui.dab(0.3)
    painted = gui.label_values.copy()
    menu = menu_of(gui.page.classes.list_view, 0)
    assert [action.text() for action in menu.merge_menu.actions()] == ["roof"]
    menu.close()
    menu.merge_menu.actions()[0].trigger()
    asked = question(gui, MergeClassDialog)
    assert asked.sentence.text().endswith(
        "in 1 picture will become roof, and the class grass will be deleted."
    )
    gui.click(asked.accept_button)
    gui.wait_until(lambda: np.array_equal(gui.label_values, painted * 2), "the merged pixels on screen", 10)
    assert names(gui) == ["roof"] and gui.page.classes.list_view.active_value() == 2
    gui.wait_until(lambda: gui.said.startswith("Merged grass into roof: "), "the sentence", 10)


def test_another_value_moves_the_pixels_and_a_taken_one_is_refused(gui: GuiDriver) -> None:
    gui.dab(0.3)
    painted = gui.label_values.copy()
    choose(menu_of(gui.page.classes.list_view, 0), "change_class_value")
    asked = question(gui, ClassValueDialog)
    assert not asked.accept_button.isEnabled()
    asked.value_field.setValue(2)
    assert "taken" in asked.error.text() and not asked.accept_button.isEnabled()
    asked.value_field.setValue(7)
    gui.click(asked.accept_button)
    gui.wait_until(lambda: np.array_equal(gui.label_values, painted * 7), "the new value on screen", 10)
    assert gui.session.editing.classes.values == (7, 2) and names(gui) == ["grass", "roof"]
    # Between question and answer somebody else may take the value: then the panel says why not.
    panel = gui.page.classes
    choose(menu_of(panel.list_view, 0), "change_class_value")
    asked = question(gui, ClassValueDialog)
    asked.value_field.setValue(9)
    gui.session.editing.change_class_value(2, 9).result(10)
    gui.click(asked.accept_button)
    gui.wait_until(lambda: "value 9 cannot be used" in panel._error.text(), "the reason", 10)
    assert panel._error.isVisible()


def test_split_off_in_this_picture_alone(gui: GuiDriver) -> None:
    gui.dab(0.3)
    elsewhere(gui, 1)
    painted = gui.label_values.copy()
    choose(menu_of(gui.page.classes.list_view, 0), "split_class")
    asked = question(gui, SplitClassDialog)
    assert asked.sentence.text().startswith(f"Moves {gui.labelled_pixels:,} pixels of grass")
    QTest.keyClicks(asked.name_field, "roof")
    assert "already a class" in asked.error.text() and not asked.accept_button.isEnabled()
    asked.name_field.clear()
    QTest.keyClicks(asked.name_field, "meadow")
    gui.click(asked.accept_button)
    gui.wait_until(lambda: np.array_equal(gui.label_values, painted * 3), "the new class on screen", 10)
    assert names(gui) == ["grass", "roof", "meadow"]
    assert gui.session.editing.class_usage(1).result(10).pictures == 1
    choose(menu_of(gui.page.classes.list_view, 1), "split_class")
    assert "no pixel of roof" in gui.page.classes._error.text()


def test_order_by_keys_and_menu(gui: GuiDriver) -> None:
    rows = gui.page.classes.list_view
    gui.key(Qt.Key.Key_Down, ALT)
    gui.wait_until(lambda: names(gui) == ["roof", "grass"], "the other order", 10)
    assert rows.active_value() == 1, "the class stays in the hand"
    gui.key(Qt.Key.Key_Down, ALT)
    assert names(gui) == ["roof", "grass"], "it was the last one"
    menu = menu_of(rows, 0)
    up, down = menu.findChild(object, "class_up"), menu.findChild(object, "class_down")
    assert (up.isEnabled(), down.isEnabled()) == (False, True)
    choose(menu, "class_down")
    assert names(gui) == ["grass", "roof"]
    gui.wait_until(lambda: "Reorder classes" in gui.page.option_bar.undo.toolTip(), "its name in undo", 10)
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: names(gui) == ["roof", "grass"], "the order before", 10)


def test_f2_on_the_canvas_renames_the_active_class(gui: GuiDriver) -> None:
    gui.key(Qt.Key.Key_2)
    gui.key(Qt.Key.Key_F2)
    editor = gui.page.classes.list_view.viewport().findChild(QLineEdit)
    assert editor is not None and editor.text() == "roof"
    editor.selectAll()
    QTest.keyClicks(editor, "tiles")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    gui.wait_until(lambda: names(gui) == ["grass", "tiles"], "the new name", 10)


@pytest.fixture
def panel(qtbot: QtBot, qapp: QApplication) -> ClassesPanel:
    made = ClassesPanel(apply_theme(qapp, "light"))
    qtbot.addWidget(made)
    made.resize(304, 400)
    made.show()
    qtbot.waitExposed(made)
    made.set_classes(ClassList().with_class("road").with_class("tree").with_class("water"))
    made.set_active(1)
    return made


def test_the_menu_opens_by_mouse_button_and_key_for_classes_only(panel: ClassesPanel) -> None:
    rows = panel.list_view
    menu_of(rows, 2).close()
    rect = rows.visualRect(rows.class_model.index(1))
    dots = RowLayout.in_rect(rect, scroll_bar_width(rows)).menu_button.center()
    QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=dots)
    menu = open_menu()
    assert [action.text() for action in menu.merge_menu.actions()] == ["road", "water"]
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
def test_a_drop_requests_a_new_order(
    panel: ClassesPanel, monkeypatch: pytest.MonkeyPatch, row: int, below: bool, wanted: list[int]
) -> None:
    rows = panel.list_view
    heard: list[list[int]] = []
    panel.order_requested.connect(heard.append)
    rect = rows.visualRect(rows.class_model.index(row))
    at = QPointF(rect.center().x(), rect.bottom() - 2 if below else rect.top() + 2)
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    event = QDropEvent(at, Qt.DropAction.MoveAction, QMimeData(), left, none)
    # Who started the drag is known to a real one only, which would block until the mouse is let go.
    monkeypatch.setattr(event, "source", lambda: rows, raising=False)
    rows.dropEvent(event)
    assert heard == [wanted]
    assert [c.value for c in rows.class_model.classes] == [1, 2, 3], "the owner decides, then sets the list"
