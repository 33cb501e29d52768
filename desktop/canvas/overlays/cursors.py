"""Mouse cursors of the tools, light with a dark casing so that they are visible on any picture."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QCursor, QPainter, QPainterPath, QPen, QPixmap

from core.tools.tool import Cursor

_DARK, _LIGHT = QColor(0, 0, 0, 200), QColor(255, 255, 255, 240)
_SIDE = 37


def cursor_for(kind: Cursor, ratio: float) -> QCursor:
    """The mouse cursor of a tool, drawn for `ratio` device pixels per logical pixel."""
    if kind == Cursor.MOVE:
        return QCursor(Qt.CursorShape.SizeAllCursor)
    pixmap = QPixmap(round(_SIDE * ratio), round(_SIDE * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = _SIDE // 2
    spot = QPointF(middle + 0.5, middle + 0.5)
    if kind == Cursor.BUCKET:
        _draw_cased(painter, _cross(spot, 1.5, 4.5))
        _draw_bucket(painter, spot)
    elif kind == Cursor.CROSS:
        _draw_cased(painter, _cross(spot, 3, 13))
    else:
        # The ring is painted on the canvas; this small cross is a hardware cursor and never lags.
        _draw_cased(painter, _cross(spot, 0, 2.5))
    painter.end()
    return QCursor(pixmap, middle, middle)


def _cross(at: QPointF, inner: float, outer: float) -> QPainterPath:
    """Four lines around a free middle: the pixel pointed at stays visible."""
    path = QPainterPath()
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        path.moveTo(at.x() + x * inner, at.y() + y * inner)
        path.lineTo(at.x() + x * outer, at.y() + y * outer)
    return path


def _draw_bucket(painter: QPainter, spot: QPointF) -> None:
    """A tilted bucket to the upper right of the spot, with a drop falling from it."""
    x, y = spot.x() + 5, spot.y() - 4
    body = QPainterPath(QPointF(x, y - 6))
    for corner in (QPointF(x + 6, y - 12), QPointF(x + 12, y - 6), QPointF(x + 6, y)):
        body.lineTo(corner)
    body.closeSubpath()
    pen = QPen(_DARK, 1.4)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(_LIGHT)
    painter.drawPath(body)
    painter.drawEllipse(QPointF(x - 0.5, y - 1.5), 1.7, 2.2)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawLine(QPointF(x + 6, y - 7), QPointF(x + 6, y - 13))


def _draw_cased(painter: QPainter, path: QPainterPath) -> None:
    for colour, width in ((_DARK, 3.2), (_LIGHT, 1.3)):
        pen = QPen(colour, width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.drawPath(path)
