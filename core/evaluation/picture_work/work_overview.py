"""What labelling took so far and what more of it would bring: one answer for the window and the command line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.evaluation.picture_work.learning_forecast import (
    MIN_POINTS,
    MIN_SPAN,
    NEXT_PICTURES,
    Gain,
    expected_gain,
    is_enough,
)
from core.evaluation.picture_work.work_series import (
    Curve,
    WorkPoint,
    class_score_curves,
    score_curve,
    work_points,
)
from core.labels.class_list import ClassList
from core.project.class_remaps import surviving_values
from core.project.project import Project, run_class_mapping
from core.project.records import Split

STOP_GAIN = 0.005
"""Of mIoU: “you may stop” needs an interval of which the upper end is below."""
BASES = {
    "validation": "the best mIoU on the validation pictures for each number of labelled pictures",
    "pictures": "the IoU before correction of each picture, over the pictures that were labelled before it",
}
"""What a forecast rests on."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """gain: of the mIoU by the next pictures, None while it is too early; by_class: of the IoU, by class value.

    basis: a key of BASES; labelled: pictures now, without those of test where it rests on validation; sentence: all of
    it for people
    """

    sentence: str
    basis: str
    labelled: int
    gain: Gain | None = None
    by_class: Mapping[int, Gain] = field(default_factory=dict)
    may_stop: bool = False


@dataclass(frozen=True, slots=True)
class WorkOverview:
    """points: in the order in which the pictures were begun"""

    points: tuple[WorkPoint, ...]
    forecast: Forecast


def read_overview(project: Project) -> WorkOverview:
    """Takes some tenths of a second with thousands of pictures and months of measurements."""
    works = project.work.all()
    records = {record.id: record for record in project.pictures.get_many(work.picture_id for work in works)}
    points = work_points(works, records)
    curves = _validation_curves(project)
    validation = curves.get(None, ())
    classes = project.classes.read()
    if is_enough(validation):
        by_class = {value: curve for value, curve in curves.items() if value is not None}
        learned = sum(record.split != Split.TEST for record in project.pictures.labelled())
        return WorkOverview(points, make_forecast("validation", validation, by_class, learned, classes))
    labelled = project.work.labelled_pictures()
    return WorkOverview(
        points, make_forecast("pictures", score_curve(points), class_score_curves(points), labelled, classes)
    )


def _validation_curves(project: Project) -> dict[int | None, Curve]:
    """(labelled pictures of train and val, best IoU on val) by class value of now, under None the mean."""
    best: dict[int | None, dict[int, float]] = defaultdict(dict)
    for run_id, scores in project.runs.best_by_labels().items():
        values = {value for value, _, _ in scores if value is not None}
        present = surviving_values(run_class_mapping(project, run_id), values)
        for value, count, score in scores:
            if value is None or value in present:
                curve = best[None if value is None else present[value]]
                curve[count] = max(curve.get(count, 0.0), score)
    return {
        value: tuple((float(count), score) for count, score in sorted(curve.items()))
        for value, curve in best.items()
    }


def make_forecast(
    basis: str, curve: Curve, by_class: Mapping[int, Curve], labelled: int, classes: ClassList
) -> Forecast:
    """curve, by_class: (labelled pictures, mIoU, or IoU by class value); labelled: pictures now, counted alike."""
    gain = expected_gain(curve, labelled)
    if gain is None:
        return Forecast(_too_early(curve), basis, labelled)
    gains = {
        value: found
        for value in classes.values
        if (found := expected_gain(by_class.get(value, ()), labelled)) is not None
    }
    may_stop = gain.high < STOP_GAIN
    most = max(gains, key=lambda value: gains[value].expected, default=None)
    name = ""
    if most is not None and gains[most].low > 0 and gains[most].expected > gain.expected:
        name = f"{classes.name_of(most)} gains most ({_points(gains[most].expected)})"
    if may_stop:
        sentence = (
            f"You may stop: the next {NEXT_PICTURES} pictures bring {_points(gain.high)} points of mIoU at most, "
            f"less than {100 * STOP_GAIN:.1f}"
        )
    else:
        sentence = (
            f"The next {NEXT_PICTURES} pictures bring about {_points(gain.expected)} points of mIoU "
            f"({100 * gain.low:.1f} to {100 * gain.high:.1f})"
        )
    sentence += f"; {name}." if name else "."
    return Forecast(sentence, basis, labelled, gain, gains, may_stop)


def _points(gain: float) -> str:
    return f"{100 * gain:+.1f}"


def _too_early(curve: Curve) -> str:
    if len(curve) < MIN_POINTS:
        return (
            f"Too early to say what more pictures bring: that takes {MIN_POINTS} measured pictures that were "
            f"predicted before their first edit, and there are {len(curve)}."
        )
    return (
        "Too early to say what more pictures bring: the newest network has to know "
        f"{MIN_SPAN:.0f} times as many labelled pictures as the first."
    )
