"""Line charts in the colours of the theme, painted without a plotting library (docs/adr/0030)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QByteArray, QDataStream, QIODevice, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.base.axis_ticks import (
    Ticks,
    count_ticks,
    log_ticks,
    number_ticks,
    power_ticks,
    score_ticks,
    time_ticks,
    value_ticks,
)
from core.labels.class_list import ClassList, Colour
from desktop.theme.theme import Theme
from desktop.widgets.controls import text_label
from desktop.widgets.curve_reduction import Numbers, reduce_columns

Curve = Sequence[tuple[float, float]]


class CurveStyle(NamedTuple):
    """A curve and how it is painted.

    points: (x, y) each with x ascending, a sequence or an (n, 2) array, which is compared by identity; colour: the name
    of a theme token, or RGB; width, dashes: in logical pixels, 0 for no line, and in widths of the line; opacity: 0..1;
    marks: the points that get a dot, by number
    """

    points: Curve | Numbers
    colour: str | Colour
    width: float
    dashes: tuple[float, ...] = ()
    opacity: float = 1.0
    marks: tuple[int, ...] = ()


LABEL_GAP = 6
"""Logical pixels between an axis and its labels."""
RIGHT_MARGIN = 10
DOT_RADIUS = 3.0
MAX_WIDE_LENGTH = 8000
"""Of a line wider than one pixel, in pixels: three milliseconds."""
PART_POINTS = 16
"""Of such a line that are painted at once."""
MANY_CURVES = 24
"""With more, all but bold ones are one pixel wide."""
_TICKS = {"time": time_ticks, "count": count_ticks, "number": number_ticks, "power": power_ticks}
"""Ticks of the axis below, by its kind."""


def score_curves(miou: Curve, per_class: Mapping[int, Curve], classes: ClassList) -> dict[object, CurveStyle]:
    """IoU of each class as a thin line in its colour, mIoU as a bold line above them."""
    curves: dict[object, CurveStyle] = {}
    for each in classes:
        points = per_class.get(each.value)
        if points:
            curves[each.value] = CurveStyle(points, each.colour, 1.25)
    if miou:
        curves["miou"] = CurveStyle(miou, "text", 2.5)
    return curves


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
        self._x_axis = "time" if time_axis else "power" if power_axis else "count"
        self._score_axis, self._small, self._logarithmic = score_axis, small, False
        self._empty = text_label(empty_text, "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._curves: dict[object, CurveStyle] = {}
        self._arrays: dict[object, Numbers] | None = {}
        """The points of each curve in units of the axes; None until the curves are painted."""
        self._span: tuple[float, float] | None = None
        self._range: QRectF | None = None
        self._area: tuple[QSize, QRectF] | None = None
        """Computed once for many questions, until something else is shown."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._empty)
        theme.changed.connect(self.redraw)

    def set_axes(self, x_axis: str, *, score_axis: bool, logarithmic: bool = False) -> None:
        """x_axis: time, count (whole numbers), number or power; score_axis: as in the constructor; logarithmic: log10
        of y, where what is not positive is drawn as the lowest that is. Ends a zoom."""
        self._x_axis, self._score_axis, self._arrays = x_axis, score_axis, None
        self._logarithmic = logarithmic
        self.set_span(None)

    def set_empty_text(self, text: str) -> None:
        self._empty.setText(text)

    def set_curves(self, curves: Mapping[object, CurveStyle]) -> None:
        """Show exactly these curves, by key; the order is from behind to front.

        Unchanged curves are not painted again: training events arrive every second, and most of them change no curve.
        """
        wanted = {key: CurveStyle(*style) for key, style in curves.items()}
        if list(wanted) == list(self._curves) and all(
            _same(style, self._curves[key]) for key, style in wanted.items()
        ):
            return
        self._curves, self._arrays = wanted, None
        self._empty.setVisible(not curves)
        self.redraw()

    @property
    def span(self) -> tuple[float, float] | None:
        """The part of the axis below that is shown, in its units; None: all of it."""
        return self._span

    def set_span(self, span: tuple[float, float] | None) -> None:
        """Show a part of the axis below, and upwards what the curves have there; None shows all."""
        self._span = span
        self.redraw()

    def redraw(self) -> None:
        """Paint anew, because what is shown has changed."""
        self._range = self._area = None
        self.update()

    def data_range(self) -> QRectF:
        """What the axes show: x and y of the lower left corner, in units of the axes, and the size."""
        if self._range is None:
            self._range = self.whole_range() if self._span is None else self._zoomed_range(*self._span)
        return self._range

    def whole_range(self) -> QRectF:
        """As `data_range`, of all there is."""
        shown = [points for points in self.arrays().values() if len(points)]
        left = min((points[0, 0] for points in shown), default=0.0) if self._x_axis == "power" else 0.0
        width = max((points[-1, 0] for points in shown), default=0.0) - left
        width = width if width > 0 else 1.0
        highest = max((points[:, 1].max() for points in shown), default=1.0)
        if self._logarithmic:
            lowest = min((points[:, 1].min() for points in shown), default=0.0)
            spare = (highest - lowest) * 0.04 or 0.1
            return QRectF(left - width / 100, lowest - spare, width * 1.02, highest - lowest + 2 * spare)
        top = 1.0 if self._score_axis else highest if highest > 0 else 1.0
        spare = top * (0.03 if self._score_axis else 0.04)
        return QRectF(left - width / 100, -spare, width * 1.02, top + 2 * spare)

    def _zoomed_range(self, left: float, right: float) -> QRectF:
        """From the lowest to the highest value of the curves in the span."""
        parts = []
        for points in self.arrays().values():
            first, last = np.searchsorted(points[:, 0], (left, right))
            parts.append(points[first:last, 1])
        values = np.concatenate(parts) if parts else np.empty(0)
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        spare = (high - low) * 0.05 or max(abs(high), 1e-3) * 0.05
        return QRectF(left, low - spare, right - left, high - low + 2 * spare)

    def plot_area(self) -> QRectF:
        """Where the curves are, in pixels of the widget."""
        if self._area is not None and self._area[0] == self.size():
            return self._area[1]
        metrics = self.fontMetrics()
        height = self.height() - metrics.height() - 2 * LABEL_GAP
        labels = [text for _, text in self._vertical_ticks(self.data_range(), height)]
        left = max((metrics.horizontalAdvance(text) for text in labels), default=0) + LABEL_GAP
        area = QRectF(left, LABEL_GAP, self.width() - left - RIGHT_MARGIN, height)
        self._area = self.size(), area
        return area

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        self.paint_plot(painter)
        painter.end()

    def paint_plot(self, painter: QPainter) -> None:
        """Axes and curves, in the coordinates of the widget; also for files."""
        area = self.plot_area()
        if not self._curves or area.width() < 1 or area.height() < 1:
            return
        shown = self.data_range()
        self._paint_axes(painter, area, shown)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(area.adjusted(-DOT_RADIUS, -DOT_RADIUS, DOT_RADIUS, DOT_RADIUS))
        for key, points in self.arrays().items():
            self._paint_curve(painter, self._curves[key], points, area, shown)
        painter.restore()

    def _paint_curve(
        self, painter: QPainter, style: CurveStyle, points: Numbers, area: QRectF, shown: QRectF
    ) -> None:
        colour = self._theme.colour(style.colour) if isinstance(style.colour, str) else QColor(*style.colour)
        colour.setAlphaF(style.opacity)
        if len(points) > 1 and style.width:
            x, y = reduce_columns(
                points[:, 0], points[:, 1], shown.left(), shown.right(), max(1, round(area.width()))
            )
            self._paint_line(painter, style, colour, _to_pixels(np.column_stack([x, y]), area, shown))
        dots = points if len(points) == 1 else points[list(style.marks)]  # a single point has no line
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for dot_x, dot_y in _to_pixels(dots, area, shown):
            painter.drawEllipse(QPointF(dot_x, dot_y), DOT_RADIUS, DOT_RADIUS)

    def _paint_line(self, painter: QPainter, style: CurveStyle, colour: QColor, points: Numbers) -> None:
        """Long lines that are wider than a pixel are expensive: Qt fills their outline, at a cost that grows with its
        length and faster with the number of its points. Those of one pixel are drawn straight away."""
        is_long = np.abs(np.diff(points, axis=0)).sum() > MAX_WIDE_LENGTH
        width = 1.0 if is_long or (style.width < 2 and len(self._curves) > MANY_CURVES) else style.width
        pen = QPen(colour, width)
        if style.dashes:
            pen.setDashPattern(list(style.dashes))
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        step = PART_POINTS if width > 1 and not style.dashes else len(points)
        for first in range(0, len(points) - 1, step):
            painter.drawPolyline(polygon(points[first : first + step + 1]))

    def to_pixels(self, points: Numbers) -> Numbers:
        """(n, 2) points in units of the axes as (n, 2) pixels of the widget."""
        return _to_pixels(points, self.plot_area(), self.data_range())

    def x_at(self, pixel: float) -> float:
        """The place on the axis below at a horizontal pixel of the widget."""
        area, shown = self.plot_area(), self.data_range()
        return shown.left() + (pixel - area.left()) / max(1.0, area.width()) * shown.width()

    def _paint_axes(self, painter: QPainter, area: QRectF, shown: QRectF) -> None:
        """The frame at the left and below, a line across for each tick at the left, and the labels."""
        metrics = painter.fontMetrics()
        grid, muted = QPen(self._theme.colour("grid")), QPen(self._theme.colour("muted"))
        painter.setPen(grid)
        painter.drawLine(area.topLeft().toPoint(), area.bottomLeft().toPoint())
        painter.drawLine(area.bottomLeft().toPoint(), area.bottomRight().toPoint())
        for value, text in self._vertical_ticks(shown, area.height()):
            y = round(area.bottom() - (value - shown.top()) / shown.height() * area.height())
            painter.setPen(grid)
            painter.drawLine(round(area.left()), y, round(area.right()), y)
            painter.setPen(muted)
            x = area.left() - LABEL_GAP - metrics.horizontalAdvance(text)
            painter.drawText(QPointF(x, y + (metrics.ascent() - metrics.descent()) / 2), text)
        painter.setPen(muted)
        for value, text in _TICKS[self._x_axis](shown.left(), shown.right(), area.width()):
            width = metrics.horizontalAdvance(text)
            x = area.left() + (value - shown.left()) / shown.width() * area.width() - width / 2
            x = max(0.0, min(x, self.width() - width))
            painter.drawText(QPointF(x, area.bottom() + LABEL_GAP + metrics.ascent()), text)

    def _vertical_ticks(self, shown: QRectF, size: float) -> Ticks:
        if self._score_axis and self._span is None:
            return score_ticks(coarse=self._small)
        if self._logarithmic:
            return log_ticks(shown.top(), shown.bottom(), size)
        return value_ticks(shown.top(), shown.bottom(), size)

    def arrays(self) -> dict[object, Numbers]:
        """The points of each curve in units of the axes, (n, 2)."""
        if self._arrays is None:
            self._arrays = {key: self._array(style.points) for key, style in self._curves.items()}
        return self._arrays

    def _array(self, points: Curve | Numbers) -> Numbers:
        made: Numbers = np.asarray(points, np.float64).reshape(-1, 2)
        if self._x_axis == "power":
            made = np.column_stack([np.log10(made[:, 0]), made[:, 1]])
        if self._logarithmic:
            positive = made[:, 1][made[:, 1] > 0]
            lowest = positive.min() if len(positive) else 1.0
            made = np.column_stack([made[:, 0], np.log10(np.maximum(made[:, 1], lowest))])
        return made


def polygon(points: Numbers) -> QPolygonF:
    """(n, 2) points, through the bytes of a stream: one call instead of one for each point."""
    written = QByteArray(np.array([len(points)], ">u4").tobytes() + points.astype(">f8").tobytes())
    stream = QDataStream(written, QIODevice.OpenModeFlag.ReadOnly)  # does not keep the bytes alive
    made = QPolygonF()
    stream >> made
    return made


def _to_pixels(points: Numbers, area: QRectF, shown: QRectF) -> Numbers:
    """y grows upwards in the units of the axes."""
    x = area.left() + (points[:, 0] - shown.left()) * (area.width() / shown.width())
    y = area.bottom() - (points[:, 1] - shown.top()) * (area.height() / shown.height())
    return np.column_stack([x, y])


def _same(one: CurveStyle, other: CurveStyle) -> bool:
    if one[1:] != other[1:]:
        return False
    if isinstance(one.points, np.ndarray) or isinstance(other.points, np.ndarray):
        return one.points is other.points
    return one.points == other.points
