"""The loss on validation pictures that stands beside that of training."""

from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.models.spec import ModelSpec
from core.training.data.snapshot import TrainingSnapshot
from core.training.data.training_set import TrainingSet
from core.training.devices import make_runtime
from core.training.distributed import ProcessGroup
from core.training.events import ModelEvaluated, TrainingEvent
from core.training.recipe import Recipe
from core.training.scoring.checkpoint_selection import CheckpointSelector


class FirstClass(nn.Module):
    """Logit 1 for the first class and 0 for the second, everywhere."""

    def forward(self, batch: Tensor) -> Tensor:
        logits = torch.zeros(len(batch), 2, *batch.shape[2:])
        logits[:, 0] = 1
        return logits


def test_the_loss_of_validation_is_that_of_the_recipe_over_labelled_pixels(tmp_path: Path) -> None:
    spec = ModelSpec("asymmetric-unet-small", None, "none", 96, (1, 2))
    recipe = Recipe(device="cpu", loss="ce", class_weights="none")
    snapshot = TrainingSnapshot.create(tmp_path / "snapshot", spec, recipe)
    picture = np.full((96, 96, 3), 90, np.uint8)
    for number, (part, second) in enumerate((("train", 48), ("val", 24), ("val", 72))):
        values = np.ones((96, 96), np.uint8)
        values[:, :second] = 2
        values[:48] = 0  # not labelled
        snapshot.put(number, f"{number}.png", part, picture, values)
    heard: list[TrainingEvent] = []
    selector = CheckpointSelector(
        tmp_path / "run", spec, recipe, TrainingSet(snapshot, spec, recipe, torch.device("cpu")),
        on_event=heard.append, autocast=nullcontext, should_abort=lambda: False,
        group=ProcessGroup(make_runtime(recipe)),
    )  # fmt: skip
    selector.evaluate(FirstClass(), 1, 1.0)
    [event] = [event for event in heard if isinstance(event, ModelEvaluated)]
    right, wrong = math.log(1 + math.exp(-1)), math.log(1 + math.exp(1))
    expected = [(share * wrong + (1 - share) * right) for share in (0.25, 0.75)]
    assert event.loss == pytest.approx(sum(expected) / 2, rel=1e-5)
