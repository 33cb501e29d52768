"""Runs the export dialog: a plan after every change of an option, the export itself, and how it ended."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from core.base.errors import MaskloopError
from core.base.number_text import percent_text
from core.base.text import count_of
from core.formats.writers.base import NO_SPLIT
from core.formats.writers.registry import EXPORT_FORMATS
from core.session.session import Session
from core.session.transfer.export_plan import ExportOptions, ExportPlan
from core.session.transfer.export_run import ExportReport
from core.session.transfer.file_names import PATTERN
from desktop.controller import Actions, Controller
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.theme.theme import Theme
from desktop.transfer.export_dialog import ExportDialog, ExportFormValues
from desktop.widgets.dialog_deletion import delete_dialog

MAX_CLASSES_NAMED = 6
"""Classes whose share of the labelled pixels the plan names."""


class ExportController(Controller):
    """The work is done on the session's lanes."""

    def __init__(
        self, session: Session, dispatcher: MainThreadDispatcher, theme: Theme, window: QWidget
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._theme, self._window = session, dispatcher, theme, window
        self._plan_request = LatestRequest(dispatcher)
        self._written: Path | None = None
        self.dialog: ExportDialog | None = None

    def actions(self) -> Actions:
        return {"export": self.show}

    def show(self) -> None:
        """Open the dialog, with a plan for its first values."""
        if self.dialog is not None and self.dialog.isVisible():
            self.dialog.raise_()
            return
        folder = proposed_folder(self._session.folder.parent, self._session.name)
        delete_dialog(self.dialog)
        dialog = ExportDialog(self._theme, list(EXPORT_FORMATS.values()), str(folder), self._window)
        dialog.values_changed.connect(self._request_plan)
        dialog.export_requested.connect(self._export)
        dialog.cancel_requested.connect(self._session.exports.cancel)
        dialog.discard_requested.connect(self._discard)
        dialog.show_folder_requested.connect(self._show_folder)
        self.dialog = dialog
        dialog.show()
        self._request_plan(dialog.values())

    def close(self) -> None:
        """An export under way is cancelled with the session; its answer finds no dialog."""
        super().close()
        delete_dialog(self.dialog)
        self.dialog = None

    # The plan -----------------------------------------------------------------------------------

    def _request_plan(self, values: ExportFormValues) -> None:
        if self.dialog is None:
            return
        if not values.splits or not values.folder:
            self._plan_request.cancel()
            self.dialog.set_plan("Choose at least one split and a folder.", ready=False, warning=True)
            return
        plan = self._session.exports.plan(_export_options(values))
        self._plan_request.send(plan, self._show_plan, self._show_plan_error)

    def _show_plan(self, plan: ExportPlan) -> None:
        if self.dialog is not None:
            self.dialog.set_plan(
                _plan_text(plan),
                losses=plan.losses,
                resume_note=plan.resume_notice,
                resumable=plan.finished > 0,
            )

    def _show_plan_error(self, problem: MaskloopError) -> None:
        if self.dialog is not None:
            self.dialog.set_plan(str(problem), ready=False, warning=True)

    # The export ---------------------------------------------------------------------------------

    def _export(self, values: ExportFormValues) -> None:
        """Plan once more, because labels may have changed since the plan that is shown."""
        if self.dialog is None:
            return
        self.dialog.set_progress(0, 0)
        plan = self._session.exports.plan(_export_options(values))
        self._dispatcher.when_done(plan, self._run, self._show_error)

    def _run(self, plan: ExportPlan) -> None:
        if self.dialog is None:
            return
        future = self._session.exports.run(
            plan, lambda done, of: self._dispatcher.post(lambda: self._show_progress(done, of))
        )
        self._dispatcher.when_done(future, self._show_report, self._show_error, self._on_cancelled)

    def _show_progress(self, done: int, of: int) -> None:
        if self.dialog is not None and self.dialog.isVisible():
            self.dialog.set_progress(done, of)

    def _on_cancelled(self) -> None:
        """A new plan tells how many files the cancelled export has finished."""
        if self.dialog is not None:
            plan = self._session.exports.plan(_export_options(self.dialog.values()))
            self._dispatcher.when_done(plan, self._show_cancelled, self._show_error)

    def _show_cancelled(self, plan: ExportPlan) -> None:
        if self.dialog is None:
            return
        self.dialog.set_finished("Cancelled. Nothing was written.", failed=True)
        if plan.finished:
            total = count_of(len(plan.records), "picture")
            self.dialog.set_finished(
                f"Cancelled after {plan.finished:,} of {total}. Exported files are kept.", failed=True
            )
            self.dialog.set_resumable("The next export continues from there.", resumable=True)

    def _discard(self, values: ExportFormValues) -> None:
        """Delete what a cancelled export has finished, then plan from the beginning."""
        discarded = self._session.exports.discard(_export_options(values).out)
        self._dispatcher.when_done(discarded, lambda _: self._request_plan(values), self._show_error)

    def _show_report(self, report: ExportReport) -> None:
        if self.dialog is None:
            return
        self._written = report.out
        pictures, masks = count_of(report.pictures, "picture"), count_of(report.pairs, "mask")
        sentences = [f"Exported {pictures} with {masks} to {report.out}."]
        if report.reused:
            sentences.append(f"Already finished before: {count_of(report.reused, 'picture')}.")
        if report.problems:
            sentences.append(f"Left out: {' '.join(report.problems[:3])}")
        self.dialog.set_finished(" ".join(sentences))
        self.message.emit(" ".join(sentences))

    def _show_folder(self) -> None:
        if self._written is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._written)))

    def _show_error(self, problem: MaskloopError) -> None:
        if self.dialog is not None:
            self.dialog.set_finished(str(problem), failed=True)


def proposed_folder(beside: Path, name: str) -> Path:
    """Where to export to: beside the pictures, or in the home folder where that cannot be written to."""
    return (beside if os.access(beside, os.W_OK) else Path.home()) / name


def _plan_text(plan: ExportPlan) -> str:
    splits = ", ".join(f"{count:,} {split}" for split, count in sorted(plan.splits.items()))
    parts = [f"{count_of(len(plan.records), 'picture')} ({splits})"]
    if plan.pieces > len(plan.records):
        parts.append(f"at most {count_of(plan.pieces, 'tile')}")
    if plan.options.labels:
        parts.append(f"{count_of(plan.labelled, 'label mask')}")
    if plan.options.predictions:
        parts.append(f"{count_of(plan.predicted, 'prediction mask')}")
    lines = [f"Writes {', '.join(parts)}."]
    total = sum(plan.pixels.values())
    if total:
        largest = sorted(plan.pixels.items(), key=lambda item: -item[1])
        shares = [
            f"{plan.classes.name_of(value)} {percent_text(count / total, 1)}"
            for value, count in largest[:MAX_CLASSES_NAMED]
        ]
        rest = len(largest) - MAX_CLASSES_NAMED
        if rest > 0:
            shares.append(count_of(rest, "more class", "more classes"))
        lines.append(f"Labelled pixels: {', '.join(shares)}.")
    return "\n".join(lines)


def _export_options(values: ExportFormValues) -> ExportOptions:
    return ExportOptions(
        Path(values.folder).expanduser(),
        values.format,
        frozenset(NO_SPLIT if key == "none" else key for key in values.splits),
        values.content in ("labels", "both"),
        values.content in ("predictions", "both"),
        values.only_done,
        values.shape,
        values.pattern or PATTERN,
        values.lists,
    )
