"""Simulates a person who labels a project with the help of the network, and measures the effort."""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from core.base.changes import Changes
from core.base.errors import ImageError, TrainingError
from core.base.progress import ProgressCallback
from core.evaluation.annotator.planned_edit import (
    ALL_TOOLS,
    AnnotationTool,
    seconds_by_tool,
    seconds_of,
)
from core.evaluation.annotator.superpixel_drags import Segments
from core.evaluation.annotator.time_model import AnnotatorModel
from core.evaluation.annotator.tool_choice import plan_edits
from core.evaluation.effort import AnnotatedPicture, PictureOrder, initial_order, next_first
from core.images.image_reader import read_picture
from core.labels.accept import accept_everywhere
from core.labels.label_iou import label_iou
from core.labels.label_map import LabelMap, Origin, blank_values
from core.labels.prediction import PredictedMask, read_prediction
from core.project.project import Project
from core.project.records import PictureRecord, Split, Status
from core.session.session import Session, SessionEvent
from core.session.simulation.acquisition_order import AcquisitionOrder
from core.session.simulation.annotator_work import AnnotatorWork
from core.session.simulation.live_answers import LiveAnswers
from core.session.training.training_state import TrainingPreferences, TrainingState
from core.tools.smart.superpixel_grid import segments_of
from core.tools.tool_options import ToolOptions

MAX_WAIT_SECONDS = 3.0
"""How long the person waits for a prediction of the newest network. The wait counts as effort."""
POLL_SECONDS = 0.05
UPCOMING = 3
"""Next pictures whose prediction is requested first, as the window does."""
EDIT_NAMES = {
    AnnotationTool.BRUSH: "Brush stroke",
    AnnotationTool.POLYGON: "Polygon",
    AnnotationTool.FILL: "Fill",
    AnnotationTool.SUPERPIXELS: "Superpixels",
    AnnotationTool.ACCEPT: "Accept region",
    AnnotationTool.CORRECT: "Correct region",
}


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """pictures, minutes: when to stop, in pictures or simulated time; None for when all pictures are done.

    pace: simulated seconds for each real second of training; cap: most real seconds of training for one picture
    tools: those that the annotator has, for correcting and from blank; live: use live prediction
    """

    order: PictureOrder = PictureOrder.NAME
    pictures: int | None = None
    minutes: float | None = None
    pace: float = 1.0
    cap: float = 60.0
    seed: int = 0
    device: str = "auto"
    annotator: AnnotatorModel = field(default_factory=AnnotatorModel)
    tools: frozenset[AnnotationTool] = ALL_TOOLS
    live: bool = False


