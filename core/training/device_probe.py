"""Guess of the device a network will run on, without importing torch, for which the window must not wait."""

from __future__ import annotations

import ctypes
import functools
import platform
import sys


@functools.cache
def likely_device(requested: str = "auto") -> str:
    """ "cuda", "mps" or "cpu". Asks the CUDA driver; torch decides once training starts."""
    if requested != "auto":
        return requested.split(":", maxsplit=1)[0]
    if sys.platform == "darwin":
        return "mps" if platform.machine() == "arm64" else "cpu"
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0:
            return "cuda"
    except (OSError, AttributeError):
        pass
    return "cpu"
