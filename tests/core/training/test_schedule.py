"""Learning-rate schedules and warm-up."""

from __future__ import annotations

import numpy as np
import pytest

from core.training.recipe import SCHEDULES, Recipe
from core.training.schedule import Plateau, learning_rate_at


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
    assert (rates[-1] == 1.0) is (schedule in ("constant", "plateau"))
    peak = int(np.argmax(rates))
    assert (50 < peak < 70) is (schedule == "one-cycle")


def test_plateau_reduces_the_rate_after_evaluations_without_a_gain() -> None:
    recipe = Recipe(schedule="plateau", plateau_patience=2, plateau_factor=0.5)
    plateau, heard = Plateau(recipe), []
    shares = []
    for without_gain in (0, 1, 1, 2, 2, 3, 0, 1, 2, 3, 4):  # a number twice: an evaluation that was put off
        plateau.update(without_gain, heard.append)
        shares.append(plateau.share)
    assert shares == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]
    assert len(heard) == 3
    assert heard[0] == "2 evaluations without a gain: the learning rate is reduced to 0.5 of its peak."
    for without_gain in range(5, 100):
        plateau.update(without_gain, heard.append)
    assert plateau.share == 1e-3
    assert Plateau(recipe, 0.25).share == 0.25


def test_other_schedules_know_no_plateau() -> None:
    plateau, heard = Plateau(Recipe(schedule="cosine", plateau_patience=1), 0.25), []
    for without_gain in range(9):
        plateau.update(without_gain, heard.append)
    assert plateau.share == 1
    assert heard == []
