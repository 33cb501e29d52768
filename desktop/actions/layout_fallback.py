"""Shortcuts on keyboards of the world: by place under other scripts, none by AltGr, and hints about missing keys."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent

from desktop.actions.catalog import is_text_input
from desktop.actions.key_positions import is_foreign, shortcut_of, us_key
from desktop.actions.keymap import KeyMap

_DIGITS = frozenset(Qt.Key(ord(digit)) for digit in "0123456789")
_LETTERS = frozenset(Qt.Key(code) for code in range(ord("A"), ord("Z") + 1))
_BRACKETS = frozenset((Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight))


class LayoutFallback(QObject):
    """An event filter of the main window, which gets the keys that no shortcut and no widget took. GUI thread.

    Qt finds the shortcut of a Cyrillic letter only while the system has a Latin layout beside the Cyrillic one.
    """

    hint = Signal(str)
    """A sentence about a default shortcut that this keyboard cannot type; each once."""

    def __init__(self, window: QObject, actions: Mapping[str, QAction], keymap: KeyMap) -> None:
        super().__init__(window)
        self._actions, self._keymap = actions, keymap
        self._told: set[str] = set()
        self._has_foreign_letters = False
        """Whether the keyboard has shown a letter of another script."""
        window.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            self._has_foreign_letters |= is_foreign(event)
            if not event.modifiers() and not is_foreign(event):
                self._keymap.note_key(Qt.Key(event.key()), us_key(event))
            # AltGr is no shortcut: some layouts give the plain digit with it too.
            if _is_alt_gr_letter(event) or self._is_shifted_letter(event):
                event.accept()
                return True
        elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._key_pressed(event)
        return False

    def _key_pressed(self, event: QKeyEvent) -> bool:
        if event.modifiers() & Qt.KeyboardModifier.GroupSwitchModifier or is_text_input():
            return False
        if is_foreign(event) or self._is_shifted_letter(event):
            return self._trigger(event)
        if not event.isAutoRepeat():
            self._explain(event)
        return False

    def _is_shifted_letter(self, event: QKeyEvent) -> bool:
        """Hebrew layouts have Latin letters with Shift, and Qt then finds the shortcut without Shift."""
        if not self._has_foreign_letters or event.modifiers() != Qt.KeyboardModifier.ShiftModifier:
            return False
        return Qt.Key(event.key()) in _LETTERS and self._keymap.owner(shortcut_of(event)) is not None

    def _trigger(self, event: QKeyEvent) -> bool:
        """Run the action of the key at the same place of a US keyboard."""
        owner = self._keymap.owner(shortcut_of(event))
        action = self._actions.get(owner) if owner else None
        if action is None or not action.isEnabled():
            return False
        if action.autoRepeat() or not event.isAutoRepeat():
            action.trigger()
        return True

    def _explain(self, event: QKeyEvent) -> None:
        """Say what to do when a person presses a default key where US keyboards have it, and this one has not."""
        place = us_key(event)
        if event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier or place is None or place == event.key():
            return
        sentence = ""
        if place in _BRACKETS and self._keymap.owner(chr(place)) in ("brush_smaller", "brush_bigger"):
            sentence = _bracket_hint(self._keymap)
        elif place in _DIGITS and self._keymap.owner(chr(place)) is not None:
            sentence = (
                "On this keyboard, digits need Shift. “Edit shortcuts…” has a keymap for AZERTY keyboards, "
                "in which the digit row chooses classes without Shift."
            )
        if sentence and sentence not in self._told:
            self._told.add(sentence)
            self.hint.emit(sentence)


def _bracket_hint(keymap: KeyMap) -> str:
    plain = [
        next((keys for keys in keymap.shortcuts(key) if keys not in ("[", "]")), "")
        for key in ("brush_smaller", "brush_bigger")
    ]
    others = "“Edit shortcuts…” has keymaps for keyboards without these keys."
    if not all(plain):
        return f"On this keyboard, [ and ] need AltGr. {others}"
    return f"On this keyboard, [ and ] need AltGr; {plain[0]} and {plain[1]} change the size too. {others}"


def _is_alt_gr_letter(event: QKeyEvent) -> bool:
    is_alt_gr = bool(event.modifiers() & Qt.KeyboardModifier.GroupSwitchModifier)
    return is_alt_gr and Qt.Key(event.key()) in _DIGITS | _LETTERS
