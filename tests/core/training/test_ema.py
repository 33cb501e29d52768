"""The exponential moving average of the weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from core.training.ema import AveragedModel


def test_average_follows_the_weights_and_soon_loses_the_start() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
    averaged = AveragedModel(model, 0.99)
    start = averaged.model[0].weight.clone()  # type: ignore[union-attr, operator]
    with torch.no_grad():
        model[0].weight.fill_(5.0)
        model[1].running_mean.fill_(3.0)
        model[1].num_batches_tracked.fill_(7)
    for _ in range(40):
        averaged.update()
    share_of_start = 1.0
    for n in range(1, 41):
        share_of_start *= min(0.99, (1 + n) / (10 + n))
    assert share_of_start < 1e-4
    torch.testing.assert_close(averaged.model[0].weight, start * share_of_start + 5.0 * (1 - share_of_start))
    assert averaged.model[1].running_mean.item() == pytest.approx(3.0, rel=1e-3)
    assert averaged.model[1].num_batches_tracked.item() == 7
    assert not averaged.model.training
