"""How sure a mean IoU is: bootstrap over pictures (Efron 1979), because the pixels of one picture are alike.

Counts are (pictures, 3, classes) int64: of each picture the pixels predicted correctly, of the truth, and predicted.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
_CHUNK = 4_000_000
"""Numbers drawn at once, so that memory does not grow with the number of pictures."""

Interval = tuple[float, float]
Counts = NDArray[np.int64]
Drawn = NDArray[np.float64]


def miou_interval(counts: Counts, level: float = 0.95, seed: int = 0) -> Interval | None:
    """Percentile interval of the mean IoU; None for fewer than two pictures, or when nothing is labelled."""
    if len(counts) < 2 or not counts[:, 1].any():
        return None
    return _percentiles(_resampled(counts, seed), level)


def class_iou_intervals(counts: Counts, level: float = 0.95, seed: int = 0) -> NDArray[np.float64]:
    """(classes, 2) percentile interval of the IoU of each class; nan for one that is neither labelled nor predicted,
    or is in no drawing, and for fewer than two pictures."""
    if len(counts) < 2:
        return np.full((counts.shape[2], 2), np.nan)
    return _class_percentiles(_resampled_by_class(counts, seed), level)


def class_difference_intervals(
    first: Counts, second: Counts, level: float = 0.95, seed: int = 0
) -> NDArray[np.float64]:
    """(classes, 2) percentile interval of the IoU of each class in `second` less that in `first`, on the same pictures
    in the same order; nan as `class_iou_intervals`."""
    if len(first) < 2:
        return np.full((first.shape[2], 2), np.nan)
    return _class_percentiles(_resampled_by_class(second, seed) - _resampled_by_class(first, seed), level)


def difference_interval(first: Counts, second: Counts, level: float = 0.95, seed: int = 0) -> Interval | None:
    """Percentile interval of the mean IoU of `second` less that of `first`, on the same pictures in the same order.

    The same pictures are drawn for both, so that what is hard for both does not widen it. None for fewer than two.
    """
    if len(first) < 2:
        return None
    return _percentiles(_resampled(second, seed) - _resampled(first, seed), level)


def _resampled(counts: Counts, seed: int) -> NDArray[np.float64]:
    """(RESAMPLES,) mean IoU of as many pictures, drawn with replacement; their number and `seed` decide the draw."""
    found = []
    for hit, true, union in _drawn(counts, seed):
        iou = hit / np.where(union > 0, union, 1)
        occurring = true > 0
        found.append((iou * occurring).sum(1) / np.maximum(occurring.sum(1), 1))
    return np.concatenate(found)


def _resampled_by_class(counts: Counts, seed: int) -> NDArray[np.float64]:
    """(RESAMPLES, classes) IoU in the same drawings; nan where a class is neither labelled nor predicted."""
    return np.concatenate(
        [hit / np.where(union > 0, union, np.nan) for hit, _, union in _drawn(counts, seed)]
    )


def _drawn(counts: Counts, seed: int) -> Iterator[tuple[Drawn, Drawn, Drawn]]:
    """RESAMPLES rows in all, some at a time: pixels of each class in intersection, truth and union, (rows, classes)."""
    pictures, _, classes = counts.shape
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // pictures)
    for start in range(0, RESAMPLES, step):
        drawn = min(step, RESAMPLES - start)
        times = rng.multinomial(pictures, np.full(pictures, 1 / pictures), drawn).astype(np.float64)
        sums = (times @ counts.reshape(pictures, -1).astype(np.float64)).reshape(drawn, 3, classes)
        hit, true, predicted = sums[:, 0], sums[:, 1], sums[:, 2]
        yield hit, true, true + predicted - hit


def _percentiles(found: NDArray[np.float64], level: float) -> Interval:
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _class_percentiles(drawn: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """drawn: (RESAMPLES, classes)"""
    known = ~np.isnan(drawn).all(0)
    found = np.full((drawn.shape[1], 2), np.nan)
    found[known] = np.nanquantile(drawn[:, known], [(1 - level) / 2, (1 + level) / 2], axis=0).T
    return found
