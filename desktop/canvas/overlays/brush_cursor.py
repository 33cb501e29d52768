"""Where the tool would work: the brush ring with its scale, and a cross where keys lead the cursor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPen

from core.base.geometry import Point
from core.tools.tool_options import BrushTip
from desktop.canvas.overlays import outlines

if TYPE_CHECKING:
    from desktop.canvas.canvas import Canvas
    from desktop.canvas.input.mouse import InputHandler

RULER_MS = 1200
"""How long the scale stays after the size has changed."""
_CROSS_ARM = 9.0
_GAP, _TICK = 9.0, 4.0
_DARK, _LIGHT = QColor(0, 0, 0, 175), QColor(255, 255, 255, 240)


class BrushCursor:
    """What stands around the pointer. Lives on the GUI thread."""

    def __init__(self, canvas: Canvas, pointer: InputHandler) -> None:
        self._canvas, self._input = canvas, pointer
        self._ruler_always = False
        self._ruler_timer = QTimer(canvas, singleShot=True, interval=RULER_MS)
        self._ruler_timer.timeout.connect(canvas.update_overlays)

    def set_ruler(self, always: bool) -> None:
        """Whether the scale is there also while the size does not change."""
        self._ruler_always = always

    def size_changed(self) -> None:
        """The size has changed: say how large it is."""
        self._ruler_timer.start()

    @property
    def shows_ruler(self) -> bool:
        return self._ruler_always or self._ruler_timer.isActive()

    def circle(self) -> tuple[QPointF, float] | None:
        """Centre and radius of the brush ring in widget pixels, None while there is none to draw.

        A brush of one pixel snaps to that pixel, as its paint does.
        """
        canvas, pointer = self._canvas, self._input
        radius, centre = canvas.tool.radius(canvas.options), pointer.brush_centre
        if radius is None or centre is None or pointer.is_ready_to_pan or pointer.is_panning:
            return None
        if radius < 1.0:
            at = canvas.image_point(centre)
            centre = canvas.widget_point(Point(math.floor(at.x) + 0.5, math.floor(at.y) + 0.5))
        return centre, radius * canvas.scale / canvas.devicePixelRatioF()

    def areas(self) -> list[QRect]:
        """The widget pixels that are drawn on."""
        areas, ring = [], self.circle()
        if ring is not None:
            areas.append(outlines.ring_area(*ring))
            if self.shows_ruler:
                bar, words = self._ruler_rects(*ring)
                areas.append(bar.united(words).adjusted(-3, -3, 3, 3).toAlignedRect())
        at = self._input.position
        if self._input.keyboard_cursor.is_active and at is not None:
            areas.append(QRectF(at.x() - 12, at.y() - 12, 24, 24).toAlignedRect())
        return areas

    def draw(self, painter: QPainter, colour: QColor, erases: bool) -> None:
        ring = self.circle()
        if ring is not None:
            options = self._canvas.options
            is_pixel = (self._canvas.tool.radius(options) or 1.0) < 1.0
            draw = outlines.draw_square if is_pixel or options.tip == BrushTip.SQUARE else outlines.draw_ring
            draw(painter, *ring, colour, erases, self._canvas.devicePixelRatioF())
            if self.shows_ruler:
                self._draw_ruler(painter, *self._ruler_rects(*ring))
        if self._input.keyboard_cursor.is_active and self._input.position is not None:
            _draw_cross(painter, self._input.position)

    def _size_text(self) -> str:
        return f"{2 * (self._canvas.tool.radius(self._canvas.options) or 0):g} px"

    def _ruler_rects(self, centre: QPointF, radius: float) -> tuple[QRectF, QRectF]:
        """Where the bar and its words stand: below the ring, above it where there is no room, else inside the view."""
        metrics, room = QFontMetrics(self._canvas.font()), QRectF(self._canvas.view_rect)
        width, height = metrics.horizontalAdvance(self._size_text()) + 12.0, metrics.height() + 2.0
        whole = 2 * _TICK + height
        top = centre.y() + radius + _GAP
        if top + whole > room.bottom():
            above = centre.y() - radius - _GAP - whole
            top = above if above >= room.top() else room.bottom() - whole
        bar = QRectF(centre.x() - radius, top, 2 * radius, 2 * _TICK)
        left = min(max(room.left(), centre.x() - width / 2), room.right() - width)
        return bar, QRectF(left, bar.bottom(), width, height)

    def _draw_ruler(self, painter: QPainter, bar: QRectF, text_rect: QRectF) -> None:
        middle = bar.center().y()
        lines = [
            QLineF(bar.left(), middle, bar.right(), middle),
            QLineF(bar.left(), bar.top(), bar.left(), bar.bottom()),
            QLineF(bar.right(), bar.top(), bar.right(), bar.bottom()),
        ]
        for shade, width in ((_DARK, 3.5), (_LIGHT, 1.5)):
            painter.setPen(QPen(shade, width, c=Qt.PenCapStyle.RoundCap))
            painter.drawLines(lines)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_DARK)
        painter.drawRoundedRect(text_rect, 4, 4)
        painter.setPen(_LIGHT)
        painter.setFont(self._canvas.font())
        painter.drawText(text_rect, Qt.AlignmentFlag.AlignCenter, self._size_text())


def _draw_cross(painter: QPainter, at: QPointF) -> None:
    """Four strokes around a free middle, as the mouse has them."""
    lines = [
        QLineF(at + QPointF(x, y) * 2.5, at + QPointF(x, y) * _CROSS_ARM)
        for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1))
    ]
    for shade, width in ((_DARK, 4.0), (_LIGHT, 2.0)):
        painter.setPen(QPen(shade, width, c=Qt.PenCapStyle.RoundCap))
        painter.drawLines(lines)
