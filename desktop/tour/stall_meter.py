"""Measures stalls of the GUI thread: a fast timer, and how late each timeout is."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from PySide6.QtCore import QObject, Qt, QTimer

TICK_MS = 2


class StallMeter(QObject):
    """Measures between `start` and `stop`, except while paused. A stall is the delay of a timeout in milliseconds."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """clock: in seconds; time.thread_time excludes the time that other programs take."""
        super().__init__()
        self._clock = clock
        self._timer = QTimer(self, interval=TICK_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._last: float | None = None
        self._delays: list[float] = []

    def start(self) -> None:
        self._last = None
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """What happens inside is work of the measurement, such as a screenshot, and does not count."""
        try:
            yield
        finally:
            self._last = None

    def summary(self) -> dict[str, float | None]:
        """The 99th percentile over time and the longest stall, in milliseconds.

        The percentile is over time, not over timeouts: the longer a stall, the likelier an event falls into it.
        """
        if not self._delays:
            return {"p99": None, "max": None}
        ordered = sorted(self._delays)
        whole, passed = sum(ordered) + TICK_MS * len(ordered), 0.0
        p99 = ordered[-1]
        for late in ordered:
            passed += late + TICK_MS
            if passed >= 0.99 * whole:
                p99 = late
                break
        return {"p99": round(p99, 2), "max": round(ordered[-1], 2)}

    def _tick(self) -> None:
        now = self._clock()
        if self._last is not None:
            self._delays.append(max(0.0, (now - self._last) * 1000 - TICK_MS))
        self._last = now
