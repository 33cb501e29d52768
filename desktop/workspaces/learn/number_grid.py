"""A matrix as a crisp picture: one square a number, and the number itself where there is room for it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.lessons.formulas import number
from desktop.theme.theme import GRID, Theme

LARGEST, SMALLEST = 352, 15 * GRID
STEPS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}

Cell = tuple[int, int]
"""x, y."""


class NumberGrid(QWidget):
    """As wide as there is room, up to `LARGEST`, and as high. GUI thread.

    Where `choosing`, the pointer or the arrow keys choose a cell: `chosen` carries its x and y.
    """

    chosen = Signal(int, int)

    def __init__(self, theme: Theme, name: str, *, choosing: bool = False) -> None:
        super().__init__()
        self._theme, self._name, self._choosing = theme, name, choosing
        self.current: Cell | None = None
        self.set_values(np.zeros((1, 1)), 0, 1, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(SMALLEST)
        self.setMaximumWidth(LARGEST)
        self.setAccessibleName(name)
        if choosing:
            self.setMouseTracking(True)
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme.changed.connect(self.update)

    @property
    def values(self) -> NDArray[np.float64]:
        """(h, w), as shown."""
        return self._values

    @property
    def marked(self) -> frozenset[Cell]:
        """Cells with an outline."""
        return self._marked

    @property
    def cell(self) -> int:
        """Side of a square in pixels of this widget."""
        return max(1, (min(self.width(), LARGEST) - 2) // self._most)

    def set_values(self, values: NDArray[np.float64], low: float, high: float, most: int) -> None:
        """Numbers (h, w); `low` and below is black, `high` and above white. `most`: squares that must find room
        along a side, so that several grids can have squares of one size."""
        self._values, self._low, self._high, self._most = values, low, high, most
        grey = np.clip((values - low) / (high - low) * 255, 0, 255).astype(np.uint8)
        height, width = grey.shape
        self._image = QImage(grey.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()
        self._texts: tuple[list[str], ...] = ()
        if self.current is not None and not (self.current[0] < width and self.current[1] < height):
            self.current = None
        self._marked: frozenset[Cell] = frozenset()
        self.setAccessibleName(f"{self._name}, {width} by {height}")
        self.update()

    def mark(self, cells: Collection[Cell]) -> None:
        """Outline some cells; those outside are left out."""
        height, width = self._values.shape
        self._marked = frozenset((x, y) for x, y in cells if 0 <= x < width and 0 <= y < height)
        self.update()

    def choose(self, x: int, y: int) -> None:
        """Make a cell the current one, if there is such a cell."""
        height, width = self._values.shape
        if 0 <= x < width and 0 <= y < height and (x, y) != self.current:
            self.current = (x, y)
            self.update()
            self.chosen.emit(x, y)

    def rect_of(self, cell: Cell) -> QRect:
        """Where a cell is, in pixels of this widget."""
        side = self.cell
        return QRect(1 + cell[0] * side, 1 + cell[1] * side, side, side)

    # Qt

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(LARGEST, LARGEST)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.setFixedHeight(min(self.width(), LARGEST))

    def event(self, event: QEvent) -> bool:
        # Arrows are shortcuts of the window; here they belong to the grid.
        if self._choosing and claims_arrows(event):
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        step = STEPS.get(Qt.Key(event.key()))
        if not self._choosing or step is None:
            super().keyPressEvent(event)
            return
        x, y = self.current or (0, 0)
        self.choose(x + step[0], y + step[1])

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusInEvent(event)
        if self.current is None:
            self.choose(0, 0)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._choosing:
            self._point(event.position().toPoint())

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._choosing:
            self._point(event.position().toPoint())

    def _point(self, at: QPoint) -> None:
        if at.x() >= 1 and at.y() >= 1:
            self.choose((at.x() - 1) // self.cell, (at.y() - 1) // self.cell)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        height, width = self._values.shape
        side = self.cell
        frame = QRect(1, 1, width * side, height * side)
        painter.drawImage(frame, self._image)
        self._write(painter, side)
        painter.setPen(QPen(self._theme.colour("focus" if self.hasFocus() else "edge"), 1))
        painter.drawRect(frame.adjusted(-1, -1, 0, 0))
        for cell in self._marked | ({self.current} if self.current else frozenset()):
            self._outline(painter, self.rect_of(cell))
        painter.end()

    def _write(self, painter: QPainter, side: int) -> None:
        """Numbers, if the longest of them fits into a square; rounded, if only so they do."""
        metrics = painter.fontMetrics()
        if metrics.height() > side:
            return
        if not self._texts:
            exact = [number(float(value)) for value in self._values.flat]
            whole = [number(float(value)) for value in np.rint(self._values).flat]
            # Shares and scores say nothing without what stands behind the point.
            self._texts = (exact, whole) if self._high > 9 else (exact,)
        for texts in self._texts:
            if max(map(metrics.horizontalAdvance, texts)) <= side - 2:
                self._write_down(painter, texts)
                return

    def _write_down(self, painter: QPainter, texts: list[str]) -> None:
        width = self._values.shape[1]
        for at, text in enumerate(texts):
            cell = at % width, at // width
            dark = self._image.pixelColor(*cell).value() < 128
            painter.setPen(QColor("#ffffff" if dark else "#000000"))
            painter.drawText(self.rect_of(cell), Qt.AlignmentFlag.AlignCenter, text)

    def _outline(self, painter: QPainter, where: QRect) -> None:
        """The accent between two light lines, so that it is seen on black, on white, and on grey."""
        inner = where.adjusted(1, 1, -2, -2) if where.width() >= GRID else where
        for colour, width in ((QColor("#ffffff"), 4), (self._theme.colour("accent"), 2)):
            pen = QPen(colour, width)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            painter.drawRect(inner)


def claims_arrows(event: QEvent) -> bool:
    """Keep the arrow keys, with Shift or without, for the widget that has the focus. True: the event is dealt with."""
    if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
        return False
    held = event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier)
    if event.key() not in STEPS or held:
        return False
    event.accept()
    return True
