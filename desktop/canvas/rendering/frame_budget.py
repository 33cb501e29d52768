"""Measures how long a device pixel takes to draw, and derives the resolution that fits into a frame."""

from __future__ import annotations

import math
from collections import deque
from statistics import median

_RENDER_SECONDS = 0.007
"""Seconds of a frame for drawing pixels; 60 frames per second leave 16.7 ms for everything."""

_MAX_STEP = 4
"""Lowest resolution: one drawn pixel for this many device pixels in each direction."""

_MIN_SAMPLE_PIXELS = 100_000
"""Drawing fewer device pixels than this is no reliable measurement."""

_MIN_PIXELS = 700_000
"""Up to this many device pixels are always drawn in full resolution: any machine is fast enough."""


class FrameBudget:
    """The time per device pixel, measured while drawing. GUI thread."""

    def __init__(self, seconds_per_pixel: float = 6e-9) -> None:
        """seconds_per_pixel: assumed before anything was measured."""
        self._default_seconds = seconds_per_pixel
        self._samples: deque[float] = deque(maxlen=7)

    def record(self, pixels: int, seconds: float) -> None:
        """Note that drawing `pixels` took `seconds`."""
        if pixels >= _MIN_SAMPLE_PIXELS:
            self._samples.append(seconds / pixels)

    def step(self, pixels: int) -> int:
        """How many device pixels in each direction have to share one drawn pixel to be in time; 1: full resolution."""
        if pixels < _MIN_PIXELS:
            return 1
        # The median, because other programs delay single frames.
        each = median(self._samples) if self._samples else self._default_seconds
        return max(1, min(_MAX_STEP, math.ceil(math.sqrt(pixels * each / _RENDER_SECONDS))))
