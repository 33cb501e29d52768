"""Painting functions for the overlays: rings, outlines of shapes with handles, frames and messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

from PySide6.QtCore import QLineF, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath, QPalette, QPen, QPolygonF

from core.base.geometry import Box, Point
from core.tools.tool import OutlinePreview

ToWidget = Callable[[Point], QPointF]
"""Converts an image point to a widget position."""

_DARK = QColor(0, 0, 0, 170)
_LIGHT = QColor(255, 255, 255, 230)
_FAINT = QColor(255, 255, 255, 165)
_TINT_ALPHA = 50
"""Alpha, 0..255, of the fill of a shape under way."""
_HANDLE = 3.5
_MIN_HANDLE_DISTANCE = 2 * _HANDLE
_MIN_RING_RADIUS = 2.5
"""Rings with a smaller radius, in widget pixels, would hide what is below; the cross of the cursor is enough."""


def ring_area(centre: QPointF, radius: float) -> QRect:
    """The widget pixels that a ring touches."""
    reach = radius + 4
    return QRectF(centre.x() - reach, centre.y() - reach, 2 * reach, 2 * reach).toAlignedRect()


def draw_ring(
    painter: QPainter, centre: QPointF, radius: float, colour: QColor, erases: bool, ratio: float
) -> None:
    """A circle in the brush's size: the colour between a dark and a light line is visible anywhere; erasing is dashed.

    ratio: device pixels per widget pixel.
    """
    if radius < _MIN_RING_RADIUS:
        return
    # Several circles of one device pixel: Qt strokes them forty times as fast as one wider line.
    painter.setBrush(Qt.BrushStyle.NoBrush)
    pens = _ring_pens(colour, erases, ratio)
    for number, pen in enumerate(pens):
        reach = radius + ((len(pens) - 1) / 2 - number) / ratio
        painter.setPen(pen)
        painter.drawEllipse(centre, reach, reach)


def draw_square(
    painter: QPainter, centre: QPointF, radius: float, colour: QColor, erases: bool, ratio: float
) -> None:
    """Like `draw_ring`, but square: for a square brush, or the one pixel that the smallest brush paints."""
    if radius < _MIN_RING_RADIUS:
        return
    painter.setBrush(Qt.BrushStyle.NoBrush)
    pens = _ring_pens(colour, erases, ratio)
    for number, pen in enumerate(pens):
        reach = radius + ((len(pens) - 1) / 2 - number) / ratio
        painter.setPen(pen)
        painter.drawRect(QRectF(centre.x() - reach, centre.y() - reach, 2 * reach, 2 * reach))


def _ring_pens(colour: QColor, erases: bool, ratio: float) -> list[QPen]:
    """From the outermost line to the innermost, each one device pixel wide."""
    fine = max(1, round(ratio))
    pens = []
    for shade in (_DARK, _LIGHT, _LIGHT, _DARK) if erases else (_DARK, colour, colour, _LIGHT):
        pen = QPen(shade, 1)
        pen.setCosmetic(True)
        if erases and shade is _LIGHT:
            pen.setDashPattern([5 * fine, 4 * fine])
        pens += [pen] * fine
    return pens


def outline_area(outline: OutlinePreview | None, to_widget: ToWidget) -> QRect:
    """The widget pixels that a shape under way touches."""
    if outline is None:
        return QRect()
    points = [
        *outline.points,
        *outline.insertion_points,
        *([outline.cursor] if outline.cursor else []),
        *outline.anchors,
    ]
    for line in (*outline.rings, *(scribble.points for scribble in outline.scribbles)):
        points += line
    if not points:
        return QRect()
    # Only two corners are converted: this runs on every mouse move.
    xs, ys = [x for x, _ in points], [y for _, y in points]
    corners = QRectF(to_widget(Point(min(xs), min(ys))), to_widget(Point(max(xs), max(ys))))
    return corners.normalized().adjusted(-9, -9, 9, 9).toAlignedRect()


def draw_outline(painter: QPainter, outline: OutlinePreview, to_widget: ToWidget, colour: QColor) -> None:
    """Lines in the class's colour with a dark and a light casing, points as small handles."""
    _draw_scribbles(painter, outline, to_widget, colour)
    points = [to_widget(p) for p in outline.points]
    rings = [[to_widget(p) for p in ring] for ring in outline.rings]
    lines = [QPolygonF([*ring, ring[0]]) for ring in rings if ring]
    lines.append(QPolygonF(points))
    if outline.cursor is not None and not outline.closing:
        lines[-1].append(to_widget(outline.cursor))
    if points and (outline.closed or outline.closing):
        lines[-1].append(points[0])
    if outline.filled:
        _tint(painter, lines, _DARK if outline.erases else colour)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    # Qt searches a wide polyline for crossings, at more than linear cost; separate segments cost what they are.
    # Only dashed lines must be continuous.
    segments = [QLineF(start, end) for line in lines for start, end in pairwise(line.toList())]
    for pen in _line_pens(outline.erases, colour):
        painter.setPen(pen)
        if pen.style() == Qt.PenStyle.SolidLine:
            painter.drawLines(segments)
        else:
            for line in lines:
                painter.drawPolyline(line)
    for spot in outline.insertion_points:
        _draw_handle(painter, to_widget(spot), _HANDLE, _FAINT)
    handles = [to_widget(p) for p in outline.anchors]
    if outline.handles:
        handles += [*points, *(point for ring in rings for point in ring)]
    _draw_handles(painter, handles, outline, colour)


