"""Finding a learning rate: a short training in which it grows, and a look at where the loss stops falling."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

from torch import Tensor, nn

from core.training.data.dataset import TrainingSet
from core.training.resume_state import StatefulOptimizer
from core.training.train_step import TrainStep

MIN_RATE, MAX_RATE, STEPS = 1e-5, 1.0, 80
SMOOTHING = 0.9
DIVERGENCE_FACTOR = 3.0
"""Times the best loss, at which there is nothing more to see."""
SAFETY_FACTOR = 10.0
"""The loss is lowest where it is about to grow again; a tenth of that rate is on the safe side of it."""

LossCurve = tuple[tuple[float, float], ...]


def find_learning_rate(
    train_step: TrainStep,
    model: nn.Module,
    optimizer: StatefulOptimizer,
    pictures: TrainingSet,
    class_weights: Tensor,
    should_abort: Callable[[], bool],
) -> tuple[float | None, LossCurve]:
    """The learning rate to use, None when given up or nothing could be seen, and (rate, smoothed loss) of each step.

    The range test of Smith 2017, arXiv 1506.01186, with rates that grow by the same factor. Weights and optimiser
    are afterwards as before.
    """
    before, memory = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
    curve: list[tuple[float, float]] = []
    mean, best = 0.0, math.inf
    gave_up = False
    for number in range(STEPS):
        if gave_up := should_abort():
            break
        rate = MIN_RATE * (MAX_RATE / MIN_RATE) ** (number / (STEPS - 1))
        train_step.set_learning_rate(rate)
        loss = train_step.group.rank_zero_value(float(train_step.step(pictures, class_weights).detach()))
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smooth = mean / (1 - SMOOTHING ** (number + 1))
        if not math.isfinite(smooth) or smooth > DIVERGENCE_FACTOR * best:
            break
        curve.append((rate, smooth))
        best = min(best, smooth)
    model.load_state_dict(before)
    optimizer.load_state_dict(memory)
    return (None if gave_up else rate_from_curve(tuple(curve))), tuple(curve)


def rate_from_curve(curve: LossCurve) -> float | None:
    """The rate that a curve advises, None when it is too short to say."""
    if len(curve) < STEPS // 8:
        return None
    lowest = min(curve, key=lambda point: point[1])[0]
    return max(MIN_RATE, lowest / SAFETY_FACTOR)
