"""Stores the events of one training: the row of the run and its measurements."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

from core.base.changes import Changes
from core.models.spec import ModelSpec
from core.project.project import Project
from core.project.records import Measurement, PictureRecord, RunRecord, Split
from core.project.run_labels import RunLabels
from core.session.training.stored_basis import MeasuredPoint, basis_points
from core.training import events
from core.training.recipe import Recipe

NOTE_SECONDS = 5.0
"""Of training between two measurements of what changes slowly: learning rate, speed and epoch."""


class RunRecorder:
    """Writes one run, event by event. Belongs to the thread that owns `project`."""

    def __init__(
        self,
        project: Project,
        spec: ModelSpec,
        recipe: Recipe,
        base: RunRecord | None,
        records: Sequence[PictureRecord],
        note: str = "",
        remap_id: int | None = None,
    ) -> None:
        """Start a run.

        records: the pictures with labels to train and validate on
        note: a sentence stored with the run, about its training and validation pictures
        remap_id: `ClassRepository.latest_remap_id` when `spec` was made, None for now
        """
        self._project, self._recipe, self._note = project, recipe, note
        self.labelled_pictures = len(records)
        self.published = 0
        self._seconds = 0.0
        """Of training, at the last event that says so."""
        self._next_note = 0.0
        self._speeds: list[float] = []
        self.kept_note = ""
        """What the training noted at its end, stored with the run; empty if nothing."""
        self.evaluated_on: str | None = None
        self.is_in_use = False
        self.may_take_over = True
        """False once a person chose another network while this one was trained."""
        self.run = project.runs.start(
            json.dumps(spec.to_json()),
            json.dumps(recipe.to_json()),
            base.id if base else None,
            len(records),
            remap_id,
        )
        project.runs.set_labels(self.run.id, RunLabels.of(records))
        if note:
            project.runs.update(self.run.id, message=note)

    def record(self, event: events.TrainingEvent) -> Changes:
        """Store what `event` reports. Events about predictions, and most notes, change nothing here."""
        runs, run_id = self._project.runs, self.run.id
        self._seconds = getattr(event, "seconds", self._seconds)
        match event:
            case events.TrainingStarted():
                return runs.update(run_id, device=event.device)
            case events.TrainingProgress():
                return self._record_progress(event)
            case events.ModelEvaluated() if event.split != Split.VAL:
                self.evaluated_on = event.split
            case events.ModelEvaluated():
                self.evaluated_on = event.split
                # Only validation scores are stored: those on training pictures say nothing about new pictures.
                means = {**event.means, "miou": event.miou, "pixel_accuracy": event.pixel_accuracy}
                points: list[MeasuredPoint] = [(name, None, score) for name, score in means.items()]
                points += [("iou", value, iou) for value, iou in event.per_class.items()]
                points += [("val_loss", None, event.loss)] if event.loss is not None else []
                points += basis_points(event.basis)
                return self._measure(event.step, event.seconds, points)
            case events.InUseScored() if self.may_take_over:
                points = [("in_use_miou", None, event.miou)]
                points += [("in_use_iou", value, iou) for value, iou in event.per_class.items()]
                points += [
                    (f"in_use_{name}", value, number) for name, value, number in basis_points(event.basis)
                ]
                return self._measure(event.step, event.seconds, points)
            case events.CheckpointPublished():
                self.published += 1
                changes = runs.update(run_id, published=self.published, best_miou=event.miou)
                changes |= self._measure(event.step, self._seconds, [("checkpoint", None, self.published)])
                if event.in_use and self.may_take_over and not self.is_in_use:
                    self.is_in_use = True
                    changes |= runs.use(run_id)
                return changes
            case events.TrainingNote() if event.stored:
                self.kept_note = event.message
                self._note = " ".join(filter(None, (self._note, event.message)))
            case events.TrainingFinished() if event.reason != "replaced":
                state = "stopped" if event.reason == "stopped" else "finished"
                return runs.end(run_id, state, self._note or None)
            case events.LearningRateFound():
                return self._record_range_test(event)
            case events.WorkerFailed(refused=True):
                return runs.delete(run_id)
            case events.WorkerFailed() if event.training:
                return runs.end(run_id, "failed", event.message)
        return Changes()

    def set_records(self, records: Sequence[PictureRecord]) -> Changes:
        """Changed labels have joined the training: `records` are all of its pictures now."""
        self.labelled_pictures = len(records)
        changes = self._project.runs.set_labels(self.run.id, RunLabels.of(records))
        return changes | self._project.runs.update(self.run.id, labelled_pictures=len(records))

    def _record_progress(self, event: events.TrainingProgress) -> Changes:
        points: list[MeasuredPoint] = [("loss", None, event.loss)]
        self._speeds.append(event.pictures_per_second)
        if event.seconds >= self._next_note:
            points += [
                ("learning_rate", None, event.learning_rate),
                ("pictures_per_second", None, sum(self._speeds) / len(self._speeds)),
                ("epoch", None, event.epoch),
            ]
            self._next_note, self._speeds = event.seconds + NOTE_SECONDS, []
        return self._measure(event.step, event.seconds, points)

    def _record_range_test(self, event: events.LearningRateFound) -> Changes:
        """Store the curve, and the chosen rate in the recipe, so that the run can be repeated."""
        for number, (rate, loss) in enumerate(event.curve):
            self._measure(number, 0.0, [("range_rate", None, rate), ("range_loss", None, loss)])
        self._measure(len(event.curve), 0.0, [("range_taken", None, event.rate)])
        self._recipe = replace(self._recipe, learning_rate=event.rate)
        return self._project.runs.update(self.run.id, recipe=json.dumps(self._recipe.to_json()))

    def _measure(self, step: int, seconds: float, points: list[MeasuredPoint]) -> Changes:
        return self._project.runs.add_measurements(
            Measurement(self.run.id, name, value, step, seconds, self.labelled_pictures, number)
            for name, value, number in points
            if not math.isnan(number)
        )
