"""The keys of suspects and the cheat sheet say the same."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QKeyEvent, QKeySequence

from desktop.actions.cheat_sheet import sheet_lines
from desktop.workspaces.review.suspect_keys import _PLAIN, SuspectCommand, command_of


def command(keys: str) -> SuspectCommand | None:
    """What a shortcut as text means."""
    pressed = QKeySequence(keys)[0]
    return command_of(QKeyEvent(QEvent.Type.KeyPress, pressed.key(), pressed.keyboardModifiers()))


def test_the_cheat_sheet_has_each_key_of_suspects_and_no_other() -> None:
    listed = [key for line in sheet_lines("Review") for key in line.keys]
    commands = [command(key) for key in listed]
    assert None not in commands and set(commands) == set(SuspectCommand)
    typed = {QKeySequence(key).toString().replace("Return", "Enter") for key in _PLAIN}
    assert typed == set(listed) - {"Ctrl+Z"}
