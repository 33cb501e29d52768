"""Drawing with few pixels while every frame is another, so that zooming is smooth on any screen."""

from __future__ import annotations

from PySide6.QtCore import QRect
from PySide6.QtGui import QImage, QPainter

from core.geometry import Box
from desktop.canvas.screen import Screen, Sheets


class Coarse:
    """Draws a screen small and enlarges it. Keeps what it needs: fresh memory would cost as much as drawing."""

    def __init__(self) -> None:
        self._sheets = Sheets(1, 1, 1.0)
        self._joined = QImage()

    def paint(self, screen: Screen, step: int, painter: QPainter, exposed: list[Box]) -> None:
        """Draw the exposed boxes with one pixel for `step` device pixels in each direction; the painter counts device
        pixels."""
        view = screen.view.coarser(step)
        wanted = view.width, view.height, screen.ratio / step
        if self._sheets.made_for != wanted:
            self._sheets = Sheets(*wanted)
            self._joined = QImage(view.width, view.height, QImage.Format.Format_RGB32)
        small = screen.alike(view, self._sheets)
        small.damage_all()
        # Both sheets come together while they are small: Qt enlarges what is opaque faster.
        inner = QPainter(self._joined)
        small.paint(inner, [Box(0, 0, view.width, view.height)])
        inner.end()
        # Without smoothing: that would take three times as long, and be seen only for a moment.
        for box in exposed:
            x, y = box.x0 // step, box.y0 // step
            part = QRect(x, y, -(-box.x1 // step) - x, -(-box.y1 // step) - y)
            larger = QRect(x * step, y * step, part.width() * step, part.height() * step)
            painter.drawImage(larger, self._joined, part)
