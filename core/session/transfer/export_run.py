"""Writes an export: every picture in worker processes, then the dataset files, then one rename into place."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.base.errors import Cancelled, FormatError, ImageError
from core.base.process_pool import map_in_order
from core.base.progress import ProgressCallback
from core.formats.writers.base import NO_SPLIT, WritePlan
from core.formats.writers.dataset_card import CARD_FILE, DatasetCounts
from core.labels.label_map import Values
from core.labels.prediction import read_prediction
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord
from core.session.transfer.export_destination import publish, write_marker
from core.session.transfer.export_plan import (
    ExportPlan,
    add_to_counts,
    check_classes,
    dataset_card,
    describe_export,
)
from core.session.transfer.export_resume import ExportedItem, ResumableExport
from core.session.transfer.export_task import (
    LABELS,
    PREDICTIONS,
    DatasetSink,
    ExportItem,
    ExportItemResult,
    ExportTask,
)


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written.

    pictures: of the project; pairs: pictures with a label; problems: sentences about what was left out
    reused: pictures that a stopped export had written already
    """

    out: Path
    pictures: int
    pairs: int
    predictions: int
    problems: tuple[str, ...]
    reused: int = 0


def run_export(
    project: Project,
    plan: ExportPlan,
    progress: ProgressCallback | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    restart: bool = False,
) -> ExportReport:
    """Write the dataset beside its destination, then rename it.

    Raises Cancelled, and FormatError when the disk refuses or the classes have changed since the plan. The pictures
    written until then are kept, and the next export with the same options resumes there, unless `restart` is set.
    """
    out = plan.options.out.absolute()
    check_classes(project, plan)  # the plan may be minutes old
    try:
        description = describe_export(project, plan.options, plan.classes)
        resumable = ResumableExport(out, description, restart=restart)
        keep = True
        try:
            export = _ExportRun(project, plan, resumable, cancelled)
            report = export.run(progress or (lambda *_: None))
            write_marker(resumable.root, plan.options.format)
            publish(resumable.root, out)
            keep = False
        except NothingWrittenError:
            keep = False
            raise
        finally:
            resumable.close(keep=keep)
    except OSError as problem:
        raise FormatError(
            f"The dataset could not be written to {out}: {problem.strerror or problem}. "
            "Check the free space and the permissions; the next export resumes here."
        ) from problem
    return report


class NothingWrittenError(FormatError):
    """No picture could be exported."""


class _ExportRun:
    """One export under way."""

    def __init__(
        self, project: Project, plan: ExportPlan, resumable: ResumableExport, cancelled: Callable[[], bool]
    ) -> None:
        self._project, self._plan, self._resumable, self._cancelled = project, plan, resumable, cancelled
        self._was_cancelled = False
        self._sinks = _sinks(plan, resumable.root)
        self._origins = project.labels.origins_by_id()
        self._pending: deque[_PendingItem] = deque()
        """Pictures given to the worker processes, in order."""

    def run(self, progress: ProgressCallback) -> ExportReport:
        """Raises Cancelled between two pictures, and NothingWrittenError."""
        plan, resumable = self._plan, self._resumable
        records = itertools.takewhile(lambda _: not self._is_cancelled(), plan.records)
        results = map_in_order(
            ExportTask(resumable.root, self._sinks, plan.options.shape),
            map(self._prepare, records),
            len(plan.records) - plan.finished,
            lambda item: item.weight if item else 0,
        )
        problems: list[str] = []
        written: list[int] = []
        counts = DatasetCounts()
        pairs = predictions = reused = 0
        with contextlib.closing(results):
            for done, result in enumerate(results, 1):
                pending = self._pending.popleft()
                problems += pending.problems
                reused += pending.finished is not None
                finished = pending.finished or (result and self._record(pending, result, problems))
                if finished:
                    problems += finished.problems
                    written.append(finished.id)
                    add_to_counts(counts, finished.tally)
                    pairs += finished.pairs
                    predictions += finished.predictions
                progress(done, len(plan.records))
        self._raise_if_cancelled()
        if not written:
            raise NothingWrittenError(
                f"Nothing could be exported, so {plan.options.out} was left as it is. {' '.join(problems[:1])}"
            )
        self._finish(written)
        text = dataset_card(self._project, plan, len(problems)).text(plan.classes, counts)
        # The project's name is that of its folder, which on Linux may be any bytes.
        (resumable.root / CARD_FILE).write_text(text, "utf-8", "replace", newline="\n")
        return ExportReport(
            plan.options.out.absolute(), len(written), pairs, predictions, tuple(problems), reused
        )

    def _prepare(self, record: PictureRecord) -> ExportItem | None:
        """What the worker process needs to write a picture; None when it is written already, or may
        not be read."""
        try:
            item, problems = _export_item(self._project, self._plan, record)
        except ImageError as refused:
            self._pending.append(_PendingItem(record.id, "", (str(refused),), None))
            return None
        signature = item.signature()
        finished = self._resumable.find(record.id, signature)
        self._pending.append(_PendingItem(record.id, signature, problems, finished))
        return None if finished else item

    def _record(
        self, pending: _PendingItem, result: ExportItemResult, problems: list[str]
    ) -> ExportedItem | None:
        """Note a picture as written; None when it was not, and `problems` gets the reason."""
        if result.problem is not None:
            problems.append(result.problem)
            return None
        if not result.parts:
            problems += result.problems
            return None
        origin_pixels: Counter[str] = Counter()
        for origin_id, count in result.pixels_by_origin.items():
            if origin_id in self._origins:
                origin_pixels[self._origins[origin_id][0].value] += count
        finished = ExportedItem(
            pending.id,
            pending.signature,
            result.files,
            result.tally | {"said": dict(origin_pixels)},
            int(result.label),
            int(result.prediction),
            list(result.problems),
        )
        return self._resumable.record(finished, result.parts)

    def _finish(self, ids: list[int]) -> None:
        self._resumable.remove_strays(ids)
        for number, sink in enumerate(self._sinks):
            sink.writer.finish(_Parts(self._resumable, ids, number, self._raise_if_cancelled))

    def _is_cancelled(self) -> bool:
        self._was_cancelled = self._was_cancelled or self._cancelled()
        return self._was_cancelled

    def _raise_if_cancelled(self) -> None:
        if self._is_cancelled():
            raise Cancelled


