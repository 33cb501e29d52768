"""Several processes that train or predict as one: lightning-fabric starts and joins them, this shares out the work.

The first process leads: it alone owns the project, writes, publishes and speaks. The others are started with the same
command, do their share and say nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from core.training.events import TrainingEvent

T = TypeVar("T")


class ProcessGroup:
    """One process among `fabric.world_size`; alone, everything here gives back what it was given."""

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        self.rank, self.world_size = int(fabric.global_rank), int(fabric.world_size)
        self.is_rank_zero = self.rank == 0
        self._words: Any = None
        if self.world_size > 1 and fabric.device.type == "cuda":
            # Small decisions go from processor to processor: a graphics card would have to finish its work first.
            self._words = torch.distributed.new_group(backend="gloo")

    def local_part(self, whole: Tensor) -> Tensor:
        """The part of a batch (N, ...) that is this process's; N is a multiple of the world."""
        return whole if self.world_size == 1 else whole.chunk(self.world_size)[self.rank]

    def is_local(self, number: int) -> bool:
        """Things that are counted belong to one process each, in turn."""
        return number % self.world_size == self.rank

    def gather(self, share: Tensor) -> Tensor:
        """The whole batch from everybody's shares, and a gradient that finds its way back to each.

        What is computed from it is the same in every process, so that a loss over the whole batch (Dice, or a mean
        over labelled pixels, of which each share has another number) is what one process would have computed. Fabric
        averages gradients; all_gather sums them: the gradient is that of one process too.
        """
        if self.world_size == 1:
            return share
        whole: Tensor = self._fabric.all_gather(share, sync_grads=share.requires_grad)
        return whole.flatten(0, 1)

    def sum(self, counts: Tensor) -> Tensor:
        """The sum of everybody's counts."""
        if self.world_size == 1:
            return counts
        total: Tensor = self._fabric.all_reduce(counts, reduce_op="sum")
        return total

    def rank_zero_value(self, number: float) -> float:
        """What the leader says: clocks differ, decisions must not."""
        if self.world_size == 1:
            return number
        said = torch.tensor(number, dtype=torch.float64)
        torch.distributed.broadcast(said, 0, group=self._words)
        return said.item()

    def broadcast(self, thing: T) -> T:
        """The leader's thing."""
        return self._fabric.broadcast(thing) if self.world_size > 1 else thing

    def gather_objects(self, thing: T) -> list[T]:
        """Everybody's thing, in order of rank."""
        if self.world_size == 1:
            return [thing]
        return [self._fabric.broadcast(thing, src=rank) for rank in range(self.world_size)]

    def rank_zero_only(self, on_event: Callable[[TrainingEvent], None]) -> Callable[[TrainingEvent], None]:
        """The leader speaks for all."""
        return on_event if self.is_rank_zero else lambda _: None

    def sync_batch_norm(self, model: nn.Module) -> nn.Module:
        """The network with batch norm over the whole batch where torch can do that, which is on graphics cards."""
        if self.world_size == 1 or self._fabric.device.type != "cuda":
            return model
        synced: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        return synced


def leave_process_group() -> None:
    """The processes go their ways."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
