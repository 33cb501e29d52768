"""A list of many rows with a line to search it: one is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QLineEdit, QTableView, QWidget

from core.models.catalogue import matches
from desktop.theme.theme import GRID
from desktop.widgets.controls import column

ROW_HEIGHT = 28
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Option:
    """`key` is the value, `title` and `notes` are the cells of its row; all are searched."""

    key: str
    title: str
    notes: tuple[str, ...] = ()


class _Rows(QAbstractTableModel):
    """Rows that fit the search; thousands cost nothing before they are scrolled to."""

    def __init__(self, titles: Sequence[str], parent: QObject) -> None:
        super().__init__(parent)
        self._titles = tuple(titles)
        self.shown: tuple[Option, ...] = ()

    def show(self, options: Sequence[Option]) -> None:
        self.beginResetModel()
        self.shown = tuple(options)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self.shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self._titles)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        option = self.shown[index.row()]
        cells = (option.title, *option.notes)
        text = cells[index.column()] if index.column() < len(cells) else ""
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return text
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._side(index.column())
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self._titles[section]
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return self._side(section)
        return None

    def _side(self, column: int) -> Qt.AlignmentFlag:
        """Numbers stand at the right; the last row tells, because the first may be an exception."""
        notes = self.shown[-1].notes if self.shown else ()
        number = 1 <= column <= len(notes) and notes[column - 1].replace(".", "").isdigit()
        return (
            Qt.AlignmentFlag.AlignRight if number else Qt.AlignmentFlag.AlignLeft
        ) | Qt.AlignmentFlag.AlignVCenter


class SearchList(QWidget):
    """`changed` when the user chooses another row. A search never changes what is chosen."""

    changed = Signal()

    def __init__(self, name: str, titles: Sequence[str], rows: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._options: tuple[Option, ...] = ()
        self._chosen = ""
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(f"Search: {name}")
        self.search.textChanged.connect(self._fill)
        self.search.installEventFilter(self)
        self.table = QTableView()
        self.table.setAccessibleName(name)
        self._rows = _Rows(titles, self)
        self.table.setModel(self._rows)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(len(titles) - 1, QHeaderView.ResizeMode.Stretch)
        for at in range(len(titles) - 1):
            header.resizeSection(at, 11 * GRID)
        self.table.setFixedHeight((rows + 1) * ROW_HEIGHT + GRID)
        self.table.selectionModel().currentRowChanged.connect(self._moved)
        self.setLayout(column(self.search, self.table, spacing=4))

    def widen(self, at: int, width: int) -> None:
        """Give a column this many pixels."""
        self.table.horizontalHeader().resizeSection(at, width)

    def set_options(self, options: Sequence[Option]) -> None:
        self._options = tuple(options)
        self._fill()

    def value(self) -> str:
        """The key that is chosen; "" before one is."""
        return self._chosen

    def set_value(self, key: str) -> None:
        self._chosen = key
        self._show_chosen()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Down in the search line goes on to the rows."""
        if (
            event.type() == QEvent.Type.KeyPress
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Down
        ):
            self.table.setFocus()
            if not self.table.currentIndex().isValid():
                self.table.selectRow(0)
            return True
        return super().eventFilter(watched, event)

    def _fill(self) -> None:
        search = self.search.text()
        self._rows.show([one for one in self._options if matches(search, one.key, one.title, *one.notes)])
        self._show_chosen()

    def _show_chosen(self) -> None:
        keys = [one.key for one in self._rows.shown]
        model = self.table.selectionModel()
        model.blockSignals(True)
        if self._chosen in keys:
            index = self._rows.index(keys.index(self._chosen), 0)
            self.table.setCurrentIndex(index)
            self.table.selectRow(index.row())
            self.table.scrollTo(index)
        model.blockSignals(False)
        self.table.viewport().update()

    def _moved(self, index: QModelIndex) -> None:
        if index.isValid() and self._rows.shown[index.row()].key != self._chosen:
            self._chosen = self._rows.shown[index.row()].key
            self.changed.emit()
