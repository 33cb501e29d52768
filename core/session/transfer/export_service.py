"""Journey four: pictures and masks leave as a dataset, whole or not at all."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from core.base.errors import Cancelled, FormatError, ImageError
from core.base.lane import Lane
from core.base.process_pool import map_in_order
from core.formats.writers.base import NO_SPLIT, WritePlan
from core.formats.writers.dataset_card import CARD_FILE, DatasetCounts
from core.labels.label_map import Values
from core.labels.prediction import read_prediction
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord
from core.session.transfer.export_destination import publish, write_marker
from core.session.transfer.export_plan import (
    ExportOptions,
    ExportPlan,
    check_classes,
    describe_export,
    plan_export,
)
from core.session.transfer.export_resume import ExportedItem, ResumableExport, discard
from core.session.transfer.export_summary import add_to_tally, dataset_card
from core.session.transfer.export_task import (
    LABELS,
    PREDICTIONS,
    DatasetSink,
    ExportItem,
    ExportItemResult,
    ExportTask,
)

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written. `pictures` counts those of the project, `pairs` those with a label; `problems` name what was
    left out and why; `reused` pictures had been written by an export that was stopped."""

    out: Path
    pictures: int
    pairs: int
    predictions: int
    problems: tuple[str, ...]
    reused: int = 0


def run_export(
    project: Project,
    plan: ExportPlan,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    restart: bool = False,
) -> ExportReport:
    """Write everything beside the place, then rename. Raises Cancelled or FormatError, that also when the classes are
    no longer those of the plan.

    What is finished until then stays beside the place, and an export of the same wish to it goes on from there, unless
    it is to begin `anew`.
    """
    out = plan.options.out.absolute()
    check_classes(project, plan)  # the plan may have been looked at for minutes
    try:
        unfinished = ResumableExport(
            out, describe_export(project, plan.options, plan.classes), restart=restart
        )
        keep = True
        try:
            export = _ExportRun(project, plan, unfinished, cancelled)
            report = export.run(progress or (lambda *_: None))
            write_marker(unfinished.root, plan.options.format)
            publish(unfinished.root, out)
            keep = False
        except NothingWrittenError:
            keep = False
            raise
        finally:
            unfinished.close(keep=keep)
    except OSError as problem:
        raise FormatError(
            f"The dataset could not be written to {out}: {problem.strerror or problem}. "
            "Check that there is space and that you may write there; the next export goes on from here."
        ) from problem
    return report


