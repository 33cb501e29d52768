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
from core.session.training.next_run import next_recipe, plan_next, spec_of
from core.session.training.prediction_queue import PredictionQueue
from core.session.training.run_recorder import RunRecorder
from core.session.training.snapshot_builder import (
    check_trainable,
    open_snapshot,
    trainable_pictures,
    update_snapshot,
)
from core.training import events
from core.training.data.snapshot import TrainingSnapshot
from core.training.process.worker_client import WorkerClient

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

MIN_LABELLED_PICTURES = 3
"""Labelled pictures with which training starts by itself."""
UPDATE_SECONDS = 1.0
"""Seconds between two times at which labels join a training: a single stroke at once, many together."""
RESTART_AFTER_CHANGED = 2
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
class TrainingPreferences:
    """What the user's settings say about training."""

    automatic: bool = True
    minutes: float = 4.0
    device: str = "auto"
    tta: str = "none"
    """How often a picture is looked at when it is predicted: a key of `core.models.inference.VIEWS`."""


class TrainingService:
    """Owns training and prediction. Called from any thread; everything happens on the training lane.

    The heavy work is done by a child process (core.training.process.worker_client); this class decides what it does and puts what
    it says into the document. It reads the project through a connection of its own, so that freezing a hundred
    pictures never holds up a stroke, and writes through the document lane.
    """

    def __init__(
        self,
        project: Project,
        document: Lane,
        announce: Callable[[Changes], None],
        announce_state: Callable[[TrainingState], None],
        preferences: TrainingPreferences,
    ) -> None:
        self._project = project
        self._reader = Project.open_read_only(project.home)
        self._document = document
        self._announce = announce
        self._announce_state = announce_state
        self._preferences = preferences
        self._lane = Lane("training")
        self._worker = WorkerClient(self._on_worker_event)
        self._predictions = PredictionQueue(self._reader, self._worker, preferences.tta, preferences.device)
        self._snapshot: TrainingSnapshot | None = None
        self._in_snapshot: set[int] = set()
        self._changed: set[int] = set()
        self._reported: set[int] = set()
        self._last_update = 0.0
        self._recorder: RunRecorder | None = None
        self._stop_requested = False
        self._closing = False
        newest = self._predictions.run
        self.state = TrainingState(miou=newest.best_miou if newest else None)

    # What the window says -----------------------------------------------------------------------

    @property
    def has_weights(self) -> bool:
        """Whether any run has published."""
        return self._predictions.run is not None

    def start(self) -> None:
        """Train from the last weights on everything labelled. A sentence in `state` says why it cannot."""
        self._stop_requested = (
            False  # at once, so that a stop that comes before the lane gets to it is one of this training
        )
        self._post(self._start)

    def pause(self) -> None:
        """Hold training after the current step; predictions go on."""
        self._worker.pause()
        self._post(self._change_phase, {"training": "paused"})

    def resume(self) -> None:
        self._worker.resume()
        self._post(self._change_phase, {"paused": "training"})

    def stop(self) -> None:
        """End training within two seconds; the best checkpoint stays."""
        self._stop_requested = True
        self._worker.stop()
        self._post(self._change_phase, {"training": "stopping", "paused": "stopping", "starting": "stopping"})

    def start_if_due(self) -> None:
        """Start if the rule says that it is time."""
        self._post(self._start_if_due)

    def set_preferences(self, preferences: TrainingPreferences) -> None:
        """The settings have changed."""
        self._preferences = preferences
        self._post(self._predictions.set_options, preferences.tta, preferences.device)
        self.start_if_due()

    def on_label_changed(self, picture_id: int) -> None:
        """An edit of this picture is durable."""
        self._post(self._on_label_changed, picture_id)

    def on_picture_shown(self, picture_id: int, upcoming: Sequence[int]) -> None:
        """This picture is on screen: predict it first, then those that will come next."""
        self._post(self._predictions.on_picture_shown, picture_id, upcoming)

    def close(self) -> None:
        """End the child process and the lane; what was published stays. Blocks for a moment."""
        self._closing = self._stop_requested = True
        self._worker.close()
        self._lane.shutdown(cancel_futures=True)
        if self._recorder is not None:
            self._write(self._project.runs.end, self._recorder.run.id, "stopped")
        self._reader.close()

    # On the training lane -------------------------------------------------------------------------

    def _start(self) -> None:
        if self.state.phase != "idle":
            return
        self._set_state(replace(self.state, phase="starting", message="", failed=False))
        try:
            self._prepare_and_train()
        except Cancelled:
            self._set_state(replace(self.state, phase="idle"))
        except MaskloopError as problem:
            self._set_state(replace(self.state, phase="idle", message=str(problem), failed=True))

    def _prepare_and_train(self) -> None:
        self._announce(self._write(self._project.pictures.assign_missing_splits))
        records = trainable_pictures(self._reader)
        check_trainable(self._reader, records)
        device = self._preferences.device
        moment, spec, base = self._plan_next(records)
        recipe = next_recipe(self._reader, self._preferences.minutes, device)
        if self._snapshot is None or not self._snapshot.is_compatible(spec):
            self._snapshot = open_snapshot(self._project.cache_folder / "training", spec, recipe)
            self._in_snapshot.clear()
        self._snapshot.reconfigure(spec, recipe)
        problems = self._update_snapshot(records)
        note = self._reader.pictures.split_warning()
        self._check_stop()
        start = partial(RunRecorder, self._project, spec, recipe, base, len(records), note, moment)
        self._recorder = self._write(start)
        run_id = self._recorder.run.id
        self._announce(Changes(runs=True))
        self._set_state(TrainingState("starting", run_id, message=" ".join(problems[:2])))
        folder = self._project.run_folder(base.id) if base else None
        self._worker.train(self._project.run_folder(run_id), self._snapshot.folder, folder)
        if (
            self._stop_requested
        ):  # pressed since; the worker may have heard it before there was anything to stop
            self._worker.stop()

    def _plan_next(self, records: list[PictureRecord]) -> tuple[int, ModelSpec, RunRecord | None]:
        """The next network, what it starts from, and the moment whose classes it means: one that no class has been
        merged, deleted or renumbered since."""
        while True:
            moment = self._reader.classes.latest_remap_id()
            spec, base = plan_next(self._reader, records, self._predictions.run, self._preferences.device)
            if moment == self._reader.classes.latest_remap_id():
                return moment, spec, base

    def _update_snapshot(self, records: list[PictureRecord]) -> list[str]:
        """Bring the snapshot up to date. Raises Cancelled when somebody pressed stop meanwhile."""
        assert self._snapshot is not None
        stale = [r for r in records if r.id not in self._in_snapshot or r.id in self._changed]

        def check_stop(_done: int, _of: int) -> None:
            self._check_stop()

        problems = update_snapshot(self._reader, self._snapshot, records, stale, check_stop)
        self._in_snapshot = {record.id for record in records}
        self._changed.clear()
        return problems

    def _check_stop(self) -> None:
        """Raises Cancelled when somebody pressed stop since the start."""
        if self._stop_requested:
            raise Cancelled

    def _on_label_changed(self, picture_id: int) -> None:
        if self._preferences.automatic:
            self._worker.prepare()  # torch takes seconds to load: once there is enough to learn from, it is there
        self._changed.add(picture_id)
        if self.state.phase == "training" and time.monotonic() - self._last_update > UPDATE_SECONDS:
            self._update_labels_if_due()
        self._start_if_due()

    def _start_if_due(self) -> None:
        """The rule: three labelled pictures of two classes to begin, two changed ones to begin again.

        A class that was painted but is not known to the weights yet is reason enough.
        """
        if not self._preferences.automatic or self.state.phase != "idle":
            return
        newest = self._predictions.run
        counts = self._reader.pictures.counts()
        painted = set(self._reader.classes.read().values) & set(counts.class_pixels)
        if counts.labelled < MIN_LABELLED_PICTURES or len(painted) < 2:
            return
        known: set[int] = set()
        if newest is not None:
            now = self._reader.classes.mapping_since(newest.after_move_id)
            known = {int(now[value]) for value in spec_of(newest).class_values}
        if newest is None or len(self._changed) >= RESTART_AFTER_CHANGED or painted - known:
            self._stop_requested = False
            self._start()

    def _update_labels_if_due(self) -> None:
        """While training: labels painted since the last look join in at the next step. Where that is refused, they
        wait and it is said."""
        if not self._changed or self._snapshot is None:
            return
        self._last_update = time.monotonic()
        try:
            self._update_labels()
        except Cancelled:
            pass
        except MaskloopError as problem:
            log.warning("labels could not join the training: %s", problem)
            self._set_state(replace(self.state, message=str(problem)))

    def _update_labels(self) -> None:
        self._announce(self._write(self._project.pictures.assign_missing_splits))
        taught = self._in_snapshot | self._changed
        records = [r for r in trainable_pictures(self._reader) if r.id in taught]
        problems = self._update_snapshot(records)
        if problems:
            self._set_state(replace(self.state, message=problems[0]))
        self._worker.refresh()
        if self._recorder is not None:
            self._announce(self._write(self._recorder.set_labelled_pictures, len(records)))

    # What the child process says -------------------------------------------------------------------

    def _on_worker_event(self, event: events.TrainingEvent) -> None:
        self._post(self._handle_event, event)

    def _handle_event(self, event: events.TrainingEvent) -> None:
        refused = ""
        if self._recorder is not None:
            refused = self._try_write(self._recorder.record, event)
        match event:
            case events.TrainingStarted():
                self._set_state(replace(self.state, device=event.device))
                self._change_phase({"starting": "training"})
            case events.TrainingProgress():
                self._on_progress(event)
            case events.CheckpointPublished():
                self._on_published(event)
            case events.PredictionReady():
                done = self._project.runs.record_prediction
                self._try_write(done, event.picture_id, event.run_id, event.mean_confidence)
                self._predictions.on_answer(event)
            case events.PredictionFailed():
                self._predictions.on_answer(event)
                if not event.lost and event.picture_id not in self._reported and not self.state.failed:
                    self._reported.add(event.picture_id)  # with the next weights it would be said again
                    self._set_state(replace(self.state, message=event.message))
            case events.TrainingFinished():
                if event.reason != "replaced":
                    again = event.reason != "stopped" and not refused
                    self._on_ended(refused, failed=bool(refused), starts_again=again)
            case events.WorkerFailed():
                self._on_failed(event)
            case events.TrainingNote():
                self._set_state(replace(self.state, message=event.message))

    def _on_progress(self, event: events.TrainingProgress) -> None:
        self._change_phase({"starting": "training"})
        self._set_state(
            replace(
                self.state,
                step=event.step,
                seconds=event.seconds,
                seconds_left=event.seconds_left,
                pictures_per_second=event.pictures_per_second,
                loss=event.loss,
            )
        )
        self._update_labels_if_due()

    def _on_published(self, event: events.CheckpointPublished) -> None:
        if self._recorder is not None:
            self._set_state(replace(self.state, published=self._recorder.published, miou=event.miou))
            self._predictions.on_new_weights(self._reader.runs.get(self._recorder.run.id))

    def _on_failed(self, event: events.WorkerFailed) -> None:
        log.error("the training process: %s\n%s", event.message, event.details)
        if event.training:
            self._on_ended(event.message, failed=True)
        else:  # a training may be about to begin in the next process
            self._set_state(replace(self.state, message=event.message))

    def _on_ended(self, message: str, *, failed: bool = False, starts_again: bool = False) -> None:
        self._recorder = None
        self._set_state(replace(self.state, phase="idle", seconds_left=None, message=message, failed=failed))
        # After a failure or a stop the person decides; starting by itself would undo what was asked for.
        if starts_again:
            self._start_if_due()

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

    def _try_write(self, act: Callable[P, Changes], *args: P.args, **kwargs: P.kwargs) -> str:
        """Write into the document what the process said. Where that is refused (a full disk), a sentence that says why;
        the training and what follows from the event go on."""
        try:
            self._announce(self._write(act, *args, **kwargs))
        except MaskloopError as problem:
            log.warning("not in the document: %s", problem)
            self._set_state(replace(self.state, message=str(problem)))
            return str(problem)
        return ""

    def _change_phase(self, phases: dict[str, str]) -> None:
        """Go from one phase to another; a phase that is not in `phases` stays."""
        self._set_state(replace(self.state, phase=phases.get(self.state.phase, self.state.phase)))

    def _set_state(self, state: TrainingState) -> None:
        if state != self.state:
            self.state = state
            self._announce_state(state)
