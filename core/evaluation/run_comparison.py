"""Runs beside each other: settings that differ, and the difference of scores, of each class with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.base.errors import MaskloopError, ModelError
from core.base.text import count_of
from core.evaluation.evaluation import Evaluation, class_differences, miou_difference
from core.evaluation.kept.evaluation_job import EvaluationJob
from core.evaluation.kept.evaluation_task import find_kept
from core.evaluation.run_settings import differing, run_settings, run_title
from core.evaluation.run_summary import RunSummary, summarize_runs
from core.labels.bootstrap import Interval
from core.labels.confusion_scores import MEAN_SCORES, class_iou
from core.project.class_remaps import surviving_values
from core.project.project import Project, run_class_mapping
from core.project.records import RunRecord, Split


@dataclass(frozen=True, slots=True)
class Difference:
    """Of a score to that of the first run. change: nan where one of them is unknown; interval: 95 %, over pictures,
    None where there is none"""

    change: float
    interval: Interval | None = None

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the interval does not hold 0."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


@dataclass(frozen=True, slots=True)
class ComparedClass:
    """value: of the class; iou: of each run, nan where it is unknown; differences: of all but the first run; pixels:
    scored ones, None where that is unknown"""

    value: int
    iou: tuple[float, ...]
    differences: tuple[Difference, ...]
    pixels: int | None


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Two or more runs. settings: those that differ, by name the text of each run; means: of each run the scores of
    `MEAN_SCORES` that are known; differences: of the mean IoU of all but the first run

    pictures: on which all were evaluated; None while one of them is not, then scores are those that were measured in
    training, and have no interval. missing: by number the runs whose evaluation is not kept, and why it cannot be made,
    empty where it can
    """

    runs: tuple[RunSummary, ...]
    settings: dict[str, list[str]]
    means: tuple[Mapping[str, float], ...]
    differences: tuple[Difference, ...]
    classes: tuple[ComparedClass, ...]
    split: Split
    pictures: int | None
    missing: Mapping[int, str]

    @property
    def numbers(self) -> list[int]:
        return [run.record.id for run in self.runs]

    @property
    def note(self) -> str:
        """What the scores rest on, in sentences."""
        if self.pictures is not None:
            pictures = count_of(self.pictures, "picture")
            return f"Evaluated on {pictures} of {self.split}. Intervals are 95 %, over pictures."
        one = "is" if len(self.missing) == 1 else "are"
        names = f"{'Run' if one == 'is' else 'Runs'} {', '.join(map(str, self.missing))}"
        reasons = [reason for reason in self.missing.values() if reason]
        return " ".join(
            [
                "Scores were measured in training, on the labels of that time, so differences have no interval.",
                f"{names} {one} not evaluated on {self.split} with the labels of now.",
                *reasons,
            ]
        )


def find_summaries(project: Project, numbers: Sequence[int]) -> list[RunSummary]:
    """Of the runs with these numbers, in this order. Raises ModelError for one that is not there."""
    known = {run.record.id: run for run in summarize_runs(project)}
    for number in numbers:
        if number not in known:
            raise ModelError(f"There is no run {number}; “maskloop runs” lists them.")
    return [known[number] for number in numbers]


def run_facts(run: RunSummary) -> dict[str, str]:
    """What a run learned from and where, as text by name, and then its settings."""
    record, labels = run.record, run.labels
    return {
        "network": run_title(record),
        "continues run": "–" if record.base_run_id is None else str(record.base_run_id),
        "labelled pictures": f"{record.labelled_pictures:,}",
        "labelled pixels, train": f"{labels.train_pixels:,}" if labels else "–",
        "labelled pixels, val": f"{labels.val_pixels:,}" if labels else "–",
        "seconds of training": f"{run.seconds:,.0f}",
        "trained on": record.device or "–",
        **run_settings(record),
    }


def kept_class_iou(project: Project, run: RunRecord) -> dict[int, float]:
    """IoU by class value of now, measured in training on val, of the weights that the run kept. Classes that are gone
    or were merged are left out."""
    if run.best_miou is None:
        return {}
    points = project.runs.kept_scores([run.id], ["iou"]).get(run.id, ())
    iou = {point.class_value: point.value for point in points if point.class_value is not None}
    known = set(project.classes.read().values)
    present = surviving_values(run_class_mapping(project, run.id), iou)
    return {new: iou[value] for value, new in present.items() if new in known}


def compare_runs(project: Project, numbers: Sequence[int], split: Split = Split.VAL) -> RunComparison:
    """The runs with these numbers; the first is the one that the others are compared with.

    Takes evaluations that are kept, and makes none. Raises ModelError for a run that is not there.
    """
    runs = find_summaries(project, numbers)
    evaluations: list[Evaluation] = []
    missing: dict[int, str] = {}
    for run in runs:
        try:
            found = find_kept(project, EvaluationJob(project.home, run.record.id, split=split))
        except MaskloopError as problem:
            missing[run.record.id] = str(problem)
            continue
        if found is None:
            missing[run.record.id] = ""
        else:
            evaluations.append(found)
    settings = differing([run_facts(run) for run in runs])
    if missing:
        iou = [kept_class_iou(project, run.record) for run in runs]
        measured = set().union(*iou)
        classes = [
            _compared(value, [each.get(value, math.nan) for each in iou])
            for value in project.classes.read().values
            if value in measured
        ]
        means = [run.scores for run in runs]
        scores = [each.get("miou", math.nan) for each in means]
        changes = [Difference(score - scores[0]) for score in scores[1:]]
        return RunComparison(
            tuple(runs), settings, tuple(means), tuple(changes), tuple(classes), split, None, missing
        )
    means = [{name: score(found.confusion) for name, score in MEAN_SCORES.items()} for found in evaluations]
    changes = [
        Difference(mean["miou"] - means[0]["miou"], miou_difference(evaluations[0], found))
        for mean, found in zip(means[1:], evaluations[1:], strict=True)
    ]
    pictures = min(len(found.pictures) for found in evaluations)
    return RunComparison(
        tuple(runs), settings, tuple(means), tuple(changes), _classes(evaluations), split, pictures, {}
    )


def _classes(evaluations: Sequence[Evaluation]) -> tuple[ComparedClass, ...]:
    first = evaluations[0]
    iou = np.stack([class_iou(found.confusion) for found in evaluations])
    intervals = [class_differences(first, other) for other in evaluations[1:]]
    pixels = first.confusion.sum(1)
    return tuple(
        _compared(
            value,
            iou[:, row].tolist(),
            [_interval(*found[row].tolist()) for found in intervals],
            int(pixels[row]),
        )
        for row, value in enumerate(first.values)
    )


def _compared(
    value: int,
    iou: Sequence[float],
    intervals: Sequence[Interval | None] = (),
    pixels: int | None = None,
) -> ComparedClass:
    known = intervals or [None] * (len(iou) - 1)
    changes = [Difference(score - iou[0], found) for score, found in zip(iou[1:], known, strict=True)]
    return ComparedClass(value, tuple(iou), tuple(changes), pixels)


def _interval(low: float, high: float) -> Interval | None:
    return None if math.isnan(low) else (low, high)
