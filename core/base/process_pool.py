"""Many things worked on by several cores at once, the answers in the order of the things.

Python works on one thing at a time in a process, so each worker is a process of its own (`python -m core.base.process_pool`): it
is sent the work once, then thing after thing, and answers each. Starting one takes as long as some hundred pictures, so
for few things there are none. (The pool of concurrent.futures loads the main module of the program in each worker, and
with it the window; nor can it say how the memory of a worker is to be kept.)
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from core.base.json_process import child_environment

T = TypeVar("T")
R = TypeVar("R")

MIN_ITEMS = 400
"""Fewer things are worked on where they are."""
MAX_WORKERS = 4
MAX_WEIGHT = 16_000_000
"""Pixels that are worked on at once, so that memory stays flat; a larger picture is worked on alone."""
_WORKER_ENVIRONMENT = {
    "OPENCV_FOR_THREADS_NUM": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}
"""One thread each, as there is a worker for each core. And memory of one picture is kept for the next: giving it back
to the system and asking for it anew took a fifth of the time (glibc; others do not know these words)."""
_EXIT_TIMEOUT = 5.0
"""Seconds that a worker has to end by itself."""


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_order(
    function: Callable[[T], R],
    items: Iterable[T],
    count: int,
    weight: Callable[[T], int],
    conflict_key: Callable[[T], Hashable] | None = None,
) -> Generator[R, None, None]:
    """Work on about `count` things; take them and give answers on the caller's thread, one for each, in their order.

    At most MOST_WEIGHT is under way or waits for the caller, and no two things of which `apart` says the same. What
    `work` raises is raised in its turn; then, and when the caller goes away, what is under way is waited for and the
    rest is never begun. Work and things are pickled; what cannot be, and whatever a worker that is gone has left, is
    done here.
    """
    workers = min(available_cores(), MAX_WORKERS)
    if count < MIN_ITEMS or workers < 2:
        yield from map(function, items)
        return
    with _WorkerPool(function, workers) as team:
        under_way: deque[tuple[Future[R], int, Hashable]] = deque()
        for thing in items:
            heavy, said = weight(thing), conflict_key(thing) if conflict_key else None
            while under_way and (
                len(under_way) > 2 * workers
                or sum(other for _, other, _ in under_way) + heavy > MAX_WEIGHT
                or any(said is not None and said == other for *_, other in under_way)
            ):
                yield under_way.popleft()[0].result()
            under_way.append((team.submit(thing), heavy, said))
        while under_way:
            yield under_way.popleft()[0].result()


class _WorkerPool(Generic[T, R]):
    """Workers, each with a thread of ours that waits for it."""

    def __init__(self, work: Callable[[T], R], count: int) -> None:
        self._work = work
        self._free: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._all = [_Worker(work) for _ in range(count)]
        for worker in self._all:
            self._free.put(worker)
        self._pool = ThreadPoolExecutor(count, "work")

    def __enter__(self) -> _WorkerPool[T, R]:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        for worker in self._all:
            worker.close()

    def submit(self, thing: T) -> Future[R]:
        return self._pool.submit(self._done, thing)

    def _done(self, thing: T) -> R:
        worker = self._free.get()
        try:
            asked = worker.call(thing)
        finally:
            self._free.put(worker)
        if asked is None:
            return self._work(thing)
        fine, answer = asked
        if not fine:
            raise answer
        found: R = answer
        return found


class _Worker:
    """One process. Used by one thread at a time."""

    def __init__(self, work: object) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        with contextlib.suppress(OSError, *_PICKLE_ERRORS):
            packed = pickle.dumps(work, pickle.HIGHEST_PROTOCOL)
            flags = 0
            if sys.platform == "win32":
                flags = subprocess.CREATE_NO_WINDOW
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "core.base.process_pool"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=child_environment() | _WORKER_ENVIRONMENT,
                creationflags=flags,
            )
            self._send(packed)

    def call(self, thing: object) -> tuple[bool, Any] | None:
        """Whether it went well, and the answer or what was raised; None when it has to be done by somebody else."""
        if self._process is None:
            return None
        try:
            packed = pickle.dumps(thing, pickle.HIGHEST_PROTOCOL)
        except _PICKLE_ERRORS:
            return None
        try:
            self._send(packed)
            assert self._process.stdout is not None
            said: tuple[bool, Any] | None = pickle.load(self._process.stdout)
        except (OSError, EOFError, *_PICKLE_ERRORS):
            self.close()
            return None
        return said

    def close(self) -> None:
        """It ends when nothing more is to come. May be called twice."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        try:
            process.wait(_EXIT_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _send(self, packed: bytes) -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(packed)
        self._process.stdin.flush()


_PICKLE_ERRORS = (pickle.PickleError, TypeError, AttributeError, ImportError, RecursionError)
"""What is raised for things that cannot be pickled."""


def main() -> None:
    """One worker: answers until nothing more comes, which is also so when whoever asks is gone."""
    # Who is interrupted in the terminal decides what becomes of us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asks, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    with contextlib.suppress(EOFError, OSError):
        work = pickle.load(asks)
        while True:
            thing = pickle.load(asks)
            try:
                said = True, work(thing)
            except Exception as problem:
                said = False, problem
            try:
                packed = pickle.dumps(said, pickle.HIGHEST_PROTOCOL)
            except _PICKLE_ERRORS:
                packed = pickle.dumps(None)
            answers.write(packed)
            answers.flush()


if __name__ == "__main__":
    main()
