"""What processes beside ours need to run the same code."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path


def child_environment() -> dict[str, str]:
    """Ours, and the place of this very `core`, whatever the current folder of the process is.

    Threads that have nothing to do sleep instead of spinning: beside a window and other programs that takes a third
    of the processor time out of each training step, and no time.
    """
    environment = dict(os.environ, PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8")
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    root = str(Path(__file__).resolve().parents[2])
    if root not in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        before = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{root}{os.pathsep}{before}" if before else root
    return environment
