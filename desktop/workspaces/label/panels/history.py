"""The history of a picture: every change, newest first, with a way back to each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QEvent, QModelIndex, QPointF, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from core.project.records import EditRecord
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import (
    MARGIN,
    button,
    column,
    icon_button,
    row,
    set_background,
    set_role,
    text_label,
)
from desktop.workspaces.label.panels.history_model import HistoryModel

ROW_HEIGHT = 48
HINT = "Point at a change to see the label as it was right after it; a double click goes there."
AGE_UPDATE_MS = 20_000
"""How often "2 min ago" is looked at again."""


class HistoryRowDelegate(QStyledItemDelegate):
    """Paints a change in two lines beside a line of time: done, undone, and where the picture is now."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Any) -> QSize:  # noqa: N802
        return QSize(200, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Any) -> None:
        model: HistoryModel = index.model()
        entry, now = model.entries[index.row()], model.current_row == index.row()
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = option.rect
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("accent_soft" if chosen else "hover"))
            painter.drawRoundedRect(rect.adjusted(GRID, 1, -GRID, -1), 6, 6)
        self._paint_timeline(painter, rect, index.row(), model)
        text = rect.adjusted(5 * GRID, 6, -MARGIN, -6)
        painter.setFont(self._theme.strong_font() if now else self._theme.font)
        painter.setPen(self._theme.colour("disabled" if entry.undone else "text"))
        self._draw_text(painter, text, Qt.AlignmentFlag.AlignTop, entry.name)
        painter.setFont(self._theme.font)
        painter.setPen(self._theme.colour("disabled" if entry.undone else "muted"))
        self._draw_text(painter, text, Qt.AlignmentFlag.AlignBottom, model.details(entry))
        painter.restore()

    def _draw_text(self, painter: QPainter, rect: QRect, side: Qt.AlignmentFlag, text: str) -> None:
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, side | Qt.AlignmentFlag.AlignLeft, shown)

    def _paint_timeline(self, painter: QPainter, rect: QRect, at: int, model: HistoryModel) -> None:
        """A thread through all entries; its beads are empty for what is undone, strong for where the picture is."""
        entry, now = model.entries[at], at == model.current_row
        middle = QPointF(rect.left() + 3 * GRID, rect.top() + ROW_HEIGHT / 2)
        painter.setPen(QPen(self._theme.colour("edge"), 1.5))
        if at > 0:
            painter.drawLine(QPointF(middle.x(), rect.top()), middle - QPointF(0, 6))
        if at < len(model.entries) - 1:
            painter.drawLine(middle + QPointF(0, 6), QPointF(middle.x(), rect.bottom() + 1))
        shade = self._theme.colour("accent_text" if now else "muted")
        if entry.undone or entry.thinned:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            style = Qt.PenStyle.SolidLine if entry.undone else Qt.PenStyle.DotLine
            painter.setPen(QPen(self._theme.colour("disabled" if entry.undone else "muted"), 1.5, style))
            painter.drawEllipse(middle, 3.5, 3.5)
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(shade)
            painter.drawEllipse(middle, 5 if now else 3.5, 5 if now else 3.5)


