"""A searchable list with many rows, one of which is selected."""

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
from desktop.widgets.plain_text import plain_tooltip

ROW_HEIGHT = 28
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class SearchOption:
    """`key` is the value, `title` and `details` are the cells of its row; the search covers all of them."""

    key: str
    title: str
    details: tuple[str, ...] = ()


class _Rows(QAbstractTableModel):
    """The rows that match the search; as a model, thousands of rows cost nothing until they are visible."""

    def __init__(self, titles: Sequence[str], parent: QObject) -> None:
        super().__init__(parent)
        self._titles = tuple(titles)
        self.options: tuple[SearchOption, ...] = ()

    def set_options(self, options: Sequence[SearchOption]) -> None:
        self.beginResetModel()
        self.options = tuple(options)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self.options)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self._titles)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        option = self.options[index.row()]
        cells = (option.title, *option.details)
        text = cells[index.column()] if index.column() < len(cells) else ""
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(text)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(index.column())
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self._titles[section]
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return self._alignment(section)
        return None

    def _alignment(self, column: int) -> Qt.AlignmentFlag:
        """Numbers are right-aligned; decided by the last row, because the first may be a special entry."""
        notes = self.options[-1].details if self.options else ()
        number = 1 <= column <= len(notes) and notes[column - 1].replace(".", "").isdigit()
        return (
            Qt.AlignmentFlag.AlignRight if number else Qt.AlignmentFlag.AlignLeft
        ) | Qt.AlignmentFlag.AlignVCenter


class SearchList(QWidget):
    """`changed` is emitted when the user selects another row. A search never changes the selection."""

    changed = Signal()

    def __init__(self, name: str, titles: Sequence[str], rows: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._options: tuple[SearchOption, ...] = ()
        self._selected_key = ""
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
        self.table.selectionModel().currentRowChanged.connect(self._current_changed)
        self.setLayout(column(self.search, self.table, spacing=4))

    def set_column_width(self, at: int, width: int) -> None:
        """Set the width of a column in logical pixels."""
        self.table.horizontalHeader().resizeSection(at, width)

    def set_options(self, options: Sequence[SearchOption]) -> None:
        self._options = tuple(options)
        self._fill()

    def value(self) -> str:
        """The selected key; "" while there is none."""
        return self._selected_key

    def set_value(self, key: str) -> None:
        self._selected_key = key
        self._show_selected()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """The Down key moves from the search field to the rows."""
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
        self._rows.set_options(
            [one for one in self._options if matches(search, one.key, one.title, *one.details)]
        )
        self._show_selected()

    def _show_selected(self) -> None:
        keys = [one.key for one in self._rows.options]
        model = self.table.selectionModel()
        model.blockSignals(True)
        if self._selected_key in keys:
            index = self._rows.index(keys.index(self._selected_key), 0)
            self.table.setCurrentIndex(index)
            self.table.selectRow(index.row())
            self.table.scrollTo(index)
        model.blockSignals(False)
        self.table.viewport().update()

    def _current_changed(self, index: QModelIndex) -> None:
        if index.isValid() and self._rows.options[index.row()].key != self._selected_key:
            self._selected_key = self._rows.options[index.row()].key
            self.changed.emit()
