"""Journey three: labels become a better network while the hand goes on painting."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import ParamSpec, TypeVar

from core.base.changes import Changes
from core.base.errors import Cancelled, MaskloopError
from core.base.lane import Lane
from core.models.spec import ModelSpec
from core.project.project import Project
from core.project.records import PictureRecord, RunRecord
from core.session.training.next_run import planned, spec_of, wished_recipe
from core.session.training.prediction_queue import Predicting
from core.session.training.run_recorder import RunRecorder
from core.session.training.snapshot_builder import check_learnable, freeze_all, learnable, open_snapshot
from core.training import events
from core.training.snapshot import Snapshot
from core.training.worker_client import Worker

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

ENOUGH_PICTURES = 3
"""Labelled pictures with which training starts by itself."""
FEED_EVERY = 1.0
"""Seconds between two times at which labels join a training: a single stroke at once, many together."""
CHANGED_PICTURES = 2
"""Changed pictures after which it starts again."""


@dataclass(frozen=True, slots=True)
class TrainingState:
    """Where the learning is, for the screen. Immutable; a new one is announced at every change.

    phase: idle, starting, training, paused or stopping. seconds_left is None when nobody knows.
    miou: the best on the validation pictures, None until there is one. message: a sentence, or empty.
    """

    phase: str = "idle"
    run_id: int | None = None
    device: str = ""
    step: int = 0
    seconds: float = 0.0
    seconds_left: float | None = None
    pictures_per_second: float = 0.0
    loss: float | None = None
    miou: float | None = None
    published: int = 0
    message: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class TrainingWishes:
    """What the user's settings say about training."""

    automatic: bool = True
    minutes: float = 4.0
    device: str = "auto"
    looks: str = "none"
    """How often a picture is looked at when it is predicted: a key of `core.models.inference.VIEWS`."""


