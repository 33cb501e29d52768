"""The confusion matrix of class indices, counted where the tensors are."""

from __future__ import annotations

import torch
from torch import Tensor

from core.training.data.training_set import IGNORE_INDEX


def confusion_matrix(pred: Tensor, truth: Tensor, class_count: int) -> Tensor:
    """(classes, classes) int64 pixels, rows true, columns predicted.

    pred, truth: class indices of the network, of the same shape; pixels with truth IGNORE_INDEX do not count
    """
    counts = truth != IGNORE_INDEX
    pairs = truth[counts].long() * class_count + pred[counts].long()
    # bincount is missing on MPS and not deterministic on CUDA. torchmetrics' replacement makes pixels x classes x
    # classes numbers, gigabytes for two dozen classes; the processor counts faster.
    if pairs.device.type == "mps" or torch.are_deterministic_algorithms_enabled():
        pairs = pairs.cpu()
    counted = torch.bincount(pairs, minlength=class_count**2).view(class_count, class_count)
    return counted.to(truth.device)
