"""What takes longer than a frame runs beside the window, and comes back to the canvas: tools that think, and large
shapes that are painted."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import QObject, Signal

from core.base.errors import MaskloopError
from core.base.lane import Lane
from core.labels.deferred_edit import Painting
from core.tools.tool import Work
from desktop.canvas.canvas import CanvasView
from desktop.connections import Wires
from desktop.dispatcher import Bridge
from desktop.workspaces.label.delayed_status import PATIENCE_MS, QUIET_MS, Patience


class Working(QObject):
    """Of work only the newest counts: what came before is told that nobody waits. Lives on the GUI thread.

    A painting is never replaced, and has a lane of its own: work may hang in a library that cannot be stopped.
    """

    message = Signal(str)

    def __init__(self, bridge: Bridge, canvas: CanvasView) -> None:
        super().__init__()
        self._bridge, self._canvas = bridge, canvas
        self._lane, self._brush = Lane("tools"), Lane("painting")
        self._unwanted = threading.Event()
        self._thinks, self._paints = Patience(self), Patience(self)
        self._wires = Wires()
        self._wires.join(canvas.work_wanted, self._take)
        self._wires.join(canvas.painting_wanted, self._paint)
        for speaker in (canvas.said, self._thinks.message, self._paints.message):
            self._wires.join(speaker, self.message.emit)

    def leave(self) -> None:
        """The session ends. Work under way is not waited for; a painting has been, by the canvas."""
        self._drop()
        self._paints.end()
        self._wires.cut()
        for lane in (self._lane, self._brush):
            lane.close(drop_waiting=True, wait=False)

    # Work

    def _take(self, work: Work | None) -> None:
        self._drop()
        if work is None:
            return
        self._unwanted = unwanted = threading.Event()
        self._thinks.begin(work.title, QUIET_MS if work.quiet else PATIENCE_MS)
        future = self._lane.submit(work.run, unwanted.is_set)
        self._bridge.when_done(
            future, partial(self._done, work, unwanted), partial(self._failed, work, unwanted)
        )

    def _drop(self) -> None:
        self._unwanted.set()
        self._thinks.end()

    def _done(self, work: Work, unwanted: threading.Event, result: object) -> None:
        if not unwanted.is_set():
            self._thinks.end()
            self._canvas.take_result(work, result)

    def _failed(self, work: Work, unwanted: threading.Event, problem: MaskloopError) -> None:
        if not unwanted.is_set():
            self._thinks.end()
            self._canvas.take_result(work, None)
            self.message.emit(str(problem))

    # Paintings

    def _paint(self, painting: Painting | None) -> None:
        """None: it is over, or given up."""
        if painting is None:
            self._paints.end()
            return
        self._paints.begin(painting.title)
        future: Future[None] = self._brush.submit(painting.carry_out)
        self._bridge.when_done(future, lambda _none: self._canvas.pending.take(painting))
