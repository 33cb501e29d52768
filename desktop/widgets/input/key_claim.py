"""Keys that a widget with the focus uses itself, and that are shortcuts of the window elsewhere."""

from __future__ import annotations

from collections.abc import Container

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent

from desktop.widgets.input.type_ahead import is_letter


def is_plain_key(event: QEvent, keys: Container[int], *, with_shift: bool = False) -> bool:
    """Whether the event is one of `keys` without Ctrl, Alt or Meta, and without Shift unless `with_shift`."""
    allowed = Qt.KeyboardModifier.KeypadModifier
    if with_shift:
        allowed |= Qt.KeyboardModifier.ShiftModifier
    return isinstance(event, QKeyEvent) and event.key() in keys and not event.modifiers() & ~allowed


def claim_keys(event: QEvent, keys: Container[int], *, with_shift: bool = False) -> bool:
    """Keep one of `keys` from being a shortcut. For `QWidget.event`: True when the event is handled with that."""
    return claim(event, is_plain_key(event, keys, with_shift=with_shift))


def claim_letters(event: QEvent) -> bool:
    """As `claim_keys`, for keys that type a character."""
    return claim(event, isinstance(event, QKeyEvent) and is_letter(event))


def claim(event: QEvent, is_wanted: bool) -> bool:
    """As `claim_keys`, for what `is_wanted` says."""
    if event.type() != QEvent.Type.ShortcutOverride or not is_wanted:
        return False
    event.accept()
    return True
