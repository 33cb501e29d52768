"""Freezes long-lived objects (`gc.freeze`), so that a garbage collection takes less than a frame.

A full collection over all objects of the program takes up to a tenth of a second, in which the window does not react.
Modules and the window live as long as the program and are frozen. An open project is not: Python can thaw all objects
or none, so to collect a frozen project would take a collection over everything. For the same reason nothing is frozen
while a project is open or has just been closed.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable, Iterator

_lock = threading.Lock()
_pauses = 0


@contextlib.contextmanager
def freeze_gc() -> Iterator[None]:
    """Freeze what exists at the end of this block; the collector is off meanwhile. Blocks on several threads may
    overlap: the last one freezes."""
    _pause()
    try:
        yield
    finally:
        _resume(gc.freeze)


@contextlib.contextmanager
def pause_gc() -> Iterator[None]:
    """The collector is off in this block: it would go through what is being made again and again."""
    _pause()
    try:
        yield
    finally:
        _resume()


def prepare_collection() -> None:
    """Turn the collector off until `collect_closed`.

    The collecting thread destroys the timers and widgets of what it collects, and Qt aborts when that is not the thread
    they live on. So no other thread may collect a project that has been closed.
    """
    _pause()


def collect_closed() -> None:
    """Collect what is unreachable and not frozen, such as a closed project. For the GUI thread alone, once for each
    `prepare_collection`.

    The rest is not frozen: a thread that is still ending may refer to the project.
    """
    gc.collect()
    _resume()


def _pause() -> None:
    global _pauses  # noqa: PLW0603
    with _lock:
        _pauses += 1
        gc.disable()


def _resume(before: Callable[[], object] = lambda: None) -> None:
    """End a pause. before: called before the collector is turned on, if no other pause is under way."""
    global _pauses  # noqa: PLW0603
    with _lock:
        _pauses -= 1
        if _pauses == 0:
            before()
            gc.enable()