class ExportService:
    """Exports while the window goes on, on a lane and through a reading connection of its own."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lane = Lane("export")
        self._cancel = threading.Event()

    def plan(self, options: ExportOptions) -> Future[ExportPlan]:
        """The dry run. The future raises FormatError."""
        return self._lane.submit(self._with_reader, lambda project: plan_export(project, options))

    def run(self, plan: ExportPlan, progress: Callable[[int, int], None]) -> Future[ExportReport]:
        """Write it. `progress` is called on the export lane. The future raises FormatError or Cancelled."""
        self._cancel.clear()
        return self._lane.submit(
            self._with_reader, lambda project: run_export(project, plan, progress, self._cancel.is_set)
        )

    def discard(self, out: Path) -> Future[None]:
        """Forget what a stopped export to this place has left. The future raises FormatError."""
        return self._lane.submit(discard, out.absolute())

    def cancel(self) -> None:
        """Stop after the picture under way; the next export of the same wish goes on from there."""
        self._cancel.set()

    def close(self) -> None:
        self.cancel()
        self._lane.shutdown(cancel_futures=True)

    def _with_reader(self, act: Callable[[Project], R]) -> R:
        with Project.open_read_only(self._home) as project:
            return act(project)


class NothingWrittenError(FormatError):
    """Not one picture could be exported."""


class _ExportRun:
    """One export under way."""

    def __init__(
        self, project: Project, plan: ExportPlan, unfinished: ResumableExport, cancelled: Callable[[], bool]
    ) -> None:
        self._project, self._plan, self._resumable, self._cancelled = project, plan, unfinished, cancelled
        self._was_cancelled = False
        self._sinks = _sinks(plan, unfinished.root)
        self._origins = project.labels.origins_by_id()
        self._pending: deque[_PendingItem] = deque()
        """Pictures that are under way, in order."""

    def run(self, progress: Callable[[int, int], None]) -> ExportReport:
        """Raises Cancelled between two pictures, and NothingWrittenError."""
        plan, unfinished = self._plan, self._resumable
        going = itertools.takewhile(lambda _: not self._is_cancelled(), plan.records)
        answers = map_in_order(
            ExportTask(unfinished.root, self._sinks, plan.options.shape),
            map(self._prepare, going),
            len(plan.records) - plan.finished,
            lambda leaving: leaving.weight if leaving else 0,
        )
        problems: list[str] = []
        written: list[int] = []
        tally = DatasetCounts()
        pairs = predictions = reused = 0
        with contextlib.closing(answers):
            for done, left in enumerate(answers, 1):
                asked = self._pending.popleft()
                problems += asked.problems
                reused += asked.finished is not None
                finished = asked.finished or (left and self._record(asked, left, problems))
                if finished:
                    problems += finished.problems
                    written.append(finished.id)
                    add_to_tally(tally, finished.tally)
                    pairs += finished.pairs
                    predictions += finished.predictions
                progress(done, len(plan.records))
        self._raise_if_cancelled()
        if not written:
            raise NothingWrittenError(
                f"Nothing could be exported, so {plan.options.out} was left as it is. {' '.join(problems[:1])}"
            )
        self._finish(written)
        card = dataset_card(self._project, plan.row, plan.options, plan.losses, len(problems))
        text = card.text(plan.classes, tally)
        # The project's name is that of its folder, which on Linux may be any bytes.
        (unfinished.root / CARD_FILE).write_text(text, "utf-8", "replace", newline="\n")
        return ExportReport(
            plan.options.out.absolute(), len(written), pairs, predictions, tuple(problems), reused
        )

    def _prepare(self, record: PictureRecord) -> ExportItem | None:
        """What has to be known before a picture is written; None when it is already."""
        leaving, problems = _export_item(self._project, self._plan, record)
        signature = leaving.signature()
        finished = self._resumable.find(record.id, signature)
        self._pending.append(_PendingItem(record.id, signature, problems, finished))
        return None if finished else leaving

    def _record(
        self, asked: _PendingItem, left: ExportItemResult, problems: list[str]
    ) -> ExportedItem | None:
        if left.problem is not None:
            problems.append(left.problem)
            return None
        if not left.parts:
            problems += left.problems
            return None
        said: Counter[str] = Counter()
        for who, count in left.pixels_by_origin.items():
            if who in self._origins:
                said[self._origins[who][0].value] += count
        tally = left.tally | {"said": dict(said)}
        finished = ExportedItem(
            asked.id,
            asked.signature,
            left.files,
            tally,
            int(left.label),
            int(left.prediction),
            list(left.problems),
        )
        return self._resumable.record(finished, left.parts)

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
    """The parts of all pictures for one dataset, read anew each time they are gone through."""

    unfinished: ResumableExport
    ids: list[int]
    sink: int
    check_cancelled: Callable[[], None]

    def __iter__(self) -> Iterator[Any]:
        return self.unfinished.parts(self.ids, self.sink, self.check_cancelled)


def _sinks(plan: ExportPlan, root: Path) -> tuple[DatasetSink, ...]:
    wanted = [LABELS] * plan.options.labels + [PREDICTIONS] * plan.options.predictions
    if plan.row.layered:
        places: list[tuple[Path, str | None]] = [(root, None)]
    else:
        places = [(root / one if len(wanted) > 1 else root, one) for one in wanted]
    sinks = []
    for place, only in places:
        place.mkdir(exist_ok=True)
        writer = plan.row.writer()
        writer.start(
            WritePlan(place, plan.classes, len(plan.records), plan.options.lists and plan.row.split_lists)
        )
        sinks.append(DatasetSink(writer, only))
    return tuple(sinks)


def _export_item(
    project: Project, plan: ExportPlan, record: PictureRecord
) -> tuple[ExportItem, tuple[str, ...]]:
    """The picture with what is wanted of it, and what of that is missing. Raises FormatError when the classes
    have changed."""
    problems: tuple[str, ...] = ()
    label = prediction = confidence = None
    if plan.options.labels and record.is_labelled:
        label = project.labels.stored_label(record.id)
    if plan.options.predictions and record.is_predicted:
        try:
            prediction, confidence = _prediction(project, record)
        except ImageError as problem:  # the cache may be emptied at any time; the label goes out all the same
            problems = (str(problem),)
    check_classes(project, plan)  # only now: what has been read is of the plan's classes or of newer ones
    leaving = ExportItem(
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
    )
    return leaving, problems


def _prediction(project: Project, record: PictureRecord) -> tuple[Values, Values]:
    """Class values and confidence, (H, W) uint8 each. Raises ImageError when the cache has lost it."""
    mask = read_prediction(project.prediction_path(record.id))
    mask = mask.remapped(run_class_mapping(project, mask.run_id))
    return mask.values, mask.confidence
