"""The keys in force: the table's, with what people changed; kept in the settings, only where they differ."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence

from core.base.settings import Settings
from desktop.actions.catalog import ACTIONS, action_spec, set_shortcuts, shortcut_text, tooltip
from desktop.actions.keymap_presets import PRESETS

log = logging.getLogger(__name__)

MAX_SHORTCUTS = 4
"""Keys that one action may have."""
_LONGEST = 40
_STORED = "keys"

Shortcuts = tuple[str, ...]

_K = Qt.Key
_NO_KEYS = (Qt.Key(0), _K.Key_unknown, _K.Key_Shift, _K.Key_Control, _K.Key_Alt, _K.Key_AltGr, _K.Key_Meta)
_RESERVED = {
    _K.Key_Space: "Space moves the picture while it is held.",
    _K.Key_Escape: "Esc throws away what is under way and closes dialogs.",
    _K.Key_Return: "Enter finishes a shape or a word.",
    _K.Key_Enter: "Enter finishes a shape or a word.",
    _K.Key_Backspace: "Backspace takes back the last corner of a shape.",
    _K.Key_Tab: "Tab goes from field to field.",
    _K.Key_Backtab: "Tab goes from field to field.",
}
_CANVAS_KEYS = {"Ins", "Shift+Ins", "Ctrl+Ins", "Alt+Ins", "Ctrl+Space"} | {
    f"{held}{arrow}" for held in ("Ctrl+", "Ctrl+Shift+") for arrow in ("Left", "Right", "Up", "Down")
}


def normalize(keys: str) -> str:
    """A key as it is stored, or an empty text for what is none, or more than one."""
    found = QKeySequence(keys)
    if found.count() != 1 or found[0].key() in _NO_KEYS:
        return ""
    return found.toString(QKeySequence.SequenceFormat.PortableText)


def reserved_reason(keys: str) -> str:
    """Why no action may have this key, as a sentence; an empty text when it may."""
    found = QKeySequence(keys)
    if not normalize(keys):
        return "This is no key that could be used."
    if normalize(keys) in _CANVAS_KEYS:
        return "On the canvas this key stands for the mouse."
    held = found[0].keyboardModifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if held in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier):
        return _RESERVED.get(found[0].key(), "")
    return ""


class KeyMap(QObject):
    """Which action has which keys; no key belongs to two. Dresses the actions. Lives on the GUI thread.

    Every change is stored at once and told by `changed`.
    """

    changed = Signal()

    def __init__(
        self, actions: Mapping[str, QAction], settings: Settings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._actions, self._settings = actions, settings
        self._keys: dict[str, Shortcuts] = resolve(read_shortcuts(settings.get_state(_STORED, {})))
        self._apply()

    def shortcuts(self, action_id: str) -> Shortcuts:
        return self._keys[action_id]

    def owner(self, keys: str) -> str | None:
        """The action that has a key."""
        wanted = normalize(keys)
        return next((i for i, had in self._keys.items() if wanted and wanted in had), None)

    def is_changed(self, action_id: str) -> bool:
        return self._keys[action_id] != _standard(action_id)

    @property
    def preset(self) -> str:
        """The name of the ready set in force, empty when the keys are somebody's own."""
        return next((name for name, own in PRESETS.items() if resolve(own) == self._keys), "")

    def snapshot(self) -> dict[str, Shortcuts]:
        """All keys, for `restore`."""
        return dict(self._keys)

    def restore(self, keys: Mapping[str, Shortcuts]) -> None:
        """As they were when the snapshot was taken."""
        self._set(dict(keys))

    def assign(self, action_id: str, keys: Shortcuts) -> None:
        """Give an action these keys; other actions lose them."""
        wanted = tuple(dict.fromkeys(normalize(each) for each in keys if normalize(each)))[:MAX_SHORTCUTS]
        left = {i: tuple(k for k in had if k not in wanted) for i, had in self._keys.items()}
        self._set({**left, action_id: wanted})

    def reset(self, action_id: str) -> list[str]:
        """Give an action its standard keys back. Returns the actions that lost one by this."""
        before = self._keys
        self.assign(action_id, _standard(action_id))
        return [i for i, keys in self._keys.items() if i != action_id and keys != before[i]]

    def use_preset(self, preset: str) -> None:
        """Use a ready set; nothing else stays. Raises KeyError for a name that is none."""
        self._set(resolve(PRESETS[preset]))

    def _set(self, keys: dict[str, Shortcuts]) -> None:
        if keys == self._keys:
            return
        self._keys = keys
        self._settings.set_state(_STORED, {i: list(own) for i, own in self._differences().items()})
        self._apply()
        self.changed.emit()

    def _differences(self) -> dict[str, Shortcuts]:
        return {i: keys for i, keys in self._keys.items() if keys != _standard(i)}

    def _apply(self) -> None:
        tips = {i: (tooltip(i), shortcut_text(i)) for i in self._actions}
        set_shortcuts(self._differences())
        for action_id, action in self._actions.items():
            action.setShortcuts([QKeySequence(keys) for keys in self._keys[action_id]])
            plain, key = tips[action_id]
            if action.toolTip() == plain:
                action.setToolTip(tooltip(action_id))
            elif key and action.toolTip().endswith(key):  # undo and redo name what they would change
                action.setToolTip(action.toolTip().removesuffix(key) + shortcut_text(action_id))


def read_shortcuts(stored: Any) -> dict[str, Shortcuts]:
    """What of the settings makes sense: known actions, real keys. All else is left out, with a line in the log."""
    known = {entry.id for entry in ACTIONS}
    found: dict[str, Shortcuts] = {}
    if not isinstance(stored, dict):
        log.warning("the keys in the settings are no table; the standard keys are used")
        return found
    for action_id, keys in list(stored.items())[: 2 * len(known)]:
        if action_id not in known or not isinstance(keys, list):
            log.warning("no keys for %.60r in the settings: there is no such action", action_id)
            continue
        good = [
            k
            for k in keys[:MAX_SHORTCUTS]
            if isinstance(k, str) and len(k) <= _LONGEST and not reserved_reason(k)
        ]
        if len(good) != len(keys):
            log.warning("some keys of %s in the settings cannot be used and are left out", action_id)
        if good or not keys:  # an action may be left without keys on purpose, but not by a mistake
            found[action_id] = tuple(dict.fromkeys(normalize(k) for k in good))
    return found


def resolve(own: Mapping[str, Shortcuts]) -> dict[str, Shortcuts]:
    """The keys of every action: those of `own`, else the standard; what `own` gives away is taken from others.

    Of two that both want a key in `own`, the first of the table has it.
    """
    spoken_for: set[str] = set()
    keys: dict[str, Shortcuts] = {}
    for entry in (*(e for e in ACTIONS if e.id in own), *(e for e in ACTIONS if e.id not in own)):
        wanted = [normalize(k) for k in own[entry.id]] if entry.id in own else _standard(entry.id)
        keys[entry.id] = tuple(k for k in wanted if k not in spoken_for)
        if len(keys[entry.id]) < len(wanted) and entry.id in own:
            log.warning("%s shares a key with another action in the settings and lost it", entry.id)
        spoken_for.update(keys[entry.id])
    return {entry.id: keys[entry.id] for entry in ACTIONS}


def _standard(action_id: str) -> Shortcuts:
    return tuple(normalize(keys) for keys in action_spec(action_id).shortcuts)
