"""Label errors: pixels where a confident prediction contradicts the label.

After confident learning (Northcutt, Jiang, Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset
Labels"): what a model contradicts with confidence is most likely a labelling error, and confident means: at least as
sure as it is of the labelled pixels of that class on average.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.labels.class_list import UNLABELLED, VOID
from core.labels.label_map import Mask, Values
from core.labels.prediction import PredictedMask

CONFIDENT = 0.8
"""Probability from which on a prediction counts as confident while nothing is known of its class."""

ClassPair = tuple[int, int]
"""(class value of the label, class value of the prediction)."""
Thresholds = NDArray[np.uint8]
"""(256,) by predicted class: the confidence, 255 = certain, from which on it is confident."""


@dataclass(frozen=True, slots=True)
class LabelDisagreement:
    """Disagreement of a prediction with one label.

    labelled: pixels with a class; pixels: how many of them are confidently predicted as another, by class pair
    """

    labelled: int = 0
    pixels: Mapping[ClassPair, int] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Share of the labelled pixels, 0..1."""
        return sum(self.pixels.values()) / self.labelled if self.labelled else 0.0


class ClassConfidence:
    """Adds up over pictures how sure a network is of the labelled pixels of each class."""

    def __init__(self) -> None:
        self._sums = np.zeros(256)
        self._pixels = np.zeros(256, np.int64)

    def add(self, label: Values, prediction: PredictedMask) -> None:
        """Count a picture: label, (H, W) uint8, and a prediction of the same size. Raises ValueError otherwise."""
        _check_sizes(label, prediction)
        values = label.ravel()
        sure = self_confidence(label, prediction).ravel()
        self._sums += np.bincount(values, weights=sure, minlength=256)
        self._pixels += np.bincount(values, minlength=256)

    def thresholds(self) -> Thresholds:
        """The mean self-confidence of each class, rounded down; `CONFIDENT` for one without labelled pixels."""
        means = np.divide(self._sums, self._pixels, out=np.full(256, 255 * CONFIDENT), where=self._pixels > 0)
        return np.asarray(np.floor(means + 1e-6), np.uint8)


def same_thresholds(share: float = CONFIDENT) -> Thresholds:
    """One threshold, 0..1, for all classes."""
    return np.full(256, round(255 * share), np.uint8)


def self_confidence(label: Values, prediction: PredictedMask) -> NDArray[np.uint8]:
    """Probability of the label's class in each pixel, (H, W) uint8, 255 = certain.

    A stored prediction has only its class and the probability of that. Where it is the label's, that is the
    self-confidence; elsewhere the rest, 1 - probability, is what the label's class has at the most: an upper bound.
    """
    sure = prediction.confidence
    return np.where(prediction.values == label, sure, 255 - sure)


def contradicted_pixels(label: Values, prediction: PredictedMask, thresholds: Thresholds) -> Mask:
    """Where a label with a class is confidently predicted as another one, (H, W) bool.

    Raises ValueError when the sizes differ.
    """
    _check_sizes(label, prediction)
    predicted = prediction.values
    contradicted: Mask = (label != UNLABELLED) & (label != VOID) & (predicted != label)
    contradicted &= (predicted != UNLABELLED) & (predicted != VOID)
    contradicted &= prediction.confidence >= thresholds[predicted]
    return contradicted


def find_disagreements(
    label: Values, prediction: PredictedMask, thresholds: Thresholds | None = None
) -> LabelDisagreement:
    """Compare a label, (H, W) uint8, with a prediction of the same size. Void and unlabelled pixels do not count.

    thresholds: None: `CONFIDENT` for all classes. Raises ValueError when the sizes differ.
    """
    contradicted = contradicted_pixels(
        label, prediction, same_thresholds() if thresholds is None else thresholds
    )
    labelled = (label != UNLABELLED) & (label != VOID)
    pairs = label[contradicted].astype(np.int64) << 8 | prediction.values[contradicted]
    counts = np.bincount(pairs, minlength=1 << 16)
    found = np.flatnonzero(counts)
    return LabelDisagreement(
        int(np.count_nonzero(labelled)),
        {(int(pair) >> 8, int(pair) & 255): int(counts[pair]) for pair in found},
    )


def _check_sizes(label: Values, prediction: PredictedMask) -> None:
    if label.shape != prediction.values.shape:
        raise ValueError(f"label {label.shape} and prediction {prediction.values.shape} differ in size")
