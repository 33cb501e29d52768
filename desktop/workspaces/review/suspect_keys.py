"""The keys of the label check while a suspect is shown, whatever part of it has the focus."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from desktop.actions.key_positions import latin_key


class SuspectCommand(StrEnum):
    """What a key or button asks for."""

    KEEP = "keep"
    FIX = "fix"
    NEXT = "next"
    PREVIOUS = "previous"
    OPEN = "open"
    UNDO = "undo"
    CLOSE = "close"


HELP = (
    "K: the label is right. F: give it the predicted class. ↑ and ↓ go through the list, Enter opens the picture, "
    "Ctrl+Z undoes, Esc goes back."
)
_PLAIN = {
    Qt.Key.Key_K: SuspectCommand.KEEP,
    Qt.Key.Key_F: SuspectCommand.FIX,
    Qt.Key.Key_Down: SuspectCommand.NEXT,
    Qt.Key.Key_Up: SuspectCommand.PREVIOUS,
    Qt.Key.Key_Return: SuspectCommand.OPEN,
    Qt.Key.Key_Enter: SuspectCommand.OPEN,
    Qt.Key.Key_Escape: SuspectCommand.CLOSE,
}


def command_of(event: QKeyEvent) -> SuspectCommand | None:
    """None for a key that means nothing here."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if modifiers == Qt.KeyboardModifier.ControlModifier and latin_key(event) == Qt.Key.Key_Z:
        return SuspectCommand.UNDO
    return _PLAIN.get(latin_key(event)) if modifiers == Qt.KeyboardModifier.NoModifier else None
