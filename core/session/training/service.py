"""Trains networks on the project's labels in the background, and keeps the predictions up to date."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import ParamSpec, TypeVar

from core.base.changes import Changes
from core.base.errors import Cancelled, MaskloopError, ProjectError
from core.base.lane import Lane
from core.evaluation.run_choice import find_run
from core.models.spec import ModelSpec
from core.project.project import Project
from core.project.records import PictureRecord, RunRecord
from core.session.change_writer import ChangeWriter
from core.session.read_lane import ReadLane
from core.session.training.changed_pictures import ChangedPictures
from core.session.training.event_handler import WorkerEventHandler
from core.session.training.input_size import ADVICE_FACT, propose_size, stretched_text
from core.session.training.new_classes import RestartRule
from core.session.training.next_run import (
    chosen_callbacks,
    default_network_note,
    incumbent_of,
    next_recipe,
    other_weights_note,
    plan_next,
)
from core.session.training.prediction_queue import PredictionQueue
from core.session.training.run_recorder import RunRecorder
from core.session.training.snapshot_builder import (
    check_trainable,
    open_snapshot,
    trainable_pictures,
    update_snapshot,
)
from core.session.training.start_rule import is_training_due
from core.session.training.training_state import TrainingPreferences, TrainingState, TrainingStatus
from core.training.data.snapshot import TrainingSnapshot
from core.training.events import TrainingEvent
from core.training.process.worker_client import WorkerClient

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

UPDATE_SECONDS = 1.0
"""Least time between two updates of the snapshot during training, so that many strokes join together."""


class TrainingService:
    """The commands of the person about training. Called from any thread; the work is done on the training lane.

    A child process trains and predicts (`WorkerClient`); `WorkerEventHandler` applies what it reports. Here is decided
    when it trains and on what. The lane reads through its own connection, so that copying a hundred pictures into the
    snapshot never delays a stroke; it writes through the document lane. In a project that is open for reading alone
    nothing is done: another program may be training in it.
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
        self._document = document
        self._announce = announce
        self._writer = ChangeWriter(document, announce)
        self._preferences = preferences
        self._lane = ReadLane("training", project.home)
        self._reader = self._lane.project
        self._worker = WorkerClient(self._on_worker_event)
        self._predictions = PredictionQueue(self._reader, self._worker, preferences.tta, preferences.device)
        in_use = self._predictions.run
        self._status = TrainingStatus(
            announce_state, TrainingState(miou=in_use.best_miou if in_use else None)
        )
        self._events = WorkerEventHandler(
            project,
            self._reader,
            self._writer,
            self._status,
            self._predictions,
            on_progress=self._update_labels_if_due,
            on_finished=self._on_finished,
        )
        self._restart = RestartRule()
        self._snapshot: TrainingSnapshot | None = None
        self._in_snapshot: set[int] = set()
        self._changed = ChangedPictures(preferences.start_rule, self.start_if_due)
        self._last_update = 0.0
        self._stop_requested = False
        self._closing = False

    @property
    def state(self) -> TrainingState:
        return self._status.state

    @property
    def has_weights(self) -> bool:
        """Whether any run has published a checkpoint."""
        return self._predictions.run is not None

    def start(self) -> None:
        """Train on all labels, from the weights in use. When that is not possible, `state.message` says why."""
        # Reset here and not on the lane: a `stop` that follows at once means this training.
        self._stop_requested = False
        self._post(self._start)

    def warm_up(self) -> None:
        """Start the child process if something is labelled: its imports take as long as the first checkpoint."""
        self._post(self._warm_up)

    def pause(self) -> None:
        """Pause after the current step; predictions go on."""
        self._worker.pause()
        self._post(self._status.change_phase, {"training": "paused"})

    def resume(self) -> None:
        self._worker.resume()
        self._post(self._status.change_phase, {"paused": "training"})

    def hold(self, *, on: bool) -> None:
        """As `WorkerClient.hold`, for a training on the processor; on a graphics card nobody waits for it."""
        if not on or self.state.device == "cpu":
            self._worker.hold(on=on)

    def stop(self) -> None:
        """End training within two seconds; the best checkpoint stays."""
        self._stop_requested = True
        self._worker.stop()
        stopping = {"training": "stopping", "paused": "stopping", "starting": "stopping"}
        self._post(self._status.change_phase, stopping)

    def use(self, run_id: int) -> None:
        """Let the weights of this run predict, and be trained on, from now on; every picture is predicted again.

        A training that is under way does not take their place. When they are gone, `state.message` says so.
        """
        self._post(self._use, run_id)

    def start_if_due(self) -> None:
        """Start if training is automatic and `is_training_due`."""
        self._post(self._start_if_due)

    def set_preferences(self, preferences: TrainingPreferences) -> None:
        """Apply changed settings."""
        self._preferences = preferences
        self._post(self._changed.set_rule, preferences.start_rule)
        self._post(self._predictions.set_options, preferences.tta, preferences.device)
        self.start_if_due()

    def on_label_changed(self, picture_id: int) -> None:
        """An edit of this picture has been stored."""
        self._post(self._on_label_changed, picture_id)

    def on_content_changed(self, picture_id: int) -> None:
        """The file of this picture has other content than before."""
        self._post(self._on_content_changed, picture_id)

    def on_picture_shown(self, picture_id: int, upcoming: Sequence[int]) -> None:
        """This picture is on screen: predict it first, then the `upcoming` ones."""
        self._post(self._predictions.on_picture_shown, picture_id, upcoming)

    def close(self) -> None:
        """End the child process and the lane; published checkpoints stay.

        The process ends after its current step; nobody waits for it, because nothing that it still does is needed.
        """
        self._closing = self._stop_requested = True
        self._worker.close(timeout=0)
        self._lane.shutdown(cancel_futures=True)
        if self._events.recorder is not None:
            try:
                self._write(self._project.runs.end, self._events.recorder.run.id, "stopped")
            except ProjectError as problem:  # the next one to open the project ends the run
                log.warning("the end of the training could not be stored: %s", problem)
        self._lane.close()
        self._changed.close()

    # Training lane: starting ------------------------------------------------------------------------

    def _warm_up(self) -> None:
        if self._reader.pictures.labelled():
            self._worker.prepare()

    def _start_if_due(self) -> None:
        if not self._preferences.automatic or self.state.phase != "idle":
            return
        newest = self._reader.runs.latest_published()
        if is_training_due(self._reader, newest, changes_suffice=self._changed.suffice):
            self._stop_requested = False
            self._start()

    def _on_finished(self, reason: str) -> None:
        """A training has ended. After a stop the person decides whether to train again."""
        if self._restart.take() and not self._stop_requested:
            self._start()
        elif reason != "stopped":
            self._start_if_due()

    def _use(self, run_id: int) -> None:
        try:
            run = find_run(self._reader, run_id)
            recorder = self._events.recorder
            if recorder is not None:
                recorder.may_take_over = recorder.is_in_use = run_id == recorder.run.id
            self._writer.write(self._project.runs.choose, run_id)
        except MaskloopError as problem:
            self._status.show_message(str(problem))
            return
        self._status.set(replace(self.state, miou=run.best_miou, message=""))
        self._predictions.on_new_weights(run)

    def _start(self) -> None:
        if self.state.phase != "idle":
            return
        self._worker.prepare()  # it imports torch while the labels are gathered
        self._status.set(replace(self.state, phase="starting", message="", failed=False))
        try:
            self._prepare_and_train()
        except Cancelled:
            self._status.set(replace(self.state, phase="idle"))
        except MaskloopError as problem:
            self._status.set(replace(self.state, phase="idle", message=str(problem), failed=True))

    def _prepare_and_train(self) -> None:
        """Bring the snapshot up to date, store a new run and tell the worker to train it.

        Raises Cancelled when a stop was requested meanwhile, and MaskloopError.
        """
        self._writer.write(self._project.pictures.assign_missing_splits)
        records = trainable_pictures(self._reader)
        check_trainable(self._reader)
        remap_id, spec, base = self._plan_next(records)
        incumbent = incumbent_of(self._reader, self._predictions.run, base, spec)
        recipe = next_recipe(self._reader, self._preferences.minutes, self._preferences.device, spec)
        if self._snapshot is None or not self._snapshot.is_compatible(spec):
            self._snapshot = open_snapshot(self._project.cache_folder / "training", spec, recipe)
            self._in_snapshot.clear()
        self._snapshot.reconfigure(spec, recipe)
        problems = self._update_snapshot(records)
        if said := default_network_note(self._reader, base) or other_weights_note(self._reader, base):
            problems.insert(0, said)
        note = self._reader.pictures.split_warning()
        entries = self._snapshot.entries()
        if stretched := stretched_text(spec, entries.values()):
            problems.insert(0, stretched)
        self._in_snapshot = set(entries)  # what had to be left out is tried again at the next start
        proposal = propose_size(
            [entry.scaled_regions for entry in entries.values()],
            spec.size,
            self._reader.classes.read(),
        )
        self._write(self._project.set_fact, ADVICE_FACT, proposal.to_json())
        self._check_stop()
        start_run = partial(RunRecorder, self._project, spec, recipe, base, records, note, remap_id)
        recorder = self._events.recorder = self._write(start_run)
        run_id = recorder.run.id
        self._announce(Changes(runs=True))
        self._restart = RestartRule(spec.class_values)
        message = " ".join(problems[:2])
        self._status.set(TrainingState("starting", run_id, miou=self.state.miou, message=message))
        base_folder = self._project.run_folder(base.id) if base else None
        run_folder = self._project.run_folder(run_id)
        callbacks = chosen_callbacks(self._reader, run_folder, self._preferences.after_evaluation)
        self._worker.train(run_folder, self._snapshot.folder, base_folder, incumbent, callbacks)
        # Requested since the last check: the worker may have got it when there was nothing to stop yet.
        if self._stop_requested:
            self._worker.stop()

    def _plan_next(self, records: list[PictureRecord]) -> tuple[int, ModelSpec, RunRecord | None]:
        """The latest class remap, the next network, and the run whose weights it starts from.

        Planned again when a class was merged, deleted or renumbered meanwhile, so that all three belong together.
        """
        while True:
            remap_id = self._reader.classes.latest_remap_id()
            spec, base = plan_next(self._reader, records, self._predictions.run, self._preferences.device)
            if remap_id == self._reader.classes.latest_remap_id():
                return remap_id, spec, base

    def _update_snapshot(self, records: list[PictureRecord]) -> list[str]:
        """Copy new and changed pictures into the snapshot. Returns what had to be left out. Raises Cancelled."""
        assert self._snapshot is not None
        outdated = [r for r in records if r.id not in self._in_snapshot or r.id in self._changed.ids]

        def check_stop(_done: int, _of: int) -> None:
            self._check_stop()

        problems = update_snapshot(self._reader, self._snapshot, records, outdated, check_stop)
        self._in_snapshot = {record.id for record in records}
        self._changed.clear()
        return problems

    def _check_stop(self) -> None:
        """Raises Cancelled when a stop was requested since the start."""
        if self._stop_requested:
            raise Cancelled

    # Training lane: labels that change --------------------------------------------------------------

    def _on_label_changed(self, picture_id: int) -> None:
        if self._preferences.automatic:
            self._worker.prepare()  # importing torch takes seconds: done before there is enough to train on
        self._changed.add(picture_id)
        if self.state.phase == "training" and time.monotonic() - self._last_update > UPDATE_SECONDS:
            self._update_labels_if_due()
        self._start_if_due()

    def _on_content_changed(self, picture_id: int) -> None:
        self._predictions.on_content_changed(picture_id)
        if picture_id in self._in_snapshot:  # its label is left out until somebody says that it fits
            self._on_label_changed(picture_id)

    def _update_labels_if_due(self) -> None:
        """During training: pass labels that changed to the worker, which uses them from its next step.

        Where that fails they stay marked as changed, and the message is shown.
        """
        if self._restart.is_due and self.state.phase == "training":
            self._worker.stop()
        if not self._changed.ids or self._snapshot is None:
            return
        self._last_update = time.monotonic()
        try:
            self._update_labels()
        except Cancelled:
            pass
        except MaskloopError as problem:
            log.warning("changed labels could not join the training: %s", problem)
            self._status.show_message(str(problem))

    def _update_labels(self) -> None:
        self._writer.write(self._project.pictures.assign_missing_splits)
        wanted = self._in_snapshot | self._changed.ids
        records = [r for r in trainable_pictures(self._reader) if r.id in wanted]
        problems = self._update_snapshot(records)
        if problems:
            self._status.show_message(problems[0])
        assert self._snapshot is not None
        news = self._restart.note_labels(self._snapshot.entries().values(), self._reader.classes.read())
        if news:
            self._status.show_message(news)
        self._worker.refresh()
        recorder = self._events.recorder
        if recorder is not None:
            self._writer.write(recorder.set_records, records)

    # Between the threads ----------------------------------------------------------------------------

    def _on_worker_event(self, event: TrainingEvent) -> None:
        self._post(self._events.handle, event)

    def _post(self, work: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> Future[None]:
        """Run `work` on the training lane, but not while the session closes, nor where nothing may be written."""
        if not self._closing and self._project.is_writing:
            try:
                return self._lane.submit(work, *args, **kwargs)
            except RuntimeError:
                log.debug("the training lane is closed")
        nothing: Future[None] = Future()
        nothing.cancel()
        return nothing

    def _write(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `work` on the document lane and wait for it."""
        return self._document.submit(work, *args, **kwargs).result()
