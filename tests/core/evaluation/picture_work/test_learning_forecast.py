"""The fitted inverse power law, its interval, and what is too early to say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation.picture_work.learning_forecast import MIN_POINTS, expected_gain, is_enough

A, B, C = 0.7, 0.6, 0.5


def curve(count: int, noise: float = 0.0, seed: int = 0) -> list[tuple[float, float]]:
    x = np.arange(1, count + 1)
    y = A - B * x**-C + np.random.default_rng(seed).normal(0, noise, count)
    return list(zip(x.astype(float), y.clip(0, 1), strict=True))


def true_gain(now: int, more: int = 20) -> float:
    return float(B * (now**-C - (now + more) ** -C))


def test_a_curve_without_noise_is_found_again() -> None:
    found = expected_gain(curve(30), 30)
    assert found is not None
    assert found.expected == pytest.approx(true_gain(30), rel=0.1)
    assert found.high - found.low < 0.01


def test_the_interval_holds_the_true_gain_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(60):
        found = expected_gain(curve(40, 0.08, seed), 40, seed=seed)
        assert found is not None
        held += found.low <= true_gain(40) <= found.high
    assert held >= 0.75 * 60


def test_more_pictures_narrow_the_interval() -> None:
    few, many = (expected_gain(curve(count, 0.05), count) for count in (15, 120))
    assert few is not None and many is not None
    assert many.high - many.low < (few.high - few.low) / 3


def test_many_points_are_averaged_without_another_answer() -> None:
    found = expected_gain(curve(3000, 0.05), 3000, more=3000)
    assert found is not None
    assert found.expected == pytest.approx(true_gain(3000, 3000), rel=0.3)
    assert found.low <= true_gain(3000, 3000) <= found.high


def test_what_falls_brings_nothing() -> None:
    falling = [(float(x), 0.8 - 0.005 * x) for x in range(1, 40)]
    found = expected_gain(falling, 39)
    assert found is not None and (found.low, found.expected, found.high) == (0, 0, 0)


def test_no_score_rises_above_one() -> None:
    steep = [(float(x), 0.1 * np.log(x)) for x in range(1, 400, 10)]
    found = expected_gain(steep, 391, more=10**9)
    assert found is not None and found.expected <= 1 - 0.1 * np.log(391) + 0.1


def test_few_points_or_a_short_span_are_too_early() -> None:
    assert not is_enough(curve(MIN_POINTS - 1))
    assert is_enough(curve(MIN_POINTS))
    assert expected_gain([(100.0 + x, 0.5 + x / 1000) for x in range(50)], 150) is None
    assert expected_gain([(5.0, 0.5), (10.0, 0.6)] * 20, 10) is None
    assert expected_gain([], 0) is None


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 1)), max_size=40),
    st.integers(0, 10**6),
)
def test_any_curve_has_a_finite_gain_inside_its_interval(
    points: list[tuple[int, float]], labelled: int
) -> None:
    found = expected_gain([(float(x), y) for x, y in points], labelled)
    if found is not None:
        assert 0 <= found.low <= found.expected <= found.high <= 1e9
        assert np.isfinite(found.high)