class Retraining:
    """Owns training and prediction. Called from any thread; everything happens on the training lane.

    The heavy work is done by a child process (core.training.worker_client); this class decides what it does and puts what
    it says into the document. It reads the project through a connection of its own, so that freezing a hundred
    pictures never holds up a stroke, and writes through the document lane.
    """

    def __init__(
        self,
        project: Project,
        document: Lane,
        announce: Callable[[Changes], None],
        announce_state: Callable[[TrainingState], None],
        wishes: TrainingWishes,
    ) -> None:
        self._project = project
        self._reader = Project.read(project.home)
        self._document = document
        self._announce = announce
        self._announce_state = announce_state
        self._wishes = wishes
        self._lane = Lane("training")
        self._worker = Worker(self._overhear)
        self._predicting = Predicting(self._reader, self._worker, wishes.looks, wishes.device)
        self._snapshot: Snapshot | None = None
        self._frozen: set[int] = set()
        self._changed: set[int] = set()
        self._told: set[int] = set()
        self._fed = 0.0
        self._recorder: RunRecorder | None = None
        self._stop_wanted = False
        self._closing = False
        newest = self._predicting.run
        self.state = TrainingState(miou=newest.best_miou if newest else None)

    # What the window says -----------------------------------------------------------------------

    @property
    def has_weights(self) -> bool:
        """Whether any run has published."""
        return self._predicting.run is not None

    def start(self) -> None:
        """Train from the last weights on everything labelled. A sentence in `state` says why it cannot."""
        self._stop_wanted = (
            False  # at once, so that a stop that comes before the lane gets to it is one of this training
        )
        self._post(self._start)

    def pause(self) -> None:
        """Hold training after the current step; predictions go on."""
        self._worker.pause()
        self._post(self._move, {"training": "paused"})

    def resume(self) -> None:
        self._worker.resume()
        self._post(self._move, {"paused": "training"})

    def stop(self) -> None:
        """End training within two seconds; the best checkpoint stays."""
        self._stop_wanted = True
        self._worker.stop()
        self._post(self._move, {"training": "stopping", "paused": "stopping", "starting": "stopping"})

    def consider(self) -> None:
        """Start if the rule says that it is time."""
        self._post(self._start_if_enough)

    def wish(self, wishes: TrainingWishes) -> None:
        """The settings have changed."""
        self._wishes = wishes
        self._post(self._predicting.wish, wishes.looks, wishes.device)
        self.consider()

    def label_changed(self, picture_id: int) -> None:
        """An edit of this picture is durable."""
        self._post(self._label_changed, picture_id)

    def picture_shown(self, picture_id: int, upcoming: Sequence[int]) -> None:
        """This picture is on screen: predict it first, then those that will come next."""
        self._post(self._predicting.picture_shown, picture_id, upcoming)

    def close(self) -> None:
        """End the child process and the lane; what was published stays. Blocks for a moment."""
        self._closing = self._stop_wanted = True
        self._worker.close()
        self._lane.close(drop_waiting=True)
        if self._recorder is not None:
            self._write(self._project.runs.end, self._recorder.run.id, "stopped")
        self._reader.close()

    # On the training lane -------------------------------------------------------------------------

    def _start(self) -> None:
        if self.state.phase != "idle":
            return
        self._set(replace(self.state, phase="starting", message="", failed=False))
        try:
            self._begin()
        except Cancelled:
            self._set(replace(self.state, phase="idle"))
        except MaskloopError as problem:
            self._set(replace(self.state, phase="idle", message=str(problem), failed=True))

    def _begin(self) -> None:
        self._announce(self._write(self._project.pictures.settle_splits))
        records = learnable(self._reader)
        check_learnable(self._reader, records)
        device = self._wishes.device
        moment, spec, base = self._planned(records)
        recipe = wished_recipe(self._reader, self._wishes.minutes, device)
        if self._snapshot is None or not self._snapshot.suits(spec):
            self._snapshot = open_snapshot(self._project.cache / "training", spec, recipe)
            self._frozen.clear()
        self._snapshot.revise(spec, recipe)
        problems = self._freeze(records)
        note = self._reader.pictures.split_note()
        self._check_stop()
        start = partial(RunRecorder, self._project, spec, recipe, base, len(records), note, moment)
        self._recorder = self._write(start)
        run_id = self._recorder.run.id
        self._announce(Changes(runs=True))
        self._set(TrainingState("starting", run_id, message=" ".join(problems[:2])))
        folder = self._project.run_folder(base.id) if base else None
        self._worker.train(self._project.run_folder(run_id), self._snapshot.folder, folder)
        if self._stop_wanted:  # pressed since; the worker may have heard it before there was anything to stop
            self._worker.stop()

    def _planned(self, records: list[PictureRecord]) -> tuple[int, ModelSpec, RunRecord | None]:
        """The next network, what it starts from, and the moment whose classes it means: one that no class has been
        merged, deleted or renumbered since."""
        while True:
            moment = self._reader.classes.moment()
            spec, base = planned(self._reader, records, self._predicting.run, self._wishes.device)
            if moment == self._reader.classes.moment():
                return moment, spec, base

    def _freeze(self, records: list[PictureRecord]) -> list[str]:
        """Bring the snapshot up to date. Raises Cancelled when somebody pressed stop meanwhile."""
        assert self._snapshot is not None
        stale = [r for r in records if r.id not in self._frozen or r.id in self._changed]

        def check_stop(_done: int, _of: int) -> None:
            self._check_stop()

        problems = freeze_all(self._reader, self._snapshot, records, stale, check_stop)
        self._frozen = {record.id for record in records}
        self._changed.clear()
        return problems

    def _check_stop(self) -> None:
        """Raises Cancelled when somebody pressed stop since the start."""
        if self._stop_wanted:
            raise Cancelled

    def _label_changed(self, picture_id: int) -> None:
        if self._wishes.automatic:
            self._worker.prepare()  # torch takes seconds to load: once there is enough to learn from, it is there
        self._changed.add(picture_id)
        if self.state.phase == "training" and time.monotonic() - self._fed > FEED_EVERY:
            self._feed_changes()
        self._start_if_enough()

    def _start_if_enough(self) -> None:
        """The rule: three labelled pictures of two classes to begin, two changed ones to begin again.

        A class that was painted but is not known to the weights yet is reason enough.
        """
        if not self._wishes.automatic or self.state.phase != "idle":
            return
        newest = self._predicting.run
        counts = self._reader.pictures.counts()
        painted = set(self._reader.classes.read().values) & set(counts.class_pixels)
        if counts.labelled < ENOUGH_PICTURES or len(painted) < 2:
            return
        known: set[int] = set()
        if newest is not None:
            now = self._reader.classes.mapping_since(newest.after_move_id)
            known = {int(now[value]) for value in spec_of(newest).class_values}
        if newest is None or len(self._changed) >= CHANGED_PICTURES or painted - known:
            self._stop_wanted = False
            self._start()

    def _feed_changes(self) -> None:
        """While training: labels painted since the last look join in at the next step. Where that is refused, they
        wait and it is said."""
        if not self._changed or self._snapshot is None:
            return
        self._fed = time.monotonic()
        try:
            self._feed()
        except Cancelled:
            pass
        except MaskloopError as problem:
            log.warning("labels could not join the training: %s", problem)
            self._set(replace(self.state, message=str(problem)))

    def _feed(self) -> None:
        self._announce(self._write(self._project.pictures.settle_splits))
        taught = self._frozen | self._changed
        records = [r for r in learnable(self._reader) if r.id in taught]
        problems = self._freeze(records)
        if problems:
            self._set(replace(self.state, message=problems[0]))
        self._worker.refresh()
        if self._recorder is not None:
            self._announce(self._write(self._recorder.feed, len(records)))

    # What the child process says -------------------------------------------------------------------

    def _overhear(self, event: events.Event) -> None:
        self._post(self._hear, event)

    def _hear(self, event: events.Event) -> None:
        refused = ""
        if self._recorder is not None:
            refused = self._kept(self._recorder.record, event)
        match event:
            case events.Started():
                self._set(replace(self.state, device=event.device))
                self._move({"starting": "training"})
            case events.Progress():
                self._progress(event)
            case events.Published():
                self._published(event)
            case events.Predicted():
                done = self._project.runs.predicted
                self._kept(done, event.picture_id, event.run_id, event.mean_confidence)
                self._predicting.answered(event)
            case events.NotPredicted():
                self._predicting.answered(event)
                if not event.lost and event.picture_id not in self._told and not self.state.failed:
                    self._told.add(event.picture_id)  # with the next weights it would be said again
                    self._set(replace(self.state, message=event.sentence))
            case events.Finished():
                if event.reason != "replaced":
                    again = event.reason != "stopped" and not refused
                    self._ended(refused, failed=bool(refused), starts_again=again)
            case events.Failed():
                self._failed(event)
            case events.Note():
                self._set(replace(self.state, message=event.sentence))

    def _progress(self, event: events.Progress) -> None:
        self._move({"starting": "training"})
        self._set(
            replace(
                self.state,
                step=event.step,
                seconds=event.seconds,
                seconds_left=event.seconds_left,
                pictures_per_second=event.pictures_per_second,
                loss=event.loss,
            )
        )
        self._feed_changes()

    def _published(self, event: events.Published) -> None:
        if self._recorder is not None:
            self._set(replace(self.state, published=self._recorder.published, miou=event.miou))
            self._predicting.weights_changed(self._reader.runs.get(self._recorder.run.id))

    def _failed(self, event: events.Failed) -> None:
        log.error("the training process: %s\n%s", event.sentence, event.detail)
        if event.training:
            self._ended(event.sentence, failed=True)
        else:  # a training may be about to begin in the next process
            self._set(replace(self.state, message=event.sentence))

    def _ended(self, message: str, *, failed: bool = False, starts_again: bool = False) -> None:
        self._recorder = None
        self._set(replace(self.state, phase="idle", seconds_left=None, message=message, failed=failed))
        # After a failure or a stop the person decides; starting by itself would undo what was asked for.
        if starts_again:
            self._start_if_enough()

    # Small things --------------------------------------------------------------------------------

    def _post(self, act: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> Future[None]:
        if not self._closing:
            try:
                return self._lane.submit(act, *args, **kwargs)
            except RuntimeError:
                log.debug("the training lane is closed")
        nothing: Future[None] = Future()
        nothing.cancel()
        return nothing

    def _write(self, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return self._document.submit(act, *args, **kwargs).result()

    def _kept(self, act: Callable[P, Changes], *args: P.args, **kwargs: P.kwargs) -> str:
        """Write into the document what the process said. Where that is refused (a full disk), a sentence that says why;
        the training and what follows from the event go on."""
        try:
            self._announce(self._write(act, *args, **kwargs))
        except MaskloopError as problem:
            log.warning("not in the document: %s", problem)
            self._set(replace(self.state, message=str(problem)))
            return str(problem)
        return ""

    def _move(self, phases: dict[str, str]) -> None:
        """Go from one phase to another; a phase that is not in `phases` stays."""
        self._set(replace(self.state, phase=phases.get(self.state.phase, self.state.phase)))

    def _set(self, state: TrainingState) -> None:
        if state != self.state:
            self.state = state
            self._announce_state(state)
