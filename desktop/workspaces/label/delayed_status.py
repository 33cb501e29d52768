"""What takes long is spoken of: what is done, for how long already, and that Esc cancels it."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer, Signal

DELAY_MS = 300
"""Work that takes longer is spoken of."""
QUIET_DELAY_MS = 1000
"""The same for work that nobody asked for in so many words: a hover that shows nothing for so long needs a reason."""
REPEAT_MS = 3000
"""It is spoken of again and again, with the seconds so far: a sentence in the status line does not stay for long."""


class DelayedStatus(QObject):
    """Speaks of one thing at a time, by `message`; an empty sentence takes back what was said. GUI thread."""

    message = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._title = ""
        self._delay_timer = QTimer(self, singleShot=True)
        self._delay_timer.timeout.connect(self._show)
        self.repeat_timer = QTimer(self, interval=REPEAT_MS)
        self.repeat_timer.timeout.connect(self._show)
        self._started_at = 0.0
        self._is_shown = False

    def start(self, title: str, after_ms: int = DELAY_MS) -> None:
        """This has begun, and what was done before is over."""
        self.stop()
        self._title, self._started_at = title, time.monotonic()
        self._delay_timer.start(after_ms)

    def stop(self) -> None:
        """It is over, one way or the other."""
        self._delay_timer.stop()
        self.repeat_timer.stop()
        if self._is_shown:
            self._is_shown = False
            self.message.emit("")

    def _show(self) -> None:
        so_far = f" {time.monotonic() - self._started_at:.0f} s." if self._is_shown else ""
        self._is_shown = True
        self.repeat_timer.start()
        self.message.emit(f"{self._title}…{so_far} Esc cancels.")
