"""Freezes long-lived objects (`gc.freeze`), so that a garbage collection takes less than a frame.

A full collection over all objects of the program takes up to a tenth of a second, in which the window does not react.
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
    """Freeze the objects made in this block; the collector is off meanwhile. Blocks on several threads may overlap."""
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
    """Collect frozen objects that are unreachable, such as a closed project, and freeze the rest again.

    For the GUI thread alone: the collecting thread destroys timers and widgets, and Qt aborts when that is not the
    thread they live on.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
