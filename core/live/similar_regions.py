"""Regions that look like what was corrected and were predicted as the same wrong class. Does not import torch."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box
from core.labels.grid_region import GridRegion

MIN_SIMILARITY = 0.3
"""Cosine between the features of a region and those of the corrected pixels, both relative to the picture that was
corrected (docs/experiments.md)."""
MIN_CELLS = 40
"""Of a region, among the 0.2 million of the probabilities: 0.02 % of a picture."""
MAX_REGIONS = 50
"""Of one picture, the most similar ones."""

Planes = NDArray[np.float32]
Values = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class FoundRegion:
    """similarity: the mean of its cells, -1..1"""

    region: GridRegion
    similarity: float


@dataclass(frozen=True, slots=True, eq=False)
class Appearance:
    """What the corrected pixels look like. mean, scale: (C,) of all cells of that picture; direction: (C,), length 1"""

    mean: Planes
    scale: Planes
    direction: Planes

    @classmethod
    def of(cls, corrected: Planes, cells: Planes) -> Appearance:
        """corrected: (n, C) features of corrected pixels; cells: (C, h, w) of their picture"""
        flat = cells.reshape(len(cells), -1)
        mean, scale = flat.mean(1), flat.std(1) + 1e-3
        direction = ((corrected - mean) / scale).mean(0)
        return cls(mean, scale, direction / (np.linalg.norm(direction) + 1e-6))

    def similarity(self, cells: Planes) -> Planes:
        """(h, w) cosine of each cell of (C, h, w) features of a picture, that one or another."""
        deviations = (cells - self.mean[:, None, None]) / self.scale[:, None, None]
        along = np.tensordot(self.direction, deviations, 1)
        return np.asarray(along / (np.sqrt(np.square(deviations).sum(0)) + 1e-6), np.float32)


def find_similar_regions(
    appearance: Appearance,
    cells: Planes,
    old: Values,
    new: Values,
    change: tuple[int, int],
    corrected: NDArray[np.bool_] | None = None,
) -> list[FoundRegion]:
    """Connected regions of a picture that were predicted wrongly in the same way, the most similar first.

    cells: (C, h, w) features, no finer than the predictions; old, new: (H, W) class values before and after the
    correction; change: the wrong and the right class value; corrected: (H, W) bool of the corrected cells of this
    picture: the region around them is not one more like it
    """
    wrong, right = change
    height, width = old.shape
    found = ((old == wrong) & (new == right)).astype(np.uint8)
    # Threads of a cell between two objects are where both predictions draw the edge differently.
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    similarity = cv2.resize(
        appearance.similarity(cells), (width, height), interpolation=cv2.INTER_LINEAR
    ).ravel()
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(found, connectivity=8)
    sums = np.bincount(labels.ravel(), similarity, count)
    left_out = set() if corrected is None else set(np.unique(labels[corrected]).tolist())
    regions = []
    for number in range(1, count):
        x, y, w, h, area = (int(each) for each in statistics[number])
        mean = float(sums[number] / area)
        if area >= MIN_CELLS and mean >= MIN_SIMILARITY and number not in left_out:
            box = Box(x, y, x + w, y + h)
            region = GridRegion(box, labels[box.slices] == number, (width, height))
            regions.append(FoundRegion(region, mean))
    return sorted(regions, key=lambda region: -region.similarity)[:MAX_REGIONS]
