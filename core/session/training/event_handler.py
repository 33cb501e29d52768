"""Applies the events of the training worker: run rows, measurements, predictions and the state on screen."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import ParamSpec

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.project.project import Project
from core.session.change_writer import ChangeWriter
from core.session.training.prediction_queue import PredictionQueue
from core.session.training.run_recorder import RunRecorder
from core.session.training.training_state import TrainingStatus
from core.training import events

log = logging.getLogger(__name__)

P = ParamSpec("P")


class WorkerEventHandler:
    """Lives on the training lane; reads through `reader`, and writes through `project` with `writer`.

    `on_progress` is called after each step event, `on_finished` with the reason after a training.
    """

    def __init__(
        self,
        project: Project,
        reader: Project,
        writer: ChangeWriter,
        status: TrainingStatus,
        predictions: PredictionQueue,
        *,
        on_progress: Callable[[], None],
        on_finished: Callable[[str], None],
    ) -> None:
        self._project = project
        self._reader = reader
        self._writer = writer
        self._status = status
        self._predictions = predictions
        self._on_training_progress = on_progress
        self._on_training_finished = on_finished
        self._reported: set[int] = set()
        self.recorder: RunRecorder | None = None
        """Writes the run under way; None between trainings. The document lane owns what it writes."""

    def handle(self, event: events.TrainingEvent) -> None:
        """Store what the event says, then update the state, the predictions and what depends on them."""
        write_error = ""
        if self.recorder is not None:
            write_error = self._try_write(self.recorder.record, event)
        match event:
            case events.TrainingStarted():
                self._status.set(replace(self._status.state, device=event.device))
                self._status.change_phase({"starting": "training"})
            case events.TrainingProgress():
                self._on_progress(event)
            case events.TrainingStage():
                self._status.set(replace(self._status.state, stage=event.description))
            case events.CheckpointPublished():
                self._on_published(event)
            case events.InUseScored():
                self._on_in_use_scored(event)
            case events.PredictionReady():
                self._on_predicted(event)
            case events.PredictionFailed():
                self._on_prediction_failed(event)
            case events.TrainingFinished():
                self._on_end(event.reason, write_error)
            case events.WorkerFailed():
                self._on_failed(event)
            case events.TrainingNote():
                self._status.show_message(event.message)

    def _on_progress(self, event: events.TrainingProgress) -> None:
        self._status.change_phase({"starting": "training"})
        self._status.set(
            replace(
                self._status.state,
                step=event.step,
                stage="",
                seconds=event.seconds,
                seconds_left=event.seconds_left,
                pictures_per_second=event.pictures_per_second,
                loss=event.loss,
            )
        )
        self._on_training_progress()

    def _on_in_use_scored(self, event: events.InUseScored) -> None:
        if self.recorder is not None and self.recorder.may_take_over:
            self._status.set(replace(self._status.state, miou=event.miou))

    def _on_end(self, reason: str, write_error: str) -> None:
        if reason == "replaced":
            return
        note = self.recorder.kept_note if self.recorder is not None else ""
        self._end(write_error or note, failed=bool(write_error))
        if not write_error:  # after a failure the person decides whether to train again
            self._on_training_finished(reason)

    def _on_published(self, event: events.CheckpointPublished) -> None:
        if self.recorder is not None:
            published = self.recorder.published
            self._status.set(replace(self._status.state, published=published, stage=""))
            if not self.recorder.is_in_use:
                return
            self._status.set(replace(self._status.state, miou=event.miou))
            self._predictions.on_new_weights(self._reader.runs.get(self.recorder.run.id))

    def _on_predicted(self, event: events.PredictionReady) -> None:
        runs = self._project.runs
        if self._predictions.is_late(event):
            self._try_write(runs.forget_prediction, event.picture_id, event.run_id)
        elif not self._predictions.is_outdated(event.picture_id):
            self._try_write(runs.record_prediction, event.picture_id, event.run_id, event.mean_confidence)
        self._predictions.on_answer(event)

    def _on_prediction_failed(self, event: events.PredictionFailed) -> None:
        self._predictions.on_answer(event)
        if not event.lost and event.picture_id not in self._reported and not self._status.state.failed:
            self._reported.add(event.picture_id)  # once: every new checkpoint would repeat it
            self._status.show_message(event.message)

    def _on_failed(self, event: events.WorkerFailed) -> None:
        log.error("the training process: %s\n%s", event.message, event.details)
        if event.training:
            if event.refused:
                self._status.set(replace(self._status.state, run_id=None))
            self._end(event.message, failed=True)
        else:  # it was predicting; a training may be about to start in the next process
            self._status.show_message(event.message)

    def _end(self, message: str, *, failed: bool) -> None:
        self.recorder = None
        ended = replace(self._status.state, phase="idle", stage="", seconds_left=None)
        self._status.set(replace(ended, message=message, failed=failed))

    def _try_write(self, write: Callable[P, Changes], *args: P.args, **kwargs: P.kwargs) -> str:
        """Write on the document lane. Returns the error message when that fails (a full disk), and shows it.

        The training goes on, and so does everything else that follows from the event.
        """
        try:
            self._writer.write(write, *args, **kwargs)
        except MaskloopError as problem:
            log.warning("could not store what the worker reported: %s", problem)
            self._status.show_message(str(problem))
            return str(problem)
        return ""
