"""Thumbnail of the picture in which the patch of the layer card is placed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QWidget

from core.lessons.operations import Matrix
from core.lessons.patch import extract_patch, highest_contrast, patch_position
from desktop.image_conversion import to_qimage
from desktop.theme.theme import GRID, Theme
from desktop.widgets.input.key_claim import claim_keys
from desktop.workspaces.learn.number_grid import ARROW_STEPS

MAX_SIZE = QSize(20 * GRID, 20 * GRID)
LARGE_STEP = 8
"""Pixels that an arrow key with Shift moves the patch."""


class PatchView(QWidget):
    """A click or drag centres the patch there, arrow keys move it by a pixel. `moved`: it has moved or changed size."""

    moved = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._picture: NDArray[np.uint8] = np.zeros((1, 1, 3), np.uint8)
        self._shown = QPixmap()
        self.left, self.top, self.side = 0, 0, 8
        self._placed_by_user = False
        self.setFixedSize(MAX_SIZE)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName("Position of the patch")
        self.setToolTip("Click to place the patch, or move it with the arrow keys.")

    def set_picture(self, picture: NDArray[np.uint8]) -> None:
        """`picture`: (h, w, 3) uint8 RGB; the patch starts where there is most contrast."""
        self._picture = picture
        self._shown = QPixmap.fromImage(
            to_qimage(picture).scaled(
                MAX_SIZE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
        )
        self.setFixedSize(self._shown.size())
        self._placed_by_user = False
        self._center_at(*highest_contrast(picture, self.side))

    def set_side(self, side: int) -> None:
        """Resize the patch around its centre; unless the user has placed it, move it to where contrast is highest."""
        x, y = self.left + self.side // 2, self.top + self.side // 2
        self.side = side
        self._center_at(*((x, y) if self._placed_by_user else highest_contrast(self._picture, side)))

    def patch(self) -> Matrix:
        """(side, side) float64 brightness, 0..255."""
        return extract_patch(self._picture, self.left, self.top, self.side)

    @property
    def frame(self) -> QRectF:
        """The patch in widget pixels."""
        scale = self.width() / self._picture.shape[1]
        return QRectF(self.left * scale, self.top * scale, self.side * scale, self.side * scale)

    def _center_at(self, x: int, y: int) -> None:
        """Centre the patch at image pixel x, y, inside the picture."""
        height, width = self._picture.shape[:2]
        self.left, self.top = patch_position(x, y, self.side, width, height)
        self.update()
        self.moved.emit()

    def _center_at_point(self, at: QPointF) -> None:
        scale = self.width() / self._picture.shape[1]
        self._placed_by_user = True
        self._center_at(int(at.x() / scale), int(at.y() / scale))

    # Qt

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._center_at_point(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._center_at_point(event.position())

    def event(self, event: QEvent) -> bool:
        return claim_keys(event, ARROW_STEPS, with_shift=True) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        step = ARROW_STEPS.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        far = LARGE_STEP if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        self._placed_by_user = True
        self._center_at(
            self.left + self.side // 2 + far * step[0],
            self.top + self.side // 2 + far * step[1],
        )

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusInEvent(event)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.drawPixmap(QRect(0, 0, self.width(), self.height()), self._shown)
        frame = self.frame
        least = 6.0  # widget pixels; a smaller frame is hard to see
        if frame.width() < least:
            frame = QRectF(
                frame.center() - QPointF(least / 2, least / 2), frame.size().expandedTo(QSize(6, 6).toSizeF())
            )
        painter.setPen(QPen(QColor("#ffffff"), 3))
        painter.drawRect(frame)
        painter.setPen(QPen(self._theme.colour("accent"), 2))
        painter.drawRect(frame)
        if self.hasFocus():
            painter.setPen(QPen(self._theme.colour("focus"), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()
