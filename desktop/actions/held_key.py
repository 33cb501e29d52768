"""Actions that last while their key is held, such as hiding the overlays; a tap of the key switches them."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QKeyEvent

from desktop.actions.key_positions import key_identity

HOLD_SECONDS = 0.3
"""A key that is pressed for longer counts as held."""
_MODIFIER_KEYS = frozenset((
    Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_AltGr, Qt.Key.Key_Meta,
))  # fmt: skip


class HoldToggle:
    """A checkable action that a tap of its key toggles, and that is checked only while the key is held.

    The key is the one whose press has toggled the action, and is known by its place on the keyboard. Comparing keys
    with shortcuts would not do: under a Cyrillic layout Qt finds the shortcut H by the key Р, and reports the release
    of Р.
    """

    def __init__(self, action: QAction) -> None:
        self.action = action
        self._since = 0.0
        self._pressed: int | None = None
        """The key that goes down just now, whose shortcut is looked for."""
        self._held: int | None = None
        """The key that has checked the action and is down still."""
        action.toggled.connect(self._toggled)

    def key_pressed(self, event: QKeyEvent) -> None:
        """A key went down (ShortcutOverride), and its shortcut has not acted yet."""
        if not event.isAutoRepeat() and event.key() not in _MODIFIER_KEYS:
            self._pressed = key_identity(event)
            QTimer.singleShot(0, self._forget)  # a shortcut acts before the event loop goes on

    def key_released(self, event: QKeyEvent) -> None:
        if event.isAutoRepeat() or self._held != key_identity(event):
            return
        self._held = None
        if time.monotonic() - self._since > HOLD_SECONDS:
            self.action.setChecked(False)

    def release(self) -> None:
        """Uncheck the action if its key is down: the release will not be seen."""
        if self._held is not None:
            self._held = None
            self.action.setChecked(False)

    def _toggled(self, on: bool) -> None:
        self._since = time.monotonic()
        self._held = self._pressed if on else None

    def _forget(self) -> None:
        self._pressed = None
