"""Makes the C library keep the memory that a process frees, for processes that compute with torch on the processor.

A network allocates and frees the same blocks of tens of megabytes in every pass. glibc gives such blocks back to the
system at once and gets them again as new pages, which the system fills with zeros: a third of the time of a
training step of the default network, a tenth with U-Net (docs/benchmarks.md). Other C libraries are left as they are.
"""

from __future__ import annotations

import ctypes
import functools
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
"""Parameters of mallopt(3)."""
_GROWTH_BYTES = 64 << 20


@functools.cache
def keep_freed_memory() -> bool:
    """Keep freed memory from now on, until `release_freed_memory`; false where the C library has no such option."""
    library = _glibc()
    if library is None:
        return False
    settings = (
        (_MMAP_MAX, 0),
        (_TRIM_THRESHOLD, 2**31 - 1),
        (_TOP_PAD, _GROWTH_BYTES),
        (_ARENA_MAX, 1),  # what one thread frees is there for all
    )
    return all(library.mallopt(name, value) for name, value in settings)


def release_freed_memory() -> None:
    """Give the memory that is free now back to the system; a process that waits needs none of it."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    try:
        library = ctypes.CDLL("libc.so.6")
        library.malloc_trim.argtypes = [ctypes.c_size_t]
        return library if library.mallopt else None
    except (OSError, AttributeError):  # another C library, such as musl
        return None
