"""Training in one process on one device: what Lightning Fabric does for several, without the second that it takes to
import.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class SingleDevice:
    """The methods of `lightning_fabric.Fabric` that a training uses. Lives on the training thread.

    precision: as in a recipe, but not "auto"; float16 exists on graphics cards only, a processor takes bfloat16
    """

    global_rank, world_size = 0, 1

    def __init__(self, device: torch.device, precision: str) -> None:
        self.device = device
        half = torch.float16 if precision == "16-mixed" and device.type != "cpu" else torch.bfloat16
        self._dtype = None if precision == "32-true" else half
        # Gradients are scaled, so that small ones do not become zero in float16.
        scaled = self._dtype is torch.float16 and device.type == "cuda"
        self._scaler = torch.amp.GradScaler(device.type) if scaled else None
        if device.type == "cuda":
            torch.cuda.set_device(device)

    def launch(self) -> None:
        """Nothing to start."""

    def autocast(self) -> AbstractContextManager[object]:
        """The number format of forward passes."""
        if self._dtype is None:
            return nullcontext()
        return torch.autocast(self.device.type, self._dtype)

    def setup(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[nn.Module, Any]:
        """The network and optimizer to train with; their weights and state are those of the arguments."""
        network = model if self._dtype is None else _AutocastNetwork(model, self)
        return network, optimizer if self._scaler is None else _ScaledOptimizer(optimizer, self._scaler)

    def backward(self, loss: Tensor) -> None:
        (loss if self._scaler is None else self._scaler.scale(loss)).backward()  # type: ignore[no-untyped-call]

    def clip_gradients(
        self, _network: nn.Module, optimizer: Any, *, max_norm: float, error_if_nonfinite: bool
    ) -> None:
        """Scale the gradients down to a norm of at most `max_norm`."""
        if self._scaler is not None:
            self._scaler.unscale_(optimizer.optimizer)
        weights: Iterable[Tensor] = [p for group in optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(weights, max_norm, error_if_nonfinite=error_if_nonfinite)


class _AutocastNetwork(nn.Module):
    """A network that computes in half precision and returns float32."""

    def __init__(self, network: nn.Module, runtime: SingleDevice) -> None:
        super().__init__()
        self.network, self._runtime = network, runtime

    def forward(self, pictures: Tensor) -> Tensor:
        with self._runtime.autocast():
            logits: Tensor = self.network(pictures)
        return logits.float()


class _ScaledOptimizer:
    """An optimizer that takes scaled gradients; everything but `step` is the optimizer's own."""

    def __init__(self, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler) -> None:
        self.optimizer, self._scaler = optimizer, scaler

    def step(self) -> None:
        self._scaler.step(self.optimizer)
        self._scaler.update()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.optimizer, name)


if TYPE_CHECKING:
    Runtime = Fabric | SingleDevice
    """One device in this process, or several processes."""
