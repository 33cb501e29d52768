"""A confusion matrix as a heat map, which mouse and keyboard walk over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from core.base.text import count_text
from desktop.image_conversion import to_qimage
from desktop.theme.theme import GRID, Theme
from desktop.widgets.input.key_claim import claim_keys
from desktop.widgets.input.wheel_notches import WheelNotches

COUNTS, BY_ROW, BY_COLUMN = "counts", "row", "column"
MIN_SIDE, MAX_SIDE = 2, 112
"""Logical pixels of a cell."""
TEXT_SIDE, COUNT_SIDE = 28, 36
"""A cell is large enough for its share in percent, and for its pixels."""
NAMES_SIDE = 15
"""Rows are high enough for the names of the classes. Where cells that all fit are smaller, one scrolls."""
MAX_MARGIN = 15 * GRID
_LIGHTNESS = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in how light a colour looks (ITU-R BT.601)."""
STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
ZOOM_KEYS = {Qt.Key.Key_Plus: 1, Qt.Key.Key_Equal: 1, Qt.Key.Key_Minus: -1}
KEYS = frozenset({
    *STEPS, *ZOOM_KEYS, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space,
})  # fmt: skip


def normalised(matrix: NDArray[np.int64], mode: str) -> NDArray[np.float64]:
    """How strongly each cell is coloured, 0..1: its share of the row or column, or the logarithm of its pixels."""
    if mode == COUNTS:
        return np.asarray(np.log1p(matrix) / max(1.0, float(np.log1p(matrix.max(initial=0)))), np.float64)
    total = matrix.sum(1 if mode == BY_ROW else 0, keepdims=True)
    return np.asarray(matrix / np.maximum(total, 1), np.float64)


