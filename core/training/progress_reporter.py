"""Progress events of a training, about once a second, and of what is done between its steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from core.base.errors import TrainingError
from core.training.budget import Budget
from core.training.events import TrainingEvent, TrainingProgress, TrainingStage

DIVERGED_TEXT = (
    "Training stopped because it diverged: loss or weights are no longer finite numbers. The last good network stays "
    "in use; start again with a smaller learning rate."
)
REPORT_INTERVAL = 1.0
"""Seconds between two TrainingProgress events."""
STAGE_INTERVAL = 0.25
"""Seconds between two TrainingStage events of one stage."""


class ProgressReporter:
    """Sums losses on their device and reads the sum once a second: reading makes a graphics card wait."""

    def __init__(
        self, budget: Budget, on_event: Callable[[TrainingEvent], None], *, epoch: float = 0.0
    ) -> None:
        """epoch: passes over the labelled pictures before, by the training that is resumed"""
        self._budget, self._on_event, self._epoch = budget, on_event, epoch
        self._loss_sum: Tensor | None = None
        self._steps = self._pictures = 0
        self._reported = time.monotonic()

    def add_step(self, step: int, loss: Tensor, pictures: int, rate: float, labelled: int) -> None:
        """Count a step with this many of the labelled pictures. Raises TrainingError when the loss is not finite."""
        loss = loss.detach()
        first = self._loss_sum is None
        self._loss_sum = loss if self._loss_sum is None else self._loss_sum + loss
        self._steps += 1
        self._pictures += pictures
        self._epoch += pictures / max(1, labelled)
        now = time.monotonic()
        if now - self._reported < REPORT_INTERVAL and not first:
            return
        mean = float(self._loss_sum) / self._steps
        if not math.isfinite(mean):
            raise TrainingError(DIVERGED_TEXT)
        speed = self._pictures / max(now - self._reported, 1e-6)
        budget = self._budget
        self._on_event(
            TrainingProgress(
                step, budget.steps, mean, speed, budget.seconds, budget.seconds_left(step), rate, self._epoch
            )
        )
        self._reported, self._steps, self._pictures = now, 0, 0
        self._loss_sum = torch.zeros_like(loss)


class StageReporter:
    """Reports the stages of long work; called with each item, it sends some of them."""

    def __init__(self, on_event: Callable[[TrainingEvent], None]) -> None:
        self._on_event = on_event
        self._text, self._reported = "", 0.0

    def __call__(self, text: str, done: int = 0, total: int = 0) -> None:
        now = time.monotonic()
        if text != self._text or now - self._reported >= STAGE_INTERVAL:
            self._text, self._reported = text, now
            self._on_event(TrainingStage(text, done, total))
