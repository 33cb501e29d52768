"""Budgets in minutes, steps and epochs."""

from __future__ import annotations

import pytest

from core.training.budget import Budget
from core.training.recipe import Recipe


def test_budgets() -> None:
    assert Budget(Recipe(minutes=None, steps=10), 5).fraction_spent(5) == 0.5
    epochs = Budget(Recipe(minutes=None, epochs=3, batch=4), 10)
    assert epochs.steps == 8
    assert epochs.fraction_spent(8) == 1
    assert Budget(Recipe(minutes=1.0), 5, seconds=30).fraction_spent(0) == pytest.approx(0.5, abs=0.01)


def test_new_labels_extend_a_budget_in_minutes() -> None:
    budget = Budget(Recipe(minutes=1.0), 5, seconds=57)
    budget.extend(0)
    assert budget.fraction_spent(0) == pytest.approx(0.5, abs=0.01)
    left = budget.seconds_left(0)
    assert left == pytest.approx(30, abs=0.5)


def test_paused_budget_does_not_run() -> None:
    budget = Budget(Recipe(minutes=1.0), 5)
    budget.pause()
    held = budget.seconds
    budget.pause()
    assert budget.seconds == held
    budget.resume()
    assert budget.seconds >= held


def test_smaller_batches_give_an_epoch_more_steps() -> None:
    budget = Budget(Recipe(minutes=None, epochs=4, batch=4), 10)
    assert budget.steps == 10
    budget.adjust_for_batch(2, 2.0)
    assert budget.steps == 18
    fixed = Budget(Recipe(minutes=None, steps=10), 10)
    fixed.adjust_for_batch(2, 2.0)
    assert fixed.steps == 10
