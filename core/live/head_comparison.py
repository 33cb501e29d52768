"""Compares the live head with the trained network on the same labelled pixels of validation pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class HeadComparison:
    """Mean IoU of both, 0..1, over the classes that are labelled, on that many pictures."""

    live_miou: float
    network_miou: float
    pictures: int

    @property
    def is_live_better(self) -> bool:
        return self.live_miou > self.network_miou


def compare(labels: list[Values], live: list[Values], network: list[Values]) -> HeadComparison | None:
    """Each: class values (n,) at the same pixels, picture by picture; None without any."""
    if not labels:
        return None
    truth = np.concatenate(labels)
    return HeadComparison(
        _mean_iou(truth, np.concatenate(live)), _mean_iou(truth, np.concatenate(network)), len(labels)
    )


def _mean_iou(truth: Values, predicted: Values) -> float:
    """Over the classes in `truth`; with one confusion matrix over all pixels, as for a trained network."""
    counts = np.bincount(truth.astype(np.int64) * 256 + predicted, minlength=65536).reshape(256, 256)
    hits, rows, columns = np.diag(counts), counts.sum(1), counts.sum(0)
    present = rows > 0
    return float((hits[present] / (rows + columns - hits)[present]).mean())
