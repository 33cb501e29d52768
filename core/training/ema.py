"""Weights averaged over the last steps: calmer than those of any one step, and what is scored and published."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class AveragedModel:
    """Exponential moving average of a model's weights and batch norm statistics (Polyak and Juditsky 1992; as in
    Mean Teacher, Tarvainen and Valpola 2017, arXiv 1703.01780).

    The decay grows as (1 + n) / (10 + n) up to `decay`, so that the random start is soon forgotten. Running means
    and variances belong to the weights they were measured with and are averaged the same way; counters are copied.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self._decay, self.updates = decay, 0
        ours, theirs = self.model.state_dict(), model.state_dict()
        floating = [name for name, tensor in ours.items() if tensor.is_floating_point()]
        self._ours: list[Tensor] = [ours[name] for name in floating]
        self._theirs: list[Tensor] = [theirs[name] for name in floating]
        self._copied = [(ours[n], theirs[n]) for n in ours if not ours[n].is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the model as it is now; call after every step."""
        self.updates += 1
        decay = min(self._decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self._ours, self._theirs, 1 - decay)
        for mine, theirs in self._copied:
            mine.copy_(theirs)
