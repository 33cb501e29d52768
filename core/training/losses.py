"""What training makes small: cross-entropy and Dice, on labelled pixels only."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.training.data import IGNORE


def class_weights(pixels: NDArray[np.int64], power: float) -> NDArray[np.float32]:
    """(classes,) weights: 1/frequency to the `power`, mean 1 over the labelled pixels, at most 10; absent ones 1."""
    present = pixels > 0
    weights = np.ones(len(pixels), np.float64)
    if present.any():
        share = pixels[present] / pixels[present].sum()
        raw = share**-power
        weights[present] = np.minimum(raw / (raw * share).sum(), 10.0)
    return weights.astype(np.float32)


def label_loss(logits: Tensor, targets: Tensor, kind: str, weights: Tensor) -> Tensor:
    """Scalar loss of logits (N, C, H, W) against targets (N, H, W) int64, rows or IGNORE.

    Where the logits are coarser than the targets, one target of each little square is taken, another each time.
    Pixels with target IGNORE have no influence at all. `kind` as in `core.training.recipe.LOSSES`;
    weights (C,) act on the cross-entropy. Zero, with a gradient, when nothing is labelled.
    """
    targets = _thinned(targets, targets.shape[1] // logits.shape[2])
    log_probability = F.log_softmax(logits.float(), 1)
    labelled = targets != IGNORE
    rows = torch.where(labelled, targets, 0)
    log_true = log_probability.gather(1, rows.unsqueeze(1)).squeeze(1)
    loss = logits.sum() * 0.0
    if "cross-entropy" in kind:
        weight = weights[rows] * labelled
        loss = loss - (log_true * weight).sum() / weight.sum().clamp_min(1e-6)
    if "dice" in kind:
        loss = loss + _dice(log_probability, log_true, rows, labelled)
    return loss


def _thinned(targets: Tensor, step: int) -> Tensor:
    """Every `step`-th target in both directions, from a random start: always the same corner would shift all edges
    by half a pixel."""
    if step <= 1:
        return targets
    down, right = (int(start) for start in torch.randint(step, (2,)))
    return targets[:, down::step, right::step]


def _dice(log_probability: Tensor, log_true: Tensor, rows: Tensor, labelled: Tensor) -> Tensor:
    """1 - the mean Dice coefficient over the classes that are labelled in the batch (Milletari and others 2016,
    arXiv 1606.04797), summed over the whole batch so that a class in few pictures is not all noise.

    No one-hot targets: they would be as large as the logits.
    """
    classes = log_probability.shape[1]
    mask = labelled.unsqueeze(1)
    predicted = (log_probability.exp() * mask).sum((0, 2, 3))
    flat_rows, flat_mask = rows.flatten(), labelled.flatten().float()
    zeros = torch.zeros(classes, device=rows.device)
    hit = zeros.index_add(0, flat_rows, log_true.exp().flatten() * flat_mask)
    true = zeros.index_add(0, flat_rows, flat_mask)
    present = true > 0
    coefficient = (2 * hit + 1.0) / (predicted + true + 1.0)
    return (present * (1 - coefficient)).sum() / present.sum().clamp_min(1)
