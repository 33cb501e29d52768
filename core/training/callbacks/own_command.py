"""A command, or a Python function, of one's own that runs after each evaluation."""

from __future__ import annotations

import contextlib
import os
import queue
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from torch import nn

from core.base.display_text import printable
from core.base.errors import TrainingError
from core.base.json_process import child_environment
from core.training.callbacks.callback import Callback, EvaluationRecord
from core.training.data.training_set import TrainingSet
from core.training.events import TrainingEvent

TIMEOUT_SECONDS = 60.0
"""After this a command is killed, with the processes that it started."""
MESSAGE_BYTES = 2000
"""Read from the end of what a command that failed wrote to its standard error."""


class OwnCommand(Callback):
    """Runs the command on a thread, with the record of the evaluation as JSON on its standard input.

    One at a time: of the evaluations that come meanwhile the newest waits. A failure is noted once.
    folder: where it runs, None for the current one; waits: whether `close` waits for the command
    """

    title = "The command after each evaluation"

    def __init__(self, command: str, folder: Path | None = None, *, waits: bool = False) -> None:
        self._command, self._folder, self._waits = command, folder, waits
        self._arguments: list[str] | str = ""
        self._note: Callable[[str], None] = lambda _: None
        self._newest: queue.Queue[str | None] = queue.Queue(1)
        self._problems: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._noted: set[str] = set()
        self._thread: threading.Thread | None = None

    def on_start(self, network: nn.Module, pictures: TrainingSet, note: Callable[[str], None]) -> None:
        del network, pictures
        self._arguments, self._note = command_arguments(self._command), note
        self._thread = threading.Thread(target=self._run_all, name="own-command", daemon=True)
        self._thread.start()

    def on_event(self, event: TrainingEvent) -> None:
        del event
        self._note_problems()

    def on_evaluated(self, network: nn.Module, record: EvaluationRecord) -> None:
        del network
        with contextlib.suppress(queue.Empty):
            self._newest.get_nowait()
        self._newest.put(record.to_json())

    def close(self) -> None:
        if self._thread is None:
            return
        if self._waits:
            self._newest.put(None)
            self._thread.join(2 * TIMEOUT_SECONDS + 5)
        else:
            with contextlib.suppress(
                queue.Full
            ):  # then it ends after the one that waits, or with the process
                self._newest.put_nowait(None)
        self._note_problems()

    def _note_problems(self) -> None:
        """On the training thread, whose events these notes join."""
        with contextlib.suppress(queue.Empty):
            while True:
                problem = self._problems.get_nowait()
                if problem not in self._noted:
                    self._noted.add(problem)
                    self._note(problem)

    def _run_all(self) -> None:
        while (text := self._newest.get()) is not None:
            if problem := run_command(self._arguments, text, self._folder):
                self._problems.put(f"{self.title} {problem}. Training goes on.")


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
        raise TrainingError(f"The command {command} cannot be read: {problem}.") from problem
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
