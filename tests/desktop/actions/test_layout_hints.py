"""Which default keys the present keyboard cannot type, and what the pages of shortcuts say about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtGui import QAction

from core.base.settings import Settings
from desktop.actions.catalog import set_shortcuts
from desktop.actions.keymap import KeyMap
from desktop.actions.keymap_dialog import KeymapDialog
from desktop.actions.keymap_presets import STANDARD
from desktop.actions.layout_hints import AZERTY_PRESET, BRACKET_PRESET, layout_hint
from desktop.theme.theme import Theme
from tests.desktop.conftest import GuiDriver, show_widget

pytestmark = pytest.mark.qt_log_ignore("does not support")

BRACKET, DIGIT, UMLAUT = Qt.Key.Key_BracketLeft, Qt.Key.Key_1, Qt.Key.Key_Udiaeresis
AMERICAN, GERMAN = QLocale("en_US"), QLocale("de_DE")


@pytest.fixture
def keymap(actions: dict[str, QAction], tmp_path: Path) -> Iterator[KeyMap]:
    yield KeyMap(actions, Settings(tmp_path / "settings.json"))
    set_shortcuts({})


@pytest.mark.parametrize(
    ("locale", "keys", "preset"),
    [
        ("en_US", "", ""),
        ("ru_RU", "", ""),
        ("fr_CA", "", ""),
        ("pt_BR", "", ""),
        ("de_DE", "[]", BRACKET_PRESET),
        ("es_ES", "[]", BRACKET_PRESET),
        ("sv_SE", "[]", BRACKET_PRESET),
        ("tr_TR", "[]", BRACKET_PRESET),
        ("fr_FR", "[]0123456789", AZERTY_PRESET),
        ("cs_CZ", "[]0123456789", BRACKET_PRESET),
    ],
)
def test_the_language_of_the_keyboard_says_what_is_likely(
    keymap: KeyMap, locale: str, keys: str, preset: str
) -> None:
    hint = layout_hint(keymap, QLocale(locale))
    assert (hint.keys if hint else set()) == set(keys)
    assert (hint.preset if hint else "") == preset
    assert hint is None or "Most " in hint.sentence


def test_what_was_typed_counts_more_than_the_language(keymap: KeyMap) -> None:
    keymap.note_key(UMLAUT, BRACKET)
    hint = layout_hint(keymap, AMERICAN)
    assert hint is not None
    assert hint.sentence == (
        "This keyboard has [ and ] only with AltGr. PgDown and PgUp change the size too."
    )
    keymap.note_key(BRACKET, None)
    assert layout_hint(keymap, AMERICAN) is None
    assert layout_hint(keymap, GERMAN) is None, "an American keyboard on a German desktop"
    keymap.note_key(Qt.Key.Key_Ampersand, DIGIT)
    hint = layout_hint(keymap, AMERICAN)
    assert hint is not None and hint.preset == AZERTY_PRESET and "digits only with Shift" in hint.sentence


def test_a_keymap_without_such_keys_has_no_hint(keymap: KeyMap) -> None:
    keymap.use_preset(BRACKET_PRESET)
    assert layout_hint(keymap, GERMAN) is None
    keymap.use_preset(AZERTY_PRESET)
    assert layout_hint(keymap, QLocale("fr_FR")) is None
    keymap.use_preset(STANDARD)


def test_the_pages_of_shortcuts_say_it_and_offer_the_keymap(qtbot, theme: Theme, keymap: KeyMap) -> None:
    dialog = KeymapDialog(theme, keymap)
    assert dialog.message == ""
    keymap.note_key(UMLAUT, BRACKET)
    show_widget(qtbot, dialog, 900, 600)
    assert "[ and ] only with AltGr" in dialog.message
    item = dialog._items["brush_smaller"]
    assert item.toolTip(1) == dialog.message and item.toolTip(2) == ""
    assert dialog.offer_button.text() == f"Use the keymap “{BRACKET_PRESET}”"
    dialog.offer_button.click()
    assert keymap.preset == BRACKET_PRESET and keymap.shortcuts("brush_smaller")[0] == ","
    assert item.toolTip(1) == ""


def test_the_cheat_sheet_of_the_window_says_it(gui: GuiDriver) -> None:
    windows = gui.window._auxiliary_windows
    try:
        gui.window.keymap.note_key(UMLAUT, BRACKET)
        assert "only with AltGr" in windows.show_cheat_sheet().hint.text()
    finally:
        windows.close()
        gui.window.keymap.note_key(BRACKET, None)
