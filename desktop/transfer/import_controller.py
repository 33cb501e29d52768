"""The door in: the import dialog at work for one session."""

from __future__ import annotations

from concurrent.futures import CancelledError, Future
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from core.base.errors import Cancelled, MaskloopError
from core.formats.dataset_types import Dataset
from core.formats.readers.registry import AUTO, importable_formats
from core.session.session import Session
from core.session.transfer.import_plan import ImportPlan
from core.session.transfer.import_run import ImportReport
from core.session.transfer.import_service import RecognisedDataset, SamplePreview
from desktop.dispatcher import MainThreadDispatcher
from desktop.theme.theme import Theme
from desktop.transfer.import_dialog import ImportDialog
from desktop.transfer.preview_row import PREVIEW_SIDE

PREVIEW_SCALE = 2
"""Previews have so many pixels for each of the dialog's, for screens that are that dense."""


class ImportController(QObject):
    """Lives on the GUI thread; folders are looked at and read on the session's lanes."""

    message = Signal(str)
    labels_imported = Signal()

    def __init__(self, session: Session, bridge: MainThreadDispatcher, theme: Theme, window: QWidget) -> None:
        super().__init__()
        self._session, self._bridge, self._theme, self._window = session, bridge, theme, window
        self._asked = 0
        self._dataset: Dataset | None = None
        self._plan: ImportPlan | None = None
        self.dialog: ImportDialog | None = None

    def show(self, folder: Path | None = None) -> None:
        """Open the dialog, with a folder to look at if there is one."""
        if self.dialog is None or not self.dialog.isVisible():
            formats = [(row.name, row.title) for row in importable_formats()]
            shown = ImportDialog(self._theme, formats, AUTO, self._window)
            shown.source_chosen.connect(self._scan)
            shown.options_changed.connect(self._request_plan)
            shown.import_requested.connect(self._run)
            shown.cancel_requested.connect(self._session.imports.cancel)
            self.dialog = shown
            shown.show()
        self.dialog.raise_()
        if folder is not None:
            self.dialog.set_folder(str(folder))

    def close(self) -> None:
        """The session ends. An import under way ends with it, and finds no dialog that it could tell."""
        leaving, self.dialog = self.dialog, None
        if leaving is not None:
            leaving.hide()
            leaving.deleteLater()

    def _scan(self, folder: str, format_name: str) -> None:
        if self.dialog is None:
            return
        self._asked += 1
        self._dataset = self._plan = None
        self.dialog.set_scanning()
        opening = self._session.imports.open(Path(folder).expanduser(), format_name)
        self._bridge.when_done(
            opening, partial(self._opened, self._asked), partial(self._refused, self._asked)
        )

    def _opened(self, asked: int, opened: RecognisedDataset) -> None:
        if self.dialog is None or asked != self._asked:
            return
        dataset = self._dataset = opened.dataset
        self.dialog.set_recognised(
            opened.recognitions, dataset.recognition, dataset.classes, self._session.editing.classes
        )
        looking = self._session.imports.preview(dataset, PREVIEW_SCALE * PREVIEW_SIDE)
        self._bridge.when_done(looking, partial(self._previewed, asked))
        self._request_plan()

    def _previewed(self, asked: int, previews: list[SamplePreview]) -> None:
        if self.dialog is not None and asked == self._asked and self._dataset is not None:
            self.dialog.set_previews(previews, self._dataset.classes)

    def _request_plan(self) -> None:
        if self.dialog is None or self._dataset is None:
            return
        planning = self._session.imports.plan(
            self._dataset, self.dialog.class_choices(), self.dialog.split_choice()
        )
        self._bridge.when_done(
            planning, partial(self._planned, self._asked), partial(self._refused, self._asked)
        )

    def _planned(self, asked: int, plan: ImportPlan) -> None:
        if self.dialog is None or asked != self._asked:
            return
        self._plan = plan
        self.dialog.set_plan(_plan_text(plan))

    def _refused(self, asked: int, problem: MaskloopError) -> None:
        if self.dialog is not None and asked == self._asked:
            self._plan = None
            self.dialog.set_error(str(problem))

    def _run(self) -> None:
        if self.dialog is None or self._plan is None:
            return
        self.dialog.set_progress(0, self._plan.pictures)
        running = self._session.imports.run(self._plan, self._report_progress)
        running.add_done_callback(self._ended)
        self._bridge.when_done(running, self._imported, self._failed)

    def _report_progress(self, done: int, of: int) -> None:
        """On the import lane."""
        self._bridge.post(lambda: self._progress(done, of))

    def _progress(self, done: int, of: int) -> None:
        if self.dialog is not None and self.dialog.isVisible() and done < of:
            self.dialog.set_progress(done, of)

    def _ended(self, running: Future[ImportReport]) -> None:
        """On the import lane. A cancelled import tells nobody else."""
        if running.cancelled() or isinstance(running.exception(), Cancelled | CancelledError):
            self._bridge.post(self._stopped)

    def _stopped(self) -> None:
        if self.dialog is not None:
            self.labels_imported.emit()
            self.dialog.set_finished(
                "Stopped. What had come in stays; Import goes on from there.", failed=True
            )

    def _imported(self, report: ImportReport) -> None:
        if self.dialog is None:
            return
        words = f"{_count(report.pictures, 'picture')} came in, {report.labels:,} with labels."
        if report.skipped:
            words += f" {report.skipped:,} were in already, unchanged."
        if report.uncertain:
            mean = sum(report.uncertain.values()) / len(report.uncertain)
            words += f" Colours were smeared: {mean:.0%} of the pixels are sure, the others void."
        if report.problems:
            words += f" {len(report.problems):,} left out: {' '.join(report.problems[:3])}"
        self.dialog.set_finished(words)
        self.message.emit(words)
        self.labels_imported.emit()

    def _failed(self, problem: MaskloopError) -> None:
        if self.dialog is not None:
            self.message.emit(str(problem))
            self.dialog.set_finished(str(problem), failed=True)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def _plan_text(plan: ImportPlan) -> str:
    splits = ", ".join(f"{count:,} {name}" for name, count in sorted(plan.splits.items()))
    words = [
        f"{_count(plan.pictures, 'picture')}, {plan.masks:,} with masks ({splits});",
        f"{_count(len(plan.new_classes), 'new class', 'new classes')}.",
        "Pictures stay where they are."
        if plan.in_place
        else "Pictures are copied into the project's folder.",
        *plan.dataset.notes,
    ]
    if plan.dataset.problems:
        words.append(f"{len(plan.dataset.problems):,} left out: {plan.dataset.problems[0]}")
    return " ".join(words)
