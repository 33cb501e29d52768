"""How sure a mean IoU is: bootstrap over pictures (Efron 1979), because pixels of one picture are alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.evaluation.picture_counts import PictureCounts

RESAMPLES = 1000
_CHUNK = 4_000_000
"""Numbers drawn at once, so that memory does not grow with the number of pictures."""

Interval = tuple[float, float]


def miou_interval(
    pictures: Sequence[PictureCounts], classes: int, level: float = 0.95, seed: int = 0
) -> Interval | None:
    """Percentile interval of the mean IoU; None for fewer than two pictures."""
    if len(pictures) < 2:
        return None
    return _percentiles(_resampled(pictures, classes, seed), level)


def difference_interval(
    first: Sequence[PictureCounts],
    second: Sequence[PictureCounts],
    classes: int,
    level: float = 0.95,
    seed: int = 0,
) -> Interval | None:
    """Percentile interval of the mean IoU of `second` less that of `first`, on the pictures that both have.

    The same pictures are drawn for both, so that what is hard for both does not widen it. None for fewer than two.
    """
    by_id = {picture.picture_id: picture for picture in second}
    shared = [picture for picture in first if picture.picture_id in by_id]
    if len(shared) < 2:
        return None
    others = [by_id[picture.picture_id] for picture in shared]
    return _percentiles(_resampled(others, classes, seed) - _resampled(shared, classes, seed), level)


def _resampled(pictures: Sequence[PictureCounts], classes: int, seed: int) -> NDArray[np.float64]:
    """(RESAMPLES,) mean IoU of as many pictures, drawn with replacement; their number and `seed` decide the draw."""
    counts = np.stack([_class_counts(picture, classes) for picture in pictures]).reshape(len(pictures), -1)
    rng = np.random.default_rng(seed)
    found = []
    step = max(1, _CHUNK // len(pictures))
    for start in range(0, RESAMPLES, step):
        times = rng.multinomial(
            len(pictures), np.full(len(pictures), 1 / len(pictures)), min(step, RESAMPLES - start)
        )
        hit, true, predicted = np.moveaxis((times @ counts).reshape(len(times), 3, classes), 1, 0)
        union = true + predicted - hit
        iou = hit / np.where(union > 0, union, 1)
        occurring = true > 0
        found.append((iou * occurring).sum(1) / np.maximum(occurring.sum(1), 1))
    return np.concatenate(found)


def _class_counts(picture: PictureCounts, classes: int) -> NDArray[np.int64]:
    """(3, classes) pixels predicted correctly, of the truth, and predicted."""
    true, predicted = np.divmod(picture.cells, classes + 1)
    right = true == predicted
    return np.stack(
        [
            np.bincount(chosen, weights, classes + 1)[:classes]
            for chosen, weights in (
                (true[right], picture.pixels[right]),
                (true, picture.pixels),
                (predicted, picture.pixels),
            )
        ]
    ).astype(np.int64)


def _percentiles(found: NDArray[np.float64], level: float) -> Interval:
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
