"""A command, or a Python function, of one's own that runs after each evaluation."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from pathlib import Path

from torch import nn

from core.training.callbacks.callback import Callback, EvaluationRecord
from core.training.callbacks.command_line import command_arguments, run_command
from core.training.data.training_set import TrainingSet
from core.training.events import TrainingEvent


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
        self._changed = threading.Condition()
        self._newest: str | None = None
        self._closed = False
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
        with self._changed:
            self._newest = record.to_json()
            self._changed.notify()

    def close(self) -> None:
        if self._thread is None:
            return
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._waits:
            self._thread.join()  # each command has a limit of time
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
        while (text := self._wait_for_next()) is not None:
            if problem := run_command(self._arguments, text, self._folder):
                self._problems.put(f"{self.title} {problem}. Training goes on.")

    def _wait_for_next(self) -> str | None:
        """The newest record, also after `close`; None when there is no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._newest is not None)
            text, self._newest = self._newest, None
            return text
