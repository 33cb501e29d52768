"""Fits the head's rows of new classes in a trained network, while everything else of it stays as it is.

A class that was just added is then recognised within seconds, and the known classes lose only the pixels that it takes.
The rows are fitted to sampled pixels of all classes, with the scores of the known ones as they are. (Rows computed from
features of the new class alone: Qi, Brown, Lowe 2018, arXiv 1712.07136.)
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.models.input_tensors import normalise, pad_to_stride
from core.models.networks.hypercolumn import HypercolumnNet
from core.training.data.training_set import TrainingSet
from core.training.eager_optimizers import eager
from core.training.head.pixel_sample import PixelSample, StageCallback, loss_weights, sample_pixels

MAX_FRESH_PICTURES = 16
"""Pictures with new labels in which unrecognised classes are looked for."""
STEPS, BATCH, LEARNING_RATE, WEIGHT_DECAY = 400, 512, 1e-2, 1e-2


@torch.inference_mode()
def unrecognised_rows(
    model: HypercolumnNet, pictures: TrainingSet, should_abort: Callable[[], bool]
) -> list[int]:
    """Rows of the classes in fresh labels of which `model`, in eval mode, predicts no pixel rightly."""
    labelled, recognised = set[int](), set[int]()
    for example in pictures.fresh_examples(MAX_FRESH_PICTURES):
        if should_abort():
            return []
        height, width = example.target.shape
        batch = pad_to_stride(normalise(example.picture.unsqueeze(0), pictures.statistics))
        predicted = model(batch.contiguous(memory_format=torch.channels_last))[0, :, :height, :width].argmax(
            0
        )
        target = example.target
        labelled.update(torch.unique(target).tolist())
        recognised.update(torch.unique(target[target == predicted]).tolist())
    return sorted(row for row in labelled - recognised if row < model.head.out_channels)


def fit_new_rows(
    model: HypercolumnNet,
    rows: Sequence[int],
    pictures: TrainingSet,
    class_weights: Tensor,
    correction_weight: float,
    seed: int,
    should_abort: Callable[[], bool],
    on_stage: StageCallback = lambda *_: None,
) -> HypercolumnNet | None:
    """A copy of `model` whose rows of the head are fitted to the labels of `pictures`, in eval mode.

    class_weights: (classes,) float32, as in `core.training.head.head_fit.fit_head`
    None when `should_abort` said yes, and when no picture could be read
    """
    network = copy.deepcopy(model).eval()
    sample = sample_pixels(
        network,
        lambda batch, _: [F.relu(network.hidden(batch.contiguous(memory_format=torch.channels_last)))],
        pictures,
        correction_weight,
        seed,
        should_abort,
        on_stage,
    )
    if sample is None:
        return None
    on_stage("Fitting new classes", 0, 0)
    fitted = _fit(
        network.head, rows, sample, loss_weights(sample, pictures, class_weights), seed, should_abort
    )
    return network if fitted else None


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
