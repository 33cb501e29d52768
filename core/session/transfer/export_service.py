"""Exports datasets in the background."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from pathlib import Path

from core.base.progress import ProgressCallback
from core.session.read_lane import ReadLane
from core.session.transfer.export_plan import ExportOptions, ExportPlan, plan_export
from core.session.transfer.export_resume import discard
from core.session.transfer.export_run import ExportReport, run_export


class ExportService:
    """Called from the GUI thread; exports on its own lane, which has its own reading connection."""

    def __init__(self, home: Path) -> None:
        self._lane = ReadLane("export", home)
        self._cancel = threading.Event()

    def plan(self, options: ExportOptions) -> Future[ExportPlan]:
        """The dry run. The future raises FormatError."""
        return self._lane.read(plan_export, options)

    def run(self, plan: ExportPlan, progress: ProgressCallback) -> Future[ExportReport]:
        """Write the dataset. `progress` is called on the export lane. The future raises FormatError or Cancelled."""
        self._cancel.clear()
        return self._lane.read(run_export, plan, progress, self._cancel.is_set)

    def discard(self, out: Path) -> Future[None]:
        """Delete what a stopped export to this folder has left. The future raises FormatError."""
        return self._lane.submit(discard, out.absolute())

    def cancel(self) -> None:
        """Stop after the current picture; the next export with the same options resumes there."""
        self._cancel.set()

    def close(self) -> None:
        self.cancel()
        self._lane.close()
