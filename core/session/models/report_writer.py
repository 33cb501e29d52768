"""Writes reports on runs in a process of its own. Does not import torch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from core.base.errors import ModelError
from core.base.job_lane import JobLane
from core.evaluation.report.report_job import ReportFailed, ReportJob, ReportMessage, ReportReady, ReportStep
from core.project.records import Split
from core.training.exit_reason import is_out_of_memory

MODULE = "core.evaluation.report.report_worker"

ReportProgressCallback = Callable[[int, int, int], None]
"""Called with the number of the run, and how many of how many pictures are evaluated."""


class ReportWriter:
    """May be called from any thread; one report after the other."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._jobs: JobLane[tuple[str, ...]] = JobLane("report", MODULE, ReportMessage)

    def write(
        self, out: Path, runs: Sequence[int], device: str, report: ReportProgressCallback
    ) -> Future[tuple[str, ...]]:
        """Evaluate `runs` on val and write the page `out`. `report` is called on the report lane.

        The future has a sentence for each picture that could not be scored; it raises ModelError or Cancelled.
        """
        job = ReportJob(self._home, out, tuple(runs), Split.VAL, device)
        return self._jobs.submit(lambda cancel: self._write(job, report, cancel))

    def cancel(self) -> None:
        """End the report under way; an older file of that name stays."""
        self._jobs.cancel()

    def close(self) -> None:
        self._jobs.close()

    def _write(
        self, job: ReportJob, report: ReportProgressCallback, cancel: threading.Event
    ) -> tuple[str, ...]:
        ready: list[ReportReady] = []

        def on_message(message: ReportMessage) -> bool:
            match message:
                case ReportStep():
                    report(message.run_id, message.done, message.total)
                    return False
                case ReportReady():
                    ready.append(message)
                case ReportFailed():
                    raise ModelError(message.message)
            return True

        stderr = self._jobs.run(job, on_message, cancel)
        if ready:
            return ready[0].problems
        if is_out_of_memory(stderr):
            raise ModelError("The evaluation ran out of memory. Close other programs and try again.")
        raise ModelError("The evaluation ended unexpectedly. Try again, or see the log for the reason.")
