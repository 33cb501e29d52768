"""What takes longer than a frame runs beside the window, and comes back to the canvas: tools that think, and large
shapes that are painted."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import QObject, Signal

from core.base.errors import MaskloopError
from core.base.lane import Lane
from core.labels.deferred_edit import DeferredEdit
from core.tools.tool import BackgroundTask
from desktop.canvas.canvas import Canvas
from desktop.connections import ConnectionGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.delayed_status import DELAY_MS, QUIET_DELAY_MS, DelayedStatus


class BackgroundWork(QObject):
    """Of work only the newest counts: what came before is told that nobody waits. Lives on the GUI thread.

    A painting is never replaced, and has a lane of its own: work may hang in a library that cannot be stopped.
    """

    message = Signal(str)

    def __init__(self, bridge: MainThreadDispatcher, canvas: Canvas) -> None:
        super().__init__()
        self._bridge, self._canvas = bridge, canvas
        self._lane, self._edit_lane = Lane("tools"), Lane("painting")
        self._cancelled = threading.Event()
        self._task_status, self._edit_status = DelayedStatus(self), DelayedStatus(self)
        self._wires = ConnectionGroup()
        self._wires.connect(canvas.task_requested, self._start_task)
        self._wires.connect(canvas.deferred_edit_requested, self._start_edit)
        for speaker in (canvas.message, self._task_status.message, self._edit_status.message):
            self._wires.connect(speaker, self.message.emit)

    def close(self) -> None:
        """The session ends. Work under way is not waited for; a painting has been, by the canvas."""
        self._cancel_task()
        self._edit_status.stop()
        self._wires.disconnect_all()
        for lane in (self._lane, self._edit_lane):
            lane.shutdown(cancel_futures=True, wait=False)

    # Work

    def _start_task(self, work: BackgroundTask | None) -> None:
        self._cancel_task()
        if work is None:
            return
        self._cancelled = unwanted = threading.Event()
        self._task_status.start(work.title, QUIET_DELAY_MS if work.quiet else DELAY_MS)
        future = self._lane.submit(work.run, unwanted.is_set)
        self._bridge.when_done(
            future, partial(self._task_done, work, unwanted), partial(self._task_failed, work, unwanted)
        )

    def _cancel_task(self) -> None:
        self._cancelled.set()
        self._task_status.stop()

    def _task_done(self, work: BackgroundTask, unwanted: threading.Event, result: object) -> None:
        if not unwanted.is_set():
            self._task_status.stop()
            self._canvas.deliver_result(work, result)

    def _task_failed(self, work: BackgroundTask, unwanted: threading.Event, problem: MaskloopError) -> None:
        if not unwanted.is_set():
            self._task_status.stop()
            self._canvas.deliver_result(work, None)
            self.message.emit(str(problem))

    # Paintings

    def _start_edit(self, painting: DeferredEdit | None) -> None:
        """None: it is over, or given up."""
        if painting is None:
            self._edit_status.stop()
            return
        self._edit_status.start(painting.title)
        future: Future[None] = self._edit_lane.submit(painting.run)
        self._bridge.when_done(future, lambda _none: self._canvas.deferred_edit.finish(painting))
