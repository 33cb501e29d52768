"""Learning-rate schedules and warm-up."""

from __future__ import annotations

import numpy as np
import pytest

from core.training.recipe import SCHEDULES, Recipe
from core.training.schedule import learning_rate_at


def test_the_learning_rate_rises_and_falls() -> None:
    recipe = Recipe(learning_rate=1.0)
    rates = [learning_rate_at(recipe, step / 200, step) for step in range(201)]
    peak = int(np.argmax(rates))
    assert 15 <= peak <= 25
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] == pytest.approx(0.02)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_start_low_and_stay_below_the_peak(schedule: str) -> None:
    recipe = Recipe(learning_rate=1.0, schedule=schedule, warm_up=10)
    rates = [learning_rate_at(recipe, step / 200, step) for step in range(201)]
    assert rates[0] <= 0.1
    assert 0.8 < max(rates) <= 1.0 + 1e-3
    assert all(rate > 0 for rate in rates)
    assert (rates[-1] == 1.0) is (schedule == "constant")
    peak = int(np.argmax(rates))
    assert (50 < peak < 70) is (schedule == "one-cycle")
