"""A robot does a person's work in a project of its own: it paints, the network learns, and the hours are counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from core.base.changes import Changes
from core.base.errors import ImageError, TrainingError
from core.evaluation.effort import Order, Worked, ahead, picture_iou, shuffled
from core.evaluation.simulated_annotator import Hand, Stroke, corrected, seconds_of
from core.labels.label_map import LabelMap, blank_values
from core.labels.prediction import PredictedMask, read_prediction
from core.project.project import Project
from core.project.records import PictureRecord, Split, Status
from core.session.editing import accept_everywhere
from core.session.session import News, Session
from core.session.training.service import TrainingState, TrainingWishes

PATIENCE = 3.0
"""Seconds that a person waits for the newest network's prediction of a picture, once there is one. They count."""
LOOK_EVERY = 0.05
UPCOMING = 3
"""Pictures that are predicted ahead of the others, as the window asks for it."""


@dataclass(frozen=True, slots=True)
class SimulationWish:
    """pictures, minutes: after how many, or how much simulated time, the robot stops; None: when all are done.

    pace: simulated seconds for each real one that the trainer gets; cap: real seconds it gets a picture at the most.
    """

    order: Order = Order.NAME
    pictures: int | None = None
    minutes: float | None = None
    pace: float = 1.0
    cap: float = 60.0
    seed: int = 0
    device: str = "auto"
    hand: Hand = field(default_factory=Hand)


