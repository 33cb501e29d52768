"""The child's side of `core.base.json_process`: messages out on standard output, nothing else."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from core.base.json_process import encode_message


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


def lower_priority(*, idle: bool = False) -> None:
    """Leave the processor to the window first; on Windows the parent sets the priority. Call it before threads are
    started, which inherit it.

    idle: run only where nobody else wants the processor. On Linux whatever wakes up then takes its place at once; by
    the lower priority alone it waits for the end of a time slice.
    """
    if hasattr(os, "nice"):
        os.nice(10)
    if idle and hasattr(os, "SCHED_IDLE"):
        with contextlib.suppress(OSError):  # not allowed in some containers
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
