"""Runs a command of one's own in a process of its own, with a limit of time. Does not import torch."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from core.base.display_text import printable, quoted
from core.base.errors import TrainingError
from core.base.json_process import child_environment

TIMEOUT_SECONDS = 60.0
"""After this a command is killed, with the processes that it started."""
MESSAGE_BYTES = 2000
"""Read from the end of what a command that failed wrote to its standard error."""


def command_arguments(command: str) -> list[str] | str:
    """The arguments of a command, which no shell interprets; `FILE.py:NAME` calls a function of that file.

    Raises TrainingError when quotation marks do not match.
    """
    file, _, name = command.rpartition(":")
    if file.endswith(".py") and name.isidentifier():
        return [sys.executable, "-P", "-m", "core.training.callbacks.function_call", file, name]
    if sys.platform == "win32":
        return command
    try:
        arguments = shlex.split(command)
    except ValueError as problem:
        raise TrainingError(
            f"The command {quoted(command)} cannot be read: {str(problem).lower()}."
        ) from problem
    if not arguments:
        raise TrainingError("The command after each evaluation is empty.")
    return arguments


def run_command(
    arguments: list[str] | str, text: str, folder: Path | None = None, timeout: float = TIMEOUT_SECONDS
) -> str:
    """Run it with `text` on its standard input. Returns how it failed, as the end of a sentence; empty if it did not.

    Its output is thrown away: standard output is for the program's own.
    """
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=folder,
                env=child_environment(),
                start_new_session=True,
            )
        except (OSError, ValueError) as problem:
            return f"cannot be started: {getattr(problem, 'strerror', None) or problem}"
        try:
            process.communicate(text.encode(), timeout)
        except subprocess.TimeoutExpired:
            _kill(process)
            return f"took more than {timeout:.0f} seconds and was ended"
        if process.returncode == 0:
            return ""
        errors.seek(0, os.SEEK_END)
        errors.seek(max(0, errors.tell() - MESSAGE_BYTES))
        lines = errors.read().decode(errors="replace").strip().splitlines()
        reason = f": {printable(lines[-1])[:200].rstrip('.')}" if lines else ""
        return f"failed with exit code {process.returncode}{reason}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it, and on POSIX all processes that it started."""
    with contextlib.suppress(OSError):
        if process.stdin:
            process.stdin.close()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
