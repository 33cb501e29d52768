"""How sure a network is against how often it is right."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.base.axis_ticks import score_ticks
from core.base.number_text import percent_text
from core.evaluation.evaluation import CalibrationBin
from desktop.theme.theme import GRID, Theme

_SMALLEST, _LARGEST = 3.0, 9.0
"""Radius of a point: its area is the share of the pixels."""
_LEFT, _BOTTOM, _EDGE = 5 * GRID, 6 * GRID, round(_LARGEST) + 1
_LABEL_GAP = 8
"""Between the axis below and its labels: the first of them is beside the lowest one at the left."""


class CalibrationPlot(QWidget):
    """On the diagonal the network is right as often as it says; below it is too sure of itself."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._bins: tuple[CalibrationBin, ...] = ()
        self.setMinimumSize(26 * GRID, 22 * GRID)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.update)

    def set_bins(self, bins: Sequence[CalibrationBin]) -> None:
        """Also says in words what is drawn, for screen readers and as tooltip."""
        self._bins = tuple(bins)
        lines = [
            f"Confidence {each.confidence:.2f}: right in {percent_text(each.accuracy)} of {each.pixels:,} pixels"
            for each in self._bins
        ]
        self.setAccessibleName("Accuracy over confidence")
        self.setAccessibleDescription("; ".join(lines))
        self.setToolTip("\n".join(lines))
        self.update()

    def plot_area(self) -> QRectF:
        """A square, as large as there is room."""
        side = min(self.width() - _LEFT - _EDGE, self.height() - _BOTTOM - _EDGE, 44 * GRID)
        return QRectF(_LEFT, _EDGE, max(1, side), max(1, side))

    def place(self, each: CalibrationBin) -> QPointF:
        """Of a point, in pixels of the widget."""
        area = self.plot_area()
        return QPointF(
            area.left() + each.confidence * area.width(), area.bottom() - each.accuracy * area.height()
        )

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area, metrics = self.plot_area(), painter.fontMetrics()
        for value, text in score_ticks(coarse=area.height() < 20 * GRID):
            x, y = area.left() + value * area.width(), area.bottom() - value * area.height()
            painter.setPen(self._theme.colour("grid"))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(self._theme.colour("muted"))
            width = metrics.horizontalAdvance(text)
            painter.drawText(QPointF(area.left() - width - 6, y + metrics.ascent() / 2 - 1), text)
            painter.drawText(QPointF(x - width / 2, area.bottom() + metrics.ascent() + _LABEL_GAP), text)
        title = area.bottom() + metrics.height() + _LABEL_GAP
        below = QRectF(area.left(), title, area.width(), metrics.height() + 4)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, "Confidence")
        painter.setPen(QPen(self._theme.colour("edge"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(area.bottomLeft(), area.topRight())
        places = [self.place(each) for each in self._bins]
        painter.setPen(QPen(self._theme.colour("accent_text"), 1.5))
        painter.drawPolyline(places)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("accent_text"))
        total = sum(each.pixels for each in self._bins) or 1
        for each, place in zip(self._bins, places, strict=True):
            radius = _SMALLEST + (_LARGEST - _SMALLEST) * (each.pixels / total) ** 0.5
            painter.drawEllipse(place, radius, radius)
        painter.end()
