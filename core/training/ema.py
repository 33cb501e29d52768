"""Exponential moving average of the weights: what is evaluated and published, because it varies less."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class AveragedModel:
    """Exponential moving average of a model's weights and batch norm statistics (Polyak and Juditsky 1992; as in
    Mean Teacher, Tarvainen and Valpola 2017, arXiv 1703.01780).

    The decay grows as (1 + n) / (10 + n) up to `decay`, so that the random start soon loses influence. Running means
    and variances belong to the weights they were measured with and are averaged in the same way; counters are copied.

    model: the averaged network, in eval mode; updates: number of `update` calls
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self._decay, self.updates = decay, 0
        averaged, current = self.model.state_dict(), model.state_dict()
        floating = [name for name, tensor in averaged.items() if tensor.is_floating_point()]
        self._averaged: list[Tensor] = [averaged[name] for name in floating]
        self._current: list[Tensor] = [current[name] for name in floating]
        self._copied = [(averaged[n], current[n]) for n in averaged if not averaged[n].is_floating_point()]

    @torch.no_grad()
    def reset(self) -> None:
        """Start again from the current weights."""
        self.updates = 0
        torch._foreach_copy_(self._averaged, self._current)
        for target, current in self._copied:
            target.copy_(current)

    @torch.no_grad()
    def update(self) -> None:
        """Add the current weights; call after every step."""
        self.updates += 1
        decay = min(self._decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self._averaged, self._current, 1 - decay)
        for target, current in self._copied:
            target.copy_(current)
