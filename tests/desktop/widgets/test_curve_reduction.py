"""Long curves: reduced to columns of pixels, and smoothed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.widgets.curve_reduction import reduce_columns, smooth


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400),
    st.integers(1, 20),
    st.floats(0, 1),
    st.floats(0.01, 1),
)
def test_columns_keep_every_peak(values: list[float], columns: int, start: float, share: float) -> None:
    """Each column has its first, lowest, highest and last value, as a search over all points finds them."""
    x = np.cumsum(np.abs(np.sin(np.arange(len(values)))))
    y = np.array(values)
    left = start * x[-1]
    right = left + share * (x[-1] or 1)
    kept_x, kept_y = reduce_columns(x, y, left, right, columns)
    assert np.all(np.diff(kept_x) >= 0)
    column = np.floor((x - left) * (columns / (right - left)))
    kept_column = np.floor((kept_x - left) * (columns / (right - left)))
    for number in range(columns):
        inside, kept = y[column == number], kept_y[kept_column == number]
        if len(inside):
            expected = (inside[0], inside[-1], inside.min(), inside.max())
            assert (kept[0], kept[-1], kept.min(), kept.max()) == expected
    assert len(kept_x) <= max(len(x) if len(x) <= 4 * columns + 2 else 0, 4 * (columns + 2))


def test_the_line_reaches_both_edges() -> None:
    x = np.arange(100.0)
    kept, _ = reduce_columns(x, x, 10.5, 20.5, 4)
    assert (kept[0], kept[-1]) == (10, 21), "one point beyond either end"
    nothing, _ = reduce_columns(np.empty(0), np.empty(0), 0, 1, 10)
    assert len(nothing) == 0


@given(st.lists(st.floats(-100, 100), max_size=700), st.floats(0, 0.99))
def test_smoothing_is_the_debiased_moving_average(values: list[float], weight: float) -> None:
    average, expected = 0.0, []
    for number, value in enumerate(values, 1):
        average = weight * average + (1 - weight) * value
        expected.append(average / (1 - weight**number) if weight else value)
    assert smooth(values, weight) == pytest.approx(expected, abs=1e-8)
