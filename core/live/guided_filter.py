"""Edge-aware smoothing of class probabilities: the guided filter (He, Sun and Tang 2013, TPAMI 35(6), 1397-1409)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

RADIUS = 8
REGULARISATION = 1e-3
"""Variance of the guide, in brightness 0..1, below which a neighbourhood is smoothed as if it had no edge."""

Plane = NDArray[np.float32]


class GuidedFilter:
    """Smooths planes (h, w) float32 along the edges of a guide, a brightness (h, w) float32 in 0..1."""

    def __init__(self, guide: Plane) -> None:
        self._guide, self._mean = guide, _mean(guide)
        self._variance = _mean(guide * guide) - self._mean * self._mean

    def __call__(self, plane: Plane) -> Plane:
        average = _mean(plane)
        covariance = _mean(self._guide * plane) - self._mean * average
        slope = (covariance / (self._variance + REGULARISATION)).astype(np.float32)
        return _mean(slope) * self._guide + _mean(average - slope * self._mean)


def _mean(plane: Plane) -> Plane:
    return np.asarray(cv2.boxFilter(plane, -1, (2 * RADIUS + 1, 2 * RADIUS + 1)), np.float32)
