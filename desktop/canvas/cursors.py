"""Mouse cursors of the tools, drawn so that they show on any ground."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QCursor, QPainter, QPainterPath, QPen, QPixmap

from core.tools.tool import Cursor

_DARK, _LIGHT = QColor(0, 0, 0, 200), QColor(255, 255, 255, 240)
_SIDE = 31


def cursor_for(kind: Cursor, ratio: float) -> QCursor:
    """The cursor of a tool, sharp on a screen of `ratio` device pixels to a logical pixel."""
    pixmap = QPixmap(round(_SIDE * ratio), round(_SIDE * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = _SIDE // 2
    spot = QPointF(middle + 0.5, middle + 0.5)
    if kind == Cursor.BUCKET:
        _draw_cased(painter, _bucket(spot))
        _draw_cased(painter, _cross(spot, 1.5, 4.5))
    elif kind == Cursor.CROSS:
        _draw_cased(painter, _cross(spot, 3, 13))
    else:
        # The ring itself is drawn on the canvas; this small cross moves at the speed of the hardware.
        _draw_cased(painter, _cross(spot, 0, 2.5))
    painter.end()
    return QCursor(pixmap, middle, middle)


def _cross(at: QPointF, inner: float, outer: float) -> QPainterPath:
    """Four strokes around a free middle: the pixel pointed at stays visible."""
    path = QPainterPath()
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        path.moveTo(at.x() + x * inner, at.y() + y * inner)
        path.lineTo(at.x() + x * outer, at.y() + y * outer)
    return path


def _bucket(spot: QPointF) -> QPainterPath:
    """A tilted bucket to the upper right of the spot, pouring towards it."""
    x, y = spot.x() + 2, spot.y() - 2
    path = QPainterPath()
    path.moveTo(x + 1, y - 5)
    path.lineTo(x + 6, y - 10)
    path.lineTo(x + 11, y - 5)
    path.lineTo(x + 6, y)
    path.closeSubpath()
    path.moveTo(x + 6, y - 10)
    path.lineTo(x + 3.5, y - 12.5)
    path.moveTo(x + 1, y - 5)
    path.quadTo(x - 2, y - 3.5, x - 1.5, y + 0.5)
    return path


def _draw_cased(painter: QPainter, path: QPainterPath) -> None:
    for colour, width in ((_DARK, 3.2), (_LIGHT, 1.3)):
        pen = QPen(colour, width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.drawPath(path)
