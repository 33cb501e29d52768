"""Journey four, the other way: a dataset comes in while the window goes on."""

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

from core.base.errors import FormatError, ImageError
from core.base.lane import Lane
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import Dataset, Recognition, Sample
from core.formats.readers.registry import AUTO, open_dataset, recognise_all
from core.images.image_reader import read_picture
from core.project.project import Project
from core.project.records import PictureRecord, Split
from core.session.transfer.import_plan import ClassChoice, ImportPlan, plan_import
from core.session.transfer.import_run import ImportReport, run_import

R = TypeVar("R")

NOTIFY_EVERY = 50
"""The window hears of so many pictures at once: each time it looks at its whole list again."""
PREVIEW_COUNT = 3


@dataclass(frozen=True, slots=True)
class SamplePreview:
    """A sample made small: picture (h, w, 3) uint8, values (h, w) uint8 as a ReadMask has them, or what is wrong."""

    name: str
    picture: NDArray[np.uint8] | None
    values: NDArray[np.uint8] | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RecognisedDataset:
    """A folder, looked at: what readers think of it, the surest first, and the dataset as the chosen one reads it."""

    recognitions: tuple[Recognition, ...]
    dataset: Dataset


class ImportService:
    """Reads on a lane of its own; only what touches the document waits its turn on the document's lane."""

    def __init__(
        self, project: Project, document: Lane, on_imported: Callable[[list[PictureRecord]], None]
    ) -> None:
        self._project, self._document, self._on_imported = project, document, on_imported
        self._lane = Lane("import")
        self._cancel = threading.Event()

    def open(self, folder: Path, format_name: str = AUTO) -> Future[RecognisedDataset]:
        """Recognise and open. The future raises FormatError."""
        return self._lane.submit(_recognise, folder, format_name)

    def preview(self, dataset: Dataset, side: int = 200) -> Future[list[SamplePreview]]:
        """A few samples with their masks, the longer side at most `side` pixels."""
        return self._lane.submit(_previews, dataset, side)

    def plan(
        self, dataset: Dataset, choices: Mapping[str, ClassChoice] | None = None, split: Split | None = None
    ) -> Future[ImportPlan]:
        """The dry run. The future raises FormatError."""
        return self._document.submit(self._plan, dataset, choices, split)

    def run(self, plan: ImportPlan, progress: Callable[[int, int], None]) -> Future[ImportReport]:
        """Bring it in. `progress` is called on the import lane. The future raises FormatError or Cancelled."""
        self._cancel.clear()
        return self._lane.submit(self._run, plan, progress)

    def cancel(self) -> None:
        """Stop after the picture under way; what came in stays."""
        self._cancel.set()

    def close(self) -> None:
        """Ends the lane; an import under way stops after its picture."""
        self.cancel()
        self._lane.shutdown(cancel_futures=True)

    def _plan(
        self, dataset: Dataset, choices: Mapping[str, ClassChoice] | None, split: Split | None
    ) -> ImportPlan:
        return plan_import(self._project.classes.read(), self._project.folder, dataset, choices, split)

    def _run(self, plan: ImportPlan, progress: Callable[[int, int], None]) -> ImportReport:
        fresh: list[PictureRecord] = []

        def came(record: PictureRecord) -> None:
            fresh.append(record)
            if len(fresh) >= NOTIFY_EVERY:
                tell()

        def tell() -> None:
            told = list(fresh)
            fresh.clear()
            self._document.submit(self._on_imported, told).result()

        try:
            return run_import(self._project, plan, progress, self._cancel.is_set, self._on_document, came)
        finally:
            tell()

    def _on_document(self, act: Callable[[], R]) -> R:
        return self._document.submit(act).result()


def _recognise(folder: Path, format_name: str) -> RecognisedDataset:
    tree = DatasetTree(folder)
    return RecognisedDataset(tuple(recognise_all(tree)), open_dataset(folder, format_name, tree))


def _previews(dataset: Dataset, side: int) -> list[SamplePreview]:
    masked = [sample for sample in dataset.samples if sample.read_mask is not None] or list(dataset.samples)
    step = max(1, len(masked) // PREVIEW_COUNT)
    return [_preview(sample, side) for sample in masked[::step][:PREVIEW_COUNT]]


def _preview(sample: Sample, side: int) -> SamplePreview:
    try:
        picture = read_picture(sample.picture)
        if sample.crop is not None:
            picture = picture[sample.crop.slices]
        values = sample.read_mask().values if sample.read_mask else None
    except (ImageError, FormatError) as problem:
        return SamplePreview(sample.target_path, None, None, str(problem))
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
