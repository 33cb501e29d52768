"""A small view of the picture in which a patch is chosen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QWidget

from core.lessons.operations import Matrix
from core.lessons.patch import cut, liveliest, place
from desktop.theme.theme import GRID, Theme
from desktop.workspaces.learn.number_grid import STEPS, claims_arrows

LARGEST = QSize(20 * GRID, 20 * GRID)
FAR = 8
"""Pixels that the patch moves with Shift held."""


class PatchView(QWidget):
    """A click or drag brings the patch there, arrow keys move it by a pixel. `moved`: it is elsewhere. GUI thread."""

    moved = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._picture: NDArray[np.uint8] = np.zeros((1, 1, 3), np.uint8)
        self._shown = QPixmap()
        self.left, self.top, self.side = 0, 0, 8
        self._by_hand = False
        self.setFixedSize(LARGEST)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName("Where the patch is taken from")
        self.setToolTip("Click where the patch shall be taken from, or move it with the arrow keys.")

    def set_picture(self, picture: NDArray[np.uint8]) -> None:
        """(H, W, 3) uint8; the patch starts where there is most contrast."""
        self._picture = picture
        height, width = picture.shape[:2]
        image = QImage(
            np.ascontiguousarray(picture).tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888
        )
        self._shown = QPixmap.fromImage(
            image.scaled(
                LARGEST, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
        )
        self.setFixedSize(self._shown.size())
        self._by_hand = False
        self._bring(*liveliest(picture, self.side))

    def set_side(self, side: int) -> None:
        """The patch grows or shrinks around its middle; one that nobody has chosen goes where there is most to see."""
        x, y = self.left + self.side // 2, self.top + self.side // 2
        self.side = side
        self._bring(*((x, y) if self._by_hand else liveliest(self._picture, side)))

    def patch(self) -> Matrix:
        """(side, side) brightness."""
        return cut(self._picture, self.left, self.top, self.side)

    @property
    def frame(self) -> QRectF:
        """The patch in pixels of this widget."""
        scale = self.width() / self._picture.shape[1]
        return QRectF(self.left * scale, self.top * scale, self.side * scale, self.side * scale)

    def _bring(self, x: int, y: int) -> None:
        """The middle of the patch to a pixel of the picture."""
        height, width = self._picture.shape[:2]
        self.left, self.top = place(x, y, self.side, width, height)
        self.update()
        self.moved.emit()

    def _bring_here(self, at: QPointF) -> None:
        scale = self.width() / self._picture.shape[1]
        self._by_hand = True
        self._bring(int(at.x() / scale), int(at.y() / scale))

    # Qt

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._bring_here(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._bring_here(event.position())

    def event(self, event: QEvent) -> bool:
        return claims_arrows(event) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        step = STEPS.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        far = FAR if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        self._by_hand = True
        self._bring(
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
        least = 6.0  # a frame around very few pixels would be a dot that nobody finds
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
