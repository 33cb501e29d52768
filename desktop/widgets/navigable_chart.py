"""A chart that is read with the pointer or the keyboard: values of points, zoom, and a choice of a point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from desktop.theme.theme import Theme
from desktop.widgets.chart import Chart
from desktop.widgets.input.key_claim import claim_keys, is_plain_key
from desktop.widgets.input.wheel_guard import may_turn, note_aim

DRAG_PIXELS = 6
"""A shorter drag is a click."""
REACH = 24.0
"""Pixels around the pointer in which a point is found, or that of the nearest curve below and above it."""
ZOOM_STEP = 1.25
SMALLEST_SHARE = 1e-4
"""Of the whole span, that can be zoomed to."""
_KEYS = frozenset((
    Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_Plus,
    Qt.Key.Key_Minus, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Equal,
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """A point of a curve: the key of the curve, and the number of the point."""

    key: object
    index: int


class NavigableChart(Chart):
    """Drag: zoom to a span; double-click, Home: the whole span; Ctrl + wheel, or the wheel once the chart is clicked,
    + and -: zoom; arrows: the next point or curve; click, Enter: `point_chosen` carries a `ChartPoint`.

    describe: lines about a point, the first one bold; curves whose key it refuses with None have no points to read
    """

    point_chosen = Signal(object)

    def __init__(
        self,
        theme: Theme,
        describe: Callable[[ChartPoint], tuple[str, ...] | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, parent=parent)
        self._describe = describe
        self.point: ChartPoint | None = None
        """The one that is read."""
        self._pressed: QPointF | None = None
        self._dragged_to: float | None = None
        self._painted: QPixmap | None = None
        """The plot without what follows the pointer: curves are painted once, not at each move."""
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def redraw(self) -> None:
        self._painted = None
        if self.point is not None and len(self.arrays().get(self.point.key, ())) <= self.point.index:
            self.point = None
        super().redraw()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        self._painted = None
        super().resizeEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        ratio = self.devicePixelRatioF()
        if self._painted is None or self._painted.devicePixelRatio() != ratio:
            self._painted = QPixmap(self.size() * ratio)
            self._painted.setDevicePixelRatio(ratio)
            self._painted.fill(Qt.GlobalColor.transparent)
            plot = QPainter(self._painted)
            plot.setFont(self.font())
            self.paint_plot(plot)
            plot.end()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._painted)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.hasFocus():
            painter.setPen(QPen(self._theme.colour("focus"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(self.plot_area().adjusted(-2, -3, 4, 1), 4, 4)  # beside the labels
        if self._pressed is not None and self._dragged_to is not None:
            self._paint_span(painter, self._pressed.x(), self._dragged_to)
        elif self.point is not None:
            self._paint_reading(painter, self.point)
        painter.end()

    # Reading

    def point_at(self, place: QPointF) -> ChartPoint | None:
        """The point to read at a place of the widget: the nearest within reach, else the nearest beside it."""
        best: tuple[float, ChartPoint] | None = None
        for key, points in self.arrays().items():
            if self._describe(ChartPoint(key, 0)) is None:
                continue
            near = np.searchsorted(points[:, 0], (self.x_at(place.x() - REACH), self.x_at(place.x() + REACH)))
            first, last = max(0, int(near[0]) - 1), min(len(points), int(near[1]) + 1)
            if self._span is not None:  # only what is visible
                first = max(first, int(np.searchsorted(points[:, 0], self._span[0])))
                last = min(last, int(np.searchsorted(points[:, 0], self._span[1], "right")))
            if first >= last:
                continue
            away = self.to_pixels(points[first:last]) - (place.x(), place.y())
            distance = np.hypot(away[:, 0], away[:, 1])
            at = int(distance.argmin())
            if best is None or distance[at] < best[0]:
                best = float(distance[at]), ChartPoint(key, first + at)
        return best[1] if best is not None else None

    def place_of(self, point: ChartPoint) -> QPointF:
        """Where a point is, in pixels of the widget."""
        [(x, y)] = self.to_pixels(self.arrays()[point.key][point.index : point.index + 1])
        return QPointF(x, y)

    def read(self, point: ChartPoint | None) -> None:
        """Show the values of a point; None shows none."""
        if point == self.point:
            return
        self.point = point
        lines = self._describe(point) if point is not None else None
        self.setAccessibleDescription(". ".join(lines or ()))
        self.update()

    def _paint_reading(self, painter: QPainter, point: ChartPoint) -> None:
        lines = self._describe(point)
        place, area = self.place_of(point), self.plot_area()
        if not lines or not area.adjusted(-2, -2, 2, 2).contains(place):
            return
        painter.setPen(QPen(self._theme.colour("muted"), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(place.x(), area.top()), QPointF(place.x(), area.bottom()))
        painter.setPen(QPen(self._theme.colour("panel"), 1.5))
        painter.setBrush(self._theme.colour("text"))
        painter.drawEllipse(place, 4.5, 4.5)
        bold, plain = self._theme.strong_font(), self.font()
        height = self.fontMetrics().lineSpacing()
        width = 0.0
        for number, line in enumerate(lines):
            painter.setFont(plain if number else bold)
            width = max(width, painter.fontMetrics().horizontalAdvance(line))
        box = QRectF(
            place.x() + 12, place.y() - 12 - height * len(lines), width + 16, height * len(lines) + 10
        )
        if box.right() > self.width():
            box.moveRight(place.x() - 12)
        box.moveLeft(max(0.0, box.left()))
        box.moveTop(min(max(0.0, box.top()), self.height() - box.height()))
        painter.setPen(QPen(self._theme.colour("edge"), 1))
        painter.setBrush(self._theme.colour("raised"))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(self._theme.colour("text"))
        for number, line in enumerate(lines):
            painter.setFont(plain if number else bold)
            row = QRectF(box.left() + 8, box.top() + 5 + number * height, width, height)
            painter.drawText(row, Qt.AlignmentFlag.AlignVCenter, line)

    def _paint_span(self, painter: QPainter, first: float, last: float) -> None:
        area = self.plot_area()
        colour = QColor(self._theme.colour("accent"))
        painter.setPen(QPen(colour, 1))
        colour.setAlpha(50)
        painter.setBrush(colour)
        left, right = sorted((first, last))
        painter.drawRect(QRectF(QPointF(left, area.top()), QPointF(right, area.bottom())).intersected(area))

    # Zoom

    def whole_span(self) -> tuple[float, float]:
        """The span of all curves."""
        whole = self.whole_range()
        return whole.left(), whole.right()

    def zoom(self, factor: float, at: float) -> None:
        """Show 1 / factor of the span, so that the place `at` on the axis stays where it is."""
        left, right = self._span or self.whole_span()
        self._show_part(at - (at - left) / factor, at + (right - at) / factor)

    def _show_part(self, left: float, right: float) -> None:
        """Show a span, or as much of it as there is."""
        low, high = self.whole_span()
        if right - left >= high - low:
            self.set_span(None)
            return
        size = max(right - left, (high - low) * SMALLEST_SHARE)
        left = min(max(low, left), high - size)
        self.set_span((left, left + size))

    # Events

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        note_aim(self)
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        place = event.position()
        if self._pressed is None:
            self.read(self.point_at(place) if self.plot_area().contains(place) else None)
        elif self._dragged_to is not None or abs(place.x() - self._pressed.x()) >= DRAG_PIXELS:
            area = self.plot_area()
            self._dragged_to = min(max(area.left(), place.x()), area.right())
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        pressed, dragged_to = self._pressed, self._dragged_to
        self._pressed = self._dragged_to = None
        if event.button() != Qt.MouseButton.LeftButton or pressed is None:
            return
        if dragged_to is not None:
            if abs(dragged_to - pressed.x()) >= DRAG_PIXELS:
                left, right = sorted((self.x_at(pressed.x()), self.x_at(dragged_to)))
                self._show_part(left, right)
            self.update()
        elif (point := self.point_at(event.position())) is not None:
            away = self.place_of(point) - event.position()
            if abs(away.x()) <= REACH / 2 and abs(away.y()) <= REACH / 2:
                self.read(point)
                self.point_chosen.emit(point)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.button() == Qt.MouseButton.LeftButton:
            self.set_span(None)

    def leaveEvent(self, _event: QEvent) -> None:  # noqa: N802
        if self._pressed is None:
            self.read(None)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        turned = event.angleDelta().y()
        with_ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if not self.arrays() or not (with_ctrl or may_turn(self, event)):
            event.ignore()
            return
        if turned:
            self.zoom(ZOOM_STEP ** (turned / 120), self.x_at(event.position().x()))
        event.accept()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusInEvent(event)
        note_aim(self)
        self.update()

    def event(self, event: QEvent) -> bool:
        """Claims the keys that it uses; elsewhere they are shortcuts."""
        return claim_keys(event, _KEYS, with_shift=True) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if not is_plain_key(event, _KEYS, with_shift=True) or not self.arrays():
            super().keyPressEvent(event)
            return
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._step(1 if key == Qt.Key.Key_Right else -1)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._change_curve(1 if key == Qt.Key.Key_Up else -1)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.zoom(1 / ZOOM_STEP if key == Qt.Key.Key_Minus else ZOOM_STEP, self._middle())
        elif key == Qt.Key.Key_Home:
            self.set_span(None)
        elif key == Qt.Key.Key_Escape:
            self._pressed = self._dragged_to = None
            self.read(None)
        elif self.point is not None:
            self.point_chosen.emit(self.point)

    def _middle(self) -> float:
        """The place on the axis of the point that is read, or the middle of the span."""
        if self.point is not None:
            return float(self.arrays()[self.point.key][self.point.index, 0])
        left, right = self._span or self.whole_span()
        return (left + right) / 2

    def _step(self, by: int) -> None:
        """Read the next or previous point of the curve that is at another pixel."""
        if self.point is None:
            self.read(self.point_at(self.plot_area().center()))
            return
        x = self.arrays()[self.point.key][:, 0]
        pixel = self.x_at(1) - self.x_at(0)
        wanted = x[self.point.index] + by * pixel
        at = int(np.searchsorted(x, wanted)) if by > 0 else int(np.searchsorted(x, wanted, "right")) - 1
        at = min(max(0, at), len(x) - 1)
        left, right = self._span or self.whole_span()
        if not left <= x[at] <= right:  # the span follows
            self._show_part(left + by * (right - left) / 2, right + by * (right - left) / 2)
        self.read(ChartPoint(self.point.key, at))

    def _change_curve(self, by: int) -> None:
        """Read the point of the next curve at the same place, in the order in which they are painted."""
        keys = [key for key in self.arrays() if self._describe(ChartPoint(key, 0)) is not None]
        if self.point is None or self.point.key not in keys:
            self._step(1)
            return
        x = self.arrays()[self.point.key][self.point.index, 0]
        key = keys[(keys.index(self.point.key) + by) % len(keys)]
        self.read(ChartPoint(key, int(np.abs(self.arrays()[key][:, 0] - x).argmin())))
