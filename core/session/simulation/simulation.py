"""A robot does a person's work in a project of its own: it paints, the network learns, and the hours are counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from core.base.changes import Changes
from core.base.errors import ImageError, TrainingError
from core.evaluation.effort import AnnotatedPicture, PictureOrder, initial_order, next_first, picture_iou
from core.evaluation.simulated_annotator import AnnotatorModel, PlannedStroke, plan_strokes, total_seconds
from core.labels.label_map import LabelMap, blank_values
from core.labels.prediction import PredictedMask, read_prediction
from core.project.project import Project
from core.project.records import PictureRecord, Split, Status
from core.session.editing import accept_everywhere
from core.session.session import Session, SessionEvent
from core.session.training.training_state import TrainingPreferences, TrainingState

MAX_WAIT_SECONDS = 3.0
"""Seconds that a person waits for the newest network's prediction of a picture, once there is one. They count."""
POLL_SECONDS = 0.05
UPCOMING = 3
"""Pictures that are predicted ahead of the others, as the window asks for it."""


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """pictures, minutes: after how many, or how much simulated time, the robot stops; None: when all are done.

    pace: simulated seconds for each real one that the trainer gets; cap: real seconds it gets a picture at the most.
    """

    order: PictureOrder = PictureOrder.NAME
    pictures: int | None = None
    minutes: float | None = None
    pace: float = 1.0
    cap: float = 60.0
    seed: int = 0
    device: str = "auto"
    annotator: AnnotatorModel = field(default_factory=AnnotatorModel)