def _tint(painter: QPainter, lines: Iterable[QPolygonF], colour: QColor) -> None:
    inside = QPainterPath()  # even-odd unless told otherwise
    for line in lines:
        inside.addPolygon(line)
    shade = QColor(colour)
    shade.setAlpha(_TINT_ALPHA)
    painter.fillPath(inside, shade)


def _line_pens(erases: bool, colour: QColor) -> list[QPen]:
    if not erases:
        casings = ((_DARK, 4.0), (_LIGHT, 2.8), (colour, 1.6))
        return [
            QPen(shade, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap) for shade, width in casings
        ]
    dashes = QPen(_LIGHT, 1.0, Qt.PenStyle.DashLine, Qt.PenCapStyle.FlatCap)
    dashes.setDashPattern([6, 5])
    return [QPen(_DARK, 3.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap), dashes]


def _draw_handles(painter: QPainter, places: list[QPointF], outline: OutlinePreview, colour: QColor) -> None:
    """Handles too close to be told apart are left out, except the active one."""
    last: QPointF | None = None
    for number, point in enumerate(places):
        chosen = number == outline.active_handle
        closes = number == 0 and outline.closing
        if (
            not (chosen or closes)
            and last is not None
            and (point - last).manhattanLength() < _MIN_HANDLE_DISTANCE
        ):
            continue
        last = point
        if chosen or closes:
            _draw_handle(painter, point, _HANDLE * 1.9, _LIGHT)
            _draw_handle(painter, point, _HANDLE * 1.3, colour)
        else:
            _draw_handle(painter, point, _HANDLE, _LIGHT)


def _draw_handle(painter: QPainter, point: QPointF, reach: float, colour: QColor) -> None:
    painter.setPen(QPen(_DARK, 1.0))
    painter.setBrush(colour)
    painter.drawEllipse(point, reach, reach)


def _draw_scribbles(painter: QPainter, outline: OutlinePreview, to_widget: ToWidget, colour: QColor) -> None:
    """Foreground scribbles in the class's colour, background scribbles dashed in light on dark."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for scribble in outline.scribbles:
        line = QPolygonF([to_widget(p) for p in scribble.points])
        shade = _LIGHT if scribble.is_background else colour
        for line_colour, width in ((_DARK, 7.0), (shade, 3.5)):
            pen = QPen(line_colour, width)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            if scribble.is_background and line_colour is shade:
                pen.setDashPattern([0.6, 2.0])
            painter.setPen(pen)
            painter.drawPolyline(line) if line.size() > 1 else painter.drawPoint(line.at(0))


def frame_area(box: Box | None, to_widget: ToWidget) -> QRect:
    """The widget pixels that a frame around image pixels touches."""
    if box is None:
        return QRect()
    return _frame_rect(box, to_widget).adjusted(-4, -4, 4, 4).toAlignedRect()


def draw_frame(painter: QPainter, box: Box, to_widget: ToWidget, *, faint: bool = False) -> None:
    """A frame just outside a box of image pixels, light with a dark casing; a faint one is thin and dashed."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for shade, width in ((_DARK, 2.0), (_FAINT, 1.0)) if faint else ((_DARK, 4.0), (_LIGHT, 2.0)):
        pen = QPen(shade, width)
        if faint:
            pen.setDashPattern([6 / width, 4 / width])
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.drawRoundedRect(_frame_rect(box, to_widget), 3, 3)


def _frame_rect(box: Box, to_widget: ToWidget) -> QRectF:
    corners = QRectF(to_widget(Point(box.x0, box.y0)), to_widget(Point(box.x1, box.y1)))
    return corners.adjusted(-2, -2, 2, 2)


def draw_message(
    painter: QPainter, area: QRect, palette: QPalette, font: QFont, title: str, body: str
) -> None:
    """A title with a paragraph below it, centred in the area."""
    strong = QFont(font)
    strong.setPointSizeF(font.pointSizeF() * 1.3 if font.pointSizeF() > 0 else 14)
    strong.setWeight(QFont.Weight.DemiBold)
    width = min(area.width() - 32, 440)
    flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
    room = QRect(0, 0, width, area.height())
    title_size = QFontMetrics(strong).boundingRect(room, flags, title)
    body_size = QFontMetrics(font).boundingRect(room, flags, body)
    gap = 8 if body else 0
    left = area.center().x() - width // 2
    top = area.center().y() - (title_size.height() + gap + body_size.height()) // 2
    colour = palette.color(QPalette.ColorRole.WindowText)
    painter.setFont(strong)
    colour.setAlphaF(0.85)
    painter.setPen(colour)
    painter.drawText(QRect(left, top, width, title_size.height()), flags, title)
    painter.setFont(font)
    colour.setAlphaF(0.62)
    painter.setPen(colour)
    top += title_size.height() + gap
    painter.drawText(QRect(left, top, width, body_size.height()), flags, body)