@dataclass(frozen=True, slots=True)
class _PendingItem:
    id: int
    signature: str
    problems: tuple[str, ...]
    finished: ExportedItem | None


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the writer of one dataset noted about each picture, read from disk at every iteration."""

    resumable: ResumableExport
    ids: list[int]
    sink: int
    check_cancelled: Callable[[], None]

    def __iter__(self) -> Iterator[Any]:
        return self.resumable.parts(self.ids, self.sink, self.check_cancelled)


def _sinks(plan: ExportPlan, root: Path) -> tuple[DatasetSink, ...]:
    """One dataset, or one for labels and one for predictions where the format holds one mask a picture."""
    wanted = [LABELS] * plan.options.labels + [PREDICTIONS] * plan.options.predictions
    if plan.format.layered:
        folders: list[tuple[Path, str | None]] = [(root, None)]
    else:
        folders = [(root / one if len(wanted) > 1 else root, one) for one in wanted]
    sinks = []
    for folder, only in folders:
        folder.mkdir(exist_ok=True)
        writer = plan.format.writer()
        writer.start(
            WritePlan(folder, plan.classes, len(plan.records), plan.options.lists and plan.format.split_lists)
        )
        sinks.append(DatasetSink(writer, only))
    return tuple(sinks)


def _export_item(
    project: Project, plan: ExportPlan, record: PictureRecord
) -> tuple[ExportItem, tuple[str, ...]]:
    """A picture with the masks to write, and sentences about masks that are missing.

    Raises FormatError when the classes have changed, and ImageError for a picture that may not be read.
    """
    problems: tuple[str, ...] = ()
    label = prediction = confidence = None
    if plan.options.labels and record.is_labelled:
        label = project.labels.stored_label(record.id)
    if plan.options.predictions and record.is_predicted:
        try:
            prediction, confidence = _prediction(project, record)
        except (
            ImageError
        ) as problem:  # the cache may be emptied at any time; the label is exported all the same
            problems = (str(problem),)
    check_classes(project, plan)  # last: what was read above has the plan's classes or newer ones
    item = ExportItem(
        record.id,
        record.path,
        project.picture_path(record.path),
        plan.names[record.id],
        str(record.split or NO_SPLIT),
        None if record.width is None or record.height is None else (record.width, record.height),
        record.tags,
        label,
        prediction,
        confidence,
        None if label is None else project.pictures.digest(record.id),
    )
    return item, problems


def _prediction(project: Project, record: PictureRecord) -> tuple[Values, Values]:
    """Class values and confidence, (H, W) uint8 each. Raises ImageError when the file is missing."""
    mask = read_prediction(project.prediction_path(record.id))
    mask = mask.remapped(run_class_mapping(project, mask.run_id))
    return mask.values, mask.confidence