class Simulation:
    """A session in which a simulated annotator labels picture by picture. Used from one thread; owns it until `close`.

    It uses the services that the window uses: pictures are shown, edits committed, the prediction accepted, the
    picture marked done; the network trains in its own process meanwhile.

    Each edit is committed at the time when a person would have finished it, `pace` times as fast. The time that
    planning edits takes is subtracted from later waits, so that training gets the annotator's time divided by the
    pace, at most `cap` seconds a picture; more only where the planning itself takes longer (`real_seconds`).
    """

    def __init__(self, source: Project, target: Project, options: SimulationOptions) -> None:
        self._source, self._target, self._options = source, target, options
        self._failed = ""
        self.start_failure = ""
        """Why training could not start, if that was its last message."""
        self._miou: float | None = None
        self._up_to_date: set[int] = set()
        self._published: tuple[int | None, int] = None, 0
        self._errors: list[BaseException] = []
        self._training_ids = [r.id for r in target.pictures.all() if r.split == Split.TRAIN]
        self._truth_records = {r.path: r for r in source.pictures.labelled()}
        self._waiting = initial_order(self._training_ids, options.order, options.seed)
        self._area = sum(_area(r) for r in map(target.pictures.get, self._training_ids))
        self._labelled_pixels = 0
        self._clock = _SimulatedClock(options.pace, options.cap)
        self.efforts: list[AnnotatedPicture] = []
        preferences = TrainingPreferences(device=options.device)
        try:
            self._session = Session(target, self._on_event, self._errors.append, preferences)
        except BaseException:
            target.close()
            raise
        self._queue = AcquisitionOrder(target, options.seed)
        self._live = LiveAnswers(self._session.live) if options.live else None

    @property
    def seconds(self) -> float:
        """Simulated working time so far."""
        return sum(effort.seconds for effort in self.efforts)

    @property
    def real_seconds(self) -> float:
        """Real time since the first picture was opened, the start of the worker process included."""
        return self._clock.real

    @property
    def total(self) -> int:
        """Most pictures that will be labelled."""
        available = len(self._waiting) + len(self.efforts)
        return available if self._options.pictures is None else min(available, self._options.pictures)

    @property
    def is_finished(self) -> bool:
        minutes = self._options.minutes
        return len(self.efforts) >= self.total or (minutes is not None and self.seconds >= 60 * minutes)

    def run(self, progress: ProgressCallback) -> None:
        """Label pictures until finished. Raises TrainingError when training fails, ProjectError and ImageError."""
        while not self.is_finished:
            self.label_next()
            progress(len(self.efforts), self.total)

    def close(self) -> None:
        """End training and close the simulated project, which is kept."""
        self._session.close()

    def label_next(self) -> None:
        """Label one picture, from opening it to marking it done. Raises as `run` does."""
        options, session = self._options, self._session
        record, *following = self._in_order()
        self._waiting.remove(record.id)
        session.training.on_picture_shown(record.id, [r.id for r in following[:UPCOMING]])
        width, height = record.width or 0, record.height or 0
        prediction, waited = self._prediction(record)
        self._clock.credit(waited)
        truth = self._source.labels.read(self._truth_records[record.path].id, width, height)
        segments = self._segments(record)
        blank = list(
            plan_edits(blank_values(width, height), truth, options.annotator, options.tools, segments)
        )
        blank_finish = options.annotator.finish_seconds(accepts=False)
        work = AnnotatorWork(record, truth, prediction, blank, options.annotator, options.tools, segments)
        pixels = self._carry_out(work)
        self._labelled_pixels += session.pictures.get(record.id).labelled_pixels
        seconds = waited + seconds_of(work.done) + work.finish_seconds
        self.efforts.append(
            AnnotatedPicture(
                name=record.name,
                strokes=len(work.done),
                seconds=seconds,
                waited=waited,
                pixels=pixels,
                blank_strokes=len(blank),
                blank_seconds=seconds_of(blank) + blank_finish,
                confidence=prediction.mean_confidence if prediction else None,
                iou=label_iou(prediction.values, truth) if prediction else None,
                at=self.seconds + seconds,
                labelled_share=self._labelled_pixels / self._area if self._area else 0.0,
                miou=self._miou,
                from_blank=work.shown is None,
                tools=seconds_by_tool(work.done, work.finish_seconds),
                blank_tools=seconds_by_tool(blank, blank_finish),
                live_answers=work.live_answers,
            )
        )

    def _in_order(self) -> list[PictureRecord]:
        """The waiting pictures, the next one first."""
        waiting = [self._session.pictures.get(i) for i in self._waiting]
        if self._options.order is PictureOrder.QUEUE:
            counts = self._session.charts.counts().result()
            done = [self._session.pictures.get(i) for i in self._training_ids if i not in self._waiting]
            return self._queue.order(waiting, done, counts.class_pixels)
        return next_first(waiting, self._options.order)

    def _segments(self, record: PictureRecord) -> Segments | None:
        """Superpixels as the tool has them at first, at the picture's own size; None for an annotator without it."""
        if AnnotationTool.SUPERPIXELS not in self._options.tools:
            return None
        picture = read_picture(self._target.picture_path(record.path))
        return segments_of(picture, ToolOptions().segment_size)

    def _prediction(self, record: PictureRecord) -> tuple[PredictedMask | None, float]:
        """The newest prediction of a picture and the seconds waited for it, 0 when it is up to date.

        The picture on screen is predicted before all others, so an old prediction is soon replaced.
        """
        if not self._session.training.has_weights:
            return None, 0.0
        started = time.monotonic()
        waited = 0.0
        while record.id not in self._up_to_date and waited < MAX_WAIT_SECONDS:
            self._check()
            time.sleep(POLL_SECONDS)
            waited = time.monotonic() - started
        try:
            return read_prediction(self._target.prediction_path(record.id)), waited
        except ImageError:
            return None, waited

    def _carry_out(self, work: AnnotatorWork) -> int:
        """Commit the edits at their times, then accept the prediction on all other pixels. Returns pixels painted."""
        session, record = self._session, work.record
        names = {c.value: c.name for c in session.editing.classes}
        labels = LabelMap.blank(record.width or 0, record.height or 0)
        commits: list[Future[Any]] = []
        pixels = 0
        self._clock.start_picture(seconds_of(work.planned) + work.finish_seconds)
        while (planned := work.next_edit()) is not None:
            self._clock.wait(planned.seconds)
            title = f"{EDIT_NAMES[planned.tool]}, {names[planned.value]}"
            is_accepted = planned.tool is AnnotationTool.ACCEPT
            labels.begin_edit(
                title,
                planned.tool,
                planned.value,
                Origin.ACCEPTED if is_accepted else Origin.PAINTED,
                work.shown.run_id if is_accepted and work.shown is not None else None,
            )
            labels.paint(planned.box, planned.mask, planned.value)
            edit = labels.finish_edit()
            if edit is not None:
                pixels += 0 if is_accepted else edit.pixels
                commits.append(session.editing.commit(record.id, replace(edit, seconds=planned.seconds)))
            if self._live is not None and work.asks_live:
                work.replan(labels.values, self._live.answer(record.id, labels, work.prediction))
        if work.shown is not None:
            accepted = accept_everywhere(labels, work.shown).apply(labels)
            if accepted is not None:
                commits.append(session.editing.commit(record.id, replace(accepted, seconds=0.0)))
        self._clock.wait(work.finish_seconds)
        commits.append(session.editing.set_status(record.id, Status.DONE))
        for future in commits:
            future.result()
        session.wait_until_saved()
        if self._live is not None:
            self._live.learn(record.id)
        self._check()
        return pixels

    def _on_event(self, event: SessionEvent) -> None:
        """Called on any thread."""
        if isinstance(event, Changes):
            self._up_to_date |= event.predictions
        elif isinstance(event, TrainingState):
            if (event.run_id, event.published) != self._published and event.published:
                self._published = event.run_id, event.published
                self._up_to_date.clear()
            if event.miou is not None:
                self._miou = event.miou
            self.start_failure = event.message if event.failed else ""
            # Without a run there was only too little to train on yet; the next stroke makes it try again.
            if event.failed and event.run_id is not None:
                self._failed = event.message

    def _check(self) -> None:
        if self._errors:
            raise self._errors[0]
        if self._failed:
            raise TrainingError(f"Training failed during the simulation: {self._failed}")


class _SimulatedClock:
    """Sleeps in real time for the simulated time of a person."""

    def __init__(self, pace: float, cap: float) -> None:
        self._pace, self._cap = pace, cap
        self._rate = 1 / pace
        self._started: float | None = None
        self._due = 0.0  # real seconds that should have passed

    @property
    def real(self) -> float:
        return 0.0 if self._started is None else time.monotonic() - self._started

    def start_picture(self, seconds: float) -> None:
        """A picture is opened that takes `seconds` of simulated time."""
        if self._started is None:
            self._started = time.monotonic()
        self._rate = min(1 / self._pace, self._cap / seconds)

    def credit(self, seconds: float) -> None:
        """`seconds` of real time were waited, by the person too."""
        self._due += seconds

    def wait(self, seconds: float) -> None:
        """Let `seconds` of simulated time pass."""
        self._due += seconds * self._rate
        ahead = self._due - self.real
        if ahead > 0:
            time.sleep(ahead)


def _area(record: PictureRecord) -> int:
    return (record.width or 0) * (record.height or 0)
