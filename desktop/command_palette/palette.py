"""The command palette: a popup that searches actions, classes and pictures by name; Enter runs the selected one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPoint, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from desktop.command_palette.search import PaletteItem, SearchFunction
from desktop.theme.icons import icon_pixmap
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import column, text_label

WIDTH, ROW_HEIGHT, ROWS = 600, 34, 10
TYPING_DELAY_MS = 60
"""Between the last key press and the search, so that fast typing is searched once."""


class PaletteModel(QAbstractListModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.items: tuple[PaletteItem, ...] = ()

    def rowCount(self, parent: Any = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self.items)

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        item = self.items[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return item.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(part for part in (item.title, item.kind, item.keys) if part)
        return item.note if role == Qt.ItemDataRole.ToolTipRole else None

    def set_items(self, items: Sequence[PaletteItem]) -> None:
        self.beginResetModel()
        self.items = tuple(items)
        self.endResetModel()


class PaletteDelegate(QStyledItemDelegate):
    """An icon or colour chip, the title, a note, and the shortcut at the right."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Any) -> QSize:  # noqa: N802
        return QSize(WIDTH - 4 * GRID, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Any) -> None:
        item: PaletteItem = index.model().items[index.row()]
        colour = self._theme.colour
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if selected:
            painter.setBrush(colour("accent_soft"))
            painter.drawRoundedRect(option.rect.adjusted(4, 1, -4, -1), 6, 6)
        room = option.rect.adjusted(2 * GRID, 0, -2 * GRID, 0)
        self._paint_icon(painter, room, item)
        room.setLeft(room.left() + 28)
        painter.setFont(self._theme.font)
        metrics = painter.fontMetrics()
        middle = Qt.AlignmentFlag.AlignVCenter
        right = item.keys or item.kind
        painter.setPen(colour("text" if item.keys else "muted"))
        painter.drawText(room, middle | Qt.AlignmentFlag.AlignRight, right)
        room.setRight(room.right() - metrics.horizontalAdvance(right) - 2 * GRID)
        title = metrics.elidedText(item.title, Qt.TextElideMode.ElideMiddle, room.width())
        painter.setPen(colour("text"))
        painter.drawText(room, middle | Qt.AlignmentFlag.AlignLeft, title)
        room.setLeft(room.left() + metrics.horizontalAdvance(title) + 12)
        if item.note and room.width() > 60:
            painter.setPen(colour("muted"))
            note = metrics.elidedText(item.note, Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room, middle | Qt.AlignmentFlag.AlignLeft, note)
        painter.restore()

    def _paint_icon(self, painter: QPainter, room: QRect, item: PaletteItem) -> None:
        middle = room.center().y()
        if item.colour is not None:
            painter.setBrush(QColor(*item.colour))
            painter.drawRoundedRect(QRect(room.left() + 1, middle - 7, 15, 15), 4, 4)
        elif item.icon:
            ratio = painter.device().devicePixelRatioF()
            icon = icon_pixmap(item.icon, self._theme.colour("icon"), 18, ratio)
            painter.drawPixmap(QPoint(room.left(), middle - 9), icon)


class CommandPalette(QFrame):
    """`search` gives the items for a text; it is called on the GUI thread and must return within a frame."""

    def __init__(self, theme: Theme, search: SearchFunction, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._search = search
        self.setProperty("role", "popup")
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)  # round corners
        self.setAccessibleName("Search")
        self.field = QLineEdit()
        self.field.setPlaceholderText("Search actions, classes, pictures")
        self.field.setAccessibleName("Search")
        self.model = PaletteModel(self)
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(PaletteDelegate(theme, self.list))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setAccessibleName("Results")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFixedHeight(ROWS * ROW_HEIGHT)
        self._no_results = text_label("No results.", "muted")
        self._no_results.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        self._delay = QTimer(self, singleShot=True, interval=TYPING_DELAY_MS)
        self._delay.timeout.connect(self.refresh)
        self.field.textEdited.connect(lambda _text: self._delay.start())
        self.field.textChanged.connect(lambda text: None if text else self.refresh())
        self.field.installEventFilter(self)
        self.list.clicked.connect(self._activate)
        self.setLayout(column(self.field, self._no_results, self.list, margins=(GRID, GRID, GRID, GRID)))
        self.setFixedWidth(WIDTH)

    def open_over(self, window: QWidget) -> None:
        """Show it empty, at the top centre of a window."""
        self.field.clear()
        self.refresh()
        self.adjustSize()
        top = window.mapToGlobal(QPoint((window.width() - self.width()) // 2, 6 * GRID))
        self.move(top)
        self.show()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def refresh(self) -> None:
        """Search at once."""
        self._delay.stop()
        self.model.set_items(self._search(self.field.text()))
        self._no_results.setVisible(not self.model.items)
        self.list.setVisible(bool(self.model.items))
        if self.model.items:
            self.list.setCurrentIndex(self.model.index(0))
            self.list.scrollToTop()
        self.adjustSize()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        steps = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_PageDown: ROWS - 1,
            Qt.Key.Key_PageUp: 1 - ROWS,
        }
        key = Qt.Key(event.key())
        if key in steps:
            self._step(steps[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self._delay.isActive():
                self.refresh()
            self._activate(self.list.currentIndex())
        else:
            return False
        return True

    def _step(self, by: int) -> None:
        count = self.model.rowCount()
        if not count:
            return
        at = self.list.currentIndex().row() + by
        # Single steps wrap around; pages stop at the ends.
        at = at % count if abs(by) == 1 else min(count - 1, max(0, at))
        self.list.setCurrentIndex(self.model.index(at))

    def _activate(self, index: QModelIndex) -> None:
        if not index.isValid():
            return
        item = self.model.items[index.row()]
        self.close()
        # The popup must be closed before the action looks for the focus or opens a dialog.
        QTimer.singleShot(0, item.activate)
