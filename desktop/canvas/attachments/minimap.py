"""The minimap in a corner of the canvas: the whole picture, with a frame around the visible part."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QWidget

from core.base.geometry import Box, Point
from core.images.tiled_pyramid import AnyPyramid
from desktop.canvas.canvas import Canvas
from desktop.canvas.rendering.compositor import CanvasContent
from desktop.canvas.rendering.layer_style import sample_nearest
from desktop.image_conversion import to_qimage, words_to_qimage

MAX_SIZE = QSize(200, 160)
GAP = 12
"""Widget pixels between the minimap and the corner of the canvas."""
UPDATE_INTERVAL_MS = 350
"""Changes of the label are shown at most this often: redrawing the minimap must not slow down a stroke."""
_BORDER = 1
_MIN_FRAME = 8.0
"""Smallest side of the frame in widget pixels; a smaller one would be hard to find."""


class Minimap(QWidget):
    """Visible while the picture is larger than the view; a click or drag centres the view there.

    The picture comes from the coarsest pyramid level that is fine enough; the layers are sampled once per minimap
    pixel. So the cost does not depend on the size of the picture. GUI thread.
    """

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._allowed = True
        self._pyramid: AnyPyramid | None = None
        self._picture: QImage | None = None
        self._layers: QImage | None = None
        self._timer = QTimer(self, singleShot=True, interval=UPDATE_INTERVAL_MS)
        self._timer.timeout.connect(self._render)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setAccessibleName("Overview")
        self.setAccessibleDescription("The whole picture; drag to move the visible part.")
        self.hide()
        canvas.view_changed.connect(self._update_geometry)
        canvas.content_changed.connect(self._content_changed)
        canvas.installEventFilter(self)

    def set_allowed(self, allowed: bool) -> None:
        """Whether it may be shown at all."""
        self._allowed = allowed
        self._update_geometry()

    @property
    def view_frame(self) -> QRectF:
        """The visible part of the picture, in pixels of this widget."""
        top, end = QPointF(0, 0), QPointF(self._canvas.view_rect.width(), self._canvas.height())
        return QRectF(self._to_minimap(top), self._to_minimap(end)) & QRectF(self.rect())

    # Qt

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Resize:
            self._update_geometry()
        return False

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(30, 30, 30))
        inside = self.rect().adjusted(_BORDER, _BORDER, -_BORDER, -_BORDER)
        for image in (self._picture, self._layers):
            if image is not None:
                painter.drawImage(inside, image)
        self._draw_frame(painter)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.button() == Qt.MouseButton.LeftButton:
            self._canvas.finish_stroke()
            self._centre_on(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._centre_on(event.position())

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        event.ignore()  # the canvas zooms

    # Steps of the above

    def _content_changed(self) -> None:
        content = self._canvas.content
        if content is None or content.pyramid is not self._pyramid:
            self._pyramid = self._picture = self._layers = None
            self._update_geometry()
        elif self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def _update_geometry(self, _scale: float = 0.0) -> None:
        """The view changed: show or hide the minimap, and move its frame."""
        content = self._canvas.content
        shown = self._allowed and content is not None and self._canvas.exceeds_view
        if not shown or content is None:
            self.hide()
            return
        if content.pyramid is not self._pyramid:
            self._resize_for(content)
        self.move(
            self._canvas.view_rect.width() - self.width() - GAP, self._canvas.height() - self.height() - GAP
        )
        if self.isHidden():
            self._render()
            self.show()
            self.raise_()
        self.update()

    def _resize_for(self, content: CanvasContent) -> None:
        width, height = content.pyramid.size
        scale = min(MAX_SIZE.width() / width, MAX_SIZE.height() / height)
        self.resize(max(24, round(width * scale)) + 2 * _BORDER, max(24, round(height * scale)) + 2 * _BORDER)
        self._pyramid = content.pyramid
        self._picture = self._layers = None

    def _render_picture(self, content: CanvasContent) -> QImage:
        """The picture with its adjustments; a tiled picture sharpens as its tiles are loaded."""
        ratio = self.devicePixelRatioF()
        size = (round((self.width() - 2) * ratio), round((self.height() - 2) * ratio))
        level = content.pyramid.level_for(size[0] / content.pyramid.size[0])
        seen = content.image.render(content.image.part(level, Box(0, 0, *content.pyramid.level_size(level))))
        small = cv2.resize(seen, size, interpolation=cv2.INTER_AREA)
        return to_qimage(small)

    def _render(self) -> None:
        """Draw picture and layers again; later while a stroke is under way."""
        content = self._canvas.content
        if content is None or content.pyramid is not self._pyramid:
            return
        if self._canvas.is_stroking:
            self._timer.start()
            return
        self._picture, self._layers = self._render_picture(content), None
        if not content.colours.is_empty:
            height, width = content.labels.values.shape
            rows = _even_indices(self._picture.height(), height)
            columns = _even_indices(self._picture.width(), width)
            labels = sample_nearest(content.labels.values, rows, columns)
            said = content.prediction
            prediction = None if said is None else sample_nearest(said.values, rows, columns)
            colours = content.colours.compose(labels, prediction, lambda: np.zeros_like(labels))
            self._layers = words_to_qimage(colours)
        self.update()

    def _draw_frame(self, painter: QPainter) -> None:
        frame = self.view_frame.adjusted(0.5, 0.5, -0.5, -0.5)
        spare_x, spare_y = max(0.0, _MIN_FRAME - frame.width()) / 2, max(0.0, _MIN_FRAME - frame.height()) / 2
        frame = frame.adjusted(-spare_x, -spare_y, spare_x, spare_y)
        shade = QColor(0, 0, 0, 80)
        whole = QRectF(self.rect())
        for dimmed in (
            QRectF(whole.left(), whole.top(), whole.width(), frame.top()),
            QRectF(whole.left(), frame.bottom(), whole.width(), whole.bottom() - frame.bottom()),
            QRectF(whole.left(), frame.top(), frame.left(), frame.height()),
            QRectF(frame.right(), frame.top(), whole.right() - frame.right(), frame.height()),
        ):
            painter.fillRect(dimmed, shade)
        for colour, grown in ((QColor(0, 0, 0, 170), 1.0), (QColor(255, 255, 255, 235), 0.0)):
            painter.setPen(QPen(colour, 1))
            painter.drawRect(frame.adjusted(-grown, -grown, grown, grown))
        painter.setPen(QPen(QColor(0, 0, 0, 140), 1))
        painter.drawRect(QRect(0, 0, self.width() - 1, self.height() - 1))

    def _to_minimap(self, position: QPointF) -> QPointF:
        """A widget position of the canvas, in pixels of this widget."""
        height, width = self._picture_size()
        at = self._canvas.image_point(position)
        return QPointF(
            _BORDER + at.x / width * (self.width() - 2 * _BORDER),
            _BORDER + at.y / height * (self.height() - 2 * _BORDER),
        )

    def _centre_on(self, position: QPointF) -> None:
        """Centre the view on the image point at a position of this widget."""
        height, width = self._picture_size()
        across = min(1.0, max(0.0, (position.x() - _BORDER) / (self.width() - 2 * _BORDER)))
        down = min(1.0, max(0.0, (position.y() - _BORDER) / (self.height() - 2 * _BORDER)))
        there = self._canvas.widget_point(Point(across * width, down * height))
        self._canvas.pan_by(QPointF(self._canvas.view_rect.width() / 2, self._canvas.height() / 2) - there)

    def _picture_size(self) -> tuple[int, int]:
        if self._pyramid is None:
            return 1, 1
        width, height = self._pyramid.size
        return height, width


def _even_indices(count: int, size: int) -> NDArray[np.intp]:
    """`count` indices spread evenly over `size` pixels, (count,) intp."""
    indices: NDArray[np.intp] = np.minimum((np.arange(count) + 0.5) * (size / count), size - 1).astype(
        np.intp
    )
    return indices
