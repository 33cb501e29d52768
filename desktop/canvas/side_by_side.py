"""Geometry of two views of the same part of the picture, side by side in one widget."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRect
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QWidget

from core.base.geometry import Box
from desktop.canvas.viewport import Viewport

_DIVIDER_WIDTH = 2
"""Widget pixels of the line between both views."""


class SideBySide:
    """The viewport describes the first view; the second is shifted to the right by `offset`. GUI thread."""

    def __init__(self, canvas: QWidget, viewport: Viewport) -> None:
        self._canvas, self._viewport = canvas, viewport
        self._was_second = False

    @property
    def widget_width(self) -> int:
        """Device pixels of the widget."""
        return math.ceil(self._canvas.width() * self._canvas.devicePixelRatioF())

    @property
    def half_width(self) -> int:
        """Device pixels of each of two views."""
        return max(1, self.widget_width // 2)

    @property
    def view_rect(self) -> QRect:
        """The widget pixels of the first view, which may be the only one."""
        return QRect(
            0, 0, round(self._viewport.width / self._canvas.devicePixelRatioF()), self._canvas.height()
        )

    @property
    def offset(self) -> float:
        """Widget pixels between a position of the first view and the same position of the second."""
        return (self.widget_width - self._viewport.width) / self._canvas.devicePixelRatioF()

    def to_first_view(self, position: QPointF, *, new_gesture: bool) -> QPointF:
        """A widget position as one in the first view. Not `new_gesture`: counted from the view of the last position."""
        if new_gesture:
            self._was_second = position.x() >= self.offset
        return position - QPointF(self.offset, 0) if self._was_second else position

    def to_second_view(self, area: QRect) -> QRect:
        """The widget pixels of the second view that correspond to these of the first."""
        return area.translated(math.floor(self.offset), 0).adjusted(0, 0, 1, 0)

    def begin_second_view(self, painter: QPainter, exposed: list[Box]) -> list[Box]:
        """Move the painter, which counts device pixels, to the second view. Returns what is exposed there."""
        step = self.widget_width - self._viewport.width
        painter.translate(step, 0)
        whole = Box(0, 0, self._viewport.width, self._viewport.height)
        return [box.moved(-step, 0).intersection(whole) for box in exposed]

    def end_second_view(self, painter: QPainter) -> None:
        """Move the painter back and draw the line between the views."""
        step = self.widget_width - self._viewport.width
        painter.translate(-step, 0)
        line = max(_DIVIDER_WIDTH, round(_DIVIDER_WIDTH * self._canvas.devicePixelRatioF()))
        left = (self._viewport.width + step - line) // 2
        painter.fillRect(QRect(left, 0, line + 1, self._viewport.height), QColor(0, 0, 0))
