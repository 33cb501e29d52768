"""The budget of a training, in minutes, steps or epochs."""

from __future__ import annotations

import math
import time

from core.training.recipe import Recipe

EXTENSION_START = 0.5
"""New labels in the second half of a training set it back to this fraction, so that there is time to learn them."""


class Budget:
    """Fraction of a training that is over; the time of a pause does not count."""

    def __init__(self, recipe: Recipe, pictures: int, *, step: int = 0, seconds: float = 0.0) -> None:
        """`step` and `seconds` were spent before, by the training that is resumed."""
        self._total_seconds = None if recipe.minutes is None else recipe.minutes * 60
        self.steps = recipe.steps
        self._in_epochs = recipe.epochs is not None
        if recipe.epochs is not None:
            self.steps = max(1, math.ceil(recipe.epochs * pictures / recipe.batch))
        self._started = time.monotonic()
        self._seconds_before = seconds
        self._extension = 0.0
        self._paused_at: float | None = None
        self._first_step = step

    @property
    def seconds(self) -> float:
        """Spent on training so far."""
        now = time.monotonic() if self._paused_at is None else self._paused_at
        return self._seconds_before + now - self._started

    def pause(self) -> None:
        """Stop the clock."""
        if self._paused_at is None:
            self._paused_at = time.monotonic()

    def resume(self) -> None:
        """Start the clock again."""
        if self._paused_at is not None:
            self._started += time.monotonic() - self._paused_at
            self._paused_at = None

    def skip(self, seconds: float) -> None:
        """Leave out this much of the time so far, which was not spent on training."""
        self._started += seconds

    def fraction_spent(self, step: int) -> float:
        """0 at the start, 1 when the budget is spent."""
        if self._total_seconds is not None:
            return min(1.0, (self.seconds - self._extension) / self._total_seconds)
        assert self.steps is not None
        return min(1.0, step / self.steps)

    def seconds_left(self, step: int) -> float | None:
        """Until the budget is spent; None as long as it cannot be estimated."""
        if self._total_seconds is not None:
            return max(0.0, self._total_seconds + self._extension - self.seconds)
        done = step - self._first_step
        if self.steps is None or done < 3:
            return None
        return max(0, self.steps - step) * (self.seconds - self._seconds_before) / done

    def adjust_for_batch(self, step: int, factor: float) -> None:
        """From now on a step takes `factor` times fewer pictures: an epoch then has more steps."""
        if factor > 1 and self._in_epochs and self.steps is not None:
            self.steps = step + math.ceil((self.steps - step) * factor)

    def extend(self, step: int) -> None:
        """Labels have changed: a budget in minutes goes back to `EXTENSION_START`; one in steps keeps its end."""
        if self._total_seconds is not None:
            excess = self.fraction_spent(step) - EXTENSION_START
            if excess > 0:
                self._extension += excess * self._total_seconds
