"""Custom shortcuts: used everywhere at once, without conflicts, stored, and robust against an invalid file."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QKeySequenceEdit, QWidget
from pytestqt.qtbot import QtBot

from core.base.settings import Settings
from desktop.actions.catalog import (
    ACTIONS,
    action_spec,
    build_actions,
    set_shortcuts,
    shortcut_text,
    shortcuts_of,
    tooltip,
)
from desktop.actions.cheat_sheet import sheet_lines
from desktop.actions.keymap import KeyMap, normalize, read_shortcuts, reserved_reason, resolve
from desktop.actions.keymap_dialog import KeymapDialog
from desktop.actions.keymap_presets import PRESETS, STANDARD
from desktop.theme.theme import apply_theme
from desktop.tour.window_driver import LEFT_BUTTON
from tests.desktop.conftest import GuiDriver

pytestmark = pytest.mark.qt_log_ignore("does not support")


@pytest.fixture
def actions(qtbot: QtBot) -> Iterator[dict[str, QAction]]:
    window = QWidget()
    qtbot.addWidget(window)
    yield build_actions(window)
    set_shortcuts({})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "settings.json")


@pytest.fixture
def keymap(actions: dict[str, QAction], settings: Settings) -> KeyMap:
    return KeyMap(actions, settings)


@pytest.fixture
def dialog(qtbot: QtBot, qapp: QApplication, keymap: KeyMap) -> KeymapDialog:
    made = KeymapDialog(apply_theme(qapp, "light"), keymap)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow, timeout=60_000)
    return made


def test_a_changed_shortcut_is_used_everywhere(actions: dict[str, QAction], keymap: KeyMap) -> None:
    keymap.assign("tool_brush", ("Ctrl+B", "ctrl+b", "Z"))
    assert shortcuts_of("tool_brush") == ("Ctrl+B", "Z")
    assert actions["tool_brush"].shortcuts() == [QKeySequence("Ctrl+B"), QKeySequence("Z")]
    assert actions["tool_brush"].toolTip() == tooltip("tool_brush")
    assert shortcut_text("tool_brush") in tooltip("tool_brush") and "B" in shortcut_text("tool_brush")
    assert any(line.title == "Brush" and line.keys[1] == "Z" for line in sheet_lines("Tools"))
    assert action_spec("tool_brush").has_plain_key
    keymap.assign("tool_brush", ("Ctrl+B",))
    assert not action_spec("tool_brush").has_plain_key


def test_no_shortcut_belongs_to_two_actions(keymap: KeyMap) -> None:
    keymap.assign("tool_fill", ("B",))
    assert (keymap.shortcuts("tool_brush"), keymap.owner("B")) == ((), "tool_fill")
    assert keymap.reset("tool_brush") == ["tool_fill"]
    assert (keymap.shortcuts("tool_brush"), keymap.shortcuts("tool_fill")) == (("B",), ())


@pytest.mark.parametrize("name", PRESETS)
def test_presets_name_known_actions_and_have_no_conflicts(keymap: KeyMap, name: str) -> None:
    for action_id, keys in PRESETS[name].items():
        assert action_spec(action_id) and all(normalize(k) == k and not reserved_reason(k) for k in keys), (
            action_id
        )
    given = [k for keys in PRESETS[name].values() for k in keys]
    assert len(set(given)) == len(given)
    keymap.use_preset(name)
    all_keys = [k for entry in ACTIONS for k in keymap.shortcuts(entry.id)]
    assert len(set(all_keys)) == len(all_keys)
    assert keymap.preset == name
    for entry in ACTIONS:
        assert keymap.shortcuts(entry.id) or not entry.shortcuts, f"{entry.id} lost all its keys"


def test_only_differences_are_stored(actions: dict[str, QAction], keymap: KeyMap, settings: Settings) -> None:
    keymap.assign("tool_brush", ("F12",))
    keymap.assign("class_1", ("Ctrl+Alt+Q",))
    assert settings.get_state("keys") == {"tool_brush": ["F12"], "class_1": ["Ctrl+Alt+Q"]}
    again = KeyMap(actions, Settings(settings.path))
    assert again.snapshot() == keymap.snapshot()
    again.use_preset(STANDARD)
    assert Settings(settings.path).get_state("keys") == {}


@pytest.mark.parametrize(
    "stored",
    [
        "nonsense",
        ["B"],
        {"no_such_action": ["B"], "tool_brush": "B"},
        {"tool_brush": [1, None, {}], "tool_fill": ["Ctrl+Foo"], "undo": ["B, C"], "redo": ["Space"]},
        {"tool_brush": ["B" * 10_000]},
        {"x" * 10_000: ["B"]},
        {f"made_up_{n}": ["B"] for n in range(5000)},
    ],
)
def test_invalid_stored_shortcuts_are_ignored_and_logged(
    caplog: pytest.LogCaptureFixture, stored: object
) -> None:
    with caplog.at_level(logging.WARNING):
        assert resolve(read_shortcuts(stored)) == resolve({})
    assert caplog.records and all(len(record.getMessage()) < 300 for record in caplog.records)
    assert len(caplog.records) <= 2 * len(ACTIONS)


def test_an_endlessly_nested_file_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("[" * 100_000)
    assert Settings(tmp_path / "settings.json").get("theme") == "system"


def test_custom_shortcuts_win_over_new_defaults() -> None:
    stored = json.loads('{"tool_polygon": ["B"], "tool_fill": ["B", "F12"]}')
    keys = resolve(read_shortcuts(stored))
    assert (keys["tool_polygon"], keys["tool_fill"], keys["tool_brush"]) == (("B",), ("F12",), ())


@pytest.mark.parametrize(
    "key", ["Space", "Esc", "Return", "Shift+Return", "Tab", "Backspace", "Shift", "", "B, C"]
)
def test_reserved_keys(key: str) -> None:
    assert reserved_reason(key).endswith(".")
    assert not reserved_reason("Ctrl+Return")


# The dialog


def press(dialog: KeymapDialog, action_id: str, key: Qt.Key, place: int = 1) -> None:
    """Click the cell of a key and press another one, as a person would."""
    tree = dialog.list
    item = dialog._items[action_id]
    tree.scrollToItem(item)
    index = tree.indexFromItem(item, place)
    QTest.mouseClick(tree.viewport(), LEFT_BUTTON, pos=tree.visualRect(index).center())
    field = next(each for each in tree.viewport().findChildren(QKeySequenceEdit) if each.isVisible())
    QTest.keyClick(field, key)
    QApplication.processEvents()


def test_click_and_key_press_assign_a_shortcut(dialog: KeymapDialog, keymap: KeyMap) -> None:
    press(dialog, "tool_brush", Qt.Key.Key_F12)
    assert keymap.shortcuts("tool_brush") == ("F12",)
    press(dialog, "tool_brush", Qt.Key.Key_F10, place=2)
    assert keymap.shortcuts("tool_brush") == ("F12", "F10")
    assert dialog.preset.currentText() == "Custom"
    press(dialog, "tool_fill", Qt.Key.Key_Space)
    assert keymap.shortcuts("tool_fill") == ("G",)
    assert "moves the picture" in dialog.message


def test_a_conflict_names_the_owner_and_can_be_resolved_and_undone(
    dialog: KeymapDialog, keymap: KeyMap
) -> None:
    press(dialog, "tool_fill", Qt.Key.Key_B)
    assert keymap.shortcuts("tool_fill") == ("G",), "nothing is taken without asking"
    assert "“Brush”" in dialog.message
    QTest.mouseClick(dialog.offer_button, LEFT_BUTTON)
    assert (keymap.shortcuts("tool_fill"), keymap.shortcuts("tool_brush")) == (("B",), ())
    QTest.mouseClick(dialog.offer_button, LEFT_BUTTON)
    assert (keymap.shortcuts("tool_fill"), keymap.shortcuts("tool_brush")) == (("G",), ("B",))


def test_search_by_name_and_by_key_press(dialog: KeymapDialog) -> None:
    def shown() -> list[str]:
        return [i for i, item in dialog._items.items() if not item.isHidden()]

    QTest.keyClicks(dialog.search, "bigger brush")
    assert shown() == ["brush_bigger"]
    dialog.search.clear()
    QTest.keyClick(dialog.shortcut_search, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert shown() == ["undo"]
    dialog.shortcut_search.clear()
    assert len(shown()) == len(ACTIONS)


def test_shortcuts_are_cleared_reset_and_set_by_a_preset(dialog: KeymapDialog, keymap: KeyMap) -> None:
    tree = dialog.list
    tree.setCurrentItem(dialog._items["redo"], 2)
    QTest.keyClick(tree, Qt.Key.Key_Delete)
    assert keymap.shortcuts("redo") == ("Ctrl+Shift+Z",)
    assert dialog.reset.isEnabled()
    QTest.mouseClick(dialog.reset, LEFT_BUTTON)
    assert keymap.shortcuts("redo") == ("Ctrl+Shift+Z", "Ctrl+Y")
    dialog.preset.setCurrentText("Like CVAT")
    dialog.preset.activated.emit(dialog.preset.currentIndex())
    assert keymap.shortcuts("next_picture")[0] == "F"
    QTest.mouseClick(dialog.reset_all, LEFT_BUTTON)
    assert keymap.preset == STANDARD
    QTest.mouseClick(dialog.offer_button, LEFT_BUTTON)
    assert keymap.preset == "Like CVAT"


# The window


def test_changed_shortcuts_work_in_the_window_but_not_in_text_fields(gui: GuiDriver) -> None:
    window = gui.window
    try:
        window.keymap.assign("tool_fill", ("W",))
        window.keymap.assign("class_2", ("8",))
        gui.key(Qt.Key.Key_W)
        assert window.actions_by_id["tool_fill"].isChecked()
        gui.key(Qt.Key.Key_8)
        rows = gui.page.classes.list_view
        assert rows.active_value() == 2
        assert [rows.class_model.shortcut_of(n) for n in range(4)] == ["1", "8", "0", "V"]
        gui.key(Qt.Key.Key_1)
        field = gui.page.classes.name_field
        field.setFocus()
        gui.key(Qt.Key.Key_8, on=field)
        gui.key(Qt.Key.Key_W, on=field)
        assert (field.text(), rows.active_value()) == ("8w", 1)
        field.clear()
        window.keymap.assign("hide_overlays", ("U",))
        QTest.keyPress(gui.canvas, Qt.Key.Key_U)
        assert not gui.canvas.layers.label_visible
        gui.wait(400)
        QTest.keyRelease(gui.canvas, Qt.Key.Key_U)
        assert gui.canvas.layers.label_visible, "held, not tapped"
    finally:
        window.keymap.use_preset(STANDARD)


def test_cheat_sheet_is_rebuilt_and_opens_the_keymap(gui: GuiDriver) -> None:
    window = gui.window
    window.actions_by_id["cheat_sheet"].trigger()
    try:
        first = window._auxiliary_windows._cheat_sheet
        assert first is not None and first.isVisible()
        window.keymap.assign("tool_fill", ("F12",))
        second = window._auxiliary_windows._cheat_sheet
        assert second is not None and second is not first and second.isVisible()
        second.keymap_requested.emit()
        assert (
            window._auxiliary_windows._keymap_dialog is not None
            and window._auxiliary_windows._keymap_dialog.isVisible()
        )
    finally:
        window.keymap.use_preset(STANDARD)
        window._auxiliary_windows.close()
