"""Pictures whose labels changed since they were last copied for training, and when that suffices to train again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from core.session.training.start_rule import StartRule


class ChangedPictures:
    """Used on one thread. `when_due` is called on another one when time alone has made a training due."""

    def __init__(self, rule: StartRule, when_due: Callable[[], None]) -> None:
        self.ids: set[int] = set()
        self._rule, self._when_due = rule, when_due
        self._first = self._last = 0.0
        self._timer: threading.Timer | None = None

    def add(self, picture_id: int) -> None:
        """The label of this picture changed now."""
        self._last = time.monotonic()
        if not self.ids:
            self._first = self._last
        self.ids.add(picture_id)
        self._wait()

    def clear(self) -> None:
        """The labels of all were copied."""
        self.ids.clear()
        self._cancel()

    def set_rule(self, rule: StartRule) -> None:
        self._rule = rule
        self._wait()

    @property
    def suffice(self) -> bool:
        """Whether the rule says to train again."""
        wait = self._remaining()
        return wait is not None and wait <= 0

    def close(self) -> None:
        """Wait for no time any more."""
        self._cancel()

    def _remaining(self) -> float | None:
        wait = self._rule.seconds_until_due(len(self.ids), self._first, self._last)
        return None if wait is None else self._last + wait - time.monotonic()

    def _wait(self) -> None:
        self._cancel()
        remaining = self._remaining()
        if remaining is not None and remaining > 0:
            self._timer = threading.Timer(remaining, self._when_due)
            self._timer.daemon = True
            self._timer.start()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
