"""A read-only table of texts, numbers and colour chips whose rows are set all at once, and its order."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeVar

from PySide6.QtCore import QObject, QRect, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from core.labels.class_list import Colour
from desktop.theme.theme import GRID
from desktop.widgets.plain_text import plain_tooltip

ROW_HEIGHT = 32
MAX_PLAIN_LETTERS = 24
"""A longer text has itself as tooltip, because it may be elided."""

Row = TypeVar("Row")
Cell = str | tuple[Colour, str]
"""Text, or text behind a chip of a colour."""


class DataTable(QTableWidget):
    """numeric_columns: columns whose texts are right-aligned."""

    def __init__(
        self, titles: Sequence[str], numeric_columns: Sequence[int], name: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(0, len(titles), parent)
        self._numeric_columns = frozenset(numeric_columns)
        self._rows: list[tuple[Cell, ...]] = []
        self.setHorizontalHeaderLabels(list(titles))
        for at in range(len(titles)):
            side = Qt.AlignmentFlag.AlignRight if at in self._numeric_columns else Qt.AlignmentFlag.AlignLeft
            header = self.horizontalHeaderItem(at)
            if header is not None:
                header.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        self.setAccessibleName(name)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setStretchLastSection(False)
        self.horizontalHeader().setMinimumSectionSize(7 * GRID)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)

    def set_cells(self, rows: Sequence[Sequence[Cell]]) -> None:
        """Show exactly these rows. Unchanged rows are not touched, so that hundreds of them cost nothing."""
        wanted = [tuple(cells) for cells in rows]
        self.setRowCount(len(wanted))
        before, self._rows = self._rows, wanted
        for y, cells in enumerate(wanted):
            if y < len(before) and before[y] == cells:
                continue
            for x, cell in enumerate(cells):
                item = QTableWidgetItem(cell if isinstance(cell, str) else cell[1])
                if not isinstance(cell, str):
                    item.setIcon(colour_chip_icon(cell[0]))
                side = (
                    Qt.AlignmentFlag.AlignRight if x in self._numeric_columns else Qt.AlignmentFlag.AlignLeft
                )
                item.setToolTip(plain_tooltip(item.text()) if len(item.text()) > MAX_PLAIN_LETTERS else "")
                item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(y, x, item)

    def stretch(self, column: int) -> None:
        """Give a column the remaining width."""
        self.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)


class HeadingSort(QObject):
    """A second click on a heading turns the order round. `changed`: the rows are to be shown in another order;
    `chosen`, after it: a person chose this column, and whether the order is descending."""

    changed = Signal()
    chosen = Signal(int, bool)

    def __init__(self, table: QTableWidget, begin_descending: Collection[int]) -> None:
        """begin_descending: columns that begin with their highest value. Nothing is sorted before `set_order`."""
        super().__init__(table)
        self._header, self._begin_descending = table.horizontalHeader(), frozenset(begin_descending)
        self._column, self._descending = -1, False
        self._header.setSectionsClickable(True)
        self._header.sectionClicked.connect(self.choose)

    def choose(self, column: int) -> None:
        """What a click on a heading does."""
        descending = not self._descending if column == self._column else column in self._begin_descending
        self.set_order(column, descending=descending)
        self.chosen.emit(column, descending)

    def set_order(self, column: int, *, descending: bool) -> None:
        self._column, self._descending = column, descending
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        self._header.setSortIndicatorShown(True)  # it takes room in every heading
        self._header.setSortIndicator(column, order)
        self.changed.emit()

    def sort(self, rows: Iterable[Row], key: Callable[[Row, int], float | str | None]) -> list[Row]:
        """key: what a row is sorted by in a column; None and nan, for unknown, come last."""
        if self._column < 0:
            return list(rows)
        keyed = [(key(row, self._column), row) for row in rows]
        known = [pair for pair in keyed if not _is_unknown(pair[0])]
        known.sort(key=lambda pair: pair[0], reverse=self._descending)  # type: ignore[arg-type, return-value]
        return [row for _, row in known] + [row for value, row in keyed if _is_unknown(value)]


def _is_unknown(value: float | str | None) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def colour_chip_icon(colour: Colour, side: int = 14) -> QIcon:
    """A rounded square in a class's colour, `side` logical pixels wide, drawn for 200 % scaling."""
    image = QPixmap(side * 2, side * 2)
    image.setDevicePixelRatio(2)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QColor(0, 0, 0, 50))
    painter.setBrush(QColor(*colour))
    painter.drawRoundedRect(QRect(0, 0, side - 1, side - 1), 3, 3)
    painter.end()
    return QIcon(image)
