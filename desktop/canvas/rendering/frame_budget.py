"""How fast this machine draws, and what it can draw in time."""

from __future__ import annotations

import math
from collections import deque
from statistics import median

_RENDER_SECONDS = 0.007
"""Seconds of a frame for working out its pixels; sixty frames a second leave 16.7 ms for everything."""

_MAX_STEP = 4
"""More device pixels than this in each direction never share one."""

_MIN_SAMPLE_PIXELS = 100_000
"""Device pixels from which on the time to work them out tells something of the machine."""

_MIN_PIXELS = 700_000
"""Device pixels that are always drawn: so few are soon worked out on any machine."""


class FrameBudget:
    """How long a device pixel takes, learned while drawing."""

    def __init__(self, seconds_per_pixel: float = 6e-9) -> None:
        """seconds: what is believed of a pixel before anything was measured."""
        self._default_seconds = seconds_per_pixel
        self._samples: deque[float] = deque(maxlen=7)

    def record(self, pixels: int, seconds: float) -> None:
        """So many pixels were worked out in so long."""
        if pixels >= _MIN_SAMPLE_PIXELS:
            self._samples.append(seconds / pixels)

    def step(self, pixels: int) -> int:
        """How many device pixels in each direction must share one for so many to be worked out in time; 1: none."""
        if pixels < _MIN_PIXELS:
            return 1
        # The median, for now and then another program takes the processor away.
        each = median(self._samples) if self._samples else self._default_seconds
        return max(1, min(_MAX_STEP, math.ceil(math.sqrt(pixels * each / _RENDER_SECONDS))))
