"""Cost of a network: parameters and multiply-accumulates, counted from shapes without computing anything."""

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
"""Side in pixels of the square picture that costs refer to."""


@dataclass(frozen=True, slots=True)
class NetworkCost:
    """gmacs: 10^9 multiply-accumulates for a picture of COST_IMAGE_SIDE x COST_IMAGE_SIDE."""

    parameters: int
    gmacs: float


def measure_cost(spec: ModelSpec) -> NetworkCost:
    """Cost of the network of a spec; takes a second at most. Raises ModelError."""
    return count_operations(lambda: build_network(replace(spec, weights="none")), spec.channels)


def count_operations(make: Callable[[], nn.Module], channels: int = 3) -> NetworkCost:
    """Cost of the network that `make` builds, on torch's “meta” device, whose tensors have shapes but no data.

    A network that needs data while it is built is built on the CPU and moved.
    """
    try:
        with torch.device("meta"):
            model = make()
    except (RuntimeError, ModelError):
        model = make().to("meta")
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model.eval()(torch.zeros(1, channels, COST_IMAGE_SIDE, COST_IMAGE_SIDE, device="meta"))
    # The counter counts a multiply-accumulate as two operations.
    return NetworkCost(sum(p.numel() for p in model.parameters()), counter.get_total_flops() / 2e9)
