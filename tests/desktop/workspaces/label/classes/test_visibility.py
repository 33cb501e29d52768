"""Classes hidden, shown alone and locked by shortcut, mouse and menu; stored with the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from core.labels.class_list import VOID
from desktop.canvas.rendering.layer_style import ColourTable, LayerState
from desktop.tour.window_driver import CTRL, LEFT_BUTTON, NO_MODIFIER, SHIFT
from desktop.workspaces.label.panels.classes.menu import ClassMenu
from desktop.workspaces.label.panels.classes.row_delegate import RowLayout, scroll_bar_width
from tests.desktop.conftest import GuiDriver

pytestmark = pytest.mark.qt_log_ignore("does not support")

ALT = Qt.KeyboardModifier.AltModifier


def part(gui: GuiDriver, row: int, name: str) -> QPoint:
    rows = gui.page.classes.list_view
    return getattr(
        RowLayout.in_rect(rows.visualRect(rows.class_model.index(row)), scroll_bar_width(rows)), name
    ).center()


def click(gui: GuiDriver, row: int, name: str, held: Qt.KeyboardModifier = NO_MODIFIER) -> None:
    QTest.mouseClick(gui.page.classes.list_view.viewport(), LEFT_BUTTON, held, part(gui, row, name))
    gui.wait(20)


def hidden(gui: GuiDriver) -> set[int]:
    return set(gui.page.classes.list_view.class_model.class_flags.hidden)


def test_a_hidden_class_is_transparent_in_every_layer() -> None:
    palette = np.full((256, 3), 200, np.uint8)
    state = LayerState(difference_visible=True)
    table = ColourTable(palette, state, has_prediction=True, hidden=frozenset((2,)))

    def seen(label: int, said: int) -> int:
        one, other, striped = (np.array([[value]], np.uint8) for value in (label, said, 1))
        return int(table.compose(one, other, lambda: striped).reshape(()))

    assert seen(2, 0) == seen(2, 1) == seen(0, 2) == 0
    assert seen(1, 2) and seen(0, 1) and seen(VOID, 0)
    only_said = ColourTable(palette, LayerState(label_visible=False), True, frozenset((2,)))
    labels, said = np.array([[2, 1]], np.uint8), np.array([[1, 2]], np.uint8)
    # A label that is out of sight anyway does not hide what the network says there.
    assert (only_said.compose(labels, said, lambda: labels) > 0).tolist() == [[True, False]]


def test_keys_hide_show_alone_and_lock_the_active_class(gui: GuiDriver) -> None:
    gui.key(Qt.Key.Key_2)
    gui.key(Qt.Key.Key_H, SHIFT)
    assert hidden(gui) == {2}
    gui.key(Qt.Key.Key_J)
    assert hidden(gui) == {1}
    gui.key(Qt.Key.Key_J)
    assert hidden(gui) == set()
    gui.key(Qt.Key.Key_H, SHIFT)
    gui.key(Qt.Key.Key_J, SHIFT)
    assert hidden(gui) == set()
    gui.key(Qt.Key.Key_K)
    assert gui.canvas.tools.options.locked == {2}
    assert "locked" in gui.said
    gui.key(Qt.Key.Key_K, SHIFT)
    assert gui.canvas.tools.options.locked == frozenset()


def test_the_eye_and_the_lock_of_a_row_do_not_choose_it(gui: GuiDriver) -> None:
    rows = gui.page.classes.list_view
    gui.key(Qt.Key.Key_1)
    click(gui, 1, "eye")
    click(gui, 1, "lock")
    assert (hidden(gui), gui.canvas.tools.options.locked, rows.active_value()) == ({2}, {2}, 1)
    click(gui, 1, "eye", ALT)
    assert hidden(gui) == {1}
    click(gui, 1, "eye", ALT)
    assert hidden(gui) == set()
    assert "locked" in rows.class_model.data(rows.class_model.index(1), Qt.ItemDataRole.ToolTipRole)


def test_painting_with_a_hidden_class_shows_it(gui: GuiDriver) -> None:
    gui.key(Qt.Key.Key_1)
    gui.key(Qt.Key.Key_H, SHIFT)
    assert hidden(gui) == {1}
    gui.dab(0.5)
    assert hidden(gui) == set()
    assert "shown again" in gui.said


def test_no_stroke_goes_over_a_locked_class(gui: GuiDriver) -> None:
    gui.key(Qt.Key.Key_1)
    gui.dab(0.4)
    mine = gui.label_values == 1
    gui.key(Qt.Key.Key_K)
    gui.key(Qt.Key.Key_2)
    gui.dab(0.5)
    assert (gui.label_values[mine] == 1).all() and (gui.label_values == 2).any()


def test_the_name_is_painted_beside_the_icons(gui: GuiDriver) -> None:
    rows = gui.page.classes.list_view
    name = rows.visualRect(rows.class_model.index(1))
    name.setLeft(part(gui, 1, "swatch").x() + 14)
    name.setWidth(30)
    for sign in ("eye", "lock", "menu_button"):
        QTest.mouseMove(rows.viewport(), part(gui, 1, sign))
        gui.wait(20)
        seen = rows.viewport().grab(name).toImage()
        shades = {seen.pixel(x, y) for x in range(seen.width()) for y in range(seen.height())}
        assert len(shades) > 8, f"no letters while the pointer is on the {sign}"


def test_the_menu_says_what_it_would_do(gui: GuiDriver) -> None:
    rows = gui.page.classes.list_view
    classes = rows.class_model.classes
    menu = ClassMenu(classes.classes[0], classes, rows, flags=(True, True))
    titles = {action.objectName(): action.text().split("\t")[0] for action in menu.actions()}
    assert (titles["hide_class"], titles["lock_class"]) == ("Show", "Unlock")
    menu.deleteLater()


def test_hidden_and_locked_classes_are_restored_with_the_project(gui: GuiDriver, tmp_path: Path) -> None:
    click(gui, 0, "eye")
    click(gui, 1, "lock")
    gui.window.close_project()
    assert gui.canvas.tools.options.locked == frozenset(), "the next project has other classes"
    gui.window.open_project(tmp_path / "pictures")
    gui.wait_until(gui.has_picture, "a picture", 60)
    gui.wait_until(
        lambda: (hidden(gui), set(gui.canvas.tools.options.locked)) == ({1}, {2}), "what was remembered", 60
    )


@pytest.mark.parametrize("text", ["", "1,999,x,-3,²,0,255", ",".join(["7"] * 5000), "\x00"])
def test_invalid_stored_values_are_ignored(gui: GuiDriver, tmp_path: Path, text: str) -> None:
    gui.session.set_fact("hidden_classes", text)
    gui.window.close_project()
    gui.window.open_project(tmp_path / "pictures")
    gui.wait_until(gui.has_picture, "a picture", 60)
    wanted = {1} if text.startswith("1") else set()
    gui.wait_until(lambda: hidden(gui) == wanted, "what makes sense of it", 60)


def test_the_flags_of_a_deleted_class_are_dropped(gui: GuiDriver) -> None:
    click(gui, 1, "eye")
    click(gui, 1, "lock")
    gui.key(Qt.Key.Key_2)
    gui.window.actions_by_id["delete_class"].trigger()
    gui.wait_until(lambda: len(gui.session.editing.classes) == 1, "the class to go", 60)
    gui.wait_until(
        lambda: (hidden(gui), gui.canvas.tools.options.locked) == (set(), frozenset()),
        "the shields to go",
        60,
    )


def test_active_class_and_flags_follow_a_changed_value(gui: GuiDriver) -> None:
    rows, editing = gui.page.classes.list_view, gui.session.editing

    def follows(value: int) -> None:
        gui.wait_until(lambda: rows.active_value() == value, "the class in the hand", 5)
        assert gui.canvas.tools.options.locked == {value}
        gui.wait_until(lambda: set(np.unique(gui.label_values)) == {0, value}, "the pixels", 5)

    gui.key(Qt.Key.Key_2)
    gui.key(Qt.Key.Key_K)
    gui.dab(0.3)
    editing.change_class_value(2, 9)
    follows(9)
    gui.dab(0.7)
    follows(9)
    gui.key(Qt.Key.Key_H, SHIFT)
    editing.change_class_value(9, 20)
    follows(20)
    assert hidden(gui) == {20}
    gui.wait_until(lambda: "to 20" in gui.page.option_bar.undo.toolTip(), "its name in undo", 5)
    gui.key(Qt.Key.Key_Z, CTRL)
    follows(9)
    assert hidden(gui) == {9}
