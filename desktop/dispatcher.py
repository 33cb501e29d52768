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
    from core.session.session import News

log = logging.getLogger(__name__)

R = TypeVar("R")


class Bridge(QObject):
    """Lives on the GUI thread. `tell` and the futures' endings may come from any thread."""

    changed = Signal(object)
    training = Signal(object)
    noticed = Signal(str)
    failed = Signal(object)
    _call = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._call.connect(_run, Qt.ConnectionType.QueuedConnection)

    def tell(self, news: News) -> None:
        """A session's listener: hands over and returns."""
        match news:
            case Changes():
                self.post(lambda: self.changed.emit(news))
            case Notice():
                self.post(lambda: self.noticed.emit(news.sentence))
            case _:
                self.post(lambda: self.training.emit(news))

    def post(self, act: Callable[[], object]) -> None:
        """Run `act` on the GUI thread, soon. After the window is gone nothing happens."""
        try:
            self._call.emit(act)
        except RuntimeError:
            log.debug("news after the end of the window")

    def when_done(
        self,
        future: Future[R],
        act: Callable[[R], Any],
        otherwise: Callable[[MaskloopError], Any] | None = None,
    ) -> Future[R]:
        """Call `act` with the result on the GUI thread, or `otherwise` with an error that is not our own.

        Without `otherwise` the error is told by `failed`. Our own mistakes reach the crash handler by the lane.
        """

        def ended(done: Future[R]) -> None:
            self.post(lambda: self._hand_out(done, act, otherwise))

        future.add_done_callback(ended)
        return future

    def _hand_out(
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


def _run(act: Callable[[], object]) -> None:
    act()
