"""Maps a function over many items in several worker processes, with the results in the order of the items.

Each worker is a process (`python -m core.base.process_pool`) that gets the function once, then item after item, as
pickles on standard input, and results each on standard output. Starting one takes as long as some hundred pictures, so
that few items are processed in this process. The pool of `concurrent.futures` does not fit: it imports the main module
of the program in each worker, and with it the window, and it cannot set the environment variables that bound the
workers' memory.
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
"""Fewer items are processed in this process."""
MAX_WORKERS = 4
MAX_WEIGHT = 16_000_000
"""Pixels in progress at the same time, so that memory is bounded; a larger picture is processed alone."""
_WORKER_ENVIRONMENT = {
    "OPENCV_FOR_THREADS_NUM": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}
"""One thread for each worker, as there is a worker for each core. The malloc settings (glibc; others ignore them) keep
the memory of one picture for the next: returning it to the system took a fifth of the time."""
_EXIT_TIMEOUT = 5.0
"""Seconds until a worker that does not exit is killed."""


def available_cores() -> int:
    """Number of cores that this process may use."""
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
    """Yield `function(item)` for each item in order; items are taken and results given on the caller's thread.

    count: about how many items there are; weight: size of an item in pixels, of which at most MAX_WEIGHT are in
    progress or wait for the caller; conflict_key: items with equal keys (not None) are never in progress together

    An exception of `function` is raised at the place of its result. Then, and when the caller closes the generator,
    items in progress are finished and the others are not started. Function and items are pickled; what cannot be
    pickled, and items of a worker that died, are processed in this process.
    """
    workers = min(available_cores(), MAX_WORKERS)
    if count < MIN_ITEMS or workers < 2:
        yield from map(function, items)
        return
    with _WorkerPool(function, workers) as pool:
        under_way: deque[tuple[Future[R], int, Hashable]] = deque()
        for item in items:
            size, key = weight(item), conflict_key(item) if conflict_key else None
            while under_way and (
                len(under_way) > 2 * workers
                or sum(other for _, other, _ in under_way) + size > MAX_WEIGHT
                or any(key is not None and key == other for *_, other in under_way)
            ):
                yield under_way.popleft()[0].result()
            under_way.append((pool.submit(item), size, key))
        while under_way:
            yield under_way.popleft()[0].result()


class _WorkerPool(Generic[T, R]):
    """Worker processes, and a thread for each call that waits for one."""

    def __init__(self, work: Callable[[T], R], count: int) -> None:
        self._work = work
        self._free: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._workers = [_Worker(work) for _ in range(count)]
        for worker in self._workers:
            self._free.put(worker)
        self._pool = ThreadPoolExecutor(count, "work")

    def __enter__(self) -> _WorkerPool[T, R]:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        for worker in self._workers:
            worker.close_pipes()
        for worker in self._workers:
            worker.close()

    def submit(self, item: T) -> Future[R]:
        return self._pool.submit(self._call, item)

    def _call(self, item: T) -> R:
        worker = self._free.get()
        try:
            outcome = worker.call(item)
        finally:
            self._free.put(worker)
        if outcome is None:
            return self._work(item)
        succeeded, answer = outcome
        if not succeeded:
            raise answer
        result: R = answer
        return result


class _Worker:
    """One worker process. Used by one thread at a time."""

    def __init__(self, work: object) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        with contextlib.suppress(OSError, *_PICKLE_ERRORS):
            pickled = pickle.dumps(work, pickle.HIGHEST_PROTOCOL)
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
            self._send(pickled)

    def call(self, item: object) -> tuple[bool, Any] | None:
        """(whether it succeeded, result or exception); None when the item has to be processed in this process."""
        if self._process is None:
            return None
        try:
            pickled = pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
        except _PICKLE_ERRORS:
            return None
        try:
            self._send(pickled)
            assert self._process.stdout is not None
            result: tuple[bool, Any] | None = pickle.load(self._process.stdout)
        except (OSError, EOFError, *_PICKLE_ERRORS):
            self.close()
            return None
        return result

    def close_pipes(self) -> None:
        """Tell the process to end; `close` waits for it. May be called twice."""
        for pipe in (self._process.stdin, self._process.stdout) if self._process else ():
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def close(self) -> None:
        """End the process. May be called twice."""
        self.close_pipes()
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.wait(_EXIT_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _send(self, pickled: bytes) -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(pickled)
        self._process.stdin.flush()


_PICKLE_ERRORS = (pickle.PickleError, TypeError, AttributeError, ImportError, RecursionError)
"""What `pickle` raises for objects that it cannot handle."""


def main() -> None:
    """The worker process: results until its input closes, which also happens when the parent ends."""
    # Ctrl+C in a terminal reaches all processes of the group; the parent decides when the worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, results = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the results
    with contextlib.suppress(EOFError, OSError):
        work = pickle.load(requests)
        while True:
            item = pickle.load(requests)
            try:
                result = True, work(item)
            except Exception as error:
                result = False, error
            try:
                pickled = pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
            except _PICKLE_ERRORS:
                pickled = pickle.dumps(None)
            results.write(pickled)
            results.flush()
    os._exit(0)  # nothing is left to write, and taking down the libraries takes a tenth of a second


if __name__ == "__main__":
    main()
