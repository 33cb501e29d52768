"""Segmentation losses and class weights; only labelled pixels count."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.training.data.training_set import IGNORE_INDEX
from core.training.recipe import parse_loss

FOCAL_GAMMA = 2.0
"""Gamma of the focal loss, as its authors recommend."""
TVERSKY_WEIGHTS = {"dice": (0.5, 0.5), "jaccard": (1.0, 1.0), "tversky": (0.3, 0.7)}
"""(weight of false positives, weight of false negatives) in the Tversky index, of which Dice and Jaccard are special
cases; its usual weights make a false_negative pixel cost more than a false one."""
MAX_CLASS_WEIGHT = 10.0


def class_weights(pixels: NDArray[np.int64], kind: str) -> NDArray[np.float32]:
    """(classes,) float32 weights, mean 1 over the labelled pixels, at most MAX_CLASS_WEIGHT; absent classes 1.

    kind: "none", "inverse" (1/frequency), "sqrt" (its square root), or "effective": 1/E with the effective number
    E = (1 - b^n) / (1 - b) of Cui and others 2019, arXiv 1901.05555, where b = 1 - 1/(mean n of a class), so that
    frequent classes get about the same weight and rare ones a weight by frequency.
    """
    present = pixels > 0
    weights = np.ones(len(pixels), np.float64)
    if present.any() and kind != "none":
        counts = pixels[present].astype(np.float64)
        share = counts / counts.sum()
        if kind == "effective":
            beta = 1 - 1 / max(counts.mean(), 2.0)
            raw = (1 - beta) / -np.expm1(counts * np.log(beta))
        else:
            raw = share ** (-0.5 if kind == "sqrt" else -1.0)
        weights[present] = np.minimum(raw / (raw * share).sum(), MAX_CLASS_WEIGHT)
    return weights.astype(np.float32)


def segmentation_loss(
    logits: Tensor, targets: Tensor, kind: str, class_weights: Tensor, pixel_weights: Tensor | None = None
) -> Tensor:
    """Scalar loss of logits (N, C, H, W) against targets (N, H, W) int64, rows or IGNORE_INDEX.

    Where the logits are coarser than the targets, one target of each small square is used, a different one each time.
    Pixels with target IGNORE_INDEX have no influence at all. kind: as `core.training.recipe.parse_loss` reads it
    class_weights: (C,) float32, act on ce and focal; pixel_weights: (N, H, W) float32, act on all terms but lovasz
    Zero, with a gradient, when nothing is labelled.
    """
    chosen = _subsample(targets.shape[1] // logits.shape[2])
    targets = targets[chosen]
    log_probability = F.log_softmax(logits.float(), 1)
    labelled = targets != IGNORE_INDEX
    rows = torch.where(labelled, targets, 0)
    log_true = log_probability.gather(1, rows.unsqueeze(1)).squeeze(1)
    counts = labelled.float() if pixel_weights is None else labelled * pixel_weights[chosen]
    loss = logits.sum() * 0.0
    for share, name in parse_loss(kind):
        if name in TVERSKY_WEIGHTS:
            term = _tversky_loss(log_probability, log_true, rows, counts, *TVERSKY_WEIGHTS[name])
        elif name == "lovasz":
            term = _lovasz_loss(logits, targets) if labelled.any() else loss
        else:
            # Lin and others 2017, arXiv 1708.02002: pixels that are already right hardly count.
            hardness = (1 - log_true.exp()) ** FOCAL_GAMMA if name == "focal" else 1.0
            weight = class_weights[rows] * counts
            term = -(log_true * hardness * weight).sum() / weight.sum().clamp_min(1e-6)
        loss = loss + share * term
    return loss


def _subsample(step: int) -> tuple[slice, ...]:
    """Every `step`-th target in both directions, from a random start: a fixed one would shift edges by half a pixel."""
    if step <= 1:
        return (slice(None),)
    down, right = (int(start) for start in torch.randint(step, (2,)))
    return slice(None), slice(down, None, step), slice(right, None, step)


def _tversky_loss(
    log_probability: Tensor,
    log_true: Tensor,
    rows: Tensor,
    counts: Tensor,
    false_positive: float,
    false_negative: float,
) -> Tensor:
    """1 - the mean Tversky index over the classes that are labelled in the batch (Salehi and others 2017, arXiv
    1706.05721; as Dice Milletari and others 2016, arXiv 1606.04797), summed over the whole batch because for
    a class in few pictures the index of each picture would be noise.

    Without one-hot targets, which would be as large as the logits.
    """
    classes = log_probability.shape[1]
    predicted = (log_probability.exp() * counts.unsqueeze(1)).sum((0, 2, 3))
    flat_rows, flat_counts = rows.flatten(), counts.flatten()
    zeros = torch.zeros(classes, device=rows.device)
    hit = zeros.index_add(0, flat_rows, log_true.exp().flatten() * flat_counts)
    true = zeros.index_add(0, flat_rows, flat_counts)
    present = true > 0
    coefficient = (hit + 0.5) / (
        hit + false_positive * (predicted - hit) + false_negative * (true - hit) + 0.5
    )
    return (present * (1 - coefficient)).sum() / present.sum().clamp_min(1)


def _lovasz_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Lovász-Softmax (Berman and others 2018, arXiv 1705.08790) of the classes that are labelled in the batch."""
    loss: Tensor = _lovasz_function()(logits.float(), targets)
    return loss


@functools.cache
def _lovasz_function() -> Callable[[Tensor, Tensor], Tensor]:
    from segmentation_models_pytorch.losses import LovaszLoss  # imported here: it takes seconds

    loss: Callable[[Tensor, Tensor], Tensor] = LovaszLoss("multiclass", ignore_index=IGNORE_INDEX)
    return loss
