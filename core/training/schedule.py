"""Learning-rate schedules over the budget of a training."""

from __future__ import annotations

import math
from collections.abc import Callable

from core.training.recipe import Recipe

FINAL_RATE_SHARE = 0.02
"""Learning rate at the end of the cosine schedule, as a share of the peak."""
ONE_CYCLE_RISE, ONE_CYCLE_START = 0.3, 1 / 25
"""Share of the budget in which the rate rises, and share of the peak at which it starts; as in torch's OneCycleLR."""
SMALLEST_PLATEAU_SHARE = 1e-3
"""Of the peak, below which the schedule plateau reduces no further."""


def learning_rate_at(recipe: Recipe, fraction: float, steps_done: int) -> float:
    """Learning rate when `fraction` (0..1) of the budget is spent: the schedule times a linear warm-up.

    The warm-up counts the steps of this training, because the first gradients of a random network are wild.
    """
    warm_up = min(1.0, (steps_done + 1) / recipe.warm_up) if recipe.warm_up else 1.0
    assert recipe.learning_rate is not None, "the learning-rate finder runs first"
    return recipe.learning_rate * warm_up * _SCHEDULES[recipe.schedule](fraction)


class Plateau:
    """The schedule of this name: the learning rate times a factor after some evaluations in a row without a gain.

    share: of the peak rate; saved with the state of a training, so that a resumed one goes on with it
    """

    def __init__(self, recipe: Recipe, share: float = 1.0) -> None:
        self._recipe, self._seen = recipe, 0
        self.share = share if recipe.schedule == "plateau" else 1.0

    def update(self, evaluations_without_gain: int, note: Callable[[str], None]) -> None:
        """After an evaluation: reduce the rate where it is time, and note that."""
        is_new, self._seen = evaluations_without_gain > self._seen, evaluations_without_gain
        reduces = (
            self._recipe.schedule == "plateau"
            and is_new
            and evaluations_without_gain % self._recipe.plateau_patience == 0
            and self.share > SMALLEST_PLATEAU_SHARE
        )
        if reduces:
            self.share = max(SMALLEST_PLATEAU_SHARE, self.share * self._recipe.plateau_factor)
            note(
                f"{evaluations_without_gain} evaluations without a gain: the learning rate is reduced to "
                f"{self.share:.2g} of its peak."
            )


def _cosine(high: float, low: float, fraction: float) -> float:
    """Half a cosine from high to low (Loshchilov and Hutter 2016, arXiv 1608.03983)."""
    return low + (high - low) * 0.5 * (1 + math.cos(math.pi * fraction))


def _one_cycle(fraction: float) -> float:
    """Up and down again (Smith and Topin 2017, arXiv 1708.07120)."""
    if fraction < ONE_CYCLE_RISE:
        return _cosine(ONE_CYCLE_START, 1.0, fraction / ONE_CYCLE_RISE)
    return _cosine(1.0, 0.0, (fraction - ONE_CYCLE_RISE) / (1 - ONE_CYCLE_RISE)) + 1e-4


_SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda fraction: _cosine(1.0, FINAL_RATE_SHARE, fraction),
    "constant": lambda _fraction: 1.0,
    "plateau": lambda _fraction: 1.0,  # reduced by `Plateau`
    "one-cycle": _one_cycle,
    # As in DeepLab (Chen and others 2016, arXiv 1606.00915).
    "poly": lambda fraction: max(1e-4, (1 - fraction) ** 0.9),
}
