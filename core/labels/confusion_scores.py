"""Scores computed from a confusion matrix.

A matrix is (classes, columns) int64 pixels: rows true, columns predicted, in the order of the classes. Further columns
are predictions that are no class any more: they count as wrong and have no score of their own. All scores are 0..1, nan
where there is nothing to divide by. Formulas as in Long, Shelhamer, Darrell 2015, section 5, and Dice 1945.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.integer[Any]]
Scores = NDArray[np.float64]


def class_iou(matrix: Matrix) -> Scores:
    """(classes,) intersection over union; nan for a class that is neither in the truth nor predicted."""
    hit, true, predicted = _counts(matrix)
    return _divided(hit, true + predicted - hit)


def class_dice(matrix: Matrix) -> Scores:
    """(classes,) Dice coefficient, which is the F1 score of the pixels; nan as `class_iou`."""
    hit, true, predicted = _counts(matrix)
    return _divided(2 * hit, true + predicted)


def class_precision(matrix: Matrix) -> Scores:
    """(classes,) share of the pixels predicted as a class that belong to it; nan for a class never predicted."""
    hit, _, predicted = _counts(matrix)
    return _divided(hit, predicted)


def class_recall(matrix: Matrix) -> Scores:
    """(classes,) share of the pixels of a class that are predicted as it; nan for a class not in the truth."""
    hit, true, _ = _counts(matrix)
    return _divided(hit, true)


def mean_iou(matrix: Matrix) -> float:
    """Mean IoU over the classes that occur in the truth.

    A class that is only predicted lowers the IoU of the others already and has none of its own to average.
    """
    return _mean_of_occurring(class_iou(matrix), matrix)


def mean_dice(matrix: Matrix) -> float:
    """Mean Dice coefficient over the classes that occur in the truth."""
    return _mean_of_occurring(class_dice(matrix), matrix)


def mean_precision(matrix: Matrix) -> float:
    """Mean precision over the classes that occur in the truth; 0 for one that is never predicted."""
    return _mean_of_occurring(np.nan_to_num(class_precision(matrix)), matrix)


def mean_accuracy(matrix: Matrix) -> float:
    """Mean recall over the classes that occur in the truth."""
    return _mean_of_occurring(class_recall(matrix), matrix)


def pixel_accuracy(matrix: Matrix) -> float:
    """Share of the labelled pixels that are predicted correctly."""
    hit, true, _ = _counts(matrix)
    return float(hit.sum() / true.sum()) if true.sum() else float("nan")


def frequency_weighted_iou(matrix: Matrix) -> float:
    """IoU averaged with the share of each class in the labelled pixels."""
    _, true, _ = _counts(matrix)
    if not true.sum():
        return float("nan")
    return float(np.nansum(class_iou(matrix) * true) / true.sum())


MEAN_SCORES: dict[str, Callable[[Matrix], float]] = {
    "miou": mean_iou,
    "dice": mean_dice,
    "precision": mean_precision,
    "mean_accuracy": mean_accuracy,
    "pixel_accuracy": pixel_accuracy,
    "frequency_weighted_iou": frequency_weighted_iou,
}
"""One number for a network, by its name in files and on the command line."""
METRIC_TITLES = {
    "miou": "mIoU",
    "dice": "Dice",
    "precision": "precision",
    "mean_accuracy": "mean accuracy",
    "pixel_accuracy": "pixel accuracy",
    "frequency_weighted_iou": "frequency-weighted IoU",
}
"""The same for people."""


def _counts(matrix: Matrix) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(classes,) each: pixels predicted correctly, of the truth, and predicted."""
    counted = np.asarray(matrix, np.int64)
    return np.diagonal(counted), counted.sum(1), counted.sum(0)[: len(counted)]


def _divided(pixels: NDArray[np.int64], by: NDArray[np.int64]) -> Scores:
    with np.errstate(invalid="ignore"):
        return np.asarray(pixels / np.where(by > 0, by, np.nan), np.float64)


def _mean_of_occurring(scores: Scores, matrix: Matrix) -> float:
    occurring = np.asarray(matrix).sum(1) > 0
    return float(scores[occurring].mean()) if occurring.any() else float("nan")
