"""Tools that think: their work runs on a lane of its own, and its result comes back to the canvas."""

from __future__ import annotations

import threading
import time
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from core.errors import MaskloopError
from core.lanes import Lane
from core.tools.tool import Work
from desktop.bridge import Bridge
from desktop.canvas.view import CanvasView
from desktop.wires import Wires

PATIENCE_MS = 300
"""Work that takes longer is spoken of."""
QUIET_MS = 1000
"""The same for work that nobody asked for in so many words: a hover that shows nothing for so long needs a reason."""
AGAIN_MS = 3000
"""It is spoken of again and again, with the seconds so far: a sentence in the status line does not stay for long."""


class Working(QObject):
    """Only the newest work counts: what came before is told that nobody waits. Lives on the GUI thread."""

    message = Signal(str)

    def __init__(self, bridge: Bridge, canvas: CanvasView) -> None:
        super().__init__()
        self._bridge, self._canvas = bridge, canvas
        self._lane = Lane("tools")
        self._unwanted = threading.Event()
        self._title = ""
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._speak)
        self._again = QTimer(self, interval=AGAIN_MS)
        self._again.timeout.connect(self._speak)
        self._began = 0.0
        self._spoke = False
        self._wires = Wires()
        self._wires.join(canvas.work_wanted, self._take)
        self._wires.join(canvas.said, self.message.emit)

    def leave(self) -> None:
        """The session ends. Work under way is not waited for: it may hang in a library that cannot be stopped."""
        self._drop()
        self._wires.cut()
        self._lane.close(drop_waiting=True, wait=False)

    def _take(self, work: Work | None) -> None:
        self._drop()
        if work is None:
            return
        self._unwanted, self._title, self._began = threading.Event(), work.title, time.monotonic()
        self._patience.start(QUIET_MS if work.quiet else PATIENCE_MS)
        future = self._lane.submit(work.run, self._unwanted.is_set)
        unwanted = self._unwanted
        self._bridge.when_done(
            future, partial(self._done, work, unwanted), partial(self._failed, work, unwanted)
        )

    def _speak(self) -> None:
        so_far = f" {time.monotonic() - self._began:.0f} s." if self._spoke else ""
        self._spoke = True
        self._again.start()
        self.message.emit(f"{self._title}…{so_far} Esc cancels.")

    def _drop(self) -> None:
        self._unwanted.set()
        self._fall_silent()

    def _fall_silent(self) -> None:
        self._patience.stop()
        self._again.stop()
        if self._spoke:
            self._spoke = False
            self.message.emit("")

    def _done(self, work: Work, unwanted: threading.Event, result: object) -> None:
        if not unwanted.is_set():
            self._fall_silent()
            self._canvas.take_result(work, result)

    def _failed(self, work: Work, unwanted: threading.Event, problem: MaskloopError) -> None:
        if not unwanted.is_set():
            self._fall_silent()
            self._canvas.take_result(work, None)
            self.message.emit(str(problem))
