"""How fast this machine draws, and what it can draw in time."""

from __future__ import annotations

import math
from collections import deque
from statistics import median

_BUDGET = 0.007
"""Seconds of a frame for working out its pixels; sixty frames a second leave 16.7 ms for everything."""

_COARSEST = 4
"""More device pixels than this in each direction never share one."""

_ENOUGH = 100_000
"""Device pixels from which on the time to work them out tells something of the machine."""

_SMALL = 700_000
"""Device pixels that are always drawn: so few are soon worked out on any machine."""


class Pace:
    """How long a device pixel takes, learned while drawing."""

    def __init__(self, seconds: float = 6e-9) -> None:
        """seconds: what is believed of a pixel before anything was measured."""
        self._believed = seconds
        self._seen: deque[float] = deque(maxlen=7)

    def learn(self, pixels: int, seconds: float) -> None:
        """So many pixels were worked out in so long."""
        if pixels >= _ENOUGH:
            self._seen.append(seconds / pixels)

    def step(self, pixels: int) -> int:
        """How many device pixels in each direction must share one for so many to be worked out in time; 1: none."""
        if pixels < _SMALL:
            return 1
        # The median, for now and then another program takes the processor away.
        each = median(self._seen) if self._seen else self._believed
        return max(1, min(_COARSEST, math.ceil(math.sqrt(pixels * each / _BUDGET))))
