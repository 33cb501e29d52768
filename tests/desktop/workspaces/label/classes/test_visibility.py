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
from tests.desktop.conftest import Desk

pytestmark = pytest.mark.qt_log_ignore("does not support")

ALT = Qt.KeyboardModifier.AltModifier


def part(desk: Desk, row: int, name: str) -> QPoint:
    rows = desk.page.classes.list_view
    return getattr(
        RowLayout.in_rect(rows.visualRect(rows.class_model.index(row)), scroll_bar_width(rows)), name
    ).center()


def click(desk: Desk, row: int, name: str, held: Qt.KeyboardModifier = NO_MODIFIER) -> None:
    QTest.mouseClick(desk.page.classes.list_view.viewport(), LEFT_BUTTON, held, part(desk, row, name))
    desk.wait(20)


def hidden(desk: Desk) -> set[int]:
    return set(desk.page.classes.list_view.class_model.class_flags.hidden)


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


def test_keys_hide_show_alone_and_lock_the_active_class(desk: Desk) -> None:
    desk.key(Qt.Key.Key_2)
    desk.key(Qt.Key.Key_H, SHIFT)
    assert hidden(desk) == {2}
    desk.key(Qt.Key.Key_J)
    assert hidden(desk) == {1}
    desk.key(Qt.Key.Key_J)
    assert hidden(desk) == set()
    desk.key(Qt.Key.Key_H, SHIFT)
    desk.key(Qt.Key.Key_J, SHIFT)
    assert hidden(desk) == set()
    desk.key(Qt.Key.Key_K)
    assert desk.canvas.tools.options.locked == {2}
    assert "locked" in desk.said
    desk.key(Qt.Key.Key_K, SHIFT)
    assert desk.canvas.tools.options.locked == frozenset()


def test_the_eye_and_the_lock_of_a_row_do_not_choose_it(desk: Desk) -> None:
    rows = desk.page.classes.list_view
    desk.key(Qt.Key.Key_1)
    click(desk, 1, "eye")
    click(desk, 1, "lock")
    assert (hidden(desk), desk.canvas.tools.options.locked, rows.active_value()) == ({2}, {2}, 1)
    click(desk, 1, "eye", ALT)
    assert hidden(desk) == {1}
    click(desk, 1, "eye", ALT)
    assert hidden(desk) == set()
    assert "locked" in rows.class_model.data(rows.class_model.index(1), Qt.ItemDataRole.ToolTipRole)


def test_painting_with_a_hidden_class_shows_it(desk: Desk) -> None:
    desk.key(Qt.Key.Key_1)
    desk.key(Qt.Key.Key_H, SHIFT)
    assert hidden(desk) == {1}
    desk.dab(0.5)
    assert hidden(desk) == set()
    assert "shown again" in desk.said


def test_no_stroke_goes_over_a_locked_class(desk: Desk) -> None:
    desk.key(Qt.Key.Key_1)
    desk.dab(0.4)
    mine = desk.label_values == 1
    desk.key(Qt.Key.Key_K)
    desk.key(Qt.Key.Key_2)
    desk.dab(0.5)
    assert (desk.label_values[mine] == 1).all() and (desk.label_values == 2).any()


def test_the_name_is_painted_beside_the_icons(desk: Desk) -> None:
    rows = desk.page.classes.list_view
    name = rows.visualRect(rows.class_model.index(1))
    name.setLeft(part(desk, 1, "swatch").x() + 14)
    name.setWidth(30)
    for sign in ("eye", "lock", "menu_button"):
        QTest.mouseMove(rows.viewport(), part(desk, 1, sign))
        desk.wait(20)
        seen = rows.viewport().grab(name).toImage()
        shades = {seen.pixel(x, y) for x in range(seen.width()) for y in range(seen.height())}
        assert len(shades) > 8, f"no letters while the pointer is on the {sign}"


def test_the_menu_says_what_it_would_do(desk: Desk) -> None:
    rows = desk.page.classes.list_view
    classes = rows.class_model.classes
    menu = ClassMenu(classes.classes[0], classes, rows, flags=(True, True))
    titles = {action.objectName(): action.text().split("\t")[0] for action in menu.actions()}
    assert (titles["hide_class"], titles["lock_class"]) == ("Show", "Unlock")
    menu.deleteLater()


def test_hidden_and_locked_classes_are_restored_with_the_project(desk: Desk, tmp_path: Path) -> None:
    click(desk, 0, "eye")
    click(desk, 1, "lock")
    desk.window.close_project()
    assert desk.canvas.tools.options.locked == frozenset(), "the next project has other classes"
    desk.window.open_project(tmp_path / "pictures")
    desk.wait_until(desk.has_picture, "a picture", 60)
    desk.wait_until(
        lambda: (hidden(desk), set(desk.canvas.tools.options.locked)) == ({1}, {2}), "what was remembered", 60
    )


@pytest.mark.parametrize("text", ["", "1,999,x,-3,²,0,255", ",".join(["7"] * 5000), "\x00"])
def test_invalid_stored_values_are_ignored(desk: Desk, tmp_path: Path, text: str) -> None:
    desk.session.set_fact("hidden_classes", text)
    desk.window.close_project()
    desk.window.open_project(tmp_path / "pictures")
    desk.wait_until(desk.has_picture, "a picture", 60)
    wanted = {1} if text.startswith("1") else set()
    desk.wait_until(lambda: hidden(desk) == wanted, "what makes sense of it", 60)


def test_the_flags_of_a_deleted_class_are_dropped(desk: Desk) -> None:
    click(desk, 1, "eye")
    click(desk, 1, "lock")
    desk.key(Qt.Key.Key_2)
    desk.window.actions_by_id["delete_class"].trigger()
    desk.wait_until(lambda: len(desk.session.editing.classes) == 1, "the class to go", 60)
    desk.wait_until(
        lambda: (hidden(desk), desk.canvas.tools.options.locked) == (set(), frozenset()),
        "the shields to go",
        60,
    )


def test_active_class_and_flags_follow_a_changed_value(desk: Desk) -> None:
    rows, editing = desk.page.classes.list_view, desk.session.editing

    def follows(value: int) -> None:
        desk.wait_until(lambda: rows.active_value() == value, "the class in the hand", 5)
        assert desk.canvas.tools.options.locked == {value}
        desk.wait_until(lambda: set(np.unique(desk.label_values)) == {0, value}, "the pixels", 5)

    desk.key(Qt.Key.Key_2)
    desk.key(Qt.Key.Key_K)
    desk.dab(0.3)
    editing.change_class_value(2, 9)
    follows(9)
    desk.dab(0.7)
    follows(9)
    desk.key(Qt.Key.Key_H, SHIFT)
    editing.change_class_value(9, 20)
    follows(20)
    assert hidden(desk) == {20}
    desk.wait_until(lambda: "to 20" in desk.page.option_bar.undo.toolTip(), "its name in undo", 5)
    desk.key(Qt.Key.Key_Z, CTRL)
    follows(9)
    assert hidden(desk) == {9}
