"""Brings news and answers from the lanes to the GUI thread; the only place where threads meet Qt."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal

from core.base.changes import Changes, Notice
from core.base.errors import Cancelled, MaskloopError

if TYPE_CHECKING:
    from core.session.session import SessionEvent

log = logging.getLogger(__name__)

R = TypeVar("R")


class MainThreadDispatcher(QObject):
    """Lives on the GUI thread. `tell` and the futures' endings may come from any thread."""

    changed = Signal(object)
    training_changed = Signal(object)
    noticed = Signal(str)
    failed = Signal(object)
    _call = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._call.connect(_run, Qt.ConnectionType.QueuedConnection)

    def dispatch(self, event: SessionEvent) -> None:
        """A session's listener: hands over and returns."""
        match event:
            case Changes():
                self.post(lambda: self.changed.emit(event))
            case Notice():
                self.post(lambda: self.noticed.emit(event.message))
            case _:
                self.post(lambda: self.training_changed.emit(event))

    def post(self, callback: Callable[[], object]) -> None:
        """Run `act` on the GUI thread, soon. After the window is gone nothing happens."""
        try:
            self._call.emit(callback)
        except RuntimeError:
            log.debug("news after the end of the window")

    def when_done(
        self,
        future: Future[R],
        on_result: Callable[[R], Any],
        on_error: Callable[[MaskloopError], Any] | None = None,
    ) -> Future[R]:
        """Call `act` with the result on the GUI thread, or `otherwise` with an error that is not our own.

        Without `otherwise` the error is told by `failed`. Our own mistakes reach the crash handler by the lane.
        """

        def ended(done: Future[R]) -> None:
            self.post(lambda: self._deliver(done, on_result, on_error))

        future.add_done_callback(ended)
        return future

    def _deliver(
        self,
        done: Future[R],
        act: Callable[[R], Any],
        otherwise: Callable[[MaskloopError], Any] | None,
    ) -> None:
        try:
            result = done.result()
        except (CancelledError, Cancelled):
            return
        except MaskloopError as problem:
            if otherwise is not None:
                otherwise(problem)
            else:
                self.failed.emit(problem)
            return
        except Exception:
            log.debug("already reported by its lane", exc_info=True)
            return
        act(result)


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


def _run(act: Callable[[], object]) -> None:
    act()
