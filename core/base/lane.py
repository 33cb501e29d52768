"""A lane: an executor with named threads and a queue in which urgent work can go to the front."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

from core.base.errors import MaskloopError

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class Lane(Executor):
    """A queue served in order by one or a few threads. What only one lane changes needs no lock.

    May be used from any thread. Differs from ThreadPoolExecutor in three ways: `submit_first` puts work at the front;
    the threads are daemons, so that a blocked read does not keep the program alive; and an exception that is not a
    MaskloopError is a bug, which goes to the log and to `on_unexpected_error` even if nobody asks the future.
    low_priority: the threads yield the processor to others, where the system can do that for single threads (Linux).
    """

    def __init__(
        self,
        name: str,
        threads: int = 1,
        on_unexpected_error: Callable[[BaseException], None] | None = None,
        *,
        low_priority: bool = False,
    ) -> None:
        self._on_unexpected_error = on_unexpected_error
        self._low_priority = low_priority
        self._queue: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._wake = threading.Condition()
        self._is_shut_down = False
        self._threads = [
            threading.Thread(target=self._serve, name=f"{name}-{n}", daemon=True) for n in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Run `fn` after everything queued before it. Raises RuntimeError after `shutdown`."""
        return self._put(lambda: fn(*args, **kwargs), first=False)

    def submit_first(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Run `fn` before everything that is queued. Raises RuntimeError after `shutdown`."""
        return self._put(lambda: fn(*args, **kwargs), first=True)

    def owns_current_thread(self) -> bool:
        """Whether the caller runs on this lane."""
        return threading.current_thread() in self._threads

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work; finish what is queued, or cancel it; then end the threads. May be called twice.

        wait: return only when the threads have ended.
        """
        with self._wake:
            self._is_shut_down = True
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
            if self._is_shut_down:
                raise RuntimeError("this lane is shut down")
            if first:
                self._queue.appendleft((future, work))
            else:
                self._queue.append((future, work))
            self._wake.notify()
        return future

    def _serve(self) -> None:
        if self._low_priority:
            _lower_priority()
        while True:
            with self._wake:
                while not self._queue and not self._is_shut_down:
                    self._wake.wait()
                if not self._queue:
                    return
                future, work = self._queue.popleft()
            self._run(future, work)
            # Release pictures and labels before waiting for more work.
            del future, work

    def _run(self, future: Future[Any], work: Callable[[], Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = work()
        except BaseException as error:
            future.set_exception(error)
            if not isinstance(error, MaskloopError):
                log.exception("unexpected error on lane %s", threading.current_thread().name)
                if self._on_unexpected_error:
                    self._on_unexpected_error(error)
        else:
            future.set_result(result)


def _lower_priority() -> None:
    """Lower the priority of this thread. Only Linux has priorities of threads that may be lowered."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
