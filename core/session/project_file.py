"""Checks, repairs, backs up and copies the project file of an open project, in the background."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.base.changes import Changes
from core.base.errors import Cancelled, ProjectError
from core.base.lane import Lane
from core.base.progress import ProgressCallback
from core.project.backup import BACKUP_FOLDER, make_backup
from core.project.files.backup_preview import (
    BackupPreview,
    BackupSummary,
    preview_backup,
    summarize_backups,
)
from core.project.files.project_copy import copy_project, propose_copy_home
from core.project.integrity.check import check_project
from core.project.integrity.findings import IntegrityFinding
from core.project.integrity.repair import REPAIR_LABEL, in_repair_order, repair_finding
from core.project.project import Project
from core.session.read_lane import ReadLane


@dataclass(frozen=True, slots=True)
class Repair:
    """What became of one finding: `sentence` says what was done, or why it could not be."""

    finding: IntegrityFinding
    sentence: str
    is_done: bool


class ProjectFileService:
    """Called from the GUI thread; one thing at a time, on its own lane of low priority. Repairs write on the document
    lane, like edits. `progress` is called on the lane; futures raise ProjectError, or Cancelled after `cancel`.
    """

    def __init__(self, project: Project, document: Lane, on_repaired: Callable[[Changes], None]) -> None:
        """on_repaired: called on the document lane with what repairs changed"""
        self._project, self._document, self._on_repaired = project, document, on_repaired
        self._folder = project.home / BACKUP_FOLDER
        self._lane = ReadLane("project file", project.home, low_priority=True)
        self._cancel = threading.Event()
        self._closing = False

    def check(self, progress: ProgressCallback) -> Future[list[IntegrityFinding]]:
        """Check file, labels, journal, weights, predictions and pictures."""

        def check(project: Project) -> list[IntegrityFinding]:
            return check_project(project, progress=self._cancellable(progress))

        self._cancel.clear()
        return self._lane.read(check)

    def repair(
        self, findings: Sequence[IntegrityFinding], progress: ProgressCallback
    ) -> Future[list[Repair]]:
        """Back the project up, then repair these findings. Once a repair has begun it is not cancelled."""

        def repair() -> list[Repair]:
            self._make_backup(REPAIR_LABEL, progress)
            return self._document.submit(self._repair, in_repair_order(findings)).result()

        self._cancel.clear()
        return self._lane.submit(repair)

    def backups(self) -> Future[list[BackupSummary]]:
        """All backups, newest first."""
        return self._lane.submit(summarize_backups, self._folder, lambda: self._closing)

    def preview(self, backup: Path) -> Future[BackupPreview]:
        """Look into a backup."""
        return self._lane.submit(preview_backup, backup)

    def back_up(self, progress: ProgressCallback) -> Future[Path]:
        """Make a backup now."""
        self._cancel.clear()
        return self._lane.submit(self._make_backup, "", progress)

    def propose_home(self, backup_of: datetime) -> Path:
        """Where a backup would be restored to."""
        moment = backup_of.astimezone()
        return propose_copy_home(self._project.home, self._project.folder, moment, "backup of")

    def restore(self, backup: Path, target: Path, progress: ProgressCallback) -> Future[Path]:
        """Make `target` the home of a new project with what a backup holds; this project stays as it is."""

        def restore() -> Path:
            copy_project(
                backup,
                self._project.home,
                self._project.folder,
                target,
                with_predictions=False,
                should_stop=self._cancel.is_set,
                progress=progress,
            )
            return target

        self._cancel.clear()
        return self._lane.submit(restore)

    def cancel(self) -> None:
        """Stop what is under way."""
        self._cancel.set()

    def close(self) -> None:
        self._closing = True
        self.cancel()
        self._lane.close()

    def _cancellable(self, progress: ProgressCallback) -> ProgressCallback:
        def report(done: int, of: int) -> None:
            if self._cancel.is_set():
                raise Cancelled
            progress(done, of)

        return report

    def _make_backup(self, label: str, progress: ProgressCallback) -> Path:
        return make_backup(
            self._project.store.path,
            self._folder,
            label=label,
            should_stop=self._cancel.is_set,
            progress=progress,
        )

    def _repair(self, findings: Sequence[IntegrityFinding]) -> list[Repair]:
        """Document lane. One that fails does not keep the others from being repaired."""
        done: list[Repair] = []
        for finding in findings:
            try:
                done.append(Repair(finding, repair_finding(self._project, finding), True))
            except ProjectError as problem:
                done.append(Repair(finding, str(problem), False))
        with contextlib.suppress(ProjectError):
            known = frozenset(record.id for record in self._project.pictures.all())
            labels = frozenset(f.picture_id for f in findings if f.picture_id is not None) & known
            self._on_repaired(
                Changes(pictures=known, labels=labels, picture_list=True, classes=True, runs=True)
            )
        return done
