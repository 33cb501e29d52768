"""Label errors: pixels where a confident prediction contradicts the label.

After confident learning (Northcutt, Jiang, Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset
Labels"): what a model contradicts with confidence is most likely a labelling error. One threshold for all classes, so
that each picture is read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from core.labels.class_list import UNLABELLED, VOID
from core.labels.label_map import Values
from core.labels.prediction import PredictedMask

CONFIDENT = 0.8
"""Probability from which on a prediction counts as confident."""

ClassPair = tuple[int, int]
"""(class value of the label, class value of the prediction)."""


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


def find_disagreements(
    label: Values, prediction: PredictedMask, threshold: float = CONFIDENT
) -> LabelDisagreement:
    """Compare a label, (H, W) uint8, with a prediction of the same size. Void and unlabelled pixels do not count.

    Raises ValueError when the sizes differ.
    """
    if label.shape != prediction.values.shape:
        raise ValueError(f"label {label.shape} and prediction {prediction.values.shape} differ in size")
    labelled = (label != UNLABELLED) & (label != VOID)
    contradicted = (
        labelled
        & (prediction.values != label)
        & (prediction.values != UNLABELLED)
        & (prediction.values != VOID)
    )
    contradicted &= prediction.confidence >= round(255 * threshold)
    pairs = label[contradicted].astype(np.int64) << 8 | prediction.values[contradicted]
    counts = np.bincount(pairs, minlength=1 << 16)
    found = np.flatnonzero(counts)
    return LabelDisagreement(
        int(np.count_nonzero(labelled)),
        {(int(pair) >> 8, int(pair) & 255): int(counts[pair]) for pair in found},
    )
