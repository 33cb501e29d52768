"""The priority of child processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from core.base.json_process import child_environment

CODE = """
import os, threading
from core.base.json_worker import lower_priority
lower_priority(idle={idle})
thread = threading.Thread(target=lambda: print(os.nice(0), os.sched_getscheduler(0) == os.SCHED_IDLE))
thread.start()
thread.join()
"""


@pytest.mark.skipif(
    not hasattr(os, "SCHED_IDLE"), reason="only Linux runs a process where nobody else wants to"
)
@pytest.mark.parametrize("idle", [False, True])
def test_a_process_leaves_the_processor_to_others(idle: bool) -> None:
    """Its threads too, as those of torch compute."""
    said = subprocess.run(
        [sys.executable, "-c", CODE.format(idle=idle)],
        env=child_environment(), capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert said.split() == [str(min(19, os.nice(0) + 10)), str(idle)]
