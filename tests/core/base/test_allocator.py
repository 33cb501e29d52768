"""Freed memory stays with the process, and goes back when the process has nothing to do."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from core.base.allocator import _glibc

SCRIPT = """
import json, sys
import numpy as np
from core.base.allocator import keep_freed_memory, release_freed_memory

def megabytes():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 // 2**20

def allocate_and_free():
    np.ones(200 << 20, np.uint8)
    return megabytes()

found = {"before": megabytes(), "default": allocate_and_free(), "kept_by": keep_freed_memory()}
found["kept"] = allocate_and_free()
release_freed_memory()
print(json.dumps({**found, "released": megabytes()}))
"""


@pytest.mark.skipif(_glibc() is None, reason="an option of glibc alone; elsewhere nothing is changed")
def test_freed_memory_is_kept_until_it_is_released() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["kept_by"]
    assert found["default"] - found["before"] < 50
    assert found["kept"] - found["before"] > 150
    assert found["released"] - found["before"] < 100
