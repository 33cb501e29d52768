"""The table of actions: complete, without conflicts, and plain keys go to text fields."""

from collections import Counter

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMainWindow, QSpinBox, QWidget

from core.labels.class_list import ClassList
from desktop.actions.catalog import (
    ACTIONS,
    action_spec,
    build_actions,
    is_text_input,
    shortcut_text,
    tooltip,
)
from desktop.actions.cheat_sheet import GROUP_COLUMNS, CheatSheet, sheet_lines
from desktop.actions.gestures import GESTURES
from desktop.theme.icons import icon_names
from desktop.theme.theme import Theme, apply_theme
from desktop.widgets.controls import LevelSlider, column
from desktop.workspaces.label.panels.classes.panel import ClassesPanel

# The screenless platform says this whenever a window with size hints is shown.
pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return apply_theme(qapp, "light")


def test_every_action_has_a_title_help_icon_and_a_group_of_the_cheat_sheet() -> None:
    groups = {group for groups in GROUP_COLUMNS for group in groups}
    for entry in ACTIONS:
        assert entry.title and entry.title[0] == entry.title[0].upper(), entry.id
        assert entry.help.endswith("."), entry.id
        assert entry.icon in icon_names(), entry.id
        assert entry.group in groups, entry.id
    assert {gesture.group for gesture in GESTURES} <= groups


def test_ids_and_shortcuts_are_unique() -> None:
    assert len({entry.id for entry in ACTIONS}) == len(ACTIONS)
    keys = Counter(QKeySequence(keys).toString() for entry in ACTIONS for keys in entry.shortcuts)
    assert "" not in keys, "a shortcut that Qt cannot read"
    assert [key for key, times in keys.items() if times > 1] == []


def test_default_shortcuts() -> None:
    agreed = {
        "tool_brush": "B",
        "tool_eraser": "E",
        "tool_polygon": "P",
        "tool_fill": "G",
        "undo": "Ctrl+Z",
        "next_picture": "D",
        "previous_picture": "A",
        "next_uncertain": "N",
        "accept_and_next": "Ctrl+Return",
        "accept_region": "Q",
        "train_now": "Ctrl+T",
        "pause_training": "Ctrl+.",
        "fit": "F",
        "actual_size": "Ctrl+1",
        "cheat_sheet": "F1",
    }
    assert {key: action_spec(key).shortcuts[0] for key in agreed} == agreed
    assert action_spec("redo").shortcuts == ("Ctrl+Shift+Z", "Ctrl+Y")


def test_has_plain_key() -> None:
    assert action_spec("tool_brush").has_plain_key
    assert action_spec("next_open").has_plain_key
    assert not action_spec("undo").has_plain_key
    assert not action_spec("full_screen").has_plain_key
    assert not action_spec("theme_dark").has_plain_key


def test_actions_are_built_from_the_table(qtbot, theme: Theme) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    made = build_actions(window, theme)
    assert set(made) == {entry.id for entry in ACTIONS}
    assert not made["undo"].icon().isNull()
    assert made["undo"].toolTip() == tooltip("undo")
    assert shortcut_text("undo") in tooltip("undo")
    made["tool_brush"].setChecked(True)
    made["tool_fill"].setChecked(True)
    assert not made["tool_brush"].isChecked()
    made["theme_dark"].setChecked(True)
    assert made["tool_fill"].isChecked()
    assert not made["hide_overlays"].autoRepeat()


class ActionsWindow(QWidget):
    """A window with all actions, a place to paint, and the widgets that compete for keys."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.actions_by_id = build_actions(self, theme)
        self.heard: list[str] = []
        for key, action in self.actions_by_id.items():
            action.triggered.connect(lambda _checked=False, key=key: self.heard.append(key))
        self.canvas = QWidget()
        self.canvas.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.classes = ClassesPanel(theme)
        self.classes.set_classes(ClassList().with_class("road").with_class("tree"))
        self.size = QSpinBox()
        self.slider = LevelSlider(0, 100, "Opacity")
        self.setLayout(column(self.canvas, self.classes, self.size, self.slider))


@pytest.fixture
def gui(qtbot, theme: Theme) -> ActionsWindow:
    made = ActionsWindow(theme)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    return made


def test_plain_letters_choose_tools_on_the_canvas(qtbot, gui: ActionsWindow) -> None:
    gui.canvas.setFocus()
    QTest.keyClick(gui.canvas, Qt.Key.Key_B)
    QTest.keyClick(gui.canvas, Qt.Key.Key_Right)
    QTest.keyClick(gui.canvas, Qt.Key.Key_3)
    assert gui.heard == ["tool_brush", "next_picture", "class_3"]


def test_plain_letters_go_to_a_focused_field(qtbot, gui: ActionsWindow) -> None:
    field = gui.classes.name_field
    field.setFocus()
    assert is_text_input()
    for key in (Qt.Key.Key_B, Qt.Key.Key_E, Qt.Key.Key_1, Qt.Key.Key_BracketLeft):
        QTest.keyClick(field, key)
    QTest.keyClicks(field, "D")
    assert field.text() == "be1[D"
    QTest.keyClick(field, Qt.Key.Key_Left)
    assert field.cursorPosition() == 4
    QTest.keyClick(field, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert field.text() != "be1[D"
    assert gui.heard == []
    QTest.keyClick(field, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    assert gui.heard == ["train_now"]


def test_plain_letters_go_to_a_name_that_is_being_edited(qtbot, gui: ActionsWindow) -> None:
    rows = gui.classes.list_view
    rows.setFocus()
    rows.set_active(1)
    rows.edit(rows.currentIndex())
    editor = QApplication.focusWidget()
    assert is_text_input(editor)
    QTest.keyClick(editor, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(editor, Qt.Key.Key_B)
    QTest.keyClick(editor, Qt.Key.Key_Left)
    with qtbot.waitSignal(gui.classes.class_renamed) as renamed:
        QTest.keyClick(editor, Qt.Key.Key_Return)
    assert renamed.args == [1, "b"]
    assert gui.heard == []


def test_numbers_and_sliders_keep_their_keys(qtbot, gui: ActionsWindow) -> None:
    gui.size.setFocus()
    gui.size.selectAll()
    QTest.keyClick(gui.size, Qt.Key.Key_7)
    assert gui.size.value() == 7
    gui.slider.setFocus()
    assert not is_text_input()
    QTest.keyClick(gui.slider, Qt.Key.Key_Right)
    assert gui.slider.value() == 1
    assert gui.heard == []
    QTest.keyClick(gui.slider, Qt.Key.Key_B)
    assert gui.heard == ["tool_brush"]


def test_cheat_sheet_lists_every_shortcut(qtbot, theme: Theme) -> None:
    shown = [line for groups in GROUP_COLUMNS for group in groups for line in sheet_lines(group)]
    titles = {line.title for line in shown}
    for entry in ACTIONS:
        assert not entry.shortcuts or (entry.family or entry.title.rstrip("…")) in titles, entry.id
    assert {gesture.title for gesture in GESTURES} <= titles
    digits = next(line for line in shown if line.title == "Class 1 to 9")
    assert digits.keys == ("1 … 9",)
    sheet = CheatSheet(theme)
    qtbot.addWidget(sheet)
    assert not sheet.isModal()
    room = sheet.screen().availableSize()
    assert sheet.width() <= room.width() and sheet.height() <= room.height(), "a small screen shows it whole"