class Simulation:
    """The robot's session, picture by picture. Used from one thread; owns the session until `close`.

    What a person would do in the window is done through the same journeys: pictures are shown, strokes committed,
    the prediction accepted, the picture marked done; the network learns in its own process meanwhile.

    Time passes like this: each stroke is committed when the hand would have finished it, `pace` times as fast. What
    the planning of strokes takes is made up for by waiting less, so that the trainer gets what the hand took (by
    pace, and no more than `cap` for one picture) and never more than that but for a lag that is carried along.
    """

    def __init__(self, source: Project, robots: Project, wish: SimulationWish) -> None:
        self._source, self._robots, self._wish = source, robots, wish
        self._failed = ""
        self.complaint = ""
        """Why the trainer has not begun, when that is what it said last."""
        self._miou: float | None = None
        self._fresh: set[int] = set()
        self._published: tuple[int | None, int] = None, 0
        self._mistakes: list[BaseException] = []
        works = [r.id for r in robots.pictures.all() if r.split == Split.TRAIN]
        self._truths = {r.path: r for r in source.pictures.labelled()}
        self._waiting = shuffled(works, wish.order, wish.seed)
        self._area = sum(_area(r) for r in map(robots.pictures.get, works))
        self._labelled = 0
        self._clock = _Clock(wish.pace, wish.cap)
        self.worked: list[Worked] = []
        wishes = TrainingWishes(device=wish.device)
        try:
            self._session = Session(robots, self._listen, self._mistakes.append, wishes)
        except BaseException:
            robots.close()
            raise

    @property
    def seconds(self) -> float:
        """Simulated, of the person, so far."""
        return sum(w.seconds for w in self.worked)

    @property
    def real_seconds(self) -> float:
        """Since the first picture was opened: what the trainer had, the start of its process included."""
        return self._clock.real

    @property
    def total(self) -> int:
        """How many pictures there will be at the most."""
        there = len(self._waiting) + len(self.worked)
        return there if self._wish.pictures is None else min(there, self._wish.pictures)

    @property
    def is_over(self) -> bool:
        minutes = self._wish.minutes
        return len(self.worked) >= self.total or (minutes is not None and self.seconds >= 60 * minutes)

    def work(self, progress: Callable[[int, int], None]) -> None:
        """Until it is over. `progress` hears how many of how many pictures are done. Raises TrainingError when the
        network cannot learn, and ProjectError when the disk refuses."""
        while not self.is_over:
            self.work_on_next()
            progress(len(self.worked), self.total)

    def close(self) -> None:
        """End the trainer; the robot's project is closed and stays."""
        self._session.close()

    def work_on_next(self) -> None:
        """One picture, from opening it to being done. Raises as `work` does."""
        wish, session = self._wish, self._session
        waiting = ahead([session.pictures.get(i) for i in self._waiting], wish.order)
        record = waiting[0]
        self._waiting.remove(record.id)
        session.retraining.picture_shown(record.id, [r.id for r in waiting[1 : 1 + UPCOMING]])
        width, height = record.width or 0, record.height or 0
        prediction, waited = self._prediction(record)
        self._clock.allow(waited)
        truth = self._source.labels.read(self._truths[record.path].id, width, height)
        blank = list(corrected(blank_values(width, height), truth, wish.hand))
        strokes = blank
        if prediction is not None:
            strokes = list(corrected(prediction.values, truth, wish.hand))
        seconds = seconds_of(strokes, wish.hand)
        pixels = self._paint(record, strokes, prediction, seconds)
        self._labelled += session.pictures.get(record.id).labelled_pixels
        self.worked.append(
            Worked(
                record.name,
                len(strokes),
                waited + seconds,
                waited,
                pixels,
                len(blank),
                seconds_of(blank, wish.hand),
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
        if not self._session.retraining.has_weights:
            return None, 0.0
        began = time.monotonic()
        waited = 0.0
        while record.id not in self._fresh and waited < PATIENCE:
            self._check()
            time.sleep(LOOK_EVERY)
            waited = time.monotonic() - began
        try:
            return read_prediction(self._robots.prediction_path(record.id)), waited
        except ImageError:
            return None, waited

    def _paint(
        self,
        record: PictureRecord,
        strokes: Sequence[Stroke],
        prediction: PredictedMask | None,
        seconds: float,
    ) -> int:
        """Stroke by stroke into the document, then accept what is right. Returns pixels painted by hand."""
        session = self._session
        names = {c.value: c.name for c in session.editing.classes}
        labels = LabelMap.blank(record.width or 0, record.height or 0)
        written: list[Future[Any]] = []
        pixels = 0
        self._clock.begin(seconds)
        for stroke in strokes:
            self._clock.wait(stroke.seconds)
            labels.begin(f"Brush stroke, {names[stroke.value]}", "brush", stroke.value)
            labels.paint(stroke.box, stroke.mask, stroke.value)
            edit = labels.finish()
            if edit is not None:
                pixels += edit.pixels
                written.append(session.editing.commit(record.id, replace(edit, seconds=stroke.seconds)))
        if prediction is not None:
            accepted = accept_everywhere(labels, prediction).make(labels)
            if accepted is not None:
                written.append(session.editing.commit(record.id, replace(accepted, seconds=0.0)))
        self._clock.wait(self._wish.hand.check_seconds)
        written.append(session.editing.set_status(record.id, Status.DONE))
        for future in written:
            future.result()
        session.settle()
        self._check()
        return pixels

    def _listen(self, news: News) -> None:
        """On whatever thread it happens."""
        if isinstance(news, Changes):
            self._fresh |= news.predictions
        elif isinstance(news, TrainingState):
            if (news.run_id, news.published) != self._published and news.published:
                self._published = news.run_id, news.published
                self._fresh.clear()
            if news.miou is not None:
                self._miou = news.miou
            self.complaint = news.message if news.failed else ""
            # Without a run there was only too little to learn from yet: the next stroke has it begin again.
            if news.failed and news.run_id is not None:
                self._failed = news.message

    def _check(self) -> None:
        if self._mistakes:
            raise self._mistakes[0]
        if self._failed:
            raise TrainingError(f"The network could not go on learning: {self._failed}")


class _Clock:
    """Makes real seconds pass as simulated ones do."""

    def __init__(self, pace: float, cap: float) -> None:
        self._pace, self._cap = pace, cap
        self._rate = 1 / pace
        self._began: float | None = None
        self._due = 0.0

    @property
    def real(self) -> float:
        return 0.0 if self._began is None else time.monotonic() - self._began

    def begin(self, seconds: float) -> None:
        """A picture that will take so many simulated seconds is opened."""
        if self._began is None:
            self._began = time.monotonic()
        self._rate = min(1 / self._pace, self._cap / seconds)

    def allow(self, seconds: float) -> None:
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
