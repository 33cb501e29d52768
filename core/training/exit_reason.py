"""Why the training process ended, said so that a person can act on it. No torch in here."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Sequence
from pathlib import Path

OUT_OF_MEMORY_MESSAGES = (
    "out of memory", "outofmemoryerror", "memoryerror", "can't allocate memory", "bad_alloc",
    "unable to allocate", "cannot allocate memory", "not enough memory", "alloc_failed", "allocation_failed",
    "error 1455", "<1455>",
)  # fmt: skip
"""As torch, CUDA and its libraries, C++, numpy, Linux and Windows say it. 1455: the paging file is too small."""

LOST_DEVICE_MESSAGES = (
    "cuda error", "cudnn_status", "cublas_status", "cudnn error", "nccl error", "hip error", "device-side assert",
    "mps backend", "device lost", "driver shutting down",
)  # fmt: skip
"""As torch says that a graphics card does not answer any more."""
LOST_DEVICE_EXIT_CODE = 75
"""With which the process ends then: whatever it asks of the card from now on would fail too."""

OUT_OF_MEMORY_TEXT = (
    "{} ran out of memory. "
    "Close other programs, or choose a smaller batch or a smaller picture size, and start again."
)


def is_out_of_memory(text: str) -> bool:
    """True when an error message says that memory ran out."""
    lower = text.lower()
    return any(words in lower for words in OUT_OF_MEMORY_MESSAGES)


def is_lost_device(text: str) -> bool:
    """True when an error message says that a graphics card is lost; memory that ran out is no such thing."""
    lower = text.lower()
    return any(words in lower for words in LOST_DEVICE_MESSAGES) and not is_out_of_memory(text)


def oom_kill_count() -> int:
    """How often this machine has ended a process for want of memory since it was started; 0 where unknown."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text("ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def exit_message(code: int, stderr_tail: Sequence[str], *, oom_kill_seen: bool, training: bool) -> str:
    """One sentence or two for people.

    code: as `Popen.returncode` (negative: ended by that signal); last_words: lines of its standard error
    short_of_memory: the system has just ended a process for want of memory
    """
    start = "Training stopped: the training process" if training else "The training process"
    killed = code == -getattr(signal, "SIGKILL", 9)
    if (killed and oom_kill_seen) or any(is_out_of_memory(line) for line in stderr_tail[-5:]):
        return OUT_OF_MEMORY_TEXT.format(start)
    if code == LOST_DEVICE_EXIT_CODE:
        return (
            f"{start} lost its graphics card. The last good network stays in use and nothing you painted is lost; "
            "start it again, or choose the device “cpu” if it happens again."
        )
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    again = "start it again to go on from the last checkpoint" if training else "it starts again when needed"
    return f"{start} ended unexpectedly ({how}). Nothing you painted is lost; {again}."
