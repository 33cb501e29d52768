"""Doors in and out: the export dialog at work for one session, beside the import of datasets (taking)."""

from __future__ import annotations

from concurrent.futures import CancelledError, Future
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from core.base.errors import Cancelled, MaskloopError
from core.formats.writers.base import NO_SPLIT
from core.formats.writers.registry import EXPORT_FORMATS
from core.session.session import Session
from core.session.transfer.export_plan import ExportOptions, ExportPlan
from core.session.transfer.export_service import ExportReport
from core.session.transfer.file_names import PATTERN
from desktop.dispatcher import MainThreadDispatcher
from desktop.theme.theme import Theme
from desktop.transfer import export_dialog as dialog
from desktop.transfer.import_controller import ImportController


class ExportController(QObject):
    """Lives on the GUI thread; the work is done on the session's lanes. `message` carries a sentence for people."""

    message = Signal(str)
    labels_imported = Signal()

    def __init__(self, session: Session, bridge: MainThreadDispatcher, theme: Theme, window: QWidget) -> None:
        super().__init__()
        self._session, self._bridge, self._theme, self._window = session, bridge, theme, window
        self._asked = 0
        self._written: Path | None = None
        self.dialog: dialog.ExportDialog | None = None
        self.import_controller = ImportController(session, bridge, theme, window)
        self.import_controller.message.connect(self.message)
        self.import_controller.labels_imported.connect(self.labels_imported)

    def show(self) -> None:
        """Open the export dialog, with a dry run for its first choices."""
        if self.dialog is not None and self.dialog.isVisible():
            self.dialog.raise_()
            return
        folder = self._session.folder.parent / self._session.name
        shown = dialog.ExportDialog(self._theme, list(EXPORT_FORMATS.values()), str(folder), self._window)
        shown.values_changed.connect(self._plan)
        shown.export_requested.connect(self._export)
        shown.cancel_requested.connect(self._session.exports.cancel)
        shown.discard_requested.connect(self._discard)
        shown.show_folder_requested.connect(self._show_folder)
        self.dialog = shown
        shown.show()
        self._plan(shown.values())

    def close(self) -> None:
        """The session ends. An export under way ends with it, and finds no dialog that it could tell."""
        self.import_controller.close()
        leaving, self.dialog = self.dialog, None
        if leaving is not None:
            leaving.hide()
            leaving.deleteLater()

    def _plan(self, wish: dialog.ExportFormValues) -> None:
        if self.dialog is None:
            return
        if not wish.splits or not wish.folder:
            self.dialog.set_plan("Choose at least one part and a folder.", ready=False, warning=True)
            return
        self._asked += 1
        self._bridge.when_done(
            self._session.exports.plan(_core_wish(wish)),
            partial(self._planned, self._asked),
            partial(self._refused, self._asked),
        )

    def _planned(self, asked: int, plan: ExportPlan) -> None:
        if self.dialog is None or asked != self._asked:
            return
        self.dialog.set_plan(
            _in_numbers(plan), losses=plan.losses, resume_note=plan.resume_notice, resumable=plan.finished > 0
        )

    def _refused(self, asked: int, problem: MaskloopError) -> None:
        if self.dialog is not None and asked == self._asked:
            self.dialog.set_plan(str(problem), ready=False, warning=True)

    def _export(self, wish: dialog.ExportFormValues) -> None:
        if self.dialog is None:
            return
        self.dialog.set_progress(0, 0)
        self._bridge.when_done(self._session.exports.plan(_core_wish(wish)), self._run, self._failed)

    def _run(self, plan: ExportPlan) -> None:
        if self.dialog is None:
            return
        future = self._session.exports.run(
            plan, lambda done, of: self._bridge.post(lambda: self._progress(done, of))
        )
        future.add_done_callback(self._ended)
        self._bridge.when_done(future, self._exported, self._failed)

    def _ended(self, running: Future[ExportReport]) -> None:
        """On the export lane. A cancelled export tells nobody else."""
        if running.cancelled() or isinstance(running.exception(), Cancelled | CancelledError):
            self._bridge.post(self._stopped)

    def _stopped(self) -> None:
        """How far it came is asked of what is left, as the next export would."""
        if self.dialog is not None:
            wish = _core_wish(self.dialog.values())
            self._bridge.when_done(self._session.exports.plan(wish), self._stopped_at, self._failed)

    def _stopped_at(self, plan: ExportPlan) -> None:
        if self.dialog is None:
            return
        self.dialog.set_finished("Stopped; nothing was left behind.", failed=True)
        if plan.finished:
            self.dialog.set_finished(
                f"Stopped after {plan.finished:,} of {len(plan.records):,} pictures, which are kept.",
                failed=True,
            )
            self.dialog.set_resumable("Exporting again goes on from there.", resumable=True)

    def _discard(self, wish: dialog.ExportFormValues) -> None:
        """Forget what a stopped export has left, and say again what an export would write."""
        self._bridge.when_done(
            self._session.exports.discard(_core_wish(wish).out), lambda _: self._plan(wish), self._failed
        )

    def _progress(self, done: int, of: int) -> None:
        if self.dialog is not None and self.dialog.isVisible():
            self.dialog.set_progress(done, of)

    def _exported(self, report: ExportReport) -> None:
        if self.dialog is None:
            return
        left = f" Left out: {' '.join(report.problems[:3])}" if report.problems else ""
        self._written = report.out
        again = f" {report.reused:,} of them had been written before it was stopped." if report.reused else ""
        words = f"{report.pictures:,} pictures with {report.pairs:,} masks are in {report.out}.{again}{left}"
        self.dialog.set_finished(words)
        self.message.emit(words)

    def _show_folder(self) -> None:
        if self._written is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._written)))

    def _failed(self, problem: MaskloopError) -> None:
        if self.dialog is not None:
            self.dialog.set_finished(str(problem), failed=True)


def _in_numbers(plan: ExportPlan) -> str:
    parts = [
        f"{len(plan.records):,} pictures ({', '.join(f'{n:,} {s}' for s, n in sorted(plan.splits.items()))})"
    ]
    if plan.pieces > len(plan.records):
        parts.append(f"{plan.pieces:,} tiles at most")
    if plan.options.labels:
        parts.append(f"{plan.labelled:,} masks of labels")
    if plan.options.predictions:
        parts.append(f"{plan.predicted:,} masks of predictions")
    lines = [f"Writes {', '.join(parts)}."]
    total = sum(plan.pixels.values())
    if total:
        most = sorted(plan.pixels.items(), key=lambda item: -item[1])
        shown = [f"{plan.classes.name_of(value)} {count / total:.1%}" for value, count in most[:6]]
        more = f" and {len(most) - 6} more" if len(most) > 6 else ""
        lines.append(f"Labelled pixels: {', '.join(shown)}{more}.")
    return "\n".join(lines)


def _core_wish(wish: dialog.ExportFormValues) -> ExportOptions:
    splits = frozenset(NO_SPLIT if key == "none" else key for key in wish.splits)
    return ExportOptions(
        Path(wish.folder).expanduser(),
        wish.format,
        splits,
        wish.content in ("labels", "both"),
        wish.content in ("predictions", "both"),
        wish.only_done,
        wish.shape,
        wish.pattern or PATTERN,
        wish.lists,
    )
