"""The child's side of `core.base.json_process`: messages out on standard output, nothing else."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import TextIO

from core.base.json_process import encode_message

_PR_SET_PDEATHSIG = 1
"""Of prctl(2): the signal that this process gets when its parent dies."""


def reserve_stdout() -> TextIO:
    """The real standard output, for messages only; whatever a library prints from now on goes to standard error."""
    sys.stdout.flush()
    messages = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return messages


def send_message(stream: TextIO, message: object) -> None:
    """Write one message at once. Raises OSError when nobody reads any more."""
    stream.write(encode_message(message) + "\n")
    stream.flush()


def lower_priority() -> None:
    """Leave the processor to the window first; on Windows the parent sets the priority."""
    if hasattr(os, "nice"):
        os.nice(10)


def resume_with_parent() -> None:
    """Let this process go on when its parent dies while it is paused (`core.base.process_pause`): it then finds its
    input closed, and ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGCONT))
