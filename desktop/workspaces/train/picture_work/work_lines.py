"""The curves of the chart of labelling work, and what is said about each of its points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.base.number_text import percent_text
from core.base.text import count_of, duration_text
from core.evaluation.picture_work.work_series import WINDOW, Curve, WorkPoint, moving_average, work_averages
from desktop.widgets.chart import CurveStyle

PREDICTED, NOT_COMPARED, MEAN = "predicted", "not compared", "mean"
"""Keys of the curves."""
NOTHING = (
    "Correct a predicted picture in the Label workspace and mark it done: what that took appears here, one point for "
    "each picture."
)
NO_PREDICTION = (
    "No picture was predicted before its first edit so far, with half of it labelled now. Train, then correct what the "
    "network predicts in the next pictures and mark them done."
)
ALL_HIDDEN = "All curves are hidden. Click a name below to show one."


@dataclass(frozen=True, slots=True)
class WorkMeasureKind:
    """One choice of what the chart shows. value: of a point, None where it has none."""

    title: str
    hint: str
    value: Callable[[WorkPoint], float | None]


MEASURE_KINDS = {
    "error": WorkMeasureKind(
        "Error before correction",
        "1 - IoU of what was predicted before the first edit, with the label as it was when the picture was done.",
        lambda point: point.error,
    ),
    "share": WorkMeasureKind(
        "Corrected share",
        "Share of the labelled pixels that became another class than was predicted before the first edit.",
        lambda point: point.share,
    ),
    "minutes": WorkMeasureKind(
        "Active minutes",
        "Minutes of active work on a picture: edits, and the pauses between them as far as they are short.",
        lambda point: point.seconds / 60,
    ),
}
AXES = {"pictures": "Pictures", "time": "Active time"}


@dataclass(frozen=True, slots=True)
class WorkLines:
    """curves: for the chart; points: of each of its points the picture, by key of the curve"""

    curves: dict[object, CurveStyle]
    points: dict[object, tuple[WorkPoint, ...]]


def make_lines(points: Sequence[WorkPoint], measure: str, axis: str) -> WorkLines:
    """measure: key of MEASURE_KINDS; axis: of AXES. Pictures without an error, such as those that
    were not predicted, are apart."""
    value = MEASURE_KINDS[measure].value

    def place(point: WorkPoint) -> tuple[float, float]:
        return (point.at if axis == "time" else float(point.number)), value(point) or 0.0

    known = tuple(point for point in points if value(point) is not None)
    predicted = tuple(point for point in known if point.error is not None)
    groups = {PREDICTED: predicted, NOT_COMPARED: tuple(point for point in known if point.error is None)}
    curves: dict[object, CurveStyle] = {}
    shown: dict[object, tuple[WorkPoint, ...]] = {}
    for key, colour in ((NOT_COMPARED, "muted"), (PREDICTED, "accent")):
        if groups[key]:
            places = tuple(map(place, groups[key]))
            curves[key] = CurveStyle(places, colour, 0.0, (), 1.0, tuple(range(len(places))))
            shown[key] = groups[key]
    averaged = predicted or known
    if len(averaged) > 1:
        mean: Curve = moving_average([place(point) for point in averaged])
        curves[MEAN] = CurveStyle(mean, "text", 2.0)
        shown[MEAN] = averaged
    return WorkLines(curves, shown)


def describe_point(point: WorkPoint) -> tuple[str, ...]:
    """What is said about a picture; the first line is its name."""
    lines = [f"{point.number}. {point.name}"]
    if point.error is not None and point.share is not None:
        lines.append(f"Error before correction {point.error:.3f}, IoU {1 - point.error:.3f}")
        lines.append(f"Corrected {percent_text(point.share, 1)}, {point.corrected_pixels:,} px")
        run = f"run {point.run_id}" if point.run_id is not None else ""
        live = f"Predicted live, on {run}" if run else "Predicted live, without a network"
        lines.append(live if point.is_live else f"Predicted by {run or 'a network'}")
    else:
        lines.append("Not predicted before its first edit, or less than half of it is labelled")
    lines.append(f"{duration_text(point.seconds)} of active work, {count_of(point.edits, 'edit')}")
    return tuple(lines)


def describe_mean(points: Sequence[WorkPoint], index: int, measure: str, value: float) -> tuple[str, ...]:
    """What is said about a point of the line."""
    together = min(index + 1, WINDOW)
    text = f"{value:.1f} min" if measure == "minutes" else f"{value:.3f}"
    return (
        f"{MEASURE_KINDS[measure].title}: {text}",
        f"Mean of {count_of(together, 'picture')} up to {points[index].name}",
    )


def summary_text(points: Sequence[WorkPoint]) -> str:
    """All pictures in a line, and the newest ten."""
    if not points:
        return ""
    seconds = sum(point.seconds for point in points)
    text = f"{count_of(len(points), 'picture')} in {duration_text(seconds)} of active work."
    newest = points[-WINDOW:]
    average = work_averages(newest)
    last = "The last one" if len(newest) == 1 else f"The last {len(newest)}"
    text += f" {last}: {duration_text(average.seconds)} each"
    if average.error is not None and average.share is not None:
        text += f", error before correction {average.error:.3f}, {percent_text(average.share, 1)} corrected"
    return f"{text}."
