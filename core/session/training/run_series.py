"""Measurements of every run at full length, for curves that can be zoomed and compared."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.labels.confusion_scores import MEAN_SCORES
from core.project.records import Measurement

SERIES_NAMES = frozenset(
    {"loss", "val_loss", "learning_rate", "pictures_per_second", "epoch", "checkpoint", "iou", *MEAN_SCORES}
)
MAX_SERIES_POINTS = 131_072
"""Most points of a series, four megabytes: a day and a half of one each second. Beyond, every second one is dropped."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RunSeries:
    """One measure of one run; arrays are (n,) float64 in the order of measurement.

    seconds: of training; epochs: passes over the labelled pictures, nan where that is not known; pictures: labelled
    pictures at the time; pixels: labelled pixels of all labels of the run, nan where that was not stored; checkpoints:
    number of the checkpoint that was published at this step, 0 where none was
    """

    run_id: int
    name: str
    class_value: int | None
    steps: Numbers
    seconds: Numbers
    epochs: Numbers
    pictures: Numbers
    pixels: Numbers
    values: Numbers
    checkpoints: Numbers


class _Columns:
    """step, seconds, labelled pictures and value of a growing series."""

    def __init__(self) -> None:
        self.columns = tuple(array("d") for _ in range(4))
        self.added = 0

    def add(self, point: Measurement) -> None:
        row = (point.step, point.seconds, point.labelled_pictures, point.value)
        for column, number in zip(self.columns, row, strict=True):
            column.append(number)
        self.added += 1
        if len(self.columns[0]) >= MAX_SERIES_POINTS:
            for column in self.columns:
                del column[::2]  # of an even number, so the last one stays

    def arrays(self) -> list[Numbers]:
        return [np.array(column, np.float64) for column in self.columns]


class RunSeriesStore:
    """Accumulates measurements, given in the order of their ids. What it returns does not change later, and is the same
    object as long as nothing is added to it."""

    def __init__(self) -> None:
        self._series: dict[tuple[int, str, int | None], _Columns] = {}
        self._made: dict[tuple[int, str, int | None], tuple[tuple[float, ...], RunSeries]] = {}
        self._pixels: dict[int, int] = {}

    def add(self, points: Iterable[Measurement]) -> None:
        for point in points:
            if point.name in SERIES_NAMES:
                key = point.run_id, point.name, point.class_value
                self._series.setdefault(key, _Columns()).add(point)

    def set_pixels(self, pixels: Mapping[int, int]) -> None:
        """Labelled pixels by run."""
        self._pixels = dict(pixels)

    def series(self, names: Collection[str]) -> tuple[RunSeries, ...]:
        """Those of these names, of all runs, in the order in which they began."""
        return tuple(self._one(key) for key in self._series if key[1] in names)

    def _one(self, key: tuple[int, str, int | None]) -> RunSeries:
        run_id, name, class_value = key
        helpers = [self._series.get((run_id, each, None)) for each in ("epoch", "checkpoint")]
        labelled = self._pixels.get(run_id, -1)
        state = labelled, *(each.added if each else 0 for each in (self._series[key], *helpers))
        made = self._made.get(key)
        if made is not None and made[0] == state:
            return made[1]
        steps, seconds, pictures, values = self._series[key].arrays()
        epochs, checkpoints = _epochs(steps, helpers[0]), _checkpoints(steps, helpers[1])
        pixels = np.full(len(steps), np.nan if labelled < 0 else labelled)
        series = RunSeries(
            run_id, name, class_value, steps, seconds, epochs, pictures, pixels, values, checkpoints
        )
        self._made[key] = state, series
        return series


def _epochs(steps: Numbers, found: _Columns | None) -> Numbers:
    """Between two that were stored, in proportion to the steps."""
    if found is None:
        return np.full(len(steps), np.nan)
    known, _, _, numbers = found.arrays()
    return np.interp(steps, known, numbers)


def _checkpoints(steps: Numbers, found: _Columns | None) -> Numbers:
    """The number that was published at exactly this step."""
    if found is None:
        return np.zeros(len(steps))
    known, _, _, numbers = found.arrays()
    by_step = dict(zip(known.tolist(), numbers.tolist(), strict=True))
    return np.array([by_step.get(step, 0.0) for step in steps.tolist()])


def of_runs(series: Sequence[RunSeries], runs: Collection[int]) -> list[RunSeries]:
    """Those of some runs, the oldest run first."""
    return sorted((each for each in series if each.run_id in runs), key=lambda each: each.run_id)
