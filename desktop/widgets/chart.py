"""Line charts in the colours of the theme, painted without a plotting library (docs/adr/0030)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF, QTransform
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.base.axis_ticks import Ticks, count_ticks, power_ticks, score_ticks, time_ticks, value_ticks
from core.labels.class_list import ClassList, Colour
from desktop.theme.theme import Theme
from desktop.widgets.controls import text_label

Curve = Sequence[tuple[float, float]]
CurveStyle = tuple[Curve, str | Colour, float]
"""Points (x, y), a colour (the name of a theme token, or RGB), and the line width in logical pixels."""

LABEL_GAP = 6
"""Logical pixels between an axis and its labels."""
RIGHT_MARGIN = 10
DOT_RADIUS = 3.0


def score_curves(miou: Curve, per_class: Mapping[int, Curve], classes: ClassList) -> dict[object, CurveStyle]:
    """IoU of each class as a thin line in its colour, mIoU as a bold line above them."""
    curves: dict[object, CurveStyle] = {}
    for each in classes:
        points = per_class.get(each.value)
        if points:
            curves[each.value] = (points, each.colour, 1.25)
    if miou:
        curves["miou"] = (miou, "text", 2.5)
    return curves


def downsample(points: Curve, max_points: int = 400) -> Curve:
    """At most about `max_points` points: means of equal intervals, and the last point unchanged."""
    if len(points) <= max_points:
        return points
    stretch = -(-len(points) // max_points)
    parts = [points[at : at + stretch] for at in range(0, len(points) - 1, stretch)]
    means = [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in parts]
    return [*means, points[-1]]


class Chart(QWidget):
    """Named curves in one plot. time_axis: x in seconds, labelled as times; power_axis: log10 of x; score_axis: y from
    0 to 1; small: fewer ticks; empty_text: says what will appear, while there is no curve."""

    def __init__(
        self,
        theme: Theme,
        *,
        time_axis: bool = False,
        power_axis: bool = False,
        score_axis: bool = False,
        small: bool = False,
        empty_text: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._time_axis, self._score_axis, self._small = time_axis, score_axis, small
        self._power_axis = power_axis
        self._empty = text_label(empty_text, "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._curves: dict[object, CurveStyle] = {}
        self._lines: dict[object, QPolygonF] | None = {}
        """The points of each curve in units of the axes; None until the curves are painted."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._empty)
        theme.changed.connect(self.update)

    def set_curves(self, curves: Mapping[object, CurveStyle]) -> None:
        """Show exactly these curves, by key; the order is from behind to front.

        Unchanged curves are not painted again: training events arrive every second, and most of them change no curve.
        """
        if curves == self._curves:
            return
        self._curves, self._lines = dict(curves), None
        self._empty.setVisible(not curves)
        self.update()

    def data_range(self) -> QRectF:
        """What the axes show: x and y of the lower left corner, in units of the axes, and the size."""
        lines = [line.boundingRect() for line in self._polygons().values()]
        left = min((box.left() for box in lines), default=0.0) if self._power_axis else 0.0
        width = max((box.right() for box in lines), default=0.0) - left
        width = width if width > 0 else 1.0
        top = 1.0 if self._score_axis else max((box.bottom() for box in lines), default=1.0) or 1.0
        spare = top * (0.03 if self._score_axis else 0.04)
        return QRectF(left - width / 100, -spare, width * 1.02, top + 2 * spare)

    def plot_area(self) -> QRectF:
        """Where the curves are, in pixels of the widget."""
        metrics = self.fontMetrics()
        height = self.height() - metrics.height() - 2 * LABEL_GAP
        labels = [text for _, text in self._vertical_ticks(self.data_range(), height)]
        left = max((metrics.horizontalAdvance(text) for text in labels), default=0) + LABEL_GAP
        return QRectF(left, LABEL_GAP, self.width() - left - RIGHT_MARGIN, height)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        area = self.plot_area()
        if not self._curves or area.width() < 1 or area.height() < 1:
            return
        shown = self.data_range()
        scale_x, scale_y = area.width() / shown.width(), area.height() / shown.height()
        # From the units of the axes to pixels: y grows upwards there.
        to_pixels = QTransform(
            scale_x,
            0,
            0,
            -scale_y,
            area.left() - shown.left() * scale_x,
            area.bottom() + shown.top() * scale_y,
        )
        painter = QPainter(self)
        self._paint_axes(painter, area, shown, to_pixels)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(area.adjusted(-DOT_RADIUS, -DOT_RADIUS, DOT_RADIUS, DOT_RADIUS))
        for key, line in self._polygons().items():
            _points, look, width = self._curves[key]
            colour = self._theme.colour(look) if isinstance(look, str) else QColor(*look)
            if line.size() == 1:  # a single point has no line
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(colour)
                painter.drawEllipse(to_pixels.map(line.at(0)), DOT_RADIUS, DOT_RADIUS)
            else:
                painter.setPen(QPen(colour, width))
                painter.drawPolyline(to_pixels.map(line))
        painter.end()

    def _paint_axes(self, painter: QPainter, area: QRectF, shown: QRectF, to_pixels: QTransform) -> None:
        """The frame at the left and below, a line across for each tick at the left, and the labels."""
        metrics = painter.fontMetrics()
        grid, muted = QPen(self._theme.colour("grid")), QPen(self._theme.colour("muted"))
        painter.setPen(grid)
        painter.drawLine(area.topLeft().toPoint(), area.bottomLeft().toPoint())
        painter.drawLine(area.bottomLeft().toPoint(), area.bottomRight().toPoint())
        for value, text in self._vertical_ticks(shown, area.height()):
            y = round(to_pixels.map(QPointF(0, value)).y())
            painter.setPen(grid)
            painter.drawLine(round(area.left()), y, round(area.right()), y)
            painter.setPen(muted)
            x = area.left() - LABEL_GAP - metrics.horizontalAdvance(text)
            painter.drawText(QPointF(x, y + (metrics.ascent() - metrics.descent()) / 2), text)
        for value, text in self._horizontal_ticks(shown, area.width()):
            width = metrics.horizontalAdvance(text)
            x = to_pixels.map(QPointF(value, 0)).x() - width / 2
            x = max(0.0, min(x, self.width() - width))
            painter.drawText(QPointF(x, area.bottom() + LABEL_GAP + metrics.ascent()), text)

    def _vertical_ticks(self, shown: QRectF, size: float) -> Ticks:
        if self._score_axis:
            return score_ticks(coarse=self._small)
        return value_ticks(shown.top(), shown.bottom(), size)

    def _horizontal_ticks(self, shown: QRectF, size: float) -> Ticks:
        if self._time_axis:
            return time_ticks(shown.left(), shown.right(), size)
        return (power_ticks if self._power_axis else count_ticks)(shown.left(), shown.right(), size)

    def _polygons(self) -> dict[object, QPolygonF]:
        """The curves in units of the axes, downsampled to about as many points as can be told apart."""
        if self._lines is None:
            self._lines = {key: self._polygon(points) for key, (points, _, _) in self._curves.items()}
        return self._lines

    def _polygon(self, points: Curve) -> QPolygonF:
        scaled = [(math.log10(x), y) for x, y in points] if self._power_axis else points
        return QPolygonF([QPointF(x, y) for x, y in downsample(scaled)])
