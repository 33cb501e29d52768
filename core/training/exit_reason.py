"""Why a child process ended, as a message the user can act on. Does not import torch."""

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
"""Messages of torch, CUDA and its libraries, C++, numpy, Linux and Windows. 1455: the paging file is too small."""

LOST_DEVICE_MESSAGES = (
    "cuda error", "cudnn_status", "cublas_status", "cudnn error", "nccl error", "hip error", "device-side assert",
    "mps backend", "device lost", "driver shutting down",
)  # fmt: skip
"""Messages of torch when a graphics card no longer answers."""
LOST_DEVICE_EXIT_CODE = 75
"""Exit code of the training process then: every later use of the card would fail too."""

OUT_OF_MEMORY_TEXT = (
    "Training stopped: the training process ran out of memory. "
    "Close other programs, or choose a smaller batch or a smaller input size, and start again."
)
PREDICTING_OUT_OF_MEMORY_TEXT = (
    "The training process ran out of memory. "
    "Close other programs, or choose a smaller batch or a smaller input size, and start again."
)


def is_out_of_memory(text: str) -> bool:
    """Whether an error message says that memory ran out."""
    lower = text.lower()
    return any(words in lower for words in OUT_OF_MEMORY_MESSAGES)


def is_lost_device(text: str) -> bool:
    """Whether an error message says that a graphics card no longer answers, for another reason than memory."""
    lower = text.lower()
    return any(words in lower for words in LOST_DEVICE_MESSAGES) and not is_out_of_memory(text)


def oom_kill_count() -> int:
    """Processes that Linux has killed for lack of memory since it was started; 0 on other systems."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text("ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def exit_message(code: int, stderr_tail: Sequence[str], *, oom_kill_seen: bool, training: bool) -> str:
    """A message for the user about a training process that ended.

    code: as `Popen.returncode` (negative: ended by that signal); stderr_tail: last lines of its standard error
    oom_kill_seen: the system has killed a process for lack of memory meanwhile; training: it was training
    """
    killed = code == -getattr(signal, "SIGKILL", 9)
    if (killed and oom_kill_seen) or any(is_out_of_memory(line) for line in stderr_tail[-5:]):
        return OUT_OF_MEMORY_TEXT if training else PREDICTING_OUT_OF_MEMORY_TEXT
    if code == LOST_DEVICE_EXIT_CODE and training:
        return (
            "Training stopped: the training process lost its graphics card. The last good network stays in use and "
            "nothing you painted is lost; start it again, or choose the device “cpu” if it happens again."
        )
    if code == LOST_DEVICE_EXIT_CODE:
        return (
            "The training process lost its graphics card. The last good network stays in use and nothing you painted "
            "is lost; start it again, or choose the device “cpu” if it happens again."
        )
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    if training:
        return (
            f"Training stopped: the training process ended unexpectedly ({how}). Nothing you painted is lost; start it "
            "again to continue from the last checkpoint."
        )
    return f"The training process ended unexpectedly ({how}). Nothing you painted is lost; it starts again when needed."
