"""The list of suspected components of the label check, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from core.evaluation.suspected_components import SuspectedComponent
from desktop.theme.theme import Theme
from desktop.widgets.input.key_claim import claim, claim_keys
from desktop.widgets.plain_text import plain_tooltip
from desktop.workspaces.review.class_pair import ROW_HEIGHT, ClassPairText, paint_class_pair
from desktop.workspaces.review.suspect_keys import command_of

Index = QModelIndex | QPersistentModelIndex
_PAGE_KEYS = (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


@dataclass(frozen=True, slots=True)
class SuspectRow:
    """A suspected component, and what the list says of it."""

    suspect: SuspectedComponent
    pair: ClassPairText


class SuspectModel(QAbstractListModel):
    """The rows, in the order in which they were given."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[SuspectRow] = []

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        pair = self.rows[index.row()].pair
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{pair.label[1]} predicted as {pair.prediction[1]}, {pair.text}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(f"Labelled {pair.label[1]}, predicted {pair.prediction[1]}.\n{pair.text}")
        return None

    def set_rows(self, rows: Sequence[SuspectRow]) -> None:
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def take(self, row: int) -> None:
        self.beginRemoveRows(QModelIndex(), row, row)
        del self.rows[row]
        self.endRemoveRows()

    def put(self, row: int, taken: SuspectRow) -> None:
        self.beginInsertRows(QModelIndex(), row, row)
        self.rows.insert(row, taken)
        self.endInsertRows()


class SuspectDelegate(QStyledItemDelegate):
    """Paints a row as the pairs of classes are painted."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:  # noqa: N802
        return QSize(100, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        assert isinstance(model, SuspectModel)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._theme.font)
        place = QRectF(option.rect)
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if is_selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("accent_soft" if is_selected else "hover"))
            painter.drawRoundedRect(place.adjusted(0, 1, 0, -1), 4, 4)
        colours = self._theme.colour("text"), self._theme.colour("muted")
        paint_class_pair(painter, place, model.rows[index.row()].pair, *colours)
        painter.restore()


class SuspectList(QListView):
    """`chosen` carries the suspect that is selected, None where there is none; `commanded` a `SuspectCommand`."""

    chosen = Signal(object)
    commanded = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._model = SuspectModel(self)
        self.setModel(self._model)
        self.setItemDelegate(SuspectDelegate(theme, self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setAccessibleName("Suspected labels, worst first")
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.selectionModel().currentChanged.connect(lambda *_: self.chosen.emit(self.current))
        self.clicked.connect(
            lambda _: self.chosen.emit(self.current)
        )  # also the one that is selected already
        theme.changed.connect(self.viewport().update)

    @property
    def rows(self) -> Sequence[SuspectRow]:
        return self._model.rows

    @property
    def current(self) -> SuspectedComponent | None:
        row = self.currentIndex().row()
        return self._model.rows[row].suspect if 0 <= row < len(self._model.rows) else None

    def set_rows(self, rows: Sequence[SuspectRow]) -> None:
        """Show other rows, none of them selected."""
        self._model.set_rows(rows)
        self.chosen.emit(None)

    def update_rows(self, rows: Sequence[SuspectRow]) -> None:
        """The same suspects with other texts: nothing else changes."""
        self._model.rows = list(rows)
        self.viewport().update()

    def select_row(self, row: int) -> None:
        """Select a row, or the last one; nothing without rows."""
        if self._model.rows:
            self.setCurrentIndex(self._model.index(min(max(0, row), len(self._model.rows) - 1)))

    def step(self, by: int) -> None:
        self.select_row(self.currentIndex().row() + by)

    def take_current(self) -> None:
        """Take the selected row out and select the one that follows."""
        row = self.currentIndex().row()
        self.selectionModel().blockSignals(True)  # Qt selects a neighbour of its own choice meanwhile
        self._model.take(row)
        self.selectionModel().blockSignals(False)
        self.select_row(row)
        self.viewport().update()
        self.chosen.emit(self.current)

    def put_back(self, row: int, taken: SuspectRow) -> None:
        """Undo `take_current`, and select the row."""
        self._model.put(row, taken)
        self.select_row(row)

    def event(self, event: QEvent) -> bool:
        wanted = isinstance(event, QKeyEvent) and command_of(event) is not None
        return claim(event, wanted) or claim_keys(event, _PAGE_KEYS) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        command = command_of(event)
        if command is not None:
            self.commanded.emit(command)
        else:
            super().keyPressEvent(event)

    def keyboardSearch(self, _text: str) -> None:  # noqa: N802
        """Letters mean something else here."""
