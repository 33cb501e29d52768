"""Training and prediction by several processes, which lightning-fabric starts and connects.

Rank zero alone owns the project, writes, publishes and reports. The others are started with the same command and do
their part silently.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from core.training.events import TrainingEvent

if TYPE_CHECKING:
    from core.training.single_device import Runtime

T = TypeVar("T")


class ProcessGroup:
    """This process among `runtime.world_size`; with a single one every method returns its argument."""

    def __init__(self, runtime: Runtime) -> None:
        self._fabric: Any = runtime
        self.rank, self.world_size = int(runtime.global_rank), int(runtime.world_size)
        self.is_rank_zero = self.rank == 0
        self._small_group: Any = None
        if self.world_size > 1 and runtime.device.type == "cuda":
            # Small values are sent between processors: a graphics card would have to finish its work first.
            self._small_group = torch.distributed.new_group(backend="gloo")

    def local_part(self, batch: Tensor) -> Tensor:
        """This process's part of a batch (N, ...); N is a multiple of world_size."""
        return batch if self.world_size == 1 else batch.chunk(self.world_size)[self.rank]

    def is_local(self, number: int) -> bool:
        """Whether item `number` is for this process: items go to the processes in turn."""
        return number % self.world_size == self.rank

    def gather(self, part: Tensor) -> Tensor:
        """The whole batch (N, ...) from the parts of all processes; gradients flow back to each.

        What is computed from it is the same in every process, so that a loss over the whole batch (Dice, or a mean
        over labelled pixels, of which each part has another number) is what one process would have computed. Fabric
        averages gradients; all_gather sums them: the gradient is that of one process too.
        """
        if self.world_size == 1:
            return part
        batch: Tensor = self._fabric.all_gather(part, sync_grads=part.requires_grad)
        return batch.flatten(0, 1)

    def sum(self, value: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.world_size == 1:
            return value
        total: Tensor = self._fabric.all_reduce(value, reduce_op="sum")
        return total

    @torch.no_grad()
    def share_weights(self, model: nn.Module) -> None:
        """Give `model` the weights of rank zero: what each process computed for itself may differ by rounding."""
        if self.world_size == 1:
            return
        for tensor in model.state_dict().values():
            sent = tensor.contiguous()
            torch.distributed.broadcast(sent, 0)
            tensor.copy_(sent)

    def rank_zero_value(self, value: float) -> float:
        """The value of rank zero: clocks differ between processes, decisions must not."""
        if self.world_size == 1:
            return value
        tensor = torch.tensor(value, dtype=torch.float64)
        torch.distributed.broadcast(tensor, 0, group=self._small_group)
        return tensor.item()

    def broadcast(self, value: T) -> T:
        """The object of rank zero."""
        return self._fabric.broadcast(value) if self.world_size > 1 else value

    def gather_objects(self, value: T) -> list[T]:
        """The objects of all processes, in order of rank."""
        if self.world_size == 1:
            return [value]
        return [self._fabric.broadcast(value, src=rank) for rank in range(self.world_size)]

    def rank_zero_only(self, on_event: Callable[[TrainingEvent], None]) -> Callable[[TrainingEvent], None]:
        """The callback on rank zero, one that does nothing elsewhere."""
        return on_event if self.is_rank_zero else lambda _: None

    def sync_batch_norm(self, model: nn.Module) -> nn.Module:
        """The network with batch norm over the whole batch where torch has that, on graphics cards."""
        if self.world_size == 1 or self._fabric.device.type != "cuda":
            return model
        synced: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        return synced


def leave_process_group() -> None:
    """End the communication of the processes."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
