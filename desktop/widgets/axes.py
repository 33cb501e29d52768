"""Chart axes with round tick distances. Imports pyqtgraph, which is slow, so this module is imported late."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pyqtgraph import AxisItem
from PySide6.QtCore import QRectF

Ticks = list[tuple[float, list[float]]]


def duration_label(seconds: float, spacing: float = 0) -> str:
    """A training time on an axis: 0, 40 s, 12 min, 3 h. `spacing`: distance of the ticks in seconds."""
    if seconds == 0:
        return "0"
    if spacing < 60 and seconds < 120:
        return f"{seconds:g} s"
    if spacing < 3600 and seconds < 4 * 3600:
        return f"{seconds / 60:.3g} min"
    return f"{seconds / 3600:.3g} h"


def count_label(number: float) -> str:
    """A count on an axis: 800, 12 k, 3.5 M."""
    for size, sign in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(number) >= size:
            return f"{number / size:.3g}{sign}"
    return f"{number:g}"


def even_ticks(low: float, high: float, spacing: float) -> Ticks:
    """All multiples of `spacing` from `low` to `high`, in the form of `AxisItem.tickValues`."""
    first = -(-low // spacing)
    count = int((high - first * spacing) / spacing + 1e-9) + 1
    return [(spacing, [(first + step) * spacing for step in range(max(0, count))])]


class _Axis(AxisItem):  # type: ignore[misc]
    def boundingRect(self) -> QRectF:  # noqa: N802
        """Larger than the axis: pyqtgraph drops labels that reach outside, as the first and last do."""
        rect: QRectF = super().boundingRect()
        return rect.adjusted(-24, -10, 24, 10)


class TimeAxis(_Axis):
    """Seconds of training, written as s, min, h. tick_distances: in seconds, ascending."""

    def __init__(self, tick_distances: Sequence[float]) -> None:
        super().__init__("bottom")
        self._tick_distances = tick_distances

    def tickValues(self, low: float, high: float, size: float) -> Ticks:  # noqa: N802
        most = max(2, int(size / 72))
        spacing = next(
            (span for span in self._tick_distances if (high - low) / span <= most), self._tick_distances[-1]
        )
        return even_ticks(max(0.0, low), high, spacing)

    def tickStrings(self, values: list[float], _scale: float, spacing: float) -> list[str]:  # noqa: N802
        return [duration_label(value, spacing) for value in values]


class CountAxis(_Axis):
    """Counts with a unit prefix, at multiples of 1, 2 or 5 times a power of ten."""

    def tickValues(self, low: float, high: float, size: float) -> Ticks:  # noqa: N802
        most = max(2, int(size / (72 if self.orientation == "bottom" else 32)))
        rough = max(high - low, 1e-9) / most
        power = 10.0 ** math.floor(math.log10(rough))
        spacing = next(step * power for step in (1, 2, 5, 10) if step * power >= rough * 0.999)
        if self.orientation == "bottom":
            spacing = max(1.0, spacing)  # counts are whole numbers
        return even_ticks(max(0.0, low), high, spacing)

    def tickStrings(self, values: list[float], _scale: float, _spacing: float) -> list[str]:  # noqa: N802
        return [count_label(value) for value in values]


class PowerAxis(_Axis):
    """A logarithmic axis for small numbers, such as learning rates, with a tick at each power of ten."""

    def tickValues(self, low: float, high: float, size: float) -> Ticks:  # noqa: N802
        return even_ticks(low, high, max(1.0, math.ceil((high - low) * 56 / size)))

    def tickStrings(self, values: list[float], _scale: float, _spacing: float) -> list[str]:  # noqa: N802
        return [f"1e{value:.0f}" for value in values]


class ScoreAxis(_Axis):
    """Scores from 0 to 1 with ticks at fifths; `coarse`: at halves."""

    def __init__(self, *, coarse: bool) -> None:
        super().__init__("left")
        self._coarse = coarse

    def tickValues(self, _low: float, _high: float, _size: float) -> Ticks:  # noqa: N802
        return even_ticks(0, 1, 0.5 if self._coarse else 0.2)

    def tickStrings(self, values: list[float], _scale: float, _spacing: float) -> list[str]:  # noqa: N802
        return [f"{value:.1f}" for value in values]
