"""Keys that people change: in force everywhere at once, without conflicts, kept, and safe against a bad file."""

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
from desktop.actions.catalog import ACTIONS, build_actions, keys_of, keys_text, put_in_force, row, tooltip
from desktop.actions.cheat_sheet import lines
from desktop.actions.keymap import KeyMap, read_keys, resolved, tidy, why_not
from desktop.actions.keymap_dialog import KeysDialog
from desktop.actions.keymap_presets import PRESETS, STANDARD
from desktop.theme.theme import apply_theme
from desktop.tour.window_driver import LEFT
from tests.desktop.conftest import Desk

pytestmark = pytest.mark.qt_log_ignore("does not support")


@pytest.fixture
def actions(qtbot: QtBot) -> Iterator[dict[str, QAction]]:
    window = QWidget()
    qtbot.addWidget(window)
    yield build_actions(window)
    put_in_force({})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "settings.json")


@pytest.fixture
def keymap(actions: dict[str, QAction], settings: Settings) -> KeyMap:
    return KeyMap(actions, settings)


@pytest.fixture
def dialog(qtbot: QtBot, qapp: QApplication, keymap: KeyMap) -> KeysDialog:
    made = KeysDialog(apply_theme(qapp, "light"), keymap)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow, timeout=60_000)
    return made


def test_another_key_is_in_force_everywhere(actions: dict[str, QAction], keymap: KeyMap) -> None:
    keymap.put("tool_brush", ("Ctrl+B", "ctrl+b", "Z"))
    assert keys_of("tool_brush") == ("Ctrl+B", "Z")
    assert actions["tool_brush"].shortcuts() == [QKeySequence("Ctrl+B"), QKeySequence("Z")]
    assert actions["tool_brush"].toolTip() == tooltip("tool_brush")
    assert keys_text("tool_brush") in tooltip("tool_brush") and "B" in keys_text("tool_brush")
    assert any(line.title == "Brush" and line.keys[1] == "Z" for line in lines("Tools"))
    assert row("tool_brush").plain_letter
    keymap.put("tool_brush", ("Ctrl+B",))
    assert not row("tool_brush").plain_letter


def test_no_key_ever_belongs_to_two(keymap: KeyMap) -> None:
    keymap.put("tool_fill", ("B",))
    assert (keymap.keys("tool_brush"), keymap.owner("B")) == ((), "tool_fill")
    assert keymap.reset("tool_brush") == ["tool_fill"]
    assert (keymap.keys("tool_brush"), keymap.keys("tool_fill")) == (("B",), ())


@pytest.mark.parametrize("name", PRESETS)
def test_ready_sets_have_real_actions_and_keys_without_conflicts(keymap: KeyMap, name: str) -> None:
    for action_id, keys in PRESETS[name].items():
        assert row(action_id) and all(tidy(k) == k and not why_not(k) for k in keys), action_id
    given = [k for keys in PRESETS[name].values() for k in keys]
    assert len(set(given)) == len(given)
    keymap.use(name)
    all_keys = [k for entry in ACTIONS for k in keymap.keys(entry.id)]
    assert len(set(all_keys)) == len(all_keys)
    assert keymap.preset == name
    for entry in ACTIONS:
        assert keymap.keys(entry.id) or not entry.shortcuts, f"{entry.id} lost all its keys"


def test_only_differences_are_stored_and_found_again(
    actions: dict[str, QAction], keymap: KeyMap, settings: Settings
) -> None:
    keymap.put("tool_brush", ("F9",))
    keymap.put("class_1", ("Ctrl+Alt+Q",))
    assert settings.remembered("keys") == {"tool_brush": ["F9"], "class_1": ["Ctrl+Alt+Q"]}
    again = KeyMap(actions, Settings(settings.path))
    assert again.snapshot() == keymap.snapshot()
    again.use(STANDARD)
    assert Settings(settings.path).remembered("keys") == {}


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
def test_a_hostile_or_stale_file_changes_nothing_and_is_told_in_the_log(
    caplog: pytest.LogCaptureFixture, stored: object
) -> None:
    with caplog.at_level(logging.WARNING):
        assert resolved(read_keys(stored)) == resolved({})
    assert caplog.records and all(len(record.getMessage()) < 300 for record in caplog.records)
    assert len(caplog.records) <= 2 * len(ACTIONS)


