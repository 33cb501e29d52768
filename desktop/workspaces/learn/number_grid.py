"""Shows a matrix: one grey square for each number, with the number in it where it fits."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.lessons.formulas import format_number
from desktop.image_conversion import to_qimage
from desktop.theme.theme import GRID, Theme
from desktop.widgets.input.key_claim import claim_keys

MAX_SIDE, MIN_SIDE = 352, 15 * GRID
ARROW_STEPS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}

GridCell = tuple[int, int]
"""x, y: column and row."""


class NumberGrid(QWidget):
    """A square, as wide as there is room, up to `MAX_SIDE`.

    selectable: mouse and arrow keys select a cell; `cell_selected` carries its x and y.
    """

    cell_selected = Signal(int, int)

    def __init__(self, theme: Theme, name: str, *, selectable: bool = False) -> None:
        super().__init__()
        self._theme, self._name, self._selectable = theme, name, selectable
        self.current: GridCell | None = None
        self.set_values(np.zeros((1, 1)), 0, 1, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(MIN_SIDE)
        self.setMaximumWidth(MAX_SIDE)
        self.setAccessibleName(name)
        if selectable:
            self.setMouseTracking(True)
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme.changed.connect(self.update)

    @property
    def values(self) -> NDArray[np.float64]:
        """(h, w) float64, as shown."""
        return self._values

    @property
    def highlighted(self) -> frozenset[GridCell]:
        """Outlined cells."""
        return self._highlighted

    @property
    def cell_side(self) -> int:
        """Side of a square in widget pixels."""
        return max(1, (min(self.width(), MAX_SIDE) - 2) // self._cells_per_side)

    def set_values(self, values: NDArray[np.float64], low: float, high: float, cells_per_side: int) -> None:
        """`values`: (h, w) float64; `low` and below is black, `high` and above white.

        `cells_per_side`: squares to make room for along a side, so that several grids have squares of one size.
        """
        self._values, self._low, self._high, self._cells_per_side = values, low, high, cells_per_side
        grey = np.clip((values - low) / (high - low) * 255, 0, 255).astype(np.uint8)
        height, width = grey.shape
        self._image = to_qimage(grey)
        self._texts: tuple[list[str], ...] = ()
        if self.current is not None and not (self.current[0] < width and self.current[1] < height):
            self.current = None
        self._highlighted: frozenset[GridCell] = frozenset()
        self.setAccessibleName(f"{self._name}, {width} by {height}")
        self.update()

    def highlight(self, cells: Collection[GridCell]) -> None:
        """Outline these cells; those outside the matrix are ignored."""
        height, width = self._values.shape
        self._highlighted = frozenset((x, y) for x, y in cells if 0 <= x < width and 0 <= y < height)
        self.update()

    def select(self, x: int, y: int) -> None:
        """Select a cell; ignored outside the matrix."""
        height, width = self._values.shape
        if 0 <= x < width and 0 <= y < height and (x, y) != self.current:
            self.current = (x, y)
            self.update()
            self.cell_selected.emit(x, y)

    def rect_of(self, cell: GridCell) -> QRect:
        """Square of a cell, in widget pixels."""
        side = self.cell_side
        return QRect(1 + cell[0] * side, 1 + cell[1] * side, side, side)

    # Qt

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(MAX_SIDE, MAX_SIDE)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.setFixedHeight(min(self.width(), MAX_SIDE))

    def event(self, event: QEvent) -> bool:
        # Arrow keys are shortcuts of the window; with the focus they belong to the grid.
        if self._selectable and claim_keys(event, ARROW_STEPS, with_shift=True):
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        step = ARROW_STEPS.get(Qt.Key(event.key()))
        if not self._selectable or step is None:
            super().keyPressEvent(event)
            return
        x, y = self.current or (0, 0)
        self.select(x + step[0], y + step[1])

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusInEvent(event)
        if self.current is None:
            self.select(0, 0)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._selectable:
            self._select_at(event.position().toPoint())

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._selectable:
            self._select_at(event.position().toPoint())

    def _select_at(self, at: QPoint) -> None:
        if at.x() >= 1 and at.y() >= 1:
            self.select((at.x() - 1) // self.cell_side, (at.y() - 1) // self.cell_side)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        height, width = self._values.shape
        side = self.cell_side
        frame = QRect(1, 1, width * side, height * side)
        painter.drawImage(frame, self._image)
        self._paint_numbers(painter, side)
        painter.setPen(QPen(self._theme.colour("focus" if self.hasFocus() else "edge"), 1))
        painter.drawRect(frame.adjusted(-1, -1, 0, 0))
        for cell in self._highlighted | ({self.current} if self.current else frozenset()):
            self._paint_outline(painter, self.rect_of(cell))
        painter.end()

    def _paint_numbers(self, painter: QPainter, side: int) -> None:
        """Paint the numbers if the longest fits into a square, else rounded to integers if those fit."""
        metrics = painter.fontMetrics()
        if metrics.height() > side:
            return
        if not self._texts:
            exact = [format_number(float(value)) for value in self._values.flat]
            whole = [format_number(float(value)) for value in np.rint(self._values).flat]
            # Small ranges, such as probabilities, mean nothing when rounded to integers.
            self._texts = (exact, whole) if self._high > 9 else (exact,)
        for texts in self._texts:
            if max(map(metrics.horizontalAdvance, texts)) <= side - 2:
                self._paint_texts(painter, texts)
                return

    def _paint_texts(self, painter: QPainter, texts: list[str]) -> None:
        width = self._values.shape[1]
        for at, text in enumerate(texts):
            cell = at % width, at // width
            dark = self._image.pixelColor(*cell).value() < 128
            painter.setPen(QColor("#ffffff" if dark else "#000000"))
            painter.drawText(self.rect_of(cell), Qt.AlignmentFlag.AlignCenter, text)

    def _paint_outline(self, painter: QPainter, where: QRect) -> None:
        """The accent colour between two white lines, so that it is visible on black, white and grey."""
        inner = where.adjusted(1, 1, -2, -2) if where.width() >= GRID else where
        for colour, width in ((QColor("#ffffff"), 4), (self._theme.colour("accent"), 2)):
            pen = QPen(colour, width)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            painter.drawRect(inner)