class ConfusionHeatMap(QAbstractScrollArea):
    """Rows are the label, columns the prediction. Cells on the diagonal are right; the others are errors.

    cell_pointed carries row and column of the cell below the mouse or the cursor of the keyboard, cell_chosen those of
    one that was clicked, or chosen with Enter. Ctrl and the wheel, + and - make the cells larger and smaller.
    """

    cell_pointed = Signal(int, int)
    cell_chosen = Signal(int, int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._matrix = np.zeros((0, 0), np.int64)
        self._rows: tuple[str, ...] = ()
        self._columns: tuple[str, ...] = ()
        self._mode = BY_ROW
        self._side = 0  # chosen by hand, 0 to fit
        self._name_margins = (0, 0)
        self._notches = WheelNotches()
        self.current: tuple[int, int] = (0, 0)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(32 * GRID, 28 * GRID)
        self.setAccessibleName("Confusion matrix: rows are the label, columns the prediction")
        self.setToolTip("Ctrl and the wheel, or + and -, make the cells larger and smaller.")
        self.setCornerWidget(QWidget())
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        theme.changed.connect(self.viewport().update)

    def set_matrix(self, matrix: NDArray[np.int64], rows: Sequence[str], columns: Sequence[str]) -> None:
        """matrix: pixels, one row for each name of `rows` and one column for each of `columns`."""
        self._matrix, self._rows, self._columns = matrix, tuple(rows), tuple(columns)
        self._side, self.current = 0, (0, 0)
        self._measure_names()
        self._update_range()
        self.viewport().update()

    def set_mode(self, mode: str) -> None:
        """What the colours and numbers say: COUNTS, BY_ROW or BY_COLUMN."""
        self._mode = mode
        self.viewport().update()

    def set_cursor_cell(self, row: int, column: int) -> None:
        """Move the cursor, and scroll to it."""
        self.current = row, column
        cell, area = self.cell_rect(row, column), self._cells_area()
        for bar, low, high, first, last in (
            (self.horizontalScrollBar(), cell.left(), cell.right(), area.left(), area.right()),
            (self.verticalScrollBar(), cell.top(), cell.bottom(), area.top(), area.bottom()),
        ):
            bar.setValue(bar.value() + max(0, high - last) - max(0, first - low))
        self.viewport().update()

    @property
    def side(self) -> int:
        """Of a cell, in logical pixels."""
        if self._side:
            return self._side
        left, top = self._margins(NAMES_SIDE)
        view = self.viewport()
        room = min(
            (view.width() - left) // max(1, len(self._columns)),
            (view.height() - top) // max(1, len(self._rows)),
        )
        return max(NAMES_SIDE, min(MAX_SIDE, room))

    def cell_rect(self, row: int, column: int) -> QRect:
        """In pixels of the viewport; it may lie outside."""
        left, top = self._margins(self.side)
        return QRect(
            left + column * self.side - self.horizontalScrollBar().value(),
            top + row * self.side - self.verticalScrollBar().value(),
            self.side,
            self.side,
        )

    def cell_at(self, place: QPoint) -> tuple[int, int] | None:
        """Row and column of the cell at a place of the viewport."""
        if not self._cells_area().contains(place):
            return None
        origin = self.cell_rect(0, 0).topLeft()
        column, row = (place.x() - origin.x()) // self.side, (place.y() - origin.y()) // self.side
        inside = 0 <= row < len(self._rows) and 0 <= column < len(self._columns)
        return (row, column) if inside else None

    # Geometry

    def _margins(self, side: int) -> tuple[int, int]:
        """Room for the names at the left and above; without names only for the titles of the axes."""
        if side < NAMES_SIDE:
            return 3 * GRID, 3 * GRID
        return self._name_margins

    def _measure_names(self) -> None:
        """Once for many questions: there may be hundreds of names, and thousands of cells."""
        advance = self.fontMetrics().horizontalAdvance
        left, top = (
            min(max((advance(name) + 4 for name in names), default=0), MAX_MARGIN) + 4 * GRID
            for names in (self._rows, self._columns)
        )
        self._name_margins = left, top

    def _cells_area(self) -> QRect:
        left, top = self._margins(self.side)
        return self.viewport().rect().adjusted(left, top, 0, 0)

    def cells_in(self, part: QRect) -> tuple[range, range]:
        """Rows and columns of the cells that lie in a part of the viewport."""
        part, origin, side = part.intersected(self._cells_area()), self.cell_rect(0, 0).topLeft(), self.side

        def found(first: int, last: int, count: int) -> range:
            return range(max(0, first // side), min(count, last // side + 1))

        return (
            found(part.top() - origin.y(), part.bottom() - origin.y(), len(self._rows)),
            found(part.left() - origin.x(), part.right() - origin.x(), len(self._columns)),
        )

    def _update_range(self) -> None:
        area = self._cells_area()
        for bar, count, room in (
            (self.horizontalScrollBar(), len(self._columns), area.width()),
            (self.verticalScrollBar(), len(self._rows), area.height()),
        ):
            bar.setRange(0, max(0, count * self.side - room))
            bar.setPageStep(max(1, room))
            bar.setSingleStep(self.side)

    def _zoom(self, steps: int) -> None:
        self._side = max(MIN_SIDE, min(MAX_SIDE, round(self.side * 1.25**steps) + (steps > 0)))
        self._update_range()
        self.set_cursor_cell(*self.current)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        if not self._matrix.size:
            return
        painter = QPainter(self.viewport())
        area, side = self._cells_area(), self.side
        # Names are painted beside cells that are not: all of their row and column.
        rows, columns = self.cells_in(area)
        if area.contains(event.rect()):
            rows, columns = self.cells_in(event.rect())
        strength = normalised(self._matrix, self._mode)
        whole = QRect(self.cell_rect(0, 0).topLeft(), self.cell_rect(*self._last()).bottomRight())
        painter.save()
        painter.setClipRect(area)
        colours = self._colours(strength)
        painter.drawImage(QRectF(whole), to_qimage(colours))
        self._paint_lines(painter, whole, side)
        if side >= (COUNT_SIDE if self._mode == COUNTS else TEXT_SIDE):
            self._paint_numbers(painter, strength, colours, rows, columns)
        self._paint_cursor(painter)
        painter.restore()
        self._paint_names(painter, area, side, rows, columns)
        painter.end()

    def _last(self) -> tuple[int, int]:
        return len(self._rows) - 1, len(self._columns) - 1

    def _colours(self, strength: NDArray[np.float64]) -> NDArray[np.uint8]:
        """(rows, columns, 3) uint8 RGB: from the ground to the accent on the diagonal, to red elsewhere."""
        tokens = (self._theme.colour(token) for token in ("raised", "accent", "danger"))
        ground, right, wrong = (np.array([c.red(), c.green(), c.blue()], np.float64) for c in tokens)
        rows, columns = np.indices(strength.shape)
        target = np.where((rows == columns)[..., None], right, wrong)
        share = np.where(self._matrix > 0, np.maximum(strength, 0.06), 0)[..., None]
        return np.rint(ground + (target - ground) * share).astype(np.uint8)

    def _paint_lines(self, painter: QPainter, whole: QRect, side: int) -> None:
        if side < NAMES_SIDE:
            painter.setPen(self._theme.colour("line"))
            painter.drawRect(whole)
            return
        painter.setPen(self._theme.colour("panel"))
        for row in range(len(self._rows) + 1):
            painter.drawLine(whole.left(), whole.top() + row * side, whole.right(), whole.top() + row * side)
        for column in range(len(self._columns) + 1):
            x = whole.left() + column * side
            painter.drawLine(x, whole.top(), x, whole.bottom())

    def _paint_numbers(
        self,
        painter: QPainter,
        strength: NDArray[np.float64],
        colours: NDArray[np.uint8],
        rows: range,
        columns: range,
    ) -> None:
        """In the colour of texts or of the page, whichever stands out from the cell."""
        inks = [self._theme.colour(token) for token in ("text", "panel")]
        light = colours @ _LIGHTNESS
        lights = [np.array([ink.red(), ink.green(), ink.blue()]) @ _LIGHTNESS for ink in inks]
        stands_out = np.abs(light - lights[1]) > np.abs(light - lights[0])
        shown = self._matrix[rows.start : rows.stop, columns.start : columns.stop]
        for down, right in np.argwhere(shown > 0):
            row, column = rows.start + int(down), columns.start + int(right)
            cell = self.cell_rect(row, column)
            share, pixels = float(strength[row, column]), int(self._matrix[row, column])
            percent = 100 * share
            text = (
                count_text(pixels, 2).replace(" ", "")
                if self._mode == COUNTS
                else f"{percent:.0f}"
                if percent >= 0.5
                else "<1"
            )
            painter.setPen(inks[int(stands_out[row, column])])
            painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_cursor(self, painter: QPainter) -> None:
        cell = QRectF(self.cell_rect(*self.current)).adjusted(0.5, 0.5, -0.5, -0.5)
        if self.side < NAMES_SIDE:
            cell.adjust(-2, -2, 2, 2)
        painter.setPen(QPen(self._theme.colour("text" if self.hasFocus() else "muted"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(cell)

    def _paint_names(self, painter: QPainter, area: QRect, side: int, rows: range, columns: range) -> None:
        metrics = painter.fontMetrics()
        painter.setPen(self._theme.colour("muted"))
        across = QRectF(area.left(), 0, area.width(), 3 * GRID)
        painter.drawText(across, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, "Prediction →")
        painter.save()
        painter.translate(0, area.bottom())
        painter.rotate(-90)
        painter.drawText(
            QRectF(0, 0, area.height(), 3 * GRID),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
            "← Label",
        )
        painter.restore()
        if side < NAMES_SIDE:
            return
        painter.setPen(self._theme.colour("text"))
        room = area.left() - 4 * GRID
        painter.save()
        painter.setClipRect(QRect(0, area.top(), area.left(), area.height()))
        for row in rows:
            place = QRectF(3 * GRID, self.cell_rect(row, 0).top(), room, side)
            text = metrics.elidedText(self._rows[row], Qt.TextElideMode.ElideMiddle, room)
            painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.setClipRect(QRect(area.left(), 0, area.width(), area.top()))
        room = area.top() - 4 * GRID
        for column in columns:
            text = metrics.elidedText(self._columns[column], Qt.TextElideMode.ElideMiddle, room)
            painter.save()
            painter.translate(self.cell_rect(0, column).left(), area.top() - GRID)
            painter.rotate(-90)
            painter.drawText(
                QRectF(0, 0, room, side), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text
            )
            painter.restore()
        painter.restore()

    # Input

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FontChange:
            self._measure_names()
        return claim_keys(event, KEYS, with_shift=True) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        key, (row, column) = Qt.Key(event.key()), self.current
        if key in STEPS:
            down, right = STEPS[key]
            self._point(row + down, column + right)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._point(row, 0 if key == Qt.Key.Key_Home else len(self._columns) - 1)
        elif key in ZOOM_KEYS:
            self._zoom(ZOOM_KEYS[key])
        elif key in KEYS:
            if self._matrix.size:
                self.cell_chosen.emit(*self.current)
        else:
            super().keyPressEvent(event)

    def _point(self, row: int, column: int) -> None:
        if not self._matrix.size:
            return
        last_row, last_column = self._last()
        self.set_cursor_cell(min(max(row, 0), last_row), min(max(column, 0), last_column))
        self.cell_pointed.emit(*self.current)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        cell = self.cell_at(event.position().toPoint())
        self.viewport().setCursor(
            Qt.CursorShape.PointingHandCursor if cell is not None else Qt.CursorShape.ArrowCursor
        )
        self.cell_pointed.emit(*(self.current if cell is None else cell))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        super().leaveEvent(event)
        if self._matrix.size:
            self.cell_pointed.emit(*self.current)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        cell = self.cell_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and cell is not None:
            self.set_cursor_cell(*cell)
            self.cell_chosen.emit(*cell)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            at = self.cell_at(QPointF(event.position()).toPoint())
            if at is not None:
                self.current = at
            steps = self._notches.add(event)
            if steps:
                self._zoom(steps)
            event.accept()
            return
        super().wheelEvent(event)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self.set_cursor_cell(*self.current)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._update_range()

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:  # noqa: N802
        self.viewport().update()
