"""What the trained network predicts of a picture, as log-probabilities that the live head corrects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

CELLS = 2000
"""Places of a picture whose predicted class the head is fitted to as well: what no stroke contradicts stays."""
CELLS_WEIGHT = 0.3
"""Weight of all of them, as a share of that of the strokes. Without them, four strokes spoil the classes that none of
them shows; with three times as much, strokes correct less (docs/experiments.md)."""

Values = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class NetworkPrior:
    """values: (h, w) uint8 class values; confidence: (h, w) uint8, 255 = certain. The grid covers the picture.

    The probability that is left is shared evenly by the other classes: the whole softmax is 0.4 points better, but
    would need the network in this process (docs/experiments.md).
    """

    values: Values
    confidence: Values

    @property
    def classes(self) -> tuple[int, ...]:
        """The class values in it, ascending."""
        return tuple(int(value) for value in np.unique(self.values) if value)

    def planes(self, classes: Sequence[int], shape: tuple[int, int]) -> Tensor:
        """(classes, rows, columns) float32 log-probabilities on a grid of `shape` (rows, columns)."""
        values, confidence = (
            cv2.resize(plane, shape[::-1], interpolation=cv2.INTER_NEAREST)
            for plane in (self.values, self.confidence)
        )
        return _log_probabilities(values, confidence, classes)

    def at(self, points: NDArray[np.integer], size: tuple[int, int], classes: Sequence[int]) -> Tensor:
        """(n, classes) float32 log-probabilities at pixels (n, 2) as x, y of a picture of `size` (width, height)."""
        rows, columns = self._cells(points, size)
        return _log_probabilities(self.values[rows, columns], self.confidence[rows, columns], classes).T

    def sample(self, size: tuple[int, int]) -> tuple[NDArray[np.int64], Values, NDArray[np.float32]]:
        """CELLS pixels (n, 2) as x, y of a picture of `size` (width, height), their class and its probability."""
        height, width = self.values.shape
        chosen = np.random.default_rng(1).integers(0, width * height, CELLS)
        y, x = np.divmod(chosen, width)
        points = np.stack([(x + 0.5) * size[0] / width, (y + 0.5) * size[1] / height], 1).astype(np.int64)
        return points, self.values[y, x], np.asarray(self.confidence[y, x] / 255, np.float32)

    def _cells(
        self, points: NDArray[np.integer], size: tuple[int, int]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        height, width = self.values.shape
        x, y = points.astype(np.int64).T
        return np.minimum(y * height // size[1], height - 1), np.minimum(x * width // size[0], width - 1)


def _log_probabilities(values: Values, confidence: Values, classes: Sequence[int]) -> Tensor:
    """(classes, *shape) float32."""
    sure = np.clip(confidence, 1, 254).astype(np.float32) / 255
    rest = np.log((1 - sure) / max(1, len(classes) - 1))
    best = np.log(sure)
    return torch.from_numpy(np.stack([np.where(values == value, best, rest) for value in classes]))
