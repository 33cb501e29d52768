"""Series of runs as lines of a chart: along the chosen axis, end to end or over each other, smoothed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.base.text import count_text, duration_text
from core.labels.class_list import ClassList, Colour
from core.labels.confusion_scores import METRIC_TITLES
from core.session.training.run_series import Numbers, RunSeries
from desktop.widgets.chart import CurveStyle
from desktop.widgets.curve_reduction import smooth
from desktop.workspaces.train.curves.curve_choices import BY_LABELS

LineKey = tuple[int, str, int | None]
"""Run (0: the best of all for each number of labelled pictures or pixels), name and class value."""

RUN_COLOURS: tuple[Colour, ...] = (
    (63, 127, 208), (224, 128, 47), (60, 157, 91), (210, 80, 79), (141, 108, 201),
    (47, 165, 181), (207, 111, 168), (154, 111, 77), (156, 154, 46), (128, 128, 133),
)  # fmt: skip
"""Of runs over each other, in the order of their numbers; seen well on light and dark, and beside the classes' own."""
RUN_DASHES: tuple[tuple[float, ...], ...] = ((), (5, 3), (2, 2), (6, 2, 2, 2))
"""The same for curves whose colour is that of a class."""
VALIDATION_DASHES = (3.0, 2.0)
RAW_OPACITY = 0.25
"""Of the values behind a smoothed curve."""
MAX_MARKS = 400
_TITLES = {
    **METRIC_TITLES,
    "loss": "Training loss",
    "val_loss": "Validation loss",
    "learning_rate": "Learning rate",
    "pictures_per_second": "Pictures per second",
}
_OF_STEPS = ("loss", "learning_rate", "pictures_per_second")
"""Measured between evaluations, where no checkpoint is published."""
_LOWER_IS_BETTER = ("loss", "val_loss")


@dataclass(frozen=True, slots=True, eq=False)
class CurveLine:
    """One line; arrays are (n,) with x ascending. x, y: as drawn, y smoothed; the rest as in `RunSeries`, by point."""

    key: LineKey
    runs: Numbers
    steps: Numbers
    seconds: Numbers
    epochs: Numbers
    pictures: Numbers
    pixels: Numbers
    checkpoints: Numbers
    values: Numbers
    x: Numbers
    points: Numbers
    raw_points: Numbers | None

    def is_checkpoint(self, at: int) -> bool:
        return bool(self.checkpoints[at])


class CurveLines:
    """Makes lines and remembers them: an unchanged series is the same line again, which a chart does not redraw."""

    def __init__(self) -> None:
        self._made: dict[LineKey, tuple[tuple[object, ...], CurveLine]] = {}

    def make(
        self, series: Sequence[RunSeries], axis: str, starts: Mapping[int, float], smoothing: int
    ) -> dict[LineKey, CurveLine]:
        """axis: of AXES; starts: where each run begins along it; smoothing: in percent."""
        if axis in BY_LABELS:
            return self._over_labels(series, axis)
        lines: dict[LineKey, CurveLine] = {}
        made, self._made = self._made, {}
        for each in series:
            key = each.run_id, each.name, each.class_value
            request = each, axis, starts.get(each.run_id, 0.0), smoothing
            found = made.get(key)
            line = found[1] if found and found[0] == request else _line(key, *request)
            self._made[key] = request, line
            if len(line.x):
                lines[key] = line
        return lines

    def _over_labels(self, series: Sequence[RunSeries], axis: str) -> dict[LineKey, CurveLine]:
        by_key: dict[LineKey, list[RunSeries]] = {}
        for each in series:
            by_key.setdefault((0, each.name, each.class_value), []).append(each)
        lines: dict[LineKey, CurveLine] = {}
        made, self._made = self._made, {}
        for key, parts in by_key.items():
            request = axis, *parts
            found = made.get(key)
            line = found[1] if found and found[0] == request else _best_line(key, parts, axis)
            self._made[key] = request, line
            if len(line.x):
                lines[key] = line
        return lines


def starts_of(series: Sequence[RunSeries], axis: str, layout: str) -> dict[int, float]:
    """Where each run begins along the axis: where the one before it ended, or at 0. series: the oldest run first."""
    ends: dict[int, float] = {}
    for each in series:
        found = getattr(each, axis)
        last = float(np.nanmax(found)) if len(found) and not np.isnan(found).all() else 0.0
        ends[each.run_id] = max(ends.get(each.run_id, 0.0), last)
    starts, at = {}, 0.0
    for run, length in ends.items():
        starts[run] = at
        at += length if layout == "end" else 0.0
    return starts


def _line(key: LineKey, series: RunSeries, axis: str, start: float, smoothing: int) -> CurveLine:
    x = getattr(series, axis) + start
    known = np.isfinite(x) & np.isfinite(series.values)
    order: NDArray[np.intp] | slice = slice(None) if known.all() else np.flatnonzero(known)
    if np.any(np.diff(x[order]) < 0):
        order = np.flatnonzero(known)[np.argsort(x[known], kind="stable")]
    return _ordered(key, series, np.full(len(x), float(series.run_id)), x, order, smoothing)


