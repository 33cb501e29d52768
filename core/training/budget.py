"""How long a training lasts, and how fast it learns at each moment of it."""

from __future__ import annotations

import math
import time

from core.training.recipe import Recipe

WARM_UP_STEPS = 20
"""Steps in which the learning rate rises to its peak: the first gradients of a random network are wild."""
LAST_SHARE = 0.02
"""Of the peak, what the learning rate falls to at the end."""
REOPENED_AT = 0.5
"""New labels in the second half of a training bring it back to here, so that there is time to learn them."""


class Budget:
    """Share of a training that is over, by minutes, steps or epochs; seconds of a pause do not count."""

    def __init__(self, recipe: Recipe, pictures: int, *, step: int = 0, seconds: float = 0.0) -> None:
        """`step` and `seconds` were spent before, in the training that is resumed."""
        self._seconds_total = None if recipe.minutes is None else recipe.minutes * 60
        self.steps = recipe.steps
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

    def hold(self) -> None:
        """The clock stops, for a pause."""
        if self._holding is None:
            self._holding = time.monotonic()

    def go_on(self) -> None:
        """The clock runs again."""
        if self._holding is not None:
            self._since += time.monotonic() - self._holding
            self._holding = None

    def share(self, step: int) -> float:
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

    def reopen(self, step: int) -> None:
        """Labels arrived late: a training by the clock goes back to `REOPENED_AT`; one by steps keeps its end."""
        if self._seconds_total is not None:
            over = self.share(step) - REOPENED_AT
            if over > 0:
                self._gained += over * self._seconds_total


def learning_rate(recipe: Recipe, share: float, steps_here: int) -> float:
    """Linear rise over the first steps, then half a cosine down (Loshchilov and Hutter 2016, arXiv 1608.03983)."""
    rise = min(1.0, (steps_here + 1) / WARM_UP_STEPS)
    fall = LAST_SHARE + (1 - LAST_SHARE) * 0.5 * (1 + math.cos(math.pi * share))
    return recipe.learning_rate * rise * fall
