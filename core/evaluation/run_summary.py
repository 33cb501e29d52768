"""What a table of runs shows of each: scores by class, labels, duration, files. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.evaluation.run_choice import has_weights
from core.project.project import Project
from core.project.records import RunRecord
from core.project.run_labels import LabelTotals


@dataclass(frozen=True, slots=True)
class RunScores:
    """iou: by class value of the project, at the best evaluation; seconds: of training"""

    iou: Mapping[int, float] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RunSummary:
    """labels: None for a run of an earlier version; has_weights: whether its file of weights is there"""

    record: RunRecord
    scores: RunScores
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


ClassScores = dict[int, tuple[float, dict[int, float]]]
"""By run: seconds of training, and the best IoU by class value of its network."""


def summarize_runs(project: Project, known: ClassScores | None = None) -> list[RunSummary]:
    """All runs, newest first. known: scores of runs that have ended; those of others that have are added, and none of
    them is read twice."""
    records, in_use, totals = project.runs.all(), project.runs.in_use(), project.runs.label_totals()
    known = {} if known is None else known
    read = project.runs.best_class_iou([run.id for run in records if run.id not in known])
    known.update({run.id: read[run.id] for run in records if run.id in read and run.state != "running"})
    scores = _scores(project, records, {**known, **read})
    return [
        RunSummary(
            run,
            scores[run.id],
            totals.get(run.id),
            in_use is not None and run.id == in_use.id,
            run.published > 0 and has_weights(project, run),
        )
        for run in records
    ]


def _scores(project: Project, records: Sequence[RunRecord], found: ClassScores) -> dict[int, RunScores]:
    """The best evaluation of each run, its classes mapped to those of the project."""
    moves = {run.after_move_id for run in records}
    tables = {move: project.classes.mapping_since(move).tolist() for move in moves}
    scores = {}
    for run in records:
        seconds, iou = found.get(run.id, (0.0, {}))
        table = tables[run.after_move_id]
        mapped = {table[value]: score for value, score in iou.items() if 0 < value < 255 and table[value]}
        scores[run.id] = RunScores(mapped, seconds)
    return scores
