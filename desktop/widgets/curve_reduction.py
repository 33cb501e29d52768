"""Long curves as a chart shows them: reduced to the columns of pixels, and smoothed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]
_BLOCK = 128


def reduce_columns(
    x: Numbers, y: Numbers, left: float, right: float, columns: int
) -> tuple[Numbers, Numbers]:
    """The part of a curve from `left` to `right` with at most four points for each of `columns` equal intervals: the
    first, the lowest, the highest and the last, in their order, so that every peak stays visible.

    x: (n,) ascending; y: (n,), finite. One point is kept beyond either end, so that the line reaches the edge.
    Jugel et al. 2014, "M4".
    """
    first = max(0, int(np.searchsorted(x, left, "left")) - 1)
    last = min(len(x), int(np.searchsorted(x, right, "right")) + 1)
    x, y = x[first:last], y[first:last]
    if len(x) <= 4 * columns:
        return x, y
    column = np.clip((x - left) * (columns / (right - left)), -1, columns).astype(np.int64)
    starts = np.flatnonzero(np.diff(column, prepend=column[0] - 1))
    ends = np.append(starts[1:], len(x)) - 1
    of_column = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(x)))
    lowest = _first_of_each(y == np.minimum.reduceat(y, starts)[of_column], of_column)
    highest = _first_of_each(y == np.maximum.reduceat(y, starts)[of_column], of_column)
    kept = np.unique(np.concatenate([starts, ends, lowest, highest]))
    return x[kept], y[kept]


def _first_of_each(is_found: NDArray[np.bool_], of_column: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first place in each column where `is_found`."""
    places = np.flatnonzero(is_found)
    return places[np.diff(of_column[places], prepend=-1) > 0]


def smooth(values: ArrayLike, weight: float) -> Numbers:
    """Exponential moving average without the bias towards 0 at the beginning, as TensorBoard draws it.

    values: (n,); weight: of the average so far, 0 <= weight < 1; 0 changes nothing. Returns (n,) float64.
    """
    found = np.asarray(values, np.float64)
    if weight <= 0 or len(found) == 0:
        return found
    powers = weight ** np.arange(_BLOCK + 1)
    distance = np.subtract.outer(np.arange(_BLOCK), np.arange(_BLOCK))
    kernel = np.where(distance >= 0, (1 - weight) * powers[np.abs(distance)], 0.0)
    blocks = np.pad(found, (0, -len(found) % _BLOCK)).reshape(-1, _BLOCK)
    inside = blocks @ kernel.T  # each block as if nothing had been before it
    for number in range(1, len(inside)):
        inside[number] += inside[number - 1, -1] * powers[1:]
    smoothed: Numbers = inside.reshape(-1)[: len(found)]
    biased = min(len(found), int(np.log(1e-17) / np.log(weight)) + 1)
    smoothed[:biased] /= 1 - weight ** np.arange(1, biased + 1)
    return smoothed
