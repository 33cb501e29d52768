"""Confusion matrix over all pictures, and the scores computed from it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
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


def iou_from_confusion(matrix: Tensor | NDArray[np.int64]) -> NDArray[np.float64]:
    """(classes,) intersection over union 0..1; nan for a class that is neither in the truth nor predicted."""
    counted = _array(matrix)
    hit = np.diag(counted).astype(np.float64)
    union = counted.sum(0) + counted.sum(1) - np.diag(counted)
    with np.errstate(invalid="ignore"):
        return np.asarray(hit / np.where(union > 0, union, np.nan), np.float64)


def mean_iou(matrix: Tensor | NDArray[np.int64]) -> float:
    """Mean IoU (0..1) over the classes that occur in the truth; nan when nothing is labelled.

    A class that is only predicted lowers the IoU of the others already and has none of its own to average.
    """
    counted = _array(matrix)
    occurring = counted.sum(1) > 0
    return float(iou_from_confusion(counted)[occurring].mean()) if occurring.any() else float("nan")


def pixel_accuracy(matrix: Tensor | NDArray[np.int64]) -> float:
    """Share (0..1) of the labelled pixels that are predicted correctly; nan when nothing is labelled."""
    counted = _array(matrix)
    total = counted.sum()
    return float(np.diag(counted).sum() / total) if total else float("nan")


def _array(matrix: Tensor | NDArray[np.int64]) -> NDArray[np.int64]:
    if isinstance(matrix, torch.Tensor):
        return matrix.cpu().numpy().astype(np.int64)
    return matrix
