"""What a table of runs shows of each: labels, duration, scores, files. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from core.evaluation.run_choice import has_weights
from core.labels.confusion_scores import MEAN_SCORES
from core.project.project import Project
from core.project.records import RunRecord
from core.project.run_labels import LabelTotals


class RunMeasures(NamedTuple):
    """seconds: of training; scores: of the weights that were kept, by name of `MEAN_SCORES`."""

    seconds: float
    scores: Mapping[str, float]


NO_MEASURES = RunMeasures(0.0, {})


@dataclass(frozen=True, slots=True)
class RunSummary:
    """seconds: of training; labels: None for a run of an earlier version; has_weights: its weights are on the disk;
    scores: on val, of the weights that were kept, by name of `MEAN_SCORES`, as far as they were measured"""

    record: RunRecord
    seconds: float
    labels: LabelTotals | None
    is_in_use: bool
    has_weights: bool
    scores: Mapping[str, float]

    @property
    def is_gone(self) -> bool:
        """Whether it had weights, and nobody deleted them in the program."""
        return self.record.published > 0 and not self.has_weights

    @property
    def state(self) -> str:
        """running, finished, stopped, failed, or what became of its files: deleted or gone"""
        return "deleted" if self.record.is_deleted else "gone" if self.is_gone else self.record.state

    @property
    def pixels(self) -> int | None:
        """Labelled pixels that it learned from and was validated on; None for a run of an earlier version."""
        return self.labels.train_pixels + self.labels.val_pixels if self.labels else None


def summarize_runs(project: Project, known: dict[int, RunMeasures] | None = None) -> list[RunSummary]:
    """All runs, newest first. known: what was measured in runs that have ended, which is not read again; that of
    others that have is added."""
    records, in_use, totals = project.runs.all(), project.runs.in_use(), project.runs.label_totals()
    known = {} if known is None else known
    unknown = [run.id for run in records if run.id not in known]
    seconds = project.runs.training_seconds(unknown)
    kept = project.runs.kept_scores(unknown, list(MEAN_SCORES))
    read = {run: RunMeasures(seconds[run], {p.name: p.value for p in kept.get(run, ())}) for run in seconds}
    known.update({run.id: read[run.id] for run in records if run.id in read and run.state != "running"})
    summaries = []
    for run in records:
        measures = read.get(run.id, known.get(run.id, NO_MEASURES))
        summaries.append(
            RunSummary(
                run,
                measures.seconds,
                totals.get(run.id),
                in_use is not None and run.id == in_use.id,
                run.published > 0 and has_weights(project, run),
                _result(run, measures.scores),
            )
        )
    return summaries


def _result(run: RunRecord, scores: Mapping[str, float]) -> dict[str, float]:
    """Nothing for a run that kept no weights, whatever it measured. The stored mean IoU is the one of the weights."""
    return {} if run.best_miou is None else {**scores, "miou": run.best_miou}