def test_a_file_that_nests_without_end_is_no_settings(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("[" * 100_000)
    assert Settings(tmp_path / "settings.json").get("theme") == "system"


def test_what_people_chose_comes_before_a_new_standard_key() -> None:
    stored = json.loads('{"tool_polygon": ["B"], "tool_fill": ["B", "F9"]}')
    keys = resolved(read_keys(stored))
    assert (keys["tool_polygon"], keys["tool_fill"], keys["tool_brush"]) == (("B",), ("F9",), ())


@pytest.mark.parametrize(
    "key", ["Space", "Esc", "Return", "Shift+Return", "Tab", "Backspace", "Shift", "", "B, C"]
)
def test_some_keys_are_nobodys(key: str) -> None:
    assert why_not(key).endswith(".")
    assert not why_not("Ctrl+Return")


# The dialog


def press(dialog: KeysDialog, action_id: str, key: Qt.Key, place: int = 1) -> None:
    """Click the cell of a key and press another one, as a person would."""
    tree = dialog.list
    item = dialog._items[action_id]
    tree.scrollToItem(item)
    index = tree.indexFromItem(item, place)
    QTest.mouseClick(tree.viewport(), LEFT, pos=tree.visualRect(index).center())
    field = next(each for each in tree.viewport().findChildren(QKeySequenceEdit) if each.isVisible())
    QTest.keyClick(field, key)
    QApplication.processEvents()


def test_a_click_and_a_key_give_an_action_that_key(dialog: KeysDialog, keymap: KeyMap) -> None:
    press(dialog, "tool_brush", Qt.Key.Key_F9)
    assert keymap.keys("tool_brush") == ("F9",)
    press(dialog, "tool_brush", Qt.Key.Key_F10, place=2)
    assert keymap.keys("tool_brush") == ("F9", "F10")
    assert dialog.preset.currentText() == "Your own keys"
    press(dialog, "tool_fill", Qt.Key.Key_Space)
    assert keymap.keys("tool_fill") == ("G",)
    assert "moves the picture" in dialog.said


def test_a_conflict_is_named_and_the_key_can_be_taken_and_given_back(
    dialog: KeysDialog, keymap: KeyMap
) -> None:
    press(dialog, "tool_fill", Qt.Key.Key_B)
    assert keymap.keys("tool_fill") == ("G",), "nothing is taken without asking"
    assert "“Brush”" in dialog.said
    QTest.mouseClick(dialog.offer, LEFT)
    assert (keymap.keys("tool_fill"), keymap.keys("tool_brush")) == (("B",), ())
    QTest.mouseClick(dialog.offer, LEFT)
    assert (keymap.keys("tool_fill"), keymap.keys("tool_brush")) == (("G",), ("B",))


def test_keys_are_found_by_name_and_by_pressing_them(dialog: KeysDialog) -> None:
    def shown() -> list[str]:
        return [i for i, item in dialog._items.items() if not item.isHidden()]

    QTest.keyClicks(dialog.search, "bigger brush")
    assert shown() == ["brush_bigger"]
    dialog.search.clear()
    QTest.keyClick(dialog.pressed, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert shown() == ["undo"]
    dialog.pressed.clear()
    assert len(shown()) == len(ACTIONS)


def test_keys_are_cleared_reset_and_taken_from_a_ready_set(dialog: KeysDialog, keymap: KeyMap) -> None:
    tree = dialog.list
    tree.setCurrentItem(dialog._items["redo"], 2)
    QTest.keyClick(tree, Qt.Key.Key_Delete)
    assert keymap.keys("redo") == ("Ctrl+Shift+Z",)
    assert dialog.reset.isEnabled()
    QTest.mouseClick(dialog.reset, LEFT)
    assert keymap.keys("redo") == ("Ctrl+Shift+Z", "Ctrl+Y")
    dialog.preset.setCurrentText("Like CVAT")
    dialog.preset.activated.emit(dialog.preset.currentIndex())
    assert keymap.keys("next_picture")[0] == "F"
    QTest.mouseClick(dialog.reset_all, LEFT)
    assert keymap.preset == STANDARD
    QTest.mouseClick(dialog.offer, LEFT)
    assert keymap.preset == "Like CVAT"


# The window


def test_changed_keys_work_in_the_window_and_stay_out_of_text_fields(desk: Desk) -> None:
    window = desk.window
    try:
        window.keymap.put("tool_fill", ("W",))
        window.keymap.put("class_2", ("8",))
        desk.key(Qt.Key.Key_W)
        assert window.actions_by_id["tool_fill"].isChecked()
        desk.key(Qt.Key.Key_8)
        rows = desk.page.classes.rows
        assert rows.active() == 2
        assert [rows.classes_model.key_of(n) for n in range(4)] == ["1", "8", "0", "V"]
        desk.key(Qt.Key.Key_1)
        field = desk.page.classes.field
        field.setFocus()
        desk.key(Qt.Key.Key_8, on=field)
        desk.key(Qt.Key.Key_W, on=field)
        assert (field.text(), rows.active()) == ("8w", 1)
        field.clear()
        window.keymap.put("hide_overlays", ("U",))
        QTest.keyPress(desk.canvas, Qt.Key.Key_U)
        assert not desk.canvas.layers.label_visible
        desk.rest(400)
        QTest.keyRelease(desk.canvas, Qt.Key.Key_U)
        assert desk.canvas.layers.label_visible, "held, not tapped"
    finally:
        window.keymap.use(STANDARD)


def test_the_cheat_sheet_is_made_anew_and_leads_to_the_keys(desk: Desk) -> None:
    window = desk.window
    window.actions_by_id["cheat_sheet"].trigger()
    try:
        first = window._beside._cheat_sheet
        assert first is not None and first.isVisible()
        window.keymap.put("tool_fill", ("F9",))
        second = window._beside._cheat_sheet
        assert second is not None and second is not first and second.isVisible()
        second.keys_asked.emit()
        assert window._beside._keys is not None and window._beside._keys.isVisible()
    finally:
        window.keymap.use(STANDARD)
        window._beside.close()
