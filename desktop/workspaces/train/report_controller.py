"""Writes a report on runs of the Train workspace, or on the project, and opens it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QProgressDialog

from core.base.errors import MaskloopError
from core.base.settings import Settings
from core.base.text import count_of
from core.session.session import Session
from desktop.controller import Actions, Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.widgets.controls import explain_if_disabled
from desktop.widgets.dialog_deletion import delete_dialog
from desktop.workspaces.train.page import TrainPage

KINDS = {"html": "Web page (*.html)", "pdf": "PDF (*.pdf)"}
"""Filters of the dialog by the ending of the file."""
KIND_STATE = "report_kind"
"""Name of the window state that holds the kind that was chosen last."""


class ReportController(Controller):
    """The runs are evaluated in a process of their own."""

    def __init__(
        self, session: Session, dispatcher: MainThreadDispatcher, page: TrainPage, settings: Settings
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._page, self._settings = session, dispatcher, page, settings
        self.file_dialog: QFileDialog | None = None
        self.progress: QProgressDialog | None = None
        self.connections.connect(page.report_requested, self.choose_file)

    def actions(self) -> Actions:
        return {"report": self._report_selected, "report_project": lambda: self.choose_file([])}

    def close(self) -> None:
        super().close()
        for dialog in (self.file_dialog, self.progress):
            delete_dialog(dialog)

    def _report_selected(self) -> None:
        if not explain_if_disabled(self._page.report, self.message):
            self._page.report.click()

    def choose_file(self, runs: list[int]) -> None:
        """Ask where the page about `runs`, or without any about the project, is to be written, and begin."""
        last = self._settings.get_state(KIND_STATE)
        kind = last if isinstance(last, str) and last in KINDS else "html"
        name = "-".join(map(str, runs[:6])) or "project"
        proposed = self._session.folder.parent / f"{self._session.name}-report-{name}.{kind}"
        dialog = QFileDialog(self._page.window(), "Write report", str(proposed))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(list(KINDS.values()))
        dialog.selectNameFilter(KINDS[kind])
        dialog.setDefaultSuffix(kind)
        dialog.filterSelected.connect(lambda text: self._choose_kind(dialog, text))
        dialog.fileSelected.connect(lambda file: self.write(runs, Path(file)))
        delete_dialog(self.file_dialog)
        self.file_dialog = dialog
        dialog.open()

    def _choose_kind(self, dialog: QFileDialog, text: str) -> None:
        """Another kind of file was chosen: the name ends accordingly."""
        kind = next(kind for kind, title in KINDS.items() if title == text)
        self._settings.set_state(KIND_STATE, kind)
        dialog.setDefaultSuffix(kind)
        for chosen in map(Path, dialog.selectedFiles()[:1]):
            if chosen.suffix.lower().removeprefix(".") in KINDS:
                dialog.selectFile(chosen.with_suffix(f".{kind}").name)

    def write(self, runs: list[int], file: Path) -> None:
        """Evaluate `runs` and open the page."""
        doing = "Starting the evaluation" if runs else "Writing the report"
        progress = QProgressDialog(doing, "Cancel", 0, 0, self._page.window())
        progress.setWindowTitle("Report")
        progress.setWindowModality(Qt.WindowModality.NonModal)
        progress.setMinimumDuration(0)
        progress.setMinimumWidth(420)
        progress.setAutoReset(False)
        progress.setAutoClose(False)
        for cancelled in (progress.canceled, progress.rejected):  # the button, and Esc
            cancelled.connect(self._session.report_writer.cancel)
        self.progress = progress
        progress.show()

        def on_progress(run: int, done: int, of: int) -> None:
            self._dispatcher.post(lambda: self._show_progress(progress, run, done, of))

        self._dispatcher.when_done(
            self._session.report_writer.write(file, runs, self._settings.get("device"), on_progress),
            lambda problems: self._on_written(progress, file, problems),
            lambda problem: self._on_failed(progress, problem),
            lambda: self._end(progress),
        )

    def _show_progress(self, progress: QProgressDialog, run: int, done: int, of: int) -> None:
        if progress is self.progress and not progress.wasCanceled():
            progress.setLabelText(f"Evaluating run {run}: {done:,} of {count_of(of, 'picture')}")
            progress.setRange(0, of)
            progress.setValue(done)

    def _on_written(self, progress: QProgressDialog, file: Path, problems: tuple[str, ...]) -> None:
        self._end(progress)
        if self.is_closed:
            return
        left_out = (
            f" {count_of(len(problems), 'picture')} could not be scored; the page says why."
            if problems
            else ""
        )
        opened = QDesktopServices.openUrl(QUrl.fromLocalFile(str(file)))
        hint = "" if opened else " Open it in a browser."
        self._dispatcher.noticed.emit(f"The report is {file}.{hint}{left_out}")

    def _on_failed(self, progress: QProgressDialog, problem: MaskloopError) -> None:
        self._end(progress)
        if not self.is_closed:
            self._dispatcher.failed.emit(problem)

    def _end(self, progress: QProgressDialog) -> None:
        if progress is self.progress:
            self.progress = None
            delete_dialog(progress)
