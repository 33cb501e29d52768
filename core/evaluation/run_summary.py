"""What a table of runs shows of each: labels, duration, files. Does not import torch."""

from __future__ import annotations

from dataclasses import dataclass

from core.evaluation.run_choice import has_weights
from core.project.project import Project
from core.project.records import RunRecord
from core.project.run_labels import LabelTotals


@dataclass(frozen=True, slots=True)
class RunSummary:
    """seconds: of training; labels: None for a run of an earlier version; has_weights: its weights are on the disk."""

    record: RunRecord
    seconds: float
    labels: LabelTotals | None
    is_in_use: bool
    has_weights: bool

    @property
    def is_gone(self) -> bool:
        """Whether it had weights, and nobody deleted them in the program."""
        return self.record.published > 0 and not self.has_weights

    @property
    def state(self) -> str:
        """running, finished, stopped, failed, or what became of its files: deleted or gone"""
        return "deleted" if self.record.is_deleted else "gone" if self.is_gone else self.record.state


def summarize_runs(project: Project, known: dict[int, float] | None = None) -> list[RunSummary]:
    """All runs, newest first. known: training seconds of runs that have ended, which are not read again; those of
    others that have are added."""
    records, in_use, totals = project.runs.all(), project.runs.in_use(), project.runs.label_totals()
    known = {} if known is None else known
    read = project.runs.training_seconds([run.id for run in records if run.id not in known])
    known.update({run.id: read[run.id] for run in records if run.id in read and run.state != "running"})
    return [
        RunSummary(
            run,
            read.get(run.id, known.get(run.id, 0.0)),
            totals.get(run.id),
            in_use is not None and run.id == in_use.id,
            run.published > 0 and has_weights(project, run),
        )
        for run in records
    ]
