"""How long a training lasts, and how fast it learns at each moment of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from core.training.recipe import Recipe

FINAL_RATE_SHARE = 0.02
"""Of the peak, what the learning rate falls to at the end."""
ONE_CYCLE_RISE, ONE_CYCLE_START = 0.3, 1 / 25
"""Of the budget and of the peak, as torch's OneCycleLR has them."""
EXTENSION_START = 0.5
"""New labels in the second half of a training bring it back to here, so that there is time to learn them."""


class Budget:
    """Share of a training that is over, by minutes, steps or epochs; seconds of a pause do not count."""

    def __init__(self, recipe: Recipe, pictures: int, *, step: int = 0, seconds: float = 0.0) -> None:
        """`step` and `seconds` were spent before, in the training that is resumed."""
        self._seconds_total = None if recipe.minutes is None else recipe.minutes * 60
        self.steps = recipe.steps
        self._by_pictures = recipe.epochs is not None
        if recipe.epochs is not None:
            self.steps = max(1, math.ceil(recipe.epochs * pictures / recipe.batch))
        self._since = time.monotonic()
        self._before = seconds
        self._gained = 0.0
        self._holding: float | None = None
        self._first_step = step

    @property
    def seconds(self) -> float:
        """Spent on training so far."""
        now = time.monotonic() if self._holding is None else self._holding
        return self._before + now - self._since

    def pause(self) -> None:
        """The clock stops, for a pause."""
        if self._holding is None:
            self._holding = time.monotonic()

    def resume(self) -> None:
        """The clock runs again."""
        if self._holding is not None:
            self._since += time.monotonic() - self._holding
            self._holding = None

    def fraction_spent(self, step: int) -> float:
        """0 at the start, 1 when the budget is spent."""
        if self._seconds_total is not None:
            return min(1.0, (self.seconds - self._gained) / self._seconds_total)
        assert self.steps is not None
        return min(1.0, step / self.steps)

    def seconds_left(self, step: int) -> float | None:
        """Until the budget is spent; None while nobody can tell."""
        if self._seconds_total is not None:
            return max(0.0, self._seconds_total + self._gained - self.seconds)
        done = step - self._first_step
        if self.steps is None or done < 3:
            return None
        return max(0, self.steps - step) * (self.seconds - self._before) / done

    def adjust_for_batch(self, step: int, factor: float) -> None:
        """Each step takes `factor` times fewer pictures from now on: an epoch then has more steps."""
        if factor > 1 and self._by_pictures and self.steps is not None:
            self.steps = step + math.ceil((self.steps - step) * factor)

    def extend(self, step: int) -> None:
        """Labels arrived late: a training by the clock goes back to `REOPENED_AT`; one by steps keeps its end."""
        if self._seconds_total is not None:
            over = self.fraction_spent(step) - EXTENSION_START
            if over > 0:
                self._gained += over * self._seconds_total


def learning_rate_at(recipe: Recipe, fraction: float, steps_done: int) -> float:
    """What to use when `share` of the budget is over: a linear rise over the first steps, because the first
    gradients of a random network are wild, times the schedule."""
    rise = min(1.0, (steps_done + 1) / recipe.warm_up) if recipe.warm_up else 1.0
    assert recipe.learning_rate is not None, "the range test comes first"
    return recipe.learning_rate * rise * _SCHEDULES[recipe.schedule](fraction)


def _between(high: float, low: float, share: float) -> float:
    """Half a cosine from high to low (Loshchilov and Hutter 2016, arXiv 1608.03983)."""
    return low + (high - low) * 0.5 * (1 + math.cos(math.pi * share))


def _one_cycle(share: float) -> float:
    """Up and down again (Smith and Topin 2017, arXiv 1708.07120)."""
    if share < ONE_CYCLE_RISE:
        return _between(ONE_CYCLE_START, 1.0, share / ONE_CYCLE_RISE)
    return _between(1.0, 0.0, (share - ONE_CYCLE_RISE) / (1 - ONE_CYCLE_RISE)) + 1e-4


_SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda share: _between(1.0, FINAL_RATE_SHARE, share),
    "constant": lambda _share: 1.0,
    "one-cycle": _one_cycle,
    # As in DeepLab (Chen and others 2016, arXiv 1606.00915).
    "poly": lambda share: max(1e-4, (1 - share) ** 0.9),
}
