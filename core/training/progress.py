"""Telling how far a training is, about once a second."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from core.base.errors import TrainingError
from core.training.budget import Budget
from core.training.events import TrainingEvent, TrainingProgress

DIVERGED_TEXT = (
    "Training stopped because its numbers grew without bounds. The last good network stays in use; "
    "start again with a smaller learning rate."
)
REPORT_INTERVAL = 1.0
"""Seconds between two Progress events."""


class ProgressReporter:
    """Sums losses on their device, because asking a graphics card for a number makes it wait; asks once a second."""

    def __init__(self, budget: Budget, on_event: Callable[[TrainingEvent], None]) -> None:
        self._budget, self._on_event = budget, on_event
        self._sum: Tensor | None = None
        self._steps = self._pictures = 0
        self._told = time.monotonic()

    def add_step(self, step: int, loss: Tensor, pictures: int) -> None:
        """Count a step of so many pictures. Raises TrainingError when the loss is no longer a number."""
        loss = loss.detach()
        first = self._sum is None
        self._sum = loss if self._sum is None else self._sum + loss
        self._steps += 1
        self._pictures += pictures
        now = time.monotonic()
        if now - self._told < REPORT_INTERVAL and not first:
            return
        mean = float(self._sum) / self._steps
        if not math.isfinite(mean):
            raise TrainingError(DIVERGED_TEXT)
        rate = self._pictures / max(now - self._told, 1e-6)
        budget = self._budget
        self._on_event(
            TrainingProgress(step, budget.steps, mean, rate, budget.seconds, budget.seconds_left(step))
        )
        self._told, self._steps, self._pictures = now, 0, 0
        self._sum = torch.zeros_like(loss)
