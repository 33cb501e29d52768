"""Passes events and results of worker threads to the GUI thread; nothing else connects threads with Qt."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal

from core.base.changes import Changes, Notice
from core.base.errors import Cancelled, DiskError, MaskloopError

if TYPE_CHECKING:
    from core.session.session import SessionEvent

log = logging.getLogger(__name__)

R = TypeVar("R")


class MainThreadDispatcher(QObject):
    """Lives on the GUI thread; `dispatch` and `post` may be called from any thread.

    changed: `Changes` of the project; training_changed: a `TrainingState`; noticed: a sentence for people;
    joined: a `Notice` about joins that can be undone; failed: a `MaskloopError` that no caller of `when_done` handles;
    disk_refused: a `DiskError`, whether or not a caller handles it.
    """

    changed = Signal(object)
    training_changed = Signal(object)
    noticed = Signal(str)
    joined = Signal(object)
    failed = Signal(object)
    disk_refused = Signal(object)
    _call = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._call.connect(_run, Qt.ConnectionType.QueuedConnection)

    def dispatch(self, event: SessionEvent) -> None:
        """The listener that a session is given: queues the event for the GUI thread and returns at once."""
        match event:
            case Changes():
                self.post(lambda: self.changed.emit(event))
            case Notice():
                self.post(lambda: self.noticed.emit(event.message))
                if event.joins is not None:
                    self.post(lambda: self.joined.emit(event))
            case _:
                self.post(lambda: self.training_changed.emit(event))

    def post(self, callback: Callable[[], object]) -> None:
        """Call `callback` on the GUI thread, in the order of posting. Ignored once the window is destroyed."""
        try:
            self._call.emit(callback)
        except RuntimeError:
            log.debug("dropped a callback: the window is destroyed")

    def when_done(
        self,
        future: Future[R],
        on_result: Callable[[R], Any],
        on_error: Callable[[MaskloopError], Any] | None = None,
        on_cancelled: Callable[[], Any] | None = None,
    ) -> Future[R]:
        """Call `on_result` on the GUI thread, or `on_error` with an error that the user can do something about.

        Without `on_error`, `failed` carries it. Other exceptions were reported by the lane that ran the work.
        """

        def ended(done: Future[R]) -> None:
            self.post(lambda: self._deliver(done, on_result, on_error, on_cancelled))

        future.add_done_callback(ended)
        return future

    def _deliver(
        self,
        done: Future[R],
        on_result: Callable[[R], Any],
        on_error: Callable[[MaskloopError], Any] | None,
        on_cancelled: Callable[[], Any] | None,
    ) -> None:
        try:
            result = done.result()
        except (CancelledError, Cancelled):
            if on_cancelled is not None:
                on_cancelled()
            return
        except MaskloopError as problem:
            if on_error is not None:
                on_error(problem)
            else:
                self.failed.emit(problem)
            if isinstance(problem, DiskError):
                self.disk_refused.emit(problem)
            return
        except Exception:
            log.debug("already reported by its lane", exc_info=True)
            return
        on_result(result)


class LatestRequest:
    """Delivers the answer to the newest request only: an answer to an earlier one is dropped when it arrives.

    Lives on the GUI thread. `cancel` makes a request that is under way one of the earlier ones.
    """

    def __init__(self, dispatcher: MainThreadDispatcher) -> None:
        self._dispatcher = dispatcher
        self._number = 0

    def send(
        self,
        future: Future[R],
        on_result: Callable[[R], Any],
        on_error: Callable[[MaskloopError], Any] | None = None,
    ) -> Future[R]:
        """Wait for `future` instead of whatever was requested before; see `MainThreadDispatcher.when_done`."""
        is_latest = self.renew()

        def result(value: R) -> None:
            if is_latest():
                on_result(value)

        def error(problem: MaskloopError) -> None:
            if not is_latest():
                return
            if on_error is not None:
                on_error(problem)
            else:
                self._dispatcher.failed.emit(problem)

        return self._dispatcher.when_done(future, result, error)

    def renew(self) -> Callable[[], bool]:
        """Start a request of several steps. The function returned says whether it is still the newest."""
        self._number += 1
        number = self._number
        return lambda: number == self._number

    def cancel(self) -> None:
        """Drop the answer to the request under way."""
        self._number += 1


def _run(callback: Callable[[], object]) -> None:
    callback()
