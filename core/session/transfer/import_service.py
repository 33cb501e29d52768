"""Recognises, previews and imports datasets in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.errors import ImageError
from core.base.lane import Lane
from core.base.progress import ProgressCallback
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import Dataset, Recognition, Sample
from core.formats.doubt import ValueReading
from core.formats.readers.registry import AUTO, open_dataset, recognise_all
from core.formats.sample_label import read_label
from core.images.image_reader import read_picture
from core.project.project import Project
from core.project.records import PictureRecord, Split
from core.session.transfer.dataset_survey import QUICK_SAMPLES, DatasetSurvey, survey_dataset
from core.session.transfer.import_plan import ClassChoice, ImportPlan, plan_import
from core.session.transfer.import_run import ImportReport, run_import

R = TypeVar("R")

NOTIFY_EVERY = 50
"""Imported pictures announced at once: at each announcement the window reads its whole list again."""
PREVIEW_COUNT = 3


@dataclass(frozen=True, slots=True)
class SamplePreview:
    """A downscaled sample: picture (h, w, 3) uint8, values (h, w) uint8 as in a LoadedMask; or the problem with it."""

    name: str
    picture: NDArray[np.uint8] | None
    values: NDArray[np.uint8] | None
    problem: str = ""


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
        self, folder: Path, format_name: str = AUTO, values: ValueReading | None = None
    ) -> Future[RecognisedDataset]:
        """Recognise the format of a folder and open it as a dataset. The future raises FormatError.

        values: how the values of masks are read, None to decide by evidence
        """
        self._stop_survey.set()
        return self._lane.submit(_recognise, folder, format_name, values)

    def preview(self, dataset: Dataset, side: int = 200, first: int = 0) -> Future[list[SamplePreview]]:
        """A few samples with their masks, the longer side at most `side` pixels; with another `first`, others."""
        return self._lane.submit(_previews, dataset, side, first)

    def survey(self, dataset: Dataset) -> Future[DatasetSurvey]:
        """Read the masks of some samples: pixels by class, doubts, what would be left out.

        A newer call, or an import, ends it with Cancelled.
        """
        self._stop_survey.set()
        stop = self._stop_survey = threading.Event()
        return self._lane.submit(survey_dataset, dataset, QUICK_SAMPLES, cancelled=stop.is_set)

    def plan(
        self, dataset: Dataset, choices: Mapping[str, ClassChoice] | None = None, split: Split | None = None
    ) -> Future[ImportPlan]:
        """The dry run. The future raises FormatError."""
        return self._document.submit(self._plan, dataset, choices, split)

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
        return plan_import(self._project.classes.read(), self._project.folder, dataset, choices, split)

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


def _recognise(folder: Path, format_name: str, values: ValueReading | None) -> RecognisedDataset:
    tree = DatasetTree(folder)
    return RecognisedDataset(tuple(recognise_all(tree)), open_dataset(folder, format_name, tree, values))


def _previews(dataset: Dataset, side: int, first: int) -> list[SamplePreview]:
    samples = [sample for sample in dataset.samples if sample.read_mask is not None] or list(dataset.samples)
    step = max(1, len(samples) // PREVIEW_COUNT)
    shown = [samples[(place + first) % len(samples)] for place in range(0, len(samples), step)]
    return [_preview(sample, side, dataset.root) for sample in shown[:PREVIEW_COUNT]]


def _preview(sample: Sample, side: int, root: Path) -> SamplePreview:
    try:
        picture = read_picture(sample.picture)
    except ImageError as problem:
        return SamplePreview(sample.target_path, None, None, str(problem))
    if sample.crop is not None:
        picture = picture[sample.crop.slices]
    label = read_label(sample, (picture.shape[1], picture.shape[0]), root)
    values = label.values
    if values is None and label.account.left_out:
        return SamplePreview(sample.target_path, None, None, label.account.sentences(root)[0])
    scale = min(1.0, side / max(picture.shape[:2]))
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    if values is None:
        return SamplePreview(sample.target_path, small, None)
    return SamplePreview(
        sample.target_path,
        small,
        np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_NEAREST), np.uint8),
    )
