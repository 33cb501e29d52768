"""One job after the other, each in a child process of its own that can be cancelled."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from core.base.errors import Cancelled, UserError
from core.base.json_process import JsonProcess, decode_message
from core.base.lane import Lane

R = TypeVar("R")
_EXIT_TIMEOUT = 10.0
"""Seconds until a process that has sent its result is killed."""


class JobLane(Generic[R]):
    """Runs `python -m module` for each job and passes its messages on. May be called from any thread.

    The module reads one job from standard input and answers with messages of the union `kind`, as
    `core.base.json_worker` sends them; the last one is the result.
    """

    def __init__(self, name: str, module: str, kind: Any) -> None:
        self._module, self._kind = module, kind
        self._lane = Lane(name)
        self._lock = threading.Lock()
        self._jobs: dict[threading.Event, Future[R] | None] = {}
        """Those that wait or are under way, by the event that cancels them."""
        self._process: JsonProcess | None = None
        self._process_cancel: threading.Event | None = None
        """Of the job that the process is working on."""

    def submit(self, work: Callable[[threading.Event], R]) -> Future[R]:
        """Call `work` on the lane with the event that says whether it was cancelled."""
        cancel = threading.Event()
        with self._lock:
            self._jobs[cancel] = None  # before it can begin: `close` must not miss it
        future = self._lane.submit(work, cancel)
        with self._lock:
            self._jobs[cancel] = future
        future.add_done_callback(lambda _done: self._forget(cancel))
        return future

    def run(
        self,
        job: object,
        on_message: Callable[[Any], bool],
        cancel: threading.Event,
        clean_up: Callable[[int], None] = lambda _: None,
    ) -> str:
        """Run one job on this lane; `on_message` says whether a message was the result, the last one.

        clean_up: called with the number of the process when it has ended, however it did. Returns what the process
        printed last to standard error, for one that ended without a result. Raises Cancelled, what `on_message` raises,
        and UserError when the process cannot be started.
        """
        with self._lock:
            if cancel.is_set():
                raise Cancelled
            try:
                process = self._process = JsonProcess(self._module)
                self._process_cancel = cancel
            except OSError as error:
                raise UserError(
                    f"A process cannot be started: {error}. Close other programs and try again."
                ) from error
        is_done = False
        try:
            with contextlib.suppress(OSError, ValueError):
                process.send(job)
                while not is_done and (line := process.receive()):
                    is_done = on_message(decode_message(line, self._kind))
        finally:
            process.reap(_EXIT_TIMEOUT)
            with self._lock:
                self._process = self._process_cancel = None
            clean_up(process.pid)
        if cancel.is_set() and not is_done:
            raise Cancelled
        return "\n".join(process.stderr_tail)

    def cancel(self, future: Future[R] | None = None) -> None:
        """End this job now, or do not begin it; None: all jobs. Nothing happens to one that is done."""
        with self._lock:
            chosen = {event: job for event, job in self._jobs.items() if future is None or job is future}
            for event in chosen:
                event.set()
            if self._process is not None and self._process_cancel in chosen:
                self._process.kill()
        for job in chosen.values():
            if job is not None:
                job.cancel()  # one that waits ends at once

    def close(self) -> None:
        """Cancel all jobs, and end the lane."""
        self.cancel()
        self._lane.shutdown(cancel_futures=True)

    def _forget(self, cancel: threading.Event) -> None:
        with self._lock:
            self._jobs.pop(cancel, None)
