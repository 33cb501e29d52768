"""A picture that fits its widget, and is zoomed with the wheel and moved with the mouse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.image_conversion import to_qimage
from desktop.theme.theme import GRID, Theme

MAX_ZOOM = 32.0


class ImageView(QWidget):
    """`opened`: the picture was double-clicked. Shows a text where there is no picture."""

    opened = Signal()

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._image = QImage()
        self._text = ""
        self._zoom, self._centre = 1.0, QPointF(0.5, 0.5)
        self._grabbed: QPointF | None = None
        self.setAccessibleName(name)
        self.setMinimumSize(24 * GRID, 16 * GRID)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.update)

    def show_pixels(self, pixels: NDArray[np.uint8]) -> None:
        """(h, w, 3) uint8 RGB; zoom and place stay for a picture of the same size."""
        image = to_qimage(pixels)
        if image.size() != self._image.size():
            self._zoom, self._centre = 1.0, QPointF(0.5, 0.5)
        self._image, self._text = image, ""
        self.update()

    def show_text(self, text: str) -> None:
        """A sentence in place of a picture."""
        self._image, self._text = QImage(), text
        self.update()

    @property
    def has_image(self) -> bool:
        return not self._image.isNull()

    def grab_image(self) -> QImage:
        """The picture that is shown, at its own size."""
        return self._image

    def _target(self) -> QRectF:
        """Where the picture is painted, in pixels of the widget."""
        size = QSizeF(self._image.size())
        size.scale(QSizeF(self.size()), Qt.AspectRatioMode.KeepAspectRatio)
        size *= self._zoom
        middle = QPointF(self.width() / 2, self.height() / 2)
        corner = middle - QPointF(self._centre.x() * size.width(), self._centre.y() * size.height())
        return QRectF(corner, size)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        if self._image.isNull():
            painter.setPen(self._theme.colour("muted"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(2 * GRID, GRID, -2 * GRID, -GRID), flags, self._text)
        else:
            target = self._target()
            is_reduced = target.width() < self._image.width() * self.devicePixelRatioF()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, is_reduced)
            painter.drawImage(target, self._image)
        painter.end()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        if self._image.isNull():
            event.ignore()
            return
        target = self._target()
        at = event.position()
        share = QPointF((at.x() - target.left()) / target.width(), (at.y() - target.top()) / target.height())
        self._zoom = min(max(self._zoom * 1.2 ** (event.angleDelta().y() / 120), 1.0), MAX_ZOOM)
        # The place below the mouse stays there.
        size = self._target().size()
        self._move_to(
            share.x() - (at.x() - self.width() / 2) / size.width(),
            share.y() - (at.y() - self.height() / 2) / size.height(),
        )
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.button() == Qt.MouseButton.LeftButton:
            self._grabbed = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._grabbed is not None and not self._image.isNull():
            moved, self._grabbed = event.position() - self._grabbed, event.position()
            size = self._target().size()
            self._move_to(
                self._centre.x() - moved.x() / size.width(), self._centre.y() - moved.y() / size.height()
            )

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:  # noqa: N802
        self._grabbed = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.button() == Qt.MouseButton.LeftButton and self.has_image:
            self.opened.emit()

    def _move_to(self, x: float, y: float) -> None:
        """Centre this place, as shares of the picture, without leaving it."""
        if self._zoom == 1.0:
            x = y = 0.5
        self._centre = QPointF(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0))
        self.update()
