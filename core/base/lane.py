"""Lanes: named threads that take work in order, so that each mutable thing has one owner."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

from core.base.errors import MaskloopError

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class Lane:
    """A queue served by one or a few threads, in order of arrival; urgent work goes to the front.

    Safe to use from any thread. An exception reaches whoever asks the future; one that is not a MaskloopError
    is our own mistake and also goes to `on_mistake`, because a future nobody asks stays silent. A `modest` lane lets
    all others go first where the system can do that for a single thread.
    """

    def __init__(
        self,
        name: str,
        threads: int = 1,
        on_unexpected_error: Callable[[BaseException], None] | None = None,
        *,
        low_priority: bool = False,
    ) -> None:
        self._on_mistake = on_unexpected_error
        self._modest = low_priority
        self._queue: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._threads = [
            threading.Thread(target=self._serve, name=f"{name}-{n}", daemon=True) for n in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Run `work` after everything queued before it. Raises RuntimeError once the lane is closed."""
        return self._put(lambda: work(*args, **kwargs), first=False)

    def submit_first(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Run `work` before everything that still waits: the picture on screen before thumbnails."""
        return self._put(lambda: work(*args, **kwargs), first=True)

    def owns_current_thread(self) -> bool:
        """Whether the caller runs on this lane."""
        return threading.current_thread() in self._threads

    def shutdown(self, *, cancel_futures: bool = False, wait: bool = True) -> None:
        """Finish what is queued (or drop it), then end the threads. May be called twice.

        Without `wait` the caller does not wait for what is under way.
        """
        with self._wake:
            self._closing = True
            if cancel_futures:
                for future, _ in self._queue:
                    future.cancel()
                self._queue.clear()
            self._wake.notify_all()
        for thread in self._threads if wait else ():
            thread.join()

    def _put(self, work: Callable[[], R], *, first: bool) -> Future[R]:
        future: Future[R] = Future()
        with self._wake:
            if self._closing:
                raise RuntimeError("this lane is closed")
            if first:
                self._queue.appendleft((future, work))
            else:
                self._queue.append((future, work))
            self._wake.notify()
        return future

    def _serve(self) -> None:
        if self._modest:
            _lower_priority()
        while True:
            with self._wake:
                while not self._queue and not self._closing:
                    self._wake.wait()
                if not self._queue:
                    return
                future, work = self._queue.popleft()
            self._do(future, work)
            # Let go of pictures and labels before waiting for the next piece of work.
            del future, work

    def _do(self, future: Future[Any], work: Callable[[], Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = work()
        except BaseException as problem:
            future.set_exception(problem)
            if not isinstance(problem, MaskloopError):
                log.exception("unexpected error on lane %s", threading.current_thread().name)
                if self._on_mistake:
                    self._on_mistake(problem)
        else:
            future.set_result(result)


def _lower_priority() -> None:
    """Lower the priority of this thread; only on Linux does a thread have one of its own that may be lowered."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
