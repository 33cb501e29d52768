"""The label doctor's question: where does a network that is sure say something else than the label?

The idea is that of confident learning (Northcutt, Jiang, Chuang 2021, "Confident Learning: Estimating Uncertainty in
Dataset Labels"): of what a model contradicts, that which it contradicts with confidence is most likely a slip of the
hand. One limit for all classes keeps it a single look at each picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from core.labels.class_list import UNLABELLED, VOID
from core.labels.label_map import Values
from core.labels.prediction import PredictedMask

CONFIDENT = 0.8
"""Probability from which on a prediction counts as sure."""

ClassPair = tuple[int, int]
"""Class value of the label, class value of the prediction."""


@dataclass(frozen=True, slots=True)
class LabelDisagreement:
    """What a prediction makes of one label. labelled: pixels that carry a class; pixels: how many of them it surely
    takes for another, by contradiction."""

    labelled: int = 0
    pixels: Mapping[ClassPair, int] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Of the labelled pixels, 0..1."""
        return sum(self.pixels.values()) / self.labelled if self.labelled else 0.0


def find_disagreements(
    label: Values, prediction: PredictedMask, threshold: float = CONFIDENT
) -> LabelDisagreement:
    """Compare a label, (H, W) uint8, with a prediction of the same size. Void and unlabelled pixels say nothing.

    Raises ValueError when the sizes differ.
    """
    if label.shape != prediction.values.shape:
        raise ValueError(f"label {label.shape} and prediction {prediction.values.shape} differ in size")
    carried = (label != UNLABELLED) & (label != VOID)
    against = (
        carried
        & (prediction.values != label)
        & (prediction.values != UNLABELLED)
        & (prediction.values != VOID)
    )
    against &= prediction.confidence >= round(255 * threshold)
    pairs = label[against].astype(np.int64) << 8 | prediction.values[against]
    counts = np.bincount(pairs, minlength=1 << 16)
    found = np.flatnonzero(counts)
    return LabelDisagreement(
        int(np.count_nonzero(carried)),
        {(int(pair) >> 8, int(pair) & 255): int(counts[pair]) for pair in found},
    )
