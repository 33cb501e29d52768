"""Two views of the same place side by side in one widget: where the second one is, and what belongs to it."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRect
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QWidget

from core.base.geometry import Box
from desktop.canvas.viewport import Viewport

_LINE = 2
"""Widget pixels of the line between both."""


class Twin:
    """The second view shows what the viewport says of the first, a step to the right. GUI thread."""

    def __init__(self, canvas: QWidget, view: Viewport) -> None:
        self._canvas, self._view = canvas, view
        self._was_second = False

    @property
    def whole_width(self) -> int:
        """Device pixels of the widget."""
        return math.ceil(self._canvas.width() * self._canvas.devicePixelRatioF())

    @property
    def width_of_one(self) -> int:
        """Device pixels of each of two views."""
        return max(1, self.whole_width // 2)

    @property
    def room(self) -> QRect:
        """The widget pixels of the first view, which may be the only one."""
        return QRect(0, 0, round(self._view.width / self._canvas.devicePixelRatioF()), self._canvas.height())

    @property
    def step(self) -> float:
        """Widget pixels from a place in the first view to the same in the second."""
        return (self.whole_width - self._view.width) / self._canvas.devicePixelRatioF()

    def fold(self, position: QPointF, *, anew: bool) -> QPointF:
        """A widget position as one in the first view; not `anew`: in whichever view the last one was."""
        if anew:
            self._was_second = position.x() >= self.step
        return position - QPointF(self.step, 0) if self._was_second else position

    def echo(self, area: QRect) -> QRect:
        """The widget pixels of the second view that show what these show in the first."""
        return area.translated(math.floor(self.step), 0).adjusted(0, 0, 1, 0)

    def begin(self, painter: QPainter, exposed: list[Box]) -> list[Box]:
        """Move the painter, which counts device pixels, to the second view. Returns what is exposed there."""
        step = self.whole_width - self._view.width
        painter.translate(step, 0)
        whole = Box(0, 0, self._view.width, self._view.height)
        return [box.moved(-step, 0).intersected(whole) for box in exposed]

    def end(self, painter: QPainter) -> None:
        """Move the painter back and draw the line."""
        step = self.whole_width - self._view.width
        painter.translate(-step, 0)
        line = max(_LINE, round(_LINE * self._canvas.devicePixelRatioF()))
        left = (self._view.width + step - line) // 2
        painter.fillRect(QRect(left, 0, line + 1, self._view.height), QColor(0, 0, 0))
