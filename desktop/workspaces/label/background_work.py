"""Runs what takes longer than a frame on other threads: computations of smart tools, and painting of large shapes."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from core.base.errors import MaskloopError
from core.base.lane import Lane
from core.labels.deferred_edit import DeferredEdit
from core.tools.tool import BackgroundTask
from desktop.canvas.canvas import Canvas
from desktop.controller import Controller
from desktop.dispatcher import MainThreadDispatcher

DELAY_MS = 300
"""Work that takes longer is announced in the status bar."""
QUIET_DELAY_MS = 1000
"""The same for work that was not requested explicitly, such as the preview under the pointer."""
REPEAT_MS = 3000
"""The announcement is repeated with the seconds so far: messages in the status bar disappear after a while."""


class BackgroundWork(Controller):
    """Lives on the GUI thread.

    A new task of a tool replaces the one before. A deferred edit is never replaced, and has a lane of its own: a task
    may hang in a library that cannot be interrupted.
    """

    def __init__(self, dispatcher: MainThreadDispatcher, canvas: Canvas) -> None:
        super().__init__()
        self._dispatcher, self._canvas = dispatcher, canvas
        self._task_lane, self._edit_lane = Lane("tools"), Lane("painting")
        self._cancelled = threading.Event()
        self._task_status, self._edit_status = DelayedStatus(self), DelayedStatus(self)
        connect = self.connections.connect
        connect(canvas.tools.task_requested, self._start_task)
        connect(canvas.tools.deferred_edit_requested, self._start_edit)
        for message in (canvas.tools.message, self._task_status.message, self._edit_status.message):
            connect(message, self.message.emit)

    def close(self) -> None:
        """Does not wait for a task; a deferred edit has been finished by the canvas."""
        self._cancel_task()
        self._edit_status.stop()
        super().close()
        for lane in (self._task_lane, self._edit_lane):
            lane.shutdown(cancel_futures=True, wait=False)

    def _start_task(self, task: BackgroundTask | None) -> None:
        """None: the result is no longer needed."""
        self._cancel_task()
        if task is None:
            return
        self._cancelled = cancelled = threading.Event()
        self._task_status.start(task.title, QUIET_DELAY_MS if task.quiet else DELAY_MS)
        future = self._task_lane.submit(task.run, cancelled.is_set)
        self._dispatcher.when_done(
            future, partial(self._task_done, task, cancelled), partial(self._task_failed, task, cancelled)
        )

    def _cancel_task(self) -> None:
        self._cancelled.set()
        self._task_status.stop()

    def _task_done(self, task: BackgroundTask, cancelled: threading.Event, result: object) -> None:
        if not cancelled.is_set():
            self._task_status.stop()
            self._canvas.tools.deliver_result(task, result)

    def _task_failed(self, task: BackgroundTask, cancelled: threading.Event, error: MaskloopError) -> None:
        if not cancelled.is_set():
            self._task_status.stop()
            self._canvas.tools.deliver_result(task, None)
            self.message.emit(str(error))

    def _start_edit(self, deferred: DeferredEdit | None) -> None:
        """None: it is done or cancelled."""
        if deferred is None:
            self._edit_status.stop()
            return
        self._edit_status.start(deferred.title)
        future: Future[None] = self._edit_lane.submit(deferred.run)
        self._dispatcher.when_done(future, lambda _none: self._canvas.tools.pending_edit.finish(deferred))


class DelayedStatus(QObject):
    """Announces work that takes long: what is done, for how many seconds already, and that Esc cancels it.

    Lives on the GUI thread. `message` is empty when the announcement no longer holds.
    """

    message = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._title = ""
        self._started_at = 0.0
        self._is_shown = False
        self._delay_timer = QTimer(self, singleShot=True)
        self._delay_timer.timeout.connect(self._show)
        self.repeat_timer = QTimer(self, interval=REPEAT_MS)
        self.repeat_timer.timeout.connect(self._show)

    def start(self, title: str, after_ms: int = DELAY_MS) -> None:
        """Work has started, and replaces what was announced before."""
        self.stop()
        self._title, self._started_at = title, time.monotonic()
        self._delay_timer.start(after_ms)

    def stop(self) -> None:
        """The work is done, has failed or was cancelled."""
        self._delay_timer.stop()
        self.repeat_timer.stop()
        if self._is_shown:
            self._is_shown = False
            self.message.emit("")

    def _show(self) -> None:
        seconds = time.monotonic() - self._started_at
        text = (
            f"{self._title}… {seconds:.0f} s. Esc cancels."
            if self._is_shown
            else f"{self._title}… Esc cancels."
        )
        self._is_shown = True
        self.repeat_timer.start()
        self.message.emit(text)
