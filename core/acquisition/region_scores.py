"""The regions of a picture whose labels would teach most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box
from core.labels.class_list import UNLABELLED, VOID
from core.labels.label_map import LabelSnapshot
from core.labels.prediction import PredictedMask

CELL_SIDE = 256
"""Side of a region in pixels: a brush and a screen hold it. Smaller in pictures with a side below 1024 pixels."""
MAX_REGIONS = 8
"""Regions of one picture: after so many the next picture teaches more."""
LEAST_SCORE = 0.04
"""Score of a region that is worth a look: mean of 1 - confidence, where labelled pixels count as certain."""
LEAST_OF_BEST = 1 / 3
"""Share of the best score of the picture that a region has at least."""
_CELLS_IN_SIDE = 4
_MIN_CELL_SIDE = 32
_NEIGHBOUR_FACTOR = 0.5
"""Beside a region that was chosen another one counts half: regions that are spread out teach more."""
_MAX_COUNTED = 1 << 21


@dataclass(frozen=True, slots=True)
class UsefulRegion:
    """box: image pixels; score: 0..1, see LEAST_SCORE; classes: one or two that it is most unsure of, by prediction"""

    box: Box
    score: float
    classes: tuple[int, ...]


def find_useful_regions(
    prediction: PredictedMask, snapshot: LabelSnapshot, class_weights: NDArray[np.float32] | None = None
) -> tuple[UsefulRegion, ...]:
    """The most useful regions, best first; none when the prediction is sure of all that has no label.

    prediction: in the size of the label; class_weights: (256,) how much doubt about each class counts

    Some milliseconds for a million pixels: call it on a lane.
    """
    height, width = prediction.values.shape
    step = 1
    while width * height // step**2 > _MAX_COUNTED:
        step *= 2
    values = prediction.values[::step, ::step]
    label = snapshot.part(Box(0, 0, width, height), step)
    doubt = 255 - prediction.confidence[::step, ::step].astype(np.float32)
    doubt[(label != UNLABELLED) | (values == UNLABELLED) | (values == VOID)] = 0
    rows, columns = (
        _edges(values.shape[0], step, min(width, height)),
        _edges(values.shape[1], step, min(width, height)),
    )
    scores = _cell_means(doubt, rows, columns)
    weighted = doubt if class_weights is None else doubt * class_weights[values]
    found = []
    for row, column in _spread(scores, _cell_means(weighted, rows, columns)):
        cell = slice(rows[row], rows[row + 1]), slice(columns[column], columns[column + 1])
        box = Box(
            int(columns[column]) * step,
            int(rows[row]) * step,
            min(width, int(columns[column + 1]) * step),
            min(height, int(rows[row + 1]) * step),
        )
        found.append(UsefulRegion(box, float(scores[row, column]), _classes(values[cell], doubt[cell])))
    return tuple(found)


def _edges(length: int, step: int, shorter_side: int) -> NDArray[np.int64]:
    """Where cells begin along one side of the picture, and its end, in steps: cells as equal as can be."""
    side = min(CELL_SIDE, max(_MIN_CELL_SIDE, shorter_side // _CELLS_IN_SIDE)) / step
    count = max(1, round(length / side))
    return np.linspace(0, length, count + 1).astype(np.int64)


def _cell_means(
    doubt: NDArray[np.float32], rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Of each cell, 0..1 without weights."""
    sums = np.add.reduceat(np.add.reduceat(doubt, rows[:-1], axis=0), columns[:-1], axis=1)
    return np.asarray(sums / np.outer(np.diff(rows), np.diff(columns)) / 255, np.float32)


def _spread(scores: NDArray[np.float32], weighted: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Row and column of the cells that are taken, best first by their weighted score."""
    left, plain = weighted.copy(), scores.copy()
    least = max(LEAST_SCORE, float(scores.max(initial=0)) * LEAST_OF_BEST)
    taken: list[tuple[int, int]] = []
    while len(taken) < MAX_REGIONS:
        left[plain < least] = 0
        row, column = (int(each) for each in np.unravel_index(int(np.argmax(left)), left.shape))
        if not left[row, column]:
            break
        taken.append((row, column))
        for each in (left, plain):
            each[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2] *= _NEIGHBOUR_FACTOR
        left[row, column] = 0
    return taken


def _classes(values: NDArray[np.uint8], doubt: NDArray[np.float32]) -> tuple[int, ...]:
    sums = np.bincount(values.ravel(), weights=doubt.ravel(), minlength=256)
    first, second = (int(value) for value in np.argsort(-sums, kind="stable")[:2])
    return (first, second) if sums[second] > sums[first] / 4 else (first,)