class Simulation:
    """The robot's session, picture by picture. Used from one thread; owns the session until `close`.

    What a person would do in the window is done through the same journeys: pictures are shown, strokes committed,
    the prediction accepted, the picture marked done; the network learns in its own process meanwhile.

    Time passes like this: each stroke is committed when the hand would have finished it, `pace` times as fast. What
    the planning of strokes takes is made up for by waiting less, so that the trainer gets what the hand took (by
    pace, and no more than `cap` for one picture) and never more than that but for a lag that is carried along.
    """

    def __init__(self, source: Project, target: Project, options: SimulationOptions) -> None:
        self._source, self._target, self._options = source, target, options
        self._failed = ""
        self.start_failure = ""
        """Why the trainer has not begun, when that is what it said last."""
        self._miou: float | None = None
        self._up_to_date: set[int] = set()
        self._published: tuple[int | None, int] = None, 0
        self._errors: list[BaseException] = []
        works = [r.id for r in target.pictures.all() if r.split == Split.TRAIN]
        self._truth_records = {r.path: r for r in source.pictures.labelled()}
        self._waiting = initial_order(works, options.order, options.seed)
        self._area = sum(_area(r) for r in map(target.pictures.get, works))
        self._labelled = 0
        self._clock = _SimulatedClock(options.pace, options.cap)
        self.efforts: list[AnnotatedPicture] = []
        wishes = TrainingPreferences(device=options.device)
        try:
            self._session = Session(target, self._on_event, self._errors.append, wishes)
        except BaseException:
            target.close()
            raise

    @property
    def seconds(self) -> float:
        """Simulated, of the person, so far."""
        return sum(w.seconds for w in self.efforts)

    @property
    def real_seconds(self) -> float:
        """Since the first picture was opened: what the trainer had, the start of its process included."""
        return self._clock.real

    @property
    def total(self) -> int:
        """How many pictures there will be at the most."""
        there = len(self._waiting) + len(self.efforts)
        return there if self._options.pictures is None else min(there, self._options.pictures)

    @property
    def is_finished(self) -> bool:
        minutes = self._options.minutes
        return len(self.efforts) >= self.total or (minutes is not None and self.seconds >= 60 * minutes)

    def run(self, progress: Callable[[int, int], None]) -> None:
        """Until it is over. `progress` hears how many of how many pictures are done. Raises TrainingError when the
        network cannot learn, and ProjectError when the disk refuses."""
        while not self.is_finished:
            self.label_next()
            progress(len(self.efforts), self.total)

    def close(self) -> None:
        """End the trainer; the robot's project is closed and stays."""
        self._session.close()

    def label_next(self) -> None:
        """One picture, from opening it to being done. Raises as `work` does."""
        wish, session = self._options, self._session
        waiting = next_first([session.pictures.get(i) for i in self._waiting], wish.order)
        record = waiting[0]
        self._waiting.remove(record.id)
        session.training.on_picture_shown(record.id, [r.id for r in waiting[1 : 1 + UPCOMING]])
        width, height = record.width or 0, record.height or 0
        prediction, waited = self._prediction(record)
        self._clock.credit(waited)
        truth = self._source.labels.read(self._truth_records[record.path].id, width, height)
        blank = list(plan_strokes(blank_values(width, height), truth, wish.annotator))
        strokes = blank
        if prediction is not None:
            strokes = list(plan_strokes(prediction.values, truth, wish.annotator))
        seconds = total_seconds(strokes, wish.annotator)
        pixels = self._paint(record, strokes, prediction, seconds)
        self._labelled += session.pictures.get(record.id).labelled_pixels
        self.efforts.append(
            AnnotatedPicture(
                record.name,
                len(strokes),
                waited + seconds,
                waited,
                pixels,
                len(blank),
                total_seconds(blank, wish.annotator),
                prediction.mean_confidence if prediction else None,
                picture_iou(prediction.values, truth) if prediction else None,
                self.seconds + waited + seconds,
                self._labelled / self._area if self._area else 0.0,
                self._miou,
            )
        )

    def _prediction(self, record: PictureRecord) -> tuple[PredictedMask | None, float]:
        """The newest prediction of a picture, and the seconds waited for it: none where it is there already.

        A picture that is opened is predicted before all others, so that an old prediction is soon replaced.
        """
        if not self._session.training.has_weights:
            return None, 0.0
        began = time.monotonic()
        waited = 0.0
        while record.id not in self._up_to_date and waited < MAX_WAIT_SECONDS:
            self._check()
            time.sleep(POLL_SECONDS)
            waited = time.monotonic() - began
        try:
            return read_prediction(self._target.prediction_path(record.id)), waited
        except ImageError:
            return None, waited

    def _paint(
        self,
        record: PictureRecord,
        strokes: Sequence[PlannedStroke],
        prediction: PredictedMask | None,
        seconds: float,
    ) -> int:
        """Stroke by stroke into the document, then accept what is right. Returns pixels painted by hand."""
        session = self._session
        names = {c.value: c.name for c in session.editing.classes}
        labels = LabelMap.blank(record.width or 0, record.height or 0)
        written: list[Future[Any]] = []
        pixels = 0
        self._clock.start_picture(seconds)
        for stroke in strokes:
            self._clock.wait(stroke.seconds)
            labels.begin_edit(f"Brush stroke, {names[stroke.value]}", "brush", stroke.value)
            labels.paint(stroke.box, stroke.mask, stroke.value)
            edit = labels.finish_edit()
            if edit is not None:
                pixels += edit.pixels
                written.append(session.editing.commit(record.id, replace(edit, seconds=stroke.seconds)))
        if prediction is not None:
            accepted = accept_everywhere(labels, prediction).apply(labels)
            if accepted is not None:
                written.append(session.editing.commit(record.id, replace(accepted, seconds=0.0)))
        self._clock.wait(self._options.annotator.check_seconds)
        written.append(session.editing.set_status(record.id, Status.DONE))
        for future in written:
            future.result()
        session.wait_until_saved()
        self._check()
        return pixels

    def _on_event(self, news: SessionEvent) -> None:
        """On whatever thread it happens."""
        if isinstance(news, Changes):
            self._up_to_date |= news.predictions
        elif isinstance(news, TrainingState):
            if (news.run_id, news.published) != self._published and news.published:
                self._published = news.run_id, news.published
                self._up_to_date.clear()
            if news.miou is not None:
                self._miou = news.miou
            self.start_failure = news.message if news.failed else ""
            # Without a run there was only too little to learn from yet: the next stroke has it begin again.
            if news.failed and news.run_id is not None:
                self._failed = news.message

    def _check(self) -> None:
        if self._errors:
            raise self._errors[0]
        if self._failed:
            raise TrainingError(f"The network could not go on learning: {self._failed}")


class _SimulatedClock:
    """Makes real seconds pass as simulated ones do."""

    def __init__(self, pace: float, cap: float) -> None:
        self._pace, self._cap = pace, cap
        self._rate = 1 / pace
        self._started: float | None = None
        self._due = 0.0

    @property
    def real(self) -> float:
        return 0.0 if self._started is None else time.monotonic() - self._started

    def start_picture(self, seconds: float) -> None:
        """A picture that will take so many simulated seconds is opened."""
        if self._started is None:
            self._started = time.monotonic()
        self._rate = min(1 / self._pace, self._cap / seconds)

    def credit(self, seconds: float) -> None:
        """So many real seconds have been waited, which the person did as well."""
        self._due += seconds

    def wait(self, seconds: float) -> None:
        """So many simulated seconds pass."""
        self._due += seconds * self._rate
        late = self.real - self._due
        if late < 0:
            time.sleep(-late)


def _area(record: PictureRecord) -> int:
    return (record.width or 0) * (record.height or 0)
