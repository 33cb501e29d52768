"""The base of the canvas: pan, zoom and coordinates."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRect, Signal
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import QWidget

from core.base.geometry import Box, Point
from desktop.canvas.rendering.adaptive_resolution import AdaptiveResolution
from desktop.canvas.rendering.compositor import Compositor
from desktop.canvas.side_by_side import SideBySide
from desktop.canvas.viewport import Viewport


class PanZoomWidget(QWidget):
    """Owns viewport and compositor, independent of the content. Positions are widget pixels. GUI thread."""

    view_changed = Signal(float)
    """The scale, after every zoom and every pan."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewport = Viewport()
        self._compositor = Compositor(self._viewport)
        self._side_by_side = SideBySide(self, self._viewport)
        self._resolution = AdaptiveResolution(self._compositor, self)
        self._resolution.settled.connect(self.update)
        self._pan_remainder = QPointF()

    @property
    def scale(self) -> float:
        """Device pixels per image pixel: 1.0 is the actual size."""
        return self._viewport.scale

    @property
    def viewport(self) -> Viewport:
        """Scale and position of the picture in device pixels; read only for everybody else."""
        return self._viewport

    @property
    def is_low_resolution(self) -> bool:
        """Whether frames are drawn in less than full resolution now, because the view is changing."""
        return self._resolution.is_low_resolution

    @property
    def is_fitted(self) -> bool:
        return self._viewport.fitted

    @property
    def view_rect(self) -> QRect:
        """The widget pixels of the view; of the first one while there are two side by side."""
        return self._side_by_side.view_rect

    def to_first_view(self, position: QPointF, *, new_gesture: bool = True) -> QPointF:
        """A widget position as one in the first view. Not `new_gesture`: counted from the view of the last position."""
        return (
            self._side_by_side.to_first_view(position, new_gesture=new_gesture)
            if self.is_side_by_side
            else position
        )

    def image_point(self, position: QPointF) -> Point:
        """The image point at a widget position, also outside the picture."""
        ratio = self.devicePixelRatioF()
        return self._viewport.image_point(position.x() * ratio, position.y() * ratio)

    def widget_point(self, at: Point) -> QPointF:
        """The widget position of an image point."""
        x, y = self._viewport.device_point(at)
        ratio = self.devicePixelRatioF()
        return QPointF(x / ratio, y / ratio)

    def fit(self) -> None:
        """Show the whole picture, also after the widget changes its size."""
        self.finish_edit()
        self._viewport.fit()
        self._view_moved()

    def actual_size(self) -> None:
        """One image pixel on one device pixel."""
        self.finish_edit()
        self._zoom(1.0, self.zoom_centre())

    def zoom_by(self, factor: float) -> None:
        """Zoom at the pointer, or at the centre while the pointer is elsewhere."""
        self.zoom_at(self.zoom_centre(), factor)

    def zoom_at(self, position: QPointF, factor: float) -> None:
        """Zoom around a widget position; a small step past the actual size stops at it."""
        old, new = self.scale, self.scale * factor
        if 0.6 < factor < 1.6 and (old < 1 < new or new < 1 < old):
            new = 1.0
        self._zoom(new, position)

    def show_box(self, box: Box) -> None:
        """Centre a box of image pixels, zoomed in far enough to work on it."""
        self.finish_edit()
        view = self._viewport
        room = min(view.width / max(1, box.width), view.height / max(1, box.height))
        view.zoom(min(0.6 * room, max(8.0, view.scale)), 0, 0)
        view.centre_on(Point((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2))
        self._view_moved()

    def reveal(self, box: Box, least: float) -> None:
        """Bring a box of image pixels into view. Nothing moves where it is visible, or fills half of the view.

        A box whose longer side has less than `least` widget pixels is zoomed in on, with what is around it.
        """
        view, length = self._viewport, max(box.width, box.height)
        if length * view.scale < least * self.devicePixelRatioF():
            self.show_box(box.grown(length))
            return
        part = view.visible_part()
        seen = box.intersection(part)
        if seen == box or 2 * seen.area >= part.area:
            return
        if box.width * view.scale > view.width or box.height * view.scale > view.height:
            self.show_box(box)
            return
        self.finish_edit()
        view.centre_on(Point((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2))
        self._view_moved()

    def pan_by(self, step: QPointF) -> None:
        """Pan by widget pixels; fractions of a device pixel are added to the next call."""
        wanted = step * self.devicePixelRatioF() + self._pan_remainder
        whole = wanted.toPoint()
        self._pan_remainder = wanted - QPointF(whole)
        dx, dy = self._viewport.pan(whole.x(), whole.y())
        if (dx, dy) != (0, 0):
            self._resolution.stop()  # scrolling the drawn pixels is cheaper than drawing in any resolution
            self._compositor.scroll(dx, dy)
            self.update()
            self.view_changed.emit(self.scale)

    def update_area(self, area: QRect) -> None:
        """Repaint these widget pixels, in both views."""
        self.update(area)
        if self.is_side_by_side:
            self.update(self._side_by_side.to_second_view(area))

    # For subclasses

    @property
    def is_side_by_side(self) -> bool:
        """Whether there are two views of the same part side by side. All positions are given for the first of them."""
        return False

    @property
    def is_stroking(self) -> bool:
        """Whether a stroke is under way, so that the picture must not move and full resolution is needed."""
        return False

    def zoom_centre(self) -> QPointF:
        """Where zooming by key or button is centred, in widget pixels."""
        return QPointF(self.view_rect.width() / 2, self.height() / 2)

    def finish_edit(self) -> None:
        """Called before the view jumps: finish what depends on the position of the pointer."""

    # Qt

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._apply_size()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._apply_size()
        return super().event(event)

    # Steps of the above

    def _paint_layers(self, painter: QPainter, exposed: list[Box]) -> None:
        """Paint the exposed boxes of the first view; the painter counts device pixels."""
        if self.is_low_resolution and not self.is_stroking:
            self._resolution.paint(painter, exposed)
        else:
            self._compositor.paint(painter, exposed)

    def _zoom(self, scale: float, position: QPointF) -> None:
        ratio = self.devicePixelRatioF()
        self._viewport.zoom(scale, position.x() * ratio, position.y() * ratio)
        if not self.is_side_by_side:  # each of two views has half the pixels and needs no lower resolution
            self._resolution.start()
        self._view_moved()

    def _view_moved(self) -> None:
        self._compositor.damage_all()
        self.update()
        self.view_changed.emit(self.scale)

    def _apply_size(self) -> None:
        ratio = self.devicePixelRatioF()
        height = math.ceil(self.height() * ratio)
        width = self._side_by_side.half_width if self.is_side_by_side else self._side_by_side.widget_width
        self._viewport.resize(width, height, keep_position=self.is_stroking)
        self._compositor.resize(width, height, ratio)
        self._view_moved()

    def _to_device(self, area: QRect) -> Box:
        ratio = self.devicePixelRatioF()
        return Box(
            math.floor(area.x() * ratio),
            math.floor(area.y() * ratio),
            math.ceil((area.x() + area.width()) * ratio),
            math.ceil((area.y() + area.height()) * ratio),
        ).clipped(self._side_by_side.widget_width, self._viewport.height)

    def _to_logical(self, box: Box) -> QRect:
        ratio = self.devicePixelRatioF()
        left, top = math.floor(box.x0 / ratio), math.floor(box.y0 / ratio)
        return QRect(left, top, math.ceil(box.x1 / ratio) - left, math.ceil(box.y1 / ratio) - top)
