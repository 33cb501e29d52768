"""One training step: sample, augment, forward, loss, backward, update; with a smaller batch when memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from core.base.errors import TrainingError
from core.training.data.augmentation import TrainingBatch, make_batch
from core.training.data.training_set import TrainingSet
from core.training.distributed import ProcessGroup
from core.training.exit_reason import is_out_of_memory
from core.training.losses import segmentation_loss
from core.training.recipe import Recipe

if TYPE_CHECKING:
    from core.training.single_device import Runtime

BATCH_TOO_SMALL_TEXT = (
    "This network uses batch normalization and cannot train on a batch of one picture. "
    "Choose a batch of 2 or more, with a smaller input size if memory is short, or another network."
)


class TrainStep:
    """Runs training steps on a network and an optimizer that a runtime has set up. Lives on the training thread.

    on_note: called with a sentence when something is done differently than the recipe says
    batch_size: of the current steps, smaller than the recipe's after memory ran out
    Several processes sample the same batch with the same random generator; each computes its part.
    """

    def __init__(
        self,
        runtime: Runtime,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        recipe: Recipe,
        on_note: Callable[[str], None],
        group: ProcessGroup | None = None,
    ) -> None:
        self._runtime, self._uncompiled, self._optimizer, self._recipe = runtime, network, optimizer, recipe
        compiled: Callable[[Tensor], Tensor] = torch.compile(network) if recipe.compile else network
        self._network: Callable[[Tensor], Tensor] = compiled
        self._compile_pending = recipe.compile
        self._generator = torch.Generator().manual_seed(recipe.seed)
        self._on_note = on_note
        self.group = group or ProcessGroup(runtime)
        self.batch_size = self._reported_batch_size = recipe.batch

    def set_learning_rate(self, learning_rate: float) -> None:
        """Set it for the next steps."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate * group.get("rate_share", 1.0)

    def step(self, pictures: TrainingSet, class_weights: Tensor) -> Tensor:
        """Run one step and return its loss, a scalar. class_weights: (classes,) float32.

        The batch is halved, repeatedly, when memory runs out. With a single picture, or with several processes, of
        which the others would wait for ever, torch's error is raised instead. Raises TrainingError when this network
        cannot be trained on single pictures.
        """
        while True:
            try:
                samples = pictures.sample(self.batch_size)
                loss = self.step_on_batch(
                    make_batch(
                        samples, pictures.crop_size, self._recipe, self._generator, pictures.statistics
                    ),
                    class_weights,
                )
                break
            except ValueError as error:
                if "more than 1 value per channel" in str(error):
                    raise TrainingError(BATCH_TOO_SMALL_TEXT) from error
                raise
            except (RuntimeError, MemoryError) as error:
                cannot_halve = self.batch_size == 1 or self.group.world_size > 1
                if cannot_halve or not is_out_of_memory(f"{type(error).__name__}: {error}"):
                    raise
            # Outside the handler: until it ends, the exception keeps all tensors of the failed step alive.
            self._halve_batch()
        if self.batch_size != self._reported_batch_size:
            self._reported_batch_size = self.batch_size
            self._on_note(
                f"Not enough memory for {self._recipe.batch} pictures a step; training continues with "
                f"{self.batch_size}."
            )
        return loss

    def step_on_batch(self, batch: TrainingBatch, class_weights: Tensor) -> Tensor:
        """One step on an augmented batch; its loss."""
        recipe = self._recipe
        logits = self.group.gather(self._forward(self.group.local_part(batch.pictures)))
        loss = segmentation_loss(logits, batch.targets, recipe.loss, class_weights, batch.pixel_weights)
        self._runtime.backward(loss)
        if recipe.clip:
            self._runtime.clip_gradients(
                self._uncompiled, self._optimizer, max_norm=recipe.clip, error_if_nonfinite=False
            )
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return loss

    def _forward(self, pictures: Tensor) -> Tensor:
        if not self._compile_pending:
            return self._network(pictures)
        self._compile_pending = False  # only the first call compiles
        try:
            logits: Tensor = self._network(pictures)
            return logits
        except Exception as error:  # no compiler, an unsupported operation, ...: torch raises many types
            if is_out_of_memory(f"{type(error).__name__}: {error}"):
                raise
            self._network = self._uncompiled
            reason = str(error).strip().split("\n", maxsplit=1)[0][:120]
            self._on_note(
                f"The network cannot be compiled here ({reason}); training continues without compiling."
            )
            return self._forward(pictures)

    def _halve_batch(self) -> None:
        self.batch_size = max(1, self.batch_size // 2)
        self._optimizer.zero_grad(set_to_none=True)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
