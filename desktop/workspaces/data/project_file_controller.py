"""Controller of the cards about the project file: check, repair, back up, look into backups, restore one beside."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from core.base.errors import MaskloopError
from core.base.text import count_of
from core.project.files.backup_preview import BackupSummary
from core.project.integrity.findings import IntegrityFinding
from core.session.project_file import Repair
from core.session.session import Session
from desktop.controller import Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.data.backups_card import BackupsCard, time_text
from desktop.workspaces.data.integrity_card import INTRODUCTION, IntegrityCard, TaskProgress

SOUND = "No problems were found at {time}."


class ProjectFileController(Controller):
    """Lives on the GUI thread. `repaired`: labels or pictures may have changed; `open_requested` carries the Path of a
    project to open instead of this one."""

    repaired = Signal()
    open_requested = Signal(object)

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        integrity: IntegrityCard,
        backups: BackupsCard,
        window: QWidget,
    ) -> None:
        super().__init__()
        self._service, self._dispatcher, self._window = session.project_file, dispatcher, window
        self._read_only_reason = session.read_only_reason
        self._integrity, self._backups = integrity, backups
        self._findings: list[IntegrityFinding] = []
        self._outcomes: dict[IntegrityFinding, Repair] = {}
        connect = self.connections.connect
        connect(integrity.check_requested, self._check)
        connect(integrity.repair_requested, self._repair)
        connect(integrity.progress.cancel_requested, self._service.cancel)
        connect(backups.backup_requested, self._back_up)
        connect(backups.preview_requested, self._preview)
        connect(backups.restore_requested, self._ask_where)
        connect(backups.open_requested, self.open_requested.emit)
        connect(backups.progress.cancel_requested, self._service.cancel)
        integrity.set_findings((), {}, INTRODUCTION)
        backups.set_waiting()
        self._end()

    def close(self) -> None:
        super().close()
        self._service.cancel()
        self._end()

    def refresh(self) -> None:
        """List the backups again: some are made by time, and old ones are thinned."""
        self._dispatcher.when_done(self._service.backups(), self._show_backups, self._show_backup_problem)

    # Check and repair ---------------------------------------------------------------------------

    def _check(self) -> None:
        progress = self._begin(self._integrity.progress, "Checking the project")
        self._wait(self._service.check(progress), self._show_findings, self._show_integrity_problem)

    def _repair(self, findings: list[IntegrityFinding]) -> None:
        progress = self._begin(self._integrity.progress, "Making a backup, then repairing")
        self._wait(self._service.repair(findings, progress), self._show_repairs, self._show_integrity_problem)

    def _show_findings(self, findings: list[IntegrityFinding]) -> None:
        self._findings, self._outcomes = findings, {}
        if not findings:
            now = f"{datetime.now().astimezone():%H:%M}"
            self._integrity.set_findings((), {}, SOUND.format(time=now), "good")
        else:
            self._list_findings()

    def _show_repairs(self, repairs: list[Repair]) -> None:
        self._outcomes |= {repair.finding: repair for repair in repairs}
        self._list_findings()
        done = sum(repair.is_done for repair in repairs)
        self.message.emit(
            f"{count_of(done, 'finding')} repaired; the backup from before is in the list of backups."
        )
        self.repaired.emit()
        self.refresh()

    def _list_findings(self) -> None:
        left = [f for f in self._findings if f not in self._outcomes or not self._outcomes[f].is_done]
        can = sum(finding.repairable for finding in left)
        if left:
            text = f"{count_of(len(left), 'finding')}, of which {can:,} can be repaired here."
        else:
            text = "Everything that was found is repaired. A repair can reveal more: check again."
        self._integrity.set_findings(self._findings, self._outcomes, text, "warning" if left else "good")
        self._integrity.set_enabled(True, self._read_only_reason)

    def _show_integrity_problem(self, problem: MaskloopError) -> None:
        self._integrity.set_findings(self._findings, self._outcomes, str(problem), "danger")

    # Backups ------------------------------------------------------------------------------------

    def _show_backups(self, backups: list[BackupSummary]) -> None:
        if not self.is_closed:
            self._backups.set_backups(backups)

    def _back_up(self) -> None:
        progress = self._begin(self._backups.progress, "Making a backup")
        self._wait(self._service.back_up(progress), self._show_backup_made, self._show_backup_problem)

    def _show_backup_made(self, path: Path) -> None:
        self._backups.set_summary(f"The backup was made: {path.name}.", "good")
        self.refresh()

    def _show_backup_problem(self, problem: MaskloopError) -> None:
        self._backups.set_summary(str(problem), "danger")

    def _preview(self, backup: BackupSummary) -> None:
        self._dispatcher.when_done(
            self._service.preview(backup.path),
            lambda preview: None if self.is_closed else self._backups.set_preview(backup, preview),
            lambda problem: (
                None if self.is_closed else self._backups.set_preview_problem(backup, str(problem))
            ),
        )

    def _ask_where(self, backup: BackupSummary) -> None:
        target = self._service.propose_home(backup.made_at)
        question = QMessageBox(
            QMessageBox.Icon.Question,
            "Restore beside",
            f"The backup of {time_text(backup.made_at)} becomes a new project in\n\n{target}\n\nThe pictures are not "
            "copied, and the present project stays as it is.",
            QMessageBox.StandardButton.Cancel,
            self._window,
        )
        question.setTextFormat(Qt.TextFormat.PlainText)
        restore = question.addButton("Restore", QMessageBox.ButtonRole.AcceptRole)
        elsewhere = question.addButton("Another folder…", QMessageBox.ButtonRole.ActionRole)
        question.setDefaultButton(restore)
        question.exec()
        if question.clickedButton() is elsewhere:
            chosen = QFileDialog.getExistingDirectory(
                self._window, "An empty folder for the new project", str(target.parent)
            )
            if chosen:
                self.restore(backup, Path(chosen))
        elif question.clickedButton() is restore:
            self.restore(backup, target)

    def restore(self, backup: BackupSummary, target: Path) -> None:
        """Make a new project of a backup."""
        progress = self._begin(self._backups.progress, "Restoring the backup")
        self._wait(
            self._service.restore(backup.path, target, progress),
            self._show_restored,
            self._show_backup_problem,
        )

    def _show_restored(self, target: Path) -> None:
        self._backups.set_summary(f"The new project is in {target}.", "good", target)

    # One thing at a time ------------------------------------------------------------------------

    def _begin(self, progress: TaskProgress, text: str) -> Any:
        """Show that something is under way; returns the callback for its progress, for any thread."""
        self._integrity.set_enabled(False)
        self._backups.set_enabled(False)
        progress.start(text)

        def report(done: int, of: int) -> None:
            self._dispatcher.post(lambda: None if self.is_closed else progress.set_done(done, of))

        return report

    def _wait(self, future: Future[Any], on_result: Any, on_error: Any) -> None:
        future.add_done_callback(lambda _ended: self._dispatcher.post(self._ended))
        self._dispatcher.when_done(
            future, partial(self._unless_closed, on_result), partial(self._unless_closed, on_error)
        )

    def _unless_closed(self, show: Any, value: Any) -> None:
        if not self.is_closed:
            show(value)

    def _ended(self) -> None:
        if not self.is_closed:  # else the cards may show the next project by now
            self._end()

    def _end(self) -> None:
        """Done, failed or cancelled."""
        for progress in (self._integrity.progress, self._backups.progress):
            progress.hide()
        self._integrity.set_enabled(True, self._read_only_reason)
        self._backups.set_enabled(True, self._read_only_reason)
