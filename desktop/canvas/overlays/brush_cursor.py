"""The brush cursor: a ring of the brush's size, a ruler that says how large it is, and the keyboard's cross."""

from __future__ import annotations

import math

from PySide6.QtCore import QLineF, QPointF, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPen

from core.base.geometry import Point
from core.tools.tool_options import BrushTip
from desktop.canvas.input.host import CanvasHost
from desktop.canvas.input.input_handler import InputHandler
from desktop.canvas.input.tool_runner import ToolRunner
from desktop.canvas.overlays import outlines

RULER_MS = 1200
"""How long the ruler stays after the size has changed, in milliseconds."""
_CROSS_ARM = 9.0
_GAP, _TICK = 9.0, 4.0
_DARK, _LIGHT = QColor(0, 0, 0, 175), QColor(255, 255, 255, 240)


class BrushCursor:
    """Drawn around the pointer while the active tool has a size. Lives on the GUI thread."""

    def __init__(self, host: CanvasHost, tools: ToolRunner, inputs: InputHandler) -> None:
        self._host, self._tools, self._input = host, tools, inputs
        self._ruler_always = False
        self._ruler_timer = QTimer(tools, singleShot=True, interval=RULER_MS)
        self._ruler_timer.timeout.connect(host.update_overlays)
        tools.brush_size_changed.connect(self._size_changed)

    def set_ruler(self, always: bool) -> None:
        """Whether the ruler is shown also while the size does not change."""
        self._ruler_always = always

    @property
    def shows_ruler(self) -> bool:
        return self._ruler_always or self._ruler_timer.isActive()

    def circle(self) -> tuple[QPointF, float] | None:
        """Centre and radius of the ring in widget pixels, None while there is none to draw.

        A brush of one pixel snaps to that pixel, as its paint does.
        """
        host, pan = self._host, self._input.pan
        radius, centre = self._radius, self._input.brush_centre
        if radius is None or centre is None or pan.is_ready or pan.is_active:
            return None
        if radius < 1.0:
            at = host.image_point(centre)
            centre = host.widget_point(Point(math.floor(at.x) + 0.5, math.floor(at.y) + 0.5))
        return centre, radius * host.viewport.scale / host.devicePixelRatioF()

    def areas(self) -> list[QRect]:
        """The widget pixels that `draw` touches."""
        areas, circle = [], self.circle()
        if circle is not None:
            areas.append(outlines.ring_area(*circle))
            if self.shows_ruler:
                bar, text = self._ruler_rects(*circle)
                areas.append(bar.united(text).adjusted(-3, -3, 3, 3).toAlignedRect())
        at = self._keyboard_position
        if at is not None:
            areas.append(QRectF(at.x() - 12, at.y() - 12, 24, 24).toAlignedRect())
        return areas

    def draw(self, painter: QPainter, colour: QColor, erases: bool) -> None:
        circle = self.circle()
        if circle is not None:
            is_pixel = (self._radius or 1.0) < 1.0
            is_square = is_pixel or self._tools.options.tip == BrushTip.SQUARE
            draw = outlines.draw_square if is_square else outlines.draw_ring
            draw(painter, *circle, colour, erases, self._host.devicePixelRatioF())
            if self.shows_ruler:
                self._draw_ruler(painter, *self._ruler_rects(*circle))
        at = self._keyboard_position
        if at is not None:
            _draw_cross(painter, at)

    def _size_changed(self, _radius: float) -> None:
        self._ruler_timer.start()

    @property
    def _radius(self) -> float | None:
        """Of the active tool, in image pixels."""
        return self._tools.tool.radius(self._tools.options)

    @property
    def _keyboard_position(self) -> QPointF | None:
        """Where the cursor is that keys move, in widget pixels; None while the mouse moves it."""
        return self._input.pointer.position if self._input.keyboard_cursor.is_active else None

    def _size_text(self) -> str:
        return f"{2 * (self._radius or 0):g} px"

    def _ruler_rects(self, centre: QPointF, radius: float) -> tuple[QRectF, QRectF]:
        """Bar and text of the ruler: below the ring, above it where there is no room, else inside the view."""
        metrics, view = QFontMetrics(self._host.font()), QRectF(self._host.view_rect)
        width, height = metrics.horizontalAdvance(self._size_text()) + 12.0, metrics.height() + 2.0
        whole = 2 * _TICK + height
        top = centre.y() + radius + _GAP
        if top + whole > view.bottom():
            above = centre.y() - radius - _GAP - whole
            top = above if above >= view.top() else view.bottom() - whole
        bar = QRectF(centre.x() - radius, top, 2 * radius, 2 * _TICK)
        left = min(max(view.left(), centre.x() - width / 2), view.right() - width)
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
        painter.setFont(self._host.font())
        painter.drawText(text_rect, Qt.AlignmentFlag.AlignCenter, self._size_text())


def _draw_cross(painter: QPainter, at: QPointF) -> None:
    """Four lines around a free middle, as in the mouse cursor."""
    lines = [
        QLineF(at + QPointF(x, y) * 2.5, at + QPointF(x, y) * _CROSS_ARM)
        for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1))
    ]
    for shade, width in ((_DARK, 4.0), (_LIGHT, 2.0)):
        painter.setPen(QPen(shade, width, c=Qt.PenCapStyle.RoundCap))
        painter.drawLines(lines)
