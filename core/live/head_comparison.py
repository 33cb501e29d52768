"""Compares the live head with the trained network on the same labelled pixels of validation pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.labels.label_iou import label_iou
from core.labels.label_map import Values


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
    scores = [label_iou(np.concatenate(values), truth) for values in (live, network)]
    return HeadComparison(scores[0] or 0.0, scores[1] or 0.0, len(labels))
