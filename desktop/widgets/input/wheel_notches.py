"""Steps of the wheel, also of touchpads, which report parts of a notch."""

from __future__ import annotations

from PySide6.QtGui import QWheelEvent

NOTCH = 120
"""Of `angleDelta`."""


class WheelNotches:
    """Adds up parts of notches until they make whole ones. GUI thread."""

    def __init__(self) -> None:
        self._turned = 0

    def add(self, event: QWheelEvent) -> int:
        """Whole notches that are full with this event: positive away from the person, negative towards them."""
        turn = event.angleDelta().y()
        if turn * self._turned < 0:  # the other way round: what was left of before does not count
            self._turned = 0
        self._turned += turn
        whole = int(self._turned / NOTCH)
        self._turned -= whole * NOTCH
        return whole