def _best_line(key: LineKey, parts: Sequence[RunSeries], axis: str) -> CurveLine:
    """For each number of labelled pictures or pixels the best value of all runs, or the last where none is better."""
    joined = RunSeries(
        0,
        key[1],
        key[2],
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("steps", "seconds", "epochs", "pictures", "pixels", "values", "checkpoints")
        ),
    )
    runs = np.concatenate([np.full(len(part.steps), float(part.run_id)) for part in parts])
    rank = joined.values
    if key[1] in _LOWER_IS_BETTER:
        rank = -rank
    elif key[1] in _OF_STEPS:
        rank = np.arange(len(rank), dtype=np.float64)
    labelled = getattr(joined, axis)
    order = np.lexsort((rank, labelled))
    order = order[np.isfinite(labelled[order])]
    last_of_count = np.append(np.diff(labelled[order]) != 0, np.ones(min(1, len(order)), bool))
    return _ordered(key, joined, runs, labelled, order[last_of_count], 0)


def _ordered(
    key: LineKey,
    series: RunSeries,
    runs: Numbers,
    x: Numbers,
    order: NDArray[np.intp] | slice,
    smoothing: int,
) -> CurveLine:
    values = series.values[order]
    raw = np.column_stack([x[order], values])
    drawn = np.column_stack([x[order], smooth(values, smoothing / 100)]) if smoothing else raw
    return CurveLine(
        key,
        runs[order],
        series.steps[order],
        series.seconds[order],
        series.epochs[order],
        series.pictures[order],
        series.pixels[order],
        series.checkpoints[order],
        values,
        x[order],
        drawn,
        raw if smoothing else None,
    )


def style_lines(
    lines: Mapping[LineKey, CurveLine], classes: ClassList, run_order: Sequence[int]
) -> dict[object, CurveStyle]:
    """How the lines are drawn, from behind to front: raw values, then classes, then means.

    run_order: the runs over each other, which differ in colour, or in dashes where colours are those of classes; empty
    where runs need not be told apart
    """
    colours = {each.value: each.colour for each in classes}
    with_classes = any(key[2] is not None for key in lines)
    behind: dict[object, CurveStyle] = {}
    styles: dict[object, CurveStyle] = {}
    for key, line in sorted(lines.items(), key=lambda item: (item[0][2] is None, item[0][1] == "loss")):
        run, name, value = key
        place = run_order.index(run) if run in run_order else None
        colour: str | Colour = "text" if value is None else colours[value]
        dashes: tuple[float, ...] = VALIDATION_DASHES if name == "val_loss" else ()
        if place is not None and with_classes:
            dashes = RUN_DASHES[place % len(RUN_DASHES)]
        elif place is not None:
            colour = RUN_COLOURS[place % len(RUN_COLOURS)]
        width = 1.25 if value is not None else 2.5 if with_classes else 1.75
        is_scored = value is None and name not in _OF_STEPS
        marks = np.flatnonzero(line.checkpoints) if is_scored else np.empty(0, np.intp)
        if run == 0 and value is None:
            marks = np.arange(len(line.x))
        styles[key] = CurveStyle(
            line.points, colour, width, dashes, 1.0, tuple(marks.tolist()) if len(marks) <= MAX_MARKS else ()
        )
        if line.raw_points is not None:
            behind["raw", *key] = CurveStyle(line.raw_points, colour, 1.0, (), RAW_OPACITY)
    return {**behind, **styles}


def describe(line: CurveLine, at: int, classes: ClassList) -> tuple[str, ...]:
    """The lines of text about a point: measure and value, then where it was measured."""
    _run, name, value = line.key
    title = _TITLES.get(name, name) if value is None else f"IoU of {classes.name_of(value)}"
    title = title[0].upper() + title[1:] if name != "miou" else title
    shown, measured = float(line.points[at, 1]), float(line.values[at])
    smoothed = f" (smoothed {number(shown)})" if line.raw_points is not None else ""
    epoch = "" if np.isnan(line.epochs[at]) else f"epoch {line.epochs[at]:.3g}"
    places = (f"step {int(line.steps[at]):,}", epoch, duration_text(line.seconds[at]))
    pixels = "" if np.isnan(line.pixels[at]) else f" ({count_text(line.pixels[at])} pixels in all)"
    labelled = f"{int(line.pictures[at]):,} labelled{pixels}"
    lines = [
        f"{title} {number(measured)}{smoothed}",
        f"Run {int(line.runs[at])}, {', '.join(filter(None, places))}, {labelled}",
    ]
    if line.is_checkpoint(at):
        lines.append(f"Checkpoint {int(line.checkpoints[at])} of this run")
    return tuple(lines)


def number(value: float) -> str:
    """Three digits after the point, or as many as a small number needs; 12.3 k for a large one."""
    if abs(value) >= 1000:
        return count_text(value)
    return f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.2e}"


def lowest_classes(series: Sequence[RunSeries], values: Collection[int], most: int) -> tuple[int, ...]:
    """The classes whose newest IoU is lowest: labels help most there."""
    newest = {s.class_value: float(s.values[-1]) for s in series if s.name == "iou" and len(s.values)}
    known = [(iou, value) for value, iou in newest.items() if value in values and value is not None]
    return tuple(value for _iou, value in sorted(known)[:most])
