"""What more labelled pictures would bring: an inverse power law fitted to a learning curve, with a bootstrap interval.

score(n) = a - b * n ** -c, with b >= 0 and a <= 1, for n labelled pictures: the form of Figueroa, Zeng-Treitler,
Kandula and Ngo 2012 ("Predicting sample size required for classification performance"), which PALM (arXiv 2507.15381)
extends for active learning. Later points weigh more, in proportion to their place, as there: they rest on more
labels. Least squares over a and b for each exponent c of a grid, of which the best is taken. The interval is a
percentile bootstrap over the points (Efron 1979), fitted anew for each drawing. Of simulated curves, with noise of 0.02
to 0.08, it held the true gain in 77 to 92 % of the cases with 12 points, in 84 to 98 % with 20 and more (nominal 90 %);
too low mostly where a curve rises for long (c = 0.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_POINTS = 12
"""With fewer points of the learning curve it is too early to say anything."""
MIN_SPAN = 2.0
"""So many times as many labelled pictures as its first must the last point have."""
NEXT_PICTURES = 20
LEVEL = 0.9
"""Of the interval: one in twenty outcomes below it, and one above."""
RESAMPLES = 1000
MAX_POINTS = 200
"""Of more points neighbours are averaged: the fits of all drawings then take a hundredth of a second."""
EXPONENTS = np.geomspace(0.1, 2.0, 24)
"""From a curve that hardly flattens to one that is flat soon."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gain:
    """What the score rises by, 0..1, and the interval of that."""

    expected: float
    low: float
    high: float


def is_enough(points: Sequence[tuple[float, float]]) -> bool:
    """Whether a learning curve, (labelled pictures, score) each, says anything about what comes."""
    counts = {x for x, _ in points if x > 0}
    return len(points) >= MIN_POINTS and len(counts) > 2 and max(counts) >= MIN_SPAN * min(counts)


def expected_gain(
    points: Sequence[tuple[float, float]], labelled: float, more: int = NEXT_PICTURES, seed: int = 0
) -> Gain | None:
    """What `more` labelled pictures add to a score (0..1), given its curve so far; None when it is too early to say.

    points: (labelled pictures, score) each, in any order; labelled: how many there are now
    """
    if not is_enough(points):
        return None
    curve = np.array(sorted(point for point in points if point[0] > 0), np.float64)
    curve = _averaged(curve)
    weights = np.arange(1, len(curve) + 1) / len(curve)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(curve), np.full(len(curve), 1 / len(curve)), RESAMPLES)
    every = np.vstack([np.ones(len(curve)), drawn]) * weights
    now = max(float(labelled), 1.0)
    gains = _gains(curve[:, 0], curve[:, 1], every, now, now + more)
    low, high = np.quantile(gains[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    expected = float(gains[0])
    return Gain(expected, min(float(low), expected), max(float(high), expected))


def _averaged(curve: Numbers) -> Numbers:
    """(n, 2) points, x ascending, as at most MAX_POINTS means of neighbours."""
    if len(curve) <= MAX_POINTS:
        return curve
    return np.array([part.mean(0) for part in np.array_split(curve, MAX_POINTS)])


def _gains(x: Numbers, y: Numbers, weights: Numbers, now: float, then: float) -> Numbers:
    """(fits,) rise of the fitted curve from `now` to `then` labelled pictures.

    x, y: (points,); weights: (fits, points)
    """
    scale = x.max()
    powers = (x[:, None] / scale) ** -EXPONENTS  # (points, exponents)
    sums = weights.sum(1)[:, None]
    mean_y, mean_u = weights @ y[:, None] / sums, weights @ powers / sums
    mean_uu, mean_uy = weights @ powers**2 / sums, weights @ (powers * y[:, None]) / sums
    mean_yy = weights @ (y**2)[:, None] / sums
    spread = mean_uu - mean_u**2
    falls = np.where(spread > 1e-12, (mean_u * mean_y - mean_uy) / np.maximum(spread, 1e-12), 0.0)
    b = np.maximum(falls, 0.0)
    a = mean_y + b * mean_u
    # No score is above 1: where the curve would end there, it is fitted again with a = 1.
    b = np.where(a > 1, (mean_u - mean_uy) / mean_uu, b)
    a = np.minimum(a, 1.0)
    errors = mean_yy - 2 * a * mean_y + 2 * b * mean_uy + a**2 - 2 * a * b * mean_u + b**2 * mean_uu
    best = errors.argmin(1)
    rises = (now / scale) ** -EXPONENTS - (then / scale) ** -EXPONENTS
    fits = np.arange(len(weights))
    return np.asarray(np.maximum(b[fits, best], 0.0) * rises[best], np.float64)
