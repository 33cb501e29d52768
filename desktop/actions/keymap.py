"""The keymap: current shortcuts of all actions; those that differ from the table are stored in the settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QKeyCombination, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence

from core.base.settings import Settings
from desktop.actions.catalog import ACTIONS, action_spec, set_shortcuts, shortcut_text, tooltip
from desktop.actions.keymap_presets import PRESETS

log = logging.getLogger(__name__)

MAX_SHORTCUTS = 4
"""Shortcuts that an action may have."""
_LONGEST = 40
_STORED = "keys"

Shortcuts = tuple[str, ...]

_K = Qt.Key
_NO_KEYS = (Qt.Key(0), _K.Key_unknown, _K.Key_Shift, _K.Key_Control, _K.Key_Alt, _K.Key_AltGr, _K.Key_Meta)
_RESERVED = {
    _K.Key_Space: "Space moves the picture while it is held.",
    _K.Key_Escape: "Esc cancels what is under way and closes dialogs.",
    _K.Key_Return: "Enter finishes a shape or a text.",
    _K.Key_Enter: "Enter finishes a shape or a text.",
    _K.Key_Backspace: "Backspace removes the last corner of a shape.",
    _K.Key_Tab: "Tab goes from field to field.",
    _K.Key_Backtab: "Tab goes from field to field.",
}
_CANVAS_KEYS = {"Ins", "Shift+Ins", "Ctrl+Ins", "Alt+Ins", "Ctrl+Space"} | {
    f"{held}{arrow}" for held in ("Ctrl+", "Ctrl+Shift+") for arrow in ("Left", "Right", "Up", "Down")
}


def normalize(keys: str) -> str:
    """A shortcut in portable text, as it is stored; empty for what is no key, or a sequence of several."""
    found = QKeySequence(keys)
    if found.count() != 1 or _first_key(found).key() in _NO_KEYS:
        return ""
    return found.toString(QKeySequence.SequenceFormat.PortableText)


def reserved_reason(keys: str) -> str:
    """Why no action may have this shortcut, as a sentence; empty when it may."""
    if not normalize(keys):
        return "This key cannot be used."
    if normalize(keys) in _CANVAS_KEYS:
        return "The canvas uses this key instead of the mouse button."
    key = _first_key(QKeySequence(keys))
    modifiers = key.keyboardModifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if modifiers in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier):
        return _RESERVED.get(key.key(), "")
    return ""


def _first_key(sequence: QKeySequence) -> QKeyCombination:
    return sequence[0]  # type: ignore[index,no-any-return,unused-ignore]  # the stubs lack __getitem__


class KeyMap(QObject):
    """Sets the shortcuts of the actions; no two have the same. Lives on the GUI thread.

    Every change is stored at once, then `changed` is emitted.
    """

    changed = Signal()

    def __init__(
        self, actions: Mapping[str, QAction], settings: Settings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._actions, self._settings = actions, settings
        self.missing_keys: set[Qt.Key] = set()
        """Keys of a US keyboard at whose place this keyboard types something else."""
        self.present_keys: set[Qt.Key] = set()
        """Keys that were typed without a modifier."""
        self._keys: dict[str, Shortcuts] = resolve(read_shortcuts(settings.get_state(_STORED, {})))
        self._apply()

    def shortcuts(self, action_id: str) -> Shortcuts:
        return self._keys[action_id]

    def owner(self, keys: str) -> str | None:
        """The id of the action that has a shortcut, or None."""
        wanted = normalize(keys)
        return next((i for i, had in self._keys.items() if wanted and wanted in had), None)

    def note_key(self, typed: Qt.Key, place: Qt.Key | None) -> None:
        """A key was pressed without modifiers; `place`: what a US keyboard has there, None where it is unknown."""
        self.present_keys.add(typed)
        self.missing_keys.discard(typed)
        if place is not None and place != typed and place not in self.present_keys:
            self.missing_keys.add(place)

    def is_changed(self, action_id: str) -> bool:
        return self._keys[action_id] != _default_shortcuts(action_id)

    @property
    def preset(self) -> str:
        """The name of the current preset, empty when the shortcuts are custom."""
        return next((name for name, custom in PRESETS.items() if resolve(custom) == self._keys), "")

    def snapshot(self) -> dict[str, Shortcuts]:
        """All shortcuts, for `restore`."""
        return dict(self._keys)

    def restore(self, keys: Mapping[str, Shortcuts]) -> None:
        """Go back to a snapshot."""
        self._set(dict(keys))

    def assign(self, action_id: str, keys: Shortcuts) -> None:
        """Give an action these shortcuts; other actions lose them."""
        wanted = tuple(dict.fromkeys(normalize(each) for each in keys if normalize(each)))[:MAX_SHORTCUTS]
        left = {i: tuple(k for k in had if k not in wanted) for i, had in self._keys.items()}
        self._set({**left, action_id: wanted})

    def reset(self, action_id: str) -> list[str]:
        """Give an action its default shortcuts. Returns the ids of the actions that lost one to it."""
        before = self._keys
        self.assign(action_id, _default_shortcuts(action_id))
        return [i for i, keys in self._keys.items() if i != action_id and keys != before[i]]

    def use_preset(self, preset: str) -> None:
        """Replace all shortcuts by those of a preset. Raises KeyError for an unknown name."""
        self._set(resolve(PRESETS[preset]))

    def _set(self, keys: dict[str, Shortcuts]) -> None:
        if keys == self._keys:
            return
        self._keys = keys
        self._settings.set_state(_STORED, {i: list(each) for i, each in self._differences().items()})
        self._apply()
        self.changed.emit()

    def _differences(self) -> dict[str, Shortcuts]:
        return {i: keys for i, keys in self._keys.items() if keys != _default_shortcuts(i)}

    def _apply(self) -> None:
        tips = {i: (tooltip(i), shortcut_text(i)) for i in self._actions}
        set_shortcuts(self._differences())
        for action_id, action in self._actions.items():
            action.setShortcuts([QKeySequence(keys) for keys in self._keys[action_id]])
            plain, key = tips[action_id]
            if action.toolTip() == plain:
                action.setToolTip(tooltip(action_id))
            elif key and action.toolTip().endswith(key):  # tooltips of undo and redo name the edit
                action.setToolTip(action.toolTip().removesuffix(key) + shortcut_text(action_id))


def read_shortcuts(stored: Any) -> dict[str, Shortcuts]:
    """The valid part of the stored shortcuts: known actions and usable keys. The rest is logged and ignored."""
    known = {entry.id for entry in ACTIONS}
    found: dict[str, Shortcuts] = {}
    if not isinstance(stored, dict):
        log.warning("the stored shortcuts are no JSON object; using the defaults")
        return found
    for action_id, keys in list(stored.items())[: 2 * len(known)]:
        if action_id not in known or not isinstance(keys, list):
            log.warning("ignored stored shortcuts of %.60r: no such action", action_id)
            continue
        good = [
            k
            for k in keys[:MAX_SHORTCUTS]
            if isinstance(k, str) and len(k) <= _LONGEST and not reserved_reason(k)
        ]
        if len(good) != len(keys):
            log.warning("ignored some stored shortcuts of %s: they cannot be used", action_id)
        if good or not keys:  # no shortcuts at all may be intended, a list of invalid ones is a mistake
            found[action_id] = tuple(dict.fromkeys(normalize(k) for k in good))
    return found


def resolve(custom: Mapping[str, Shortcuts]) -> dict[str, Shortcuts]:
    """The shortcuts of every action: those of `custom`, else its defaults without those that `custom` gives to others.

    When two actions of `custom` share a shortcut, the first in the table has it.
    """
    assigned: set[str] = set()
    keys: dict[str, Shortcuts] = {}
    for entry in (*(e for e in ACTIONS if e.id in custom), *(e for e in ACTIONS if e.id not in custom)):
        wanted = (
            [normalize(k) for k in custom[entry.id]] if entry.id in custom else _default_shortcuts(entry.id)
        )
        keys[entry.id] = tuple(k for k in wanted if k not in assigned)
        if len(keys[entry.id]) < len(wanted) and entry.id in custom:
            log.warning("%s shares a stored shortcut with another action and lost it", entry.id)
        assigned.update(keys[entry.id])
    return {entry.id: keys[entry.id] for entry in ACTIONS}


def _default_shortcuts(action_id: str) -> Shortcuts:
    return tuple(normalize(keys) for keys in action_spec(action_id).shortcuts)
