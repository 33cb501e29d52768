"""Limits of memory and processor time that a child process sets for itself before it reads a stranger's file.

Linux enforces both. macOS enforces the time, and memory is looked at ten times a second. On Windows only the parent's
time limit holds. The parent ends a child that does not answer, on every system.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

OUT_OF_MEMORY_EXIT_CODE = 76
"""Exit code of a process that ended because it went over its memory limit."""


def limit_process(memory_bytes: int, seconds: float, *, is_final: bool = True) -> None:
    """Let this process allocate `memory_bytes` more than it has now, and compute for `seconds` more.

    Too much memory raises MemoryError, or RuntimeError in torch; too much time ends the process. Core dumps, which
    would take as much disk as the process has memory, are switched off. Threads that exist already are included.
    is_final: this process can never be given more; otherwise it may call this again for its next task.
    """
    if sys.platform == "win32":
        return
    import resource

    used = time.process_time()
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        limit = int(used + seconds) + 1
        _set_limit(resource.RLIMIT_CPU, limit, limit + 1 if is_final else None)
    if sys.platform == "linux":
        # Private writable memory; the address space (RLIMIT_AS) would count what torch only reserves.
        with contextlib.suppress(OSError, ValueError):
            limit = _private_bytes() + memory_bytes
            _set_limit(resource.RLIMIT_DATA, limit, limit if is_final else None)
    else:
        limit = _peak_bytes() + memory_bytes
        threading.Thread(target=_watch_memory, args=(limit,), name="memory limit", daemon=True).start()


@contextlib.contextmanager
def memory_limit(memory_bytes: int) -> Iterator[None]:
    """Let this process allocate no more than `memory_bytes` within (Linux; elsewhere this does nothing).

    Too much raises MemoryError, or RuntimeError in torch, in whichever thread asks for it.
    """
    if sys.platform != "linux":
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    with contextlib.suppress(OSError, ValueError):
        limit = _private_bytes() + memory_bytes
        if before[0] == resource.RLIM_INFINITY or limit < before[0]:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _set_limit(kind: int, soft: int, hard: int | None) -> None:
    """hard: None leaves what is there"""
    import resource

    resource.setrlimit(kind, (soft, resource.getrlimit(kind)[1] if hard is None else hard))


def _private_bytes() -> int:
    """Private writable memory of this process (Linux)."""
    for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    raise OSError("this Linux does not tell a process its memory")


def _peak_bytes() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def _watch_memory(limit: int) -> None:
    while _peak_bytes() <= limit:
        time.sleep(0.1)
    os._exit(OUT_OF_MEMORY_EXIT_CODE)
