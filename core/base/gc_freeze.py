"""What is made to stay: Python's garbage collector need not look through it, neither while it is made nor ever after.

Looking through all objects of the program takes up to a tenth of a second, in which the window does nothing else.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Iterator

_lock = threading.Lock()
_active = 0


@contextlib.contextmanager
def freeze_gc() -> Iterator[None]:
    """What is made in this block stays. Threads may be in such blocks at the same time; the last one ends it."""
    global _active  # noqa: PLW0603
    with _lock:
        _active += 1
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _active -= 1
            if _active == 0:
                gc.freeze()
                gc.enable()


def collect_frozen() -> None:
    """What was made to stay and is used no more goes, such as a project that was closed; the rest stays.

    For the GUI thread alone: timers and widgets are ended by the thread that collects them, and end the program when
    it is another than their own.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
