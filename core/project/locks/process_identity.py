"""Identifies processes, so that a note left by one can be told from that of a process that still runs."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import uuid
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_MULTICAST_BIT = 1 << 40
"""Set in what `uuid.getnode` makes up when it finds no network card."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process, as far as it can be recognised later.

    machine: what stays the same over restarts, "" when the machine cannot be told from others; boot: changes with every
    start of the system, "" where that is unknown; namespace: of process ids, of which each container has its own;
    started: when the process started, in units that only this system compares, None where that is unknown.
    """

    process: int
    machine: str = ""
    boot: str = ""
    namespace: str = ""
    started: int | None = None

    def has_ended(self) -> bool | None:
        """True or False when that is certain: it was a process of this machine. None when nobody can know from here."""
        if self.boot != _boot():
            # Started anew since, if it is this machine at all.
            is_restarted = self.boot and _boot() and self.machine and self.machine == _machine()
            return True if is_restarted else None
        if not self.boot and (not self.machine or self.machine != _machine()):
            return None
        if self.namespace != _namespace():
            return None  # the number means another process there
        if not is_running(self.process):
            return True
        started = _start_time(self.process)
        if self.started is None or started is None:
            return None
        return started != self.started  # the number was given to another process since


def own_identity() -> ProcessIdentity:
    """The identity of this process."""
    pid = os.getpid()
    return ProcessIdentity(pid, _machine(), _boot(), _namespace(), _start_time(pid))


@cache
def _machine() -> str:
    found = _text("/etc/machine-id")
    card = uuid.getnode()
    parts = [found, "" if card & _MULTICAST_BIT else f"{card:012x}"]
    return "-".join(part for part in parts if part)


@cache
def _boot() -> str:
    return _text("/proc/sys/kernel/random/boot_id")


def _namespace() -> str:
    with contextlib.suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return ""


def _start_time(pid: int) -> int | None:
    """Clock ticks from the start of the system to that of a process; None where that is unknown."""
    # The second field is the name of the program, which may hold spaces and brackets.
    _, _, fields = _text(f"/proc/{pid}/stat").rpartition(")")
    try:
        return int(fields.split()[19])
    except (IndexError, ValueError):
        return None


def is_running(pid: int) -> bool:
    """Whether there is such a process. A number that cannot be one is no process."""
    if pid <= 0:
        return False
    if sys.platform == "win32":  # os.kill would end it
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(0x100000, False, pid)  # SYNCHRONIZE
        if not handle:
            return bool(kernel.GetLastError() == 5)  # access denied: it is there
        ended = kernel.WaitForSingleObject(handle, 0) == 0
        kernel.CloseHandle(handle)
        return not ended
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # of another user
        return True
    # One that ended but that nobody waited for keeps its number.
    return not _text(f"/proc/{pid}/stat").rpartition(")")[2].strip().startswith(("Z", "X"))


def _text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace").strip()
    except OSError:
        return ""
