"""A picture with the prediction of a run, and that of another one right of a divider."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.image_conversion import to_qimage
from desktop.theme.theme import GRID, Theme
from desktop.widgets.plain_text import plain_tooltip

_CAPTION = 3 * GRID


class StripTile(QWidget):
    """divider_moved: the mouse has moved the divider to this share of the width."""

    divider_moved = Signal(float)

    def __init__(self, theme: Theme, number: int, caption: str) -> None:
        super().__init__()
        self._theme = theme
        self.number = number
        self._caption = caption
        self._sides: list[QPixmap | None] = [None, None]
        self._has_two, self._divider = False, 0.5
        self.setAccessibleName(caption)
        self.setToolTip(plain_tooltip(caption))
        self.setMinimumSize(18 * GRID, 14 * GRID)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.update)

    def set_side(self, side: int, frame: NDArray[np.uint8] | None) -> None:
        """(h, w, 3) uint8 RGB of the left (0) or the right (1) side; None: there is nothing to show."""
        self._sides[side] = None if frame is None else QPixmap.fromImage(to_qimage(frame))
        self.update()

    def has_side(self, side: int) -> bool:
        """Whether there is something to show at the left (0) or right (1)."""
        return self._sides[side] is not None

    def set_divider(self, share: float, *, has_two: bool) -> None:
        """Where the right side begins, as share of the width."""
        self._divider, self._has_two = share, has_two
        self.setCursor(Qt.CursorShape.SplitHCursor if has_two else Qt.CursorShape.ArrowCursor)
        self.update()

    def picture_area(self) -> QRectF:
        """Where the picture is painted, in pixels of the widget."""
        room = QRectF(0, 0, self.width(), max(1, self.height() - _CAPTION))
        shown = self._sides[0] or self._sides[1]
        if shown is None:
            return room
        size = QSizeF(shown.size())
        size.scale(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
        return QRectF(QPointF(0, room.bottom() - size.height()), size)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        area = self.picture_area()
        edge = area.left() + area.width() * self._divider if self._has_two else area.right()
        left = area.adjusted(0, 0, edge - area.right(), 0)
        right = area.adjusted(edge - area.left(), 0, 0, 0)
        for side, part in enumerate((left, right)):
            frame = self._sides[side]
            if part.width() <= 0:
                continue
            painter.save()
            painter.setClipRect(part)
            if frame is None:
                painter.fillRect(part, self._theme.colour("button"))
            else:
                painter.drawPixmap(area, frame, QRectF(frame.rect()))
            painter.restore()
        if self._has_two:
            for width, colour in ((4.0, "canvas"), (2.0, "raised")):
                painter.setPen(QPen(self._theme.colour(colour), width))
                painter.drawLine(QPointF(edge, area.top()), QPointF(edge, area.bottom()))
        painter.setPen(self._theme.colour("muted"))
        caption = painter.fontMetrics().elidedText(
            self._caption, Qt.TextElideMode.ElideMiddle, max(1, self.width())
        )
        below = QRectF(0, self.height() - _CAPTION, self.width(), _CAPTION)
        painter.drawText(below, Qt.AlignmentFlag.AlignVCenter, caption)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._drag(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._drag(event)

    def _drag(self, event: QMouseEvent) -> None:
        area = self.picture_area()
        if self._has_two and area.width() > 0:
            share = (event.position().x() - area.left()) / area.width()
            self.divider_moved.emit(min(max(share, 0.0), 1.0))
