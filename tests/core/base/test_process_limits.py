"""A process that sets itself limits cannot go over them."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")


def run(code: str) -> subprocess.CompletedProcess[str]:
    start = "from core.base.process_limits import limit_process; "
    return subprocess.run(
        [sys.executable, "-c", start + code], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux refuses memory at once")
def test_memory_is_refused() -> None:
    done = run("limit_process(50 << 20, 30); a = bytearray(20 << 20); b = bytearray(100 << 20)")
    assert "MemoryError" in done.stderr
    assert run("limit_process(50 << 20, 30); a = bytearray(20 << 20)").returncode == 0


def test_a_loop_without_end_is_ended() -> None:
    done = run("limit_process(1 << 30, 1)\nwhile True: pass")
    assert done.returncode < 0
