"""The learning-rate finder: a short training with a growing rate, from whose loss curve a rate is chosen."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

from torch import Tensor, nn

from core.training.data.training_set import TrainingSet
from core.training.resume_state import StatefulOptimizer
from core.training.train_step import TrainStep

MIN_RATE, MAX_RATE, STEPS = 1e-5, 1.0, 80
SMOOTHING = 0.9
DIVERGENCE_FACTOR = 3.0
"""The test ends when the smoothed loss is this many times the best."""
SAFETY_FACTOR = 10.0
"""The loss is lowest just before it diverges; the rate is this many times smaller."""

LossCurve = tuple[tuple[float, float], ...]


def find_learning_rate(
    train_step: TrainStep,
    model: nn.Module,
    optimizer: StatefulOptimizer,
    pictures: TrainingSet,
    class_weights: Tensor,
    should_abort: Callable[[], bool],
) -> tuple[float | None, LossCurve]:
    """The learning rate to use (None when aborted or when the curve is too short), and (rate, smoothed loss) per step.

    The range test of Smith 2017, arXiv 1506.01186, with rates that grow by a constant factor. Weights and optimizer
    are restored afterwards.
    """
    weights_before, optimizer_before = (
        copy.deepcopy(model.state_dict()),
        copy.deepcopy(optimizer.state_dict()),
    )
    curve: list[tuple[float, float]] = []
    mean, best = 0.0, math.inf
    aborted = False
    for step in range(STEPS):
        if aborted := should_abort():
            break
        rate = MIN_RATE * (MAX_RATE / MIN_RATE) ** (step / (STEPS - 1))
        train_step.set_learning_rate(rate)
        loss = train_step.group.rank_zero_value(float(train_step.step(pictures, class_weights).detach()))
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smooth = mean / (1 - SMOOTHING ** (step + 1))
        if not math.isfinite(smooth) or smooth > DIVERGENCE_FACTOR * best:
            break
        curve.append((rate, smooth))
        best = min(best, smooth)
    model.load_state_dict(weights_before)
    optimizer.load_state_dict(optimizer_before)
    return (None if aborted else rate_from_curve(tuple(curve))), tuple(curve)


def rate_from_curve(curve: LossCurve) -> float | None:
    """The rate at the lowest loss divided by SAFETY_FACTOR; None when the curve is too short."""
    if len(curve) < STEPS // 8:
        return None
    lowest = min(curve, key=lambda point: point[1])[0]
    return max(MIN_RATE, lowest / SAFETY_FACTOR)
