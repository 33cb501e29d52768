"""Recognises, previews and imports datasets in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from core.base.lane import Lane
from core.base.progress import ProgressCallback
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import Dataset, Recognition
from core.formats.doubt import ValueReading
from core.formats.readers.registry import AUTO, recognise_all
from core.project.project import Project
from core.project.records import PictureRecord, Split
from core.session.transfer.account_page import AccountOfImport, write_account_page
from core.session.transfer.dataset_source import open_for_project
from core.session.transfer.dataset_survey import QUICK_SAMPLES, DatasetSurvey, survey_dataset
from core.session.transfer.import_plan import ClassChoice, ImportPlan, labelled_sizes, plan_import
from core.session.transfer.import_run import ImportReport, run_import
from core.session.transfer.sample_preview import SamplePreview, preview_samples

R = TypeVar("R")

NOTIFY_EVERY = 50
"""Imported pictures announced at once: at each announcement the window reads its whole list again."""
PREVIEW_COUNT = 3


@dataclass(frozen=True, slots=True)
class RecognisedDataset:
    """What the readers recognise in a folder, the most certain first, and the dataset as the chosen reader opens it."""

    recognitions: tuple[Recognition, ...]
    dataset: Dataset


class ImportService:
    """Called from the GUI thread; reads on its own lane, and writes to the project on the document lane.

    `on_imported` gets the imported pictures on the document lane.
    """

    def __init__(
        self, project: Project, document: Lane, on_imported: Callable[[list[PictureRecord]], None]
    ) -> None:
        self._project, self._document, self._on_imported = project, document, on_imported
        self._lane = Lane("import")
        self._cancel = threading.Event()
        self._stop_survey = threading.Event()

    def open(
        self,
        folder: Path,
        format_name: str = AUTO,
        values: ValueReading | None = None,
        *,
        fit_masks: bool = False,
        files: Sequence[str] = (),
    ) -> Future[RecognisedDataset]:
        """Recognise the format of a folder and open it as a dataset. The future raises FormatError.

        values: how the values of masks are read, None to decide by evidence
        fit_masks: whether masks that miss the size of their picture by a pixel or two are fitted; files: names in the
        folder of the only files to read, which are masks for the pictures of the project; empty for all files
        """
        self._stop_survey.set()

        def work() -> RecognisedDataset:
            tree = DatasetTree(folder, files or None)
            dataset = open_for_project(
                tree,
                format_name,
                self._project.folder,
                lambda: self._on_document(self._project.pictures.paths),
                values=values,
                fit_masks=fit_masks,
                is_listed=bool(files),
            )
            recognitions = recognise_all(tree)
            named = {recognition.format for recognition in recognitions}
            if dataset.recognition.format not in named:
                recognitions = [dataset.recognition, *recognitions]
            return RecognisedDataset(tuple(recognitions), dataset)

        return self._lane.submit(work)

    def preview(self, dataset: Dataset, side: int = 200, first: int = 0) -> Future[list[SamplePreview]]:
        """A few samples with their masks, the longer side at most `side` pixels; with another `first`, others."""
        return self._lane.submit(lambda: list(preview_samples(dataset, PREVIEW_COUNT, side, first)))

    def survey(self, dataset: Dataset) -> Future[DatasetSurvey]:
        """Read the masks of some samples: pixels by class, doubts, what would be left out.

        A newer call, or an import, ends it with Cancelled.
        """
        self._stop_survey.set()
        stop = self._stop_survey = threading.Event()

        def work() -> DatasetSurvey:
            sizes = self._on_document(lambda: labelled_sizes(self._project.pictures.all()))
            folder = self._project.folder
            return survey_dataset(
                dataset, QUICK_SAMPLES, folder=folder, labelled_sizes=sizes, cancelled=stop.is_set
            )

        return self._lane.submit(work)

    def plan(
        self, dataset: Dataset, choices: Mapping[str, ClassChoice] | None = None, split: Split | None = None
    ) -> Future[ImportPlan]:
        """The dry run. The future raises FormatError."""
        return self._document.submit(self._plan, dataset, choices, split)

    def write_page(self, path: Path, said: AccountOfImport) -> Future[None]:
        """Write the account of an import as an HTML file. The future raises UserError."""
        return self._lane.submit(write_account_page, path, said)

    def run(self, plan: ImportPlan, progress: ProgressCallback) -> Future[ImportReport]:
        """Run the import. `progress` is called on the import lane. The future raises FormatError or Cancelled."""
        self._cancel.clear()
        self._stop_survey.set()
        return self._lane.submit(self._run, plan, progress)

    def cancel(self) -> None:
        """Stop after the current picture; the pictures imported so far stay."""
        self._cancel.set()
        self._stop_survey.set()

    def close(self) -> None:
        """Cancel an import under way and end the lane."""
        self.cancel()
        self._lane.shutdown(cancel_futures=True)

    def _plan(
        self, dataset: Dataset, choices: Mapping[str, ClassChoice] | None, split: Split | None
    ) -> ImportPlan:
        classes, paths = self._project.classes.read(), self._project.pictures.paths()
        return plan_import(classes, self._project.folder, dataset, choices, split, paths)

    def _run(self, plan: ImportPlan, progress: ProgressCallback) -> ImportReport:
        imported: list[PictureRecord] = []

        def on_imported(record: PictureRecord) -> None:
            imported.append(record)
            if len(imported) >= NOTIFY_EVERY:
                notify()

        def notify() -> None:
            records = list(imported)
            imported.clear()
            self._document.submit(self._on_imported, records).result()

        cancelled = self._cancel.is_set
        try:
            return run_import(self._project, plan, progress, cancelled, self._on_document, on_imported)
        finally:
            notify()

    def _on_document(self, work: Callable[[], R]) -> R:
        return self._document.submit(work).result()
