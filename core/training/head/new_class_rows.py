"""Fits the head's rows of new classes in a trained network, while everything else of it stays as it is.

A class that was just added is then recognised within seconds, and the known classes lose only the pixels that it takes.
The rows are fitted to sampled pixels of all classes, with the scores of the known ones as they are. (Rows computed from
features of the new class alone: Qi, Brown, Lowe 2018, arXiv 1712.07136.)
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from itertools import chain, islice

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.models.input_tensors import normalise, pad_to_stride
from core.models.networks.hypercolumn import HypercolumnNet
from core.training.data.training_set import TrainingSet
from core.training.eager_optimizers import eager
from core.training.head.pixel_sample import PixelSample, StageCallback, loss_weights, sample_pixels
from core.training.recipe import Recipe

MAX_SEARCHED_PICTURES = 16
"""Pictures in which labelled classes that the network does not know are looked for, until all are recognised."""
MAX_NEW_PICTURES, MAX_OTHER_PICTURES = 32, 64
"""Pictures with labels of such classes, and others, evenly spread, that the rows are fitted to; each takes about 0.05 s
on two cores."""
STEPS, BATCH, LEARNING_RATE, WEIGHT_DECAY = 400, 512, 1e-2, 1e-2


class NewClassRows:
    """Lives on the training thread. The rows of a class are fitted once in a training."""

    def __init__(self, recipe: Recipe, pictures: TrainingSet) -> None:
        self._recipe, self._pictures = recipe, pictures
        self._known: set[int] = set()
        """Rows that need no fit any more."""

    def fit(
        self,
        model: nn.Module,
        class_weights: Tensor,
        should_abort: Callable[[], bool],
        on_stage: StageCallback = lambda *_: None,
    ) -> HypercolumnNet | None:
        """A copy of `model`, in eval mode, with rows for the labelled classes that it does not know.

        model: in eval mode; class_weights: (classes,) float32, as in `core.training.head.head_fit.fit_head`
        None when it knows all of them, is another kind of network, or when `should_abort` said yes
        """
        labelled = set(np.flatnonzero(self._pictures.class_pixel_counts()).tolist())
        if labelled <= self._known or not isinstance(model, HypercolumnNet):
            return None
        rows = unrecognised_rows(model, self._pictures, labelled - self._known, should_abort)
        if rows is None:
            return None
        network = self._fitted(model, rows, class_weights, should_abort, on_stage) if rows else None
        self._known = labelled
        return network

    def _fitted(
        self,
        model: HypercolumnNet,
        rows: Sequence[int],
        class_weights: Tensor,
        should_abort: Callable[[], bool],
        on_stage: StageCallback,
    ) -> HypercolumnNet | None:
        network, pictures, recipe = copy.deepcopy(model), self._pictures, self._recipe
        sample = sample_pixels(
            network,
            lambda batch, _: [F.relu(network.hidden(batch.contiguous(memory_format=torch.channels_last)))],
            pictures,
            chain(
                islice(pictures.examples_with(rows), MAX_NEW_PICTURES),
                pictures.training_examples(MAX_OTHER_PICTURES),
            ),
            min(pictures.train_count, MAX_NEW_PICTURES + MAX_OTHER_PICTURES),
            recipe.correction_weight,
            recipe.seed,
            should_abort,
            on_stage,
        )
        if sample is None:
            return None
        # A known class may be missed in the pictures that were searched; then its row stays.
        rows = [row for row in rows if not _recognises(network.head, sample, row)]
        if not rows:
            return None
        on_stage("Fitting new classes", 0, 0)
        weights = loss_weights(sample, pictures, class_weights)
        return network if _fit(network.head, rows, sample, weights, recipe.seed, should_abort) else None


@torch.inference_mode()
def unrecognised_rows(
    model: HypercolumnNet, pictures: TrainingSet, rows: Collection[int], should_abort: Callable[[], bool]
) -> list[int] | None:
    """Those of `rows`, of labelled classes, of which `model`, in eval mode, predicts no pixel rightly.

    None when `should_abort` said yes.
    """
    waiting = set(rows)
    for example in islice(pictures.examples_with(waiting), MAX_SEARCHED_PICTURES):
        if should_abort():
            return None
        target, (height, width) = example.target, example.target.shape
        batch = pad_to_stride(normalise(example.picture.unsqueeze(0), pictures.statistics))
        logits = model(batch.contiguous(memory_format=torch.channels_last))[0, :, :height, :width]
        waiting -= set(torch.unique(target[target == logits.argmax(0)]).tolist())
    return sorted(waiting)


def _recognises(head: nn.Conv2d, sample: PixelSample, row: int) -> bool:
    """Whether any sampled pixel of a class is predicted as it."""
    weight, pixels = head.weight.detach()[:, :, 0, 0], sample.features[sample.rows == row]
    predicted = F.linear(pixels, weight, head.bias).argmax(1)
    return bool((predicted == row).any())


def _fit(
    head: nn.Conv2d,
    rows: Sequence[int],
    sample: PixelSample,
    weights: Tensor,
    seed: int,
    should_abort: Callable[[], bool],
) -> bool:
    """Fit the rows by AdamW with a falling rate; False when aborted, and then nothing has changed."""
    assert head.bias is not None
    weight, bias = head.weight.detach()[:, :, 0, 0], head.bias.detach()
    scores = F.linear(sample.features, weight, bias)
    scale = sample.features.std(0, correction=0) + 1e-3
    chosen_rows = torch.tensor(rows, device=weight.device)
    new_weight = (weight[chosen_rows] * scale).clone().requires_grad_(True)
    new_bias = bias[chosen_rows].clone().requires_grad_(True)
    optimizer = eager(torch.optim.AdamW)([new_weight, new_bias], LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    generator = torch.Generator().manual_seed(seed)
    for step in range(STEPS):
        if step % 20 == 0 and should_abort():
            return False
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * max(0.02, 1 - step / STEPS)
        optimizer.zero_grad()
        chosen = torch.randint(len(sample.rows), (BATCH,), generator=generator).to(weight.device)
        some = scores[chosen].clone()
        some[:, chosen_rows] = F.linear(sample.features[chosen] / scale, new_weight, new_bias)
        losses = F.cross_entropy(some, sample.rows[chosen], reduction="none")
        (losses * weights[chosen]).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.no_grad():
        head.weight[chosen_rows] = (new_weight / scale)[:, :, None, None]
        head.bias[chosen_rows] = new_bias
    return True
