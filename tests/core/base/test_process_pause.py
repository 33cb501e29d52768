"""A child process is paused for a moment, and never for good."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.base.json_process import JsonProcess, child_environment
from core.base.process_pause import ProcessPause

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a process is paused on Linux only")
STUB = "tests.core.base.counting_child"
PARENT = """
import os, sys, time
from core.base.json_process import JsonProcess
from core.base.process_pause import ProcessPause
child = JsonProcess("tests.core.base.counting_child")
child.receive(20)
ProcessPause(60.0).begin(child)
print(child.pid, flush=True)
time.sleep(60)
"""


def state_of(pid: int) -> str:
    """R or S runs, T is paused; empty for one that is gone or has only not been waited for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""
    return "" if state == "Z" else state


def wait_for(pid: int, states: str) -> bool:
    end = time.monotonic() + 20
    while state_of(pid) not in states.split("|"):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_a_process_is_paused_until_it_is_let_go_or_time_is_up() -> None:
    child = JsonProcess(STUB)
    try:
        child.receive(20)
        long, short = ProcessPause(60.0), ProcessPause(0.5)
        long.begin(child)
        assert wait_for(child.pid, "T")
        long.end()
        assert wait_for(child.pid, "R|S")
        short.begin(child)
        assert wait_for(child.pid, "T")
        assert wait_for(child.pid, "R|S")
        short.end()
        assert child.receive(20)
    finally:
        child.kill()
        child.reap(5.0)


def test_a_paused_process_can_be_ended() -> None:
    child = JsonProcess(STUB)
    pause = ProcessPause(60.0)
    try:
        child.receive(20)
        pause.begin(child)
        assert wait_for(child.pid, "T")
        child.terminate()
        assert child.reap(20.0) == -signal.SIGTERM
    finally:
        pause.end()


def test_a_paused_process_goes_on_when_its_parent_is_killed() -> None:
    """It then finds its input closed."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], env=child_environment(), stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert wait_for(pid, "T")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert wait_for(pid, "")
