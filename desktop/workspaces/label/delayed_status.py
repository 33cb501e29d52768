"""What takes long is spoken of: what is done, for how long already, and that Esc cancels it."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer, Signal

PATIENCE_MS = 300
"""Work that takes longer is spoken of."""
QUIET_MS = 1000
"""The same for work that nobody asked for in so many words: a hover that shows nothing for so long needs a reason."""
AGAIN_MS = 3000
"""It is spoken of again and again, with the seconds so far: a sentence in the status line does not stay for long."""


class Patience(QObject):
    """Speaks of one thing at a time, by `message`; an empty sentence takes back what was said. GUI thread."""

    message = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._title = ""
        self._soon = QTimer(self, singleShot=True)
        self._soon.timeout.connect(self._speak)
        self.again = QTimer(self, interval=AGAIN_MS)
        self.again.timeout.connect(self._speak)
        self._began = 0.0
        self._spoke = False

    def begin(self, title: str, after_ms: int = PATIENCE_MS) -> None:
        """This has begun, and what was done before is over."""
        self.end()
        self._title, self._began = title, time.monotonic()
        self._soon.start(after_ms)

    def end(self) -> None:
        """It is over, one way or the other."""
        self._soon.stop()
        self.again.stop()
        if self._spoke:
            self._spoke = False
            self.message.emit("")

    def _speak(self) -> None:
        so_far = f" {time.monotonic() - self._began:.0f} s." if self._spoke else ""
        self._spoke = True
        self.again.start()
        self.message.emit(f"{self._title}…{so_far} Esc cancels.")
