"""One step of training: a batch drawn, its loss made smaller. Smaller batches when memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from core.base.errors import TrainingError
from core.training.data.augmentation import TrainingBatch, make_batch
from core.training.data.dataset import TrainingSet
from core.training.distributed import ProcessGroup
from core.training.exit_reason import is_out_of_memory
from core.training.losses import segmentation_loss
from core.training.recipe import Recipe

BATCH_TOO_SMALL_TEXT = (
    "This network compares the pictures of a step with each other and cannot learn from a single one. "
    "Choose a batch of 2 or more, with a smaller picture size where memory is short, or another network."
)


class TrainStep:
    """Takes steps with a network and an optimiser that Fabric has set up. Lives on the training thread.

    tell: hears a sentence when something has to be done otherwise than the recipe says. `batch` is what a step
    takes by now. Of several processes all draw the same batch, by the same dice, and each learns from its share.
    """

    def __init__(
        self,
        fabric: Fabric,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        recipe: Recipe,
        on_note: Callable[[str], None],
        group: ProcessGroup | None = None,
    ) -> None:
        self._fabric, self._plain, self._optimizer, self._recipe = fabric, network, optimizer, recipe
        compiled: Callable[[Tensor], Tensor] = torch.compile(network) if recipe.compile else network
        self._learner: Callable[[Tensor], Tensor] = compiled
        self._compiled_now = recipe.compile
        self._chance = torch.Generator().manual_seed(recipe.seed)
        self._tell = on_note
        self.group = group or ProcessGroup(fabric)
        self.batch_size = self._told = recipe.batch

    def set_learning_rate(self, learning_rate: float) -> None:
        """Of the steps from now on."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate

    def step(self, pictures: TrainingSet, class_weights: Tensor) -> Tensor:
        """The loss of a step that is done. Half the batch, and half again, when memory does not suffice for it;
        raises what torch raises when it does not for a single picture, or when several processes take part: the
        others would wait for an answer. Raises TrainingError when this network cannot learn from a single one."""
        while True:
            try:
                drawn = pictures.sample(self.batch_size)
                loss = self.step_on_batch(
                    make_batch(drawn, pictures.crop_size, self._recipe, self._chance), class_weights
                )
                break
            except ValueError as problem:
                if "more than 1 value per channel" in str(problem):
                    raise TrainingError(BATCH_TOO_SMALL_TEXT) from problem
                raise
            except (RuntimeError, MemoryError) as problem:
                least = self.batch_size == 1 or self.group.world_size > 1
                if least or not is_out_of_memory(f"{type(problem).__name__}: {problem}"):
                    raise
            # Outside the handler: until it ends, the problem holds on to everything that was computed.
            self._halve()
        if self.batch_size != self._told:
            self._told = self.batch_size
            self._tell(
                f"Memory does not suffice for {self._recipe.batch} pictures a step; training goes on with "
                f"{self.batch_size}."
            )
        return loss

    def step_on_batch(self, batch: TrainingBatch, class_weights: Tensor) -> Tensor:
        """One step on a batch that is ready; its loss."""
        recipe = self._recipe
        logits = self.group.gather(self._answer(self.group.local_part(batch.pictures)))
        loss = segmentation_loss(logits, batch.targets, recipe.loss, class_weights, batch.pixel_weights)
        self._fabric.backward(loss)
        if recipe.clip:
            self._fabric.clip_gradients(
                self._plain, self._optimizer, max_norm=recipe.clip, error_if_nonfinite=False
            )
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return loss

    def _answer(self, pictures: Tensor) -> Tensor:
        if not self._compiled_now:
            return self._learner(pictures)
        self._compiled_now = False  # only the first call compiles
        try:
            answer: Tensor = self._learner(pictures)
            return answer
        except Exception as problem:  # a missing compiler, an unknown operation: torch has a hundred reasons
            if is_out_of_memory(f"{type(problem).__name__}: {problem}"):
                raise
            self._learner = self._plain
            reason = str(problem).strip().split("\n", maxsplit=1)[0][:120]
            self._tell(f"The network cannot be compiled here ({reason}); training goes on without.")
            return self._answer(pictures)

    def _halve(self) -> None:
        self.batch_size = max(1, self.batch_size // 2)
        self._optimizer.zero_grad(set_to_none=True)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
