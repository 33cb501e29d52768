"""What a network costs: numbers to learn and multiplications for a picture, counted without doing any of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from core.base.errors import ModelError
from core.models.network_builder import build_network
from core.models.spec import ModelSpec

COST_IMAGE_SIDE = 256
"""Pixels of the square picture that costs are stated for."""


@dataclass(frozen=True, slots=True)
class NetworkCost:
    """parameters: numbers to learn; gmacs: thousand million multiplications with addition for `SIDE` x `SIDE`."""

    parameters: int
    gmacs: float


def measure_cost(spec: ModelSpec) -> NetworkCost:
    """Of the network that `spec` builds with random weights; a second at most. Raises ModelError."""
    return count_operations(lambda: build_network(replace(spec, weights="none")), spec.channels)


def count_operations(make: Callable[[], nn.Module], channels: int = 3) -> NetworkCost:
    """Of what `make` builds. Tensors are on torch's “meta” device, which knows shapes and holds no numbers; a
    network that wants to look at numbers while it is built is built with them and moved there."""
    try:
        with torch.device("meta"):
            model = make()
    except (RuntimeError, ModelError):
        model = make().to("meta")
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model.eval()(torch.zeros(1, channels, COST_IMAGE_SIDE, COST_IMAGE_SIDE, device="meta"))
    # The counter takes a multiplication and an addition for two operations.
    return NetworkCost(sum(p.numel() for p in model.parameters()), counter.get_total_flops() / 2e9)
