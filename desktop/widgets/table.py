"""A read-only table of texts, numbers and colour chips whose rows are set all at once."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from core.labels.class_list import Colour
from desktop.theme.theme import GRID
from desktop.widgets.plain_text import plain_tooltip

ROW_HEIGHT = 32
MAX_PLAIN_LETTERS = 24
"""A longer text has itself as tooltip, because it may be elided."""

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
