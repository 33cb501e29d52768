"""Runs the import dialog: recognises the format, previews samples, plans, imports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from core.base.errors import MaskloopError
from core.base.text import count_of
from core.formats.dataset_types import Dataset
from core.formats.readers.registry import AUTO, importable_formats
from core.session.session import Session
from core.session.transfer.account_page import AccountOfImport
from core.session.transfer.dataset_survey import DatasetSurvey, describe_blur
from core.session.transfer.import_plan import ImportPlan
from core.session.transfer.import_run import ImportReport
from core.session.transfer.import_service import RecognisedDataset
from core.session.transfer.sample_preview import SamplePreview
from desktop.controller import Actions, Controller
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.theme.theme import Theme
from desktop.transfer.import_dialog import ImportDialog
from desktop.transfer.preview_row import PREVIEW_SIDE
from desktop.widgets.dialog_deletion import delete_dialog

MAX_NOTES = 5
"""Notes in the dialog; the report has more."""
MAX_REASONS = 3
"""Reasons for which something was left out; the report has all."""
PREVIEW_SCALE = 2
"""Preview pixels per widget pixel, for screens with a device pixel ratio of 2."""


class ImportController(Controller):
    """The work is done on the session's lanes. `labels_imported`: labels of this project have changed."""

    labels_imported = Signal()

    def __init__(
        self, session: Session, dispatcher: MainThreadDispatcher, theme: Theme, window: QWidget
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._theme, self._window = session, dispatcher, theme, window
        self._scan_request, self._preview_request, self._plan_request, self._survey_request = (
            LatestRequest(dispatcher) for _ in range(4)
        )
        self._dataset: Dataset | None = None
        self._survey: DatasetSurvey | None = None
        self._files: dict[Path, tuple[str, ...]] = {}
        """Names of the files that were dropped, by their folder; of another folder all files are read."""
        self._first_preview = 0
        self._plan: ImportPlan | None = None
        self._report: ImportReport | None = None
        self.dialog: ImportDialog | None = None

    def actions(self) -> Actions:
        return {"import_masks": self.show}

    def show(self, folder: Path | None = None, files: Sequence[str] = ()) -> None:
        """Open the dialog and scan `folder` if one is given; `files`: masks in it, for pictures of this project."""
        if self.dialog is None or not self.dialog.isVisible():
            formats = [(row.name, row.title) for row in importable_formats()]
            delete_dialog(self.dialog)
            dialog = ImportDialog(self._theme, formats, AUTO, self._window)
            dialog.source_chosen.connect(self._scan)
            dialog.options_changed.connect(self._request_plan)
            dialog.previews.others_wanted.connect(self._show_other_previews)
            dialog.import_requested.connect(self._run)
            dialog.report_requested.connect(self._save_report)
            dialog.cancel_requested.connect(self._session.imports.cancel)
            self.dialog, self._files = dialog, {}
            dialog.show()
        self.dialog.raise_()
        if folder is not None:
            self._files = {folder: tuple(files)}
            self.dialog.set_folder(str(folder))

    def close(self) -> None:
        """An import under way is cancelled with the session; its answer finds no dialog."""
        super().close()
        delete_dialog(self.dialog)
        self.dialog = None

    # The dataset --------------------------------------------------------------------------------

    def _scan(self, folder: str, format_name: str) -> None:
        if self.dialog is None:
            return
        self._preview_request.cancel()
        self._plan_request.cancel()
        self._survey_request.cancel()
        self._dataset = self._plan = self._survey = self._report = None
        self._first_preview = 0
        self.dialog.set_scanning()
        source = Path(folder).expanduser()
        dataset = self._session.imports.open(
            source,
            format_name,
            self.dialog.values_choice(),
            fit_masks=self.dialog.fits_masks,
            files=self._files.get(source, ()),
        )
        self._scan_request.send(dataset, self._show_dataset, self._show_dataset_error)

    def _show_dataset(self, recognised: RecognisedDataset) -> None:
        if self.dialog is None:
            return
        dataset = self._dataset = recognised.dataset
        self.dialog.set_recognised(
            recognised.recognitions, dataset.recognition, dataset.classes, self._session.editing.classes
        )
        self.dialog.set_readings(dataset.reading, dataset.readings)
        self.dialog.set_doubts(dataset.doubts)
        self._request_previews(dataset)
        self._request_plan()
        self._survey_request.send(self._session.imports.survey(dataset), self._show_survey)

    def _request_previews(self, dataset: Dataset) -> None:
        side = PREVIEW_SCALE * PREVIEW_SIDE
        previews = self._session.imports.preview(dataset, side, self._first_preview)
        self._preview_request.send(previews, self._show_previews)

    def _show_other_previews(self) -> None:
        if self._dataset is not None:
            self._first_preview += 1
            self._request_previews(self._dataset)

    def _show_survey(self, survey: DatasetSurvey) -> None:
        if self.dialog is None or self._dataset is None:
            return
        self._survey = survey
        self.dialog.report_button.setEnabled(self._plan is not None)
        self.dialog.set_shares(survey.shares())
        if self._plan is None:
            self.dialog.set_doubts(survey.doubts)
        elif self.dialog.is_planned():
            self._show_plan(self._plan)

    def _show_previews(self, previews: list[SamplePreview]) -> None:
        if self.dialog is not None and self._dataset is not None:
            has_others = len(self._dataset.samples) > len(previews)
            self.dialog.set_previews(previews, self._dataset.classes, has_others=has_others)

    def _request_plan(self) -> None:
        if self.dialog is None or self._dataset is None:
            return
        plan = self._session.imports.plan(
            self._dataset, self.dialog.chosen_classes(), self.dialog.split_choice()
        )
        self._plan_request.send(plan, self._show_plan, self._show_dataset_error)

    def _show_plan(self, plan: ImportPlan) -> None:
        if self.dialog is not None:
            self._plan, self._report = plan, None
            found = plan.dataset if self._survey is None else self._survey
            self.dialog.set_doubts(plan.settled(found.doubts))
            self.dialog.set_plan(_plan_text(plan, self._survey))
            self.dialog.report_button.setEnabled(self._survey is not None)

    def _show_dataset_error(self, problem: MaskloopError) -> None:
        if self.dialog is not None:
            self._plan = None
            self.dialog.set_error(str(problem))

    # The import ---------------------------------------------------------------------------------

    def _run(self) -> None:
        if self.dialog is None or self._plan is None:
            return
        self.dialog.set_progress(0, self._plan.pictures)
        running = self._session.imports.run(
            self._plan, lambda done, of: self._dispatcher.post(lambda: self._show_progress(done, of))
        )
        self._dispatcher.when_done(running, self._show_report, self._show_error, self._show_cancelled)

    def _save_report(self, place: str) -> None:
        """Write the account of the last import, or of what would be imported, to an HTML file."""
        plan, report, survey = self._plan, self._report, self._survey
        if plan is None:
            return
        if report is not None:
            said = AccountOfImport(
                (_report_text(report, plan.dataset.root),),
                plan,
                report.account,
                report.doubts,
                report.pixels,
                report.notes,
            )
        elif survey is not None:
            lead = (_plan_text(plan, survey),)
            notes = (*plan.dataset.notes, *survey.notes)
            doubts = plan.settled(survey.doubts)
            said = AccountOfImport(lead, plan, survey.account, doubts, survey.pixels, notes)
        else:
            return
        path = Path(place)
        written = self._session.imports.write_page(path, said)
        self._dispatcher.when_done(
            written, lambda _: self.message.emit(f"The report is in {path}."), self._show_report_error
        )

    def _show_report_error(self, problem: MaskloopError) -> None:
        self.message.emit(str(problem))

    def _show_progress(self, done: int, of: int) -> None:
        if self.dialog is not None and self.dialog.isVisible() and done < of:
            self.dialog.set_progress(done, of)

    def _show_cancelled(self) -> None:
        if self.dialog is not None:
            self.labels_imported.emit()
            self.dialog.set_finished(
                "Cancelled. Pictures imported so far are kept; Import continues from there.", failed=True
            )

    def _show_report(self, report: ImportReport) -> None:
        if self.dialog is None or self._plan is None:
            return
        self._report = report
        text = _report_text(report, self._plan.dataset.root)
        self.dialog.set_finished(text)
        self.message.emit(text)
        self.labels_imported.emit()

    def _show_error(self, problem: MaskloopError) -> None:
        if self.dialog is not None:
            self.message.emit(str(problem))
            self.dialog.set_finished(str(problem), failed=True)


def _plan_text(plan: ImportPlan, survey: DatasetSurvey | None) -> str:
    """survey: None as long as the masks are being read."""
    splits = ", ".join(f"{count:,} {split}" for split, count in sorted(plan.splits.items()))
    place = (
        "Pictures stay where they are." if plan.in_place else "Pictures are copied into the project's folder."
    )
    new_classes = count_of(len(plan.new_classes), "new class", "new classes")
    is_whole = survey is not None and survey.is_complete
    count = 0 if survey is None else survey.count_labels(plan.labelled_values)
    labels = f", {count:,} with labels" if is_whole else ""
    notes = (*plan.dataset.notes, *(survey.notes if survey is not None else ()))
    sentences = [
        f"{count_of(plan.pictures, 'picture')}{labels} ({splits}); {new_classes}.",
        plan.what_is_new(),
        place,
        *notes[:MAX_NOTES],
        f"There are {len(notes) - MAX_NOTES:,} more notes in the report." if len(notes) > MAX_NOTES else "",
    ]
    account = plan.dataset.account if survey is None else survey.account
    sentences += account.lines(plan.dataset.root, "Would be left out: ")[:MAX_REASONS]
    if survey is not None:
        if not is_whole:
            sentences.append(
                f"{survey.read:,} of {survey.samples:,} pictures were read for these numbers, {count:,} with "
                "labels."
            )
        sentences.append(describe_blur(survey.uncertain, survey.pixels))
        sentences.append(account.summary())
    return " ".join(sentence for sentence in sentences if sentence)


def _report_text(report: ImportReport, root: Path) -> str:
    """root: of the dataset."""
    sentences = [f"{count_of(report.pictures, 'picture')} imported, {report.labels:,} with labels."]
    if report.skipped:
        sentences.append(f"Imported before and unchanged: {count_of(report.skipped, 'picture')}.")
    if report.skipped or report.new < report.pictures:
        sentences.append(f"New in this project: {count_of(report.new, 'picture')}.")
    if report.kept:
        sentences.append(
            f"Own labels that differ from the dataset were kept in {count_of(report.kept, 'picture')}."
        )
    sentences.append(describe_blur(report.uncertain, report.pixels))
    if report.account.left_out:
        sentences += report.account.lines(root)[:MAX_REASONS]
        sentences.append(report.account.summary())
    return " ".join(sentence for sentence in sentences if sentence)
