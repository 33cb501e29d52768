"""Type-ahead in lists: letters go to the row whose name begins with them, and are no shortcuts meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

PAUSE_SECONDS = 1.0
"""After such a pause the next letter begins a new word."""
_WITH_COMMAND = (
    Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
)


def is_letter(event: QKeyEvent) -> bool:
    """Whether the key types a character other than a blank, so that a list with the focus claims it."""
    text = event.text()
    return (
        len(text) == 1 and text.isprintable() and not text.isspace() and not event.modifiers() & _WITH_COMMAND
    )


class TypeAhead:
    """The letters typed last, for lists that Qt has no search for. GUI thread."""

    def __init__(self) -> None:
        self._typed = ""
        self._last = 0.0

    def find(self, letter: str, count: int, name_of: Callable[[int], str], current: int) -> int | None:
        """The next row whose name begins with what was typed, from the current one on; the same letter again goes on
        to the row after it. None without any."""
        now = time.monotonic()
        if now - self._last > PAUSE_SECONDS:
            self._typed = ""
        self._last = now
        self._typed += letter.casefold()
        is_repeated = len(set(self._typed)) == 1
        word = self._typed[0] if is_repeated else self._typed
        start = current + (1 if is_repeated else 0)
        rows = ((start + n) % count for n in range(count))
        return next((row for row in rows if name_of(row).casefold().startswith(word)), None)
