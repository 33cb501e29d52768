"""What a training says goes into the document: the run's row and every point of the charts."""

from __future__ import annotations

import json
import math
from dataclasses import replace

from core.base.changes import Changes
from core.models.spec import ModelSpec
from core.project.project import Project
from core.project.records import Measurement, RunRecord, Split
from core.training import events
from core.training.recipe import Recipe


class RunRecorder:
    """Writes one run, event by event. Lives where its project lives."""

    def __init__(
        self,
        project: Project,
        spec: ModelSpec,
        recipe: Recipe,
        base: RunRecord | None,
        labelled_pictures: int,
        note: str = "",
        moment: int | None = None,
    ) -> None:
        """`note`: a sentence that stays with the run, about what it was trained and judged on; `moment`: whose classes
        `spec` means, None: those of now."""
        self._project, self._recipe, self._note = project, recipe, note
        self.labelled_pictures = labelled_pictures
        self.published = 0
        self.run = project.runs.start(
            json.dumps(spec.to_json()),
            json.dumps(recipe.to_json()),
            base.id if base else None,
            labelled_pictures,
            moment,
        )

        if note:
            project.runs.update(self.run.id, message=note)

    def record(self, event: events.TrainingEvent) -> Changes:
        """Store what `event` says. Predictions and notes are nobody's measurement and change nothing here."""
        runs, run_id = self._project.runs, self.run.id
        match event:
            case events.TrainingStarted():
                return runs.update(run_id, device=event.device)
            case events.TrainingProgress():
                return self._measure(event.step, event.seconds, [("loss", None, event.loss)])
            case events.ModelEvaluated() if event.split == Split.VAL:
                # Scores on pictures that were learned from say nothing about new ones: no chart shows them.
                points: list[tuple[str, int | None, float]] = [
                    ("miou", None, event.miou),
                    ("pixel_accuracy", None, event.pixel_accuracy),
                ]
                points += [("iou", value, iou) for value, iou in event.per_class.items()]
                return self._measure(event.step, event.seconds, points)
            case events.CheckpointPublished():
                self.published += 1
                return runs.update(run_id, published=self.published, best_miou=event.miou)
            case events.TrainingFinished() if event.reason != "replaced":
                state = "stopped" if event.reason == "stopped" else "finished"
                return runs.end(run_id, state, self._note or None)
            case events.LearningRateFound():
                return self._record_range_test(event)
            case events.WorkerFailed() if event.training:
                return runs.end(run_id, "failed", event.message)
        return Changes()

    def set_labelled_pictures(self, labelled_pictures: int) -> Changes:
        """More labels have joined the training."""
        self.labelled_pictures = labelled_pictures
        return self._project.runs.update(self.run.id, labelled_pictures=labelled_pictures)

    def _record_range_test(self, event: events.LearningRateFound) -> Changes:
        """Keep the curve, and in the recipe the rate that was taken: only so can the run be repeated."""
        for number, (rate, loss) in enumerate(event.curve):
            self._measure(number, 0.0, [("range_rate", None, rate), ("range_loss", None, loss)])
        self._measure(len(event.curve), 0.0, [("range_taken", None, event.rate)])
        self._recipe = replace(self._recipe, learning_rate=event.rate)
        return self._project.runs.update(self.run.id, recipe=json.dumps(self._recipe.to_json()))

    def _measure(self, step: int, seconds: float, points: list[tuple[str, int | None, float]]) -> Changes:
        return self._project.runs.add_measurements(
            Measurement(self.run.id, name, value, step, seconds, self.labelled_pictures, number)
            for name, value, number in points
            if not math.isnan(number)
        )