class HistoryList(QListView):
    """`pointed` carries the EditRecord under the pointer, else the chosen one, else None; `back_asked` an entry."""

    entry_hovered = Signal(object)
    revert_requested = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.history_model = HistoryModel()
        self.history_model.setParent(self)
        self.setModel(self.history_model)
        self.setItemDelegate(HistoryRowDelegate(theme, self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setAccessibleName("Changes of this picture, newest first")
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.entered.connect(lambda index: self.entry_hovered.emit(self._entry(index)))
        self.viewportEntered.connect(self._hover_chosen)
        self.selectionModel().currentChanged.connect(
            lambda index, _old: self.entry_hovered.emit(self._entry(index))
        )
        self.doubleClicked.connect(lambda index: self.revert_requested.emit(self._entry(index)))
        theme.changed.connect(self.viewport().update)

    def chosen(self) -> EditRecord | None:
        return self._entry(self.currentIndex())

    def set_entries(self, entries: Sequence[EditRecord]) -> None:
        """Newest first. The chosen entry stays chosen while it is there."""
        old, place = self.chosen(), self.verticalScrollBar().value()
        self.history_model.set_entries(entries)
        row_ = self.history_model.row_of(old.id) if old else None
        if row_ is not None:
            self.setCurrentIndex(self.history_model.index(row_))
        self.verticalScrollBar().setValue(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        entry = self.chosen()
        if entry is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.revert_requested.emit(entry)
            return
        super().keyPressEvent(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        super().leaveEvent(event)
        self._hover_chosen()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        if not self.history_model.entries:
            painter = QPainter(self.viewport())
            painter.setPen(self._theme.colour("muted"))
            room = self.viewport().rect().adjusted(MARGIN, GRID, -MARGIN, 0)
            flags = Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
            painter.drawText(room, flags, "Nothing has been changed in this picture yet.")
            painter.end()

    def _entry(self, index: QModelIndex) -> EditRecord | None:
        return self.history_model.entries[index.row()] if index.isValid() else None

    def _hover_chosen(self) -> None:
        self.entry_hovered.emit(self.chosen())


class HistoryPanel(QWidget):
    """Shows what `set_entries` gives; the owner steps back and gives it again.

    `pointed` carries the entry under the pointer or the chosen one, `picked` one that was clicked.
    """

    entry_hovered = Signal(object)
    revert_requested = Signal(object)
    entry_clicked = Signal(object)
    close_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_background(self, "panel")
        self.list = HistoryList(theme)
        self.close_button = icon_button("close", "Close the history", theme, 18)
        self.note = text_label(HINT, "muted", wrap=True)
        self.revert_button = button("Go back to here")
        self.list.entry_hovered.connect(self.entry_hovered)
        self.list.revert_requested.connect(self._request_revert)
        self.list.clicked.connect(lambda _index: self.entry_clicked.emit(self.list.chosen()))
        self.list.selectionModel().currentChanged.connect(lambda *_: self._update_button())
        self.list.history_model.modelReset.connect(self._update_button)
        self.revert_button.clicked.connect(lambda: self._request_revert(self.list.chosen()))
        self.close_button.clicked.connect(self.close_requested)
        self._clock = QTimer(self, interval=AGE_UPDATE_MS)
        self._clock.timeout.connect(self.list.viewport().update)
        self._clock.start()
        self.setLayout(
            column(
                row(text_label("History", "heading"), None, self.close_button, margins=(MARGIN, 0, GRID, 0)),
                self.list,
                column(self.note, self.revert_button, margins=(MARGIN, GRID, MARGIN, MARGIN)),
                margins=(0, 0, 0, 0),
                spacing=4,
            )
        )
        self._update_button()

    def set_entries(self, entries: Sequence[EditRecord]) -> None:
        """All changes, newest first."""
        self.list.set_entries(entries)

    def show_note(self, text: str, role: str = "muted") -> None:
        """A sentence above the button, such as why going back has stopped; an empty text brings the hint back."""
        set_role(self.note, role)
        self.note.setText(text or HINT)

    def clear_selection(self) -> None:
        """No entry is chosen any more, and none is pointed at."""
        self.list.setCurrentIndex(QModelIndex())

    def can_revert_to(self, entry: EditRecord) -> bool:
        """Whether the picture is elsewhere now and a way leads to how it was right after `entry`."""
        return self.list.history_model.steps_to(entry) > 0

    def _request_revert(self, entry: EditRecord | None) -> None:
        if entry is not None and self.list.history_model.steps_to(entry):
            self.revert_requested.emit(entry)

    def _update_button(self) -> None:
        entry = self.list.chosen()
        self.revert_button.setText(
            "Go forward to here" if entry is not None and entry.undone else "Go back to here"
        )
        self.revert_button.setEnabled(entry is not None and self.list.history_model.steps_to(entry) > 0)
        thinned = (
            entry is not None
            and not self.revert_button.isEnabled()
            and self.list.history_model.is_blocked(entry)
        )
        self.revert_button.setToolTip(
            "The way there leads over changes that cannot be undone any more." if thinned else ""
        )
