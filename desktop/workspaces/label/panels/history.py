"""The history panel: all edits of the active picture, newest first, and a button that goes back to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPointF,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from core.base.text import count_of
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
from desktop.widgets.input.key_claim import claim_letters
from desktop.widgets.plain_text import plain_tooltip

TOOLS_WITHOUT_PIXELS = frozenset(("mark", "classes"))
"""Tools whose edits change metadata or the class list."""
ROW_HEIGHT = 48
HINT = "Point at a change to see the label as it was right after it; a double click goes there."
AGE_UPDATE_MS = 20_000
"""How often "2 min ago" is updated."""


class HistoryModel(QAbstractListModel):
    """Edits of a picture, newest first, undone ones included."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: tuple[EditRecord, ...] = ()
        self.current_row: int | None = None
        """Row of the newest edit that is not undone."""

    def set_entries(self, entries: Sequence[EditRecord]) -> None:
        self.beginResetModel()
        self.entries = tuple(entries)
        self.current_row = next((n for n, entry in enumerate(self.entries) if not entry.undone), None)
        self.endResetModel()

    def row_of(self, edit_id: int) -> int | None:
        return next((n for n, entry in enumerate(self.entries) if entry.id == edit_id), None)

    def steps_to(self, target: EditRecord) -> int:
        """Number of undo or redo steps to the state right after `target`; 0 when it is current or out of reach."""
        if target.undone:
            return sum(entry.undone and entry.id <= target.id for entry in self.entries)
        if self.is_blocked(target):
            return 0
        return sum(not entry.undone and entry.id > target.id for entry in self.entries)

    def is_blocked(self, target: EditRecord) -> bool:
        """Whether a later edit was thinned, so that it can no longer be undone."""
        return any(entry.thinned and entry.id > target.id for entry in self.entries)

    def rowCount(self, parent: Any = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        entry = self.entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.name
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            made_at = datetime.fromisoformat(entry.made_at).astimezone().strftime("%Y-%m-%d %H:%M")
            text = f"{entry.name}\n{made_at}\n{self.details(entry)}"
            return plain_tooltip(text) if role == Qt.ItemDataRole.ToolTipRole else text
        return None

    def details(self, entry: EditRecord) -> str:
        """Age, state, size and origin of an edit in one line."""
        parts = [age_text(entry.made_at)]
        if entry.undone:
            parts.append("undone")
        if entry.thinned:
            parts.append("kept, cannot be undone")
        if entry.picture_id is None:
            parts.append("all pictures")
        elif entry.tool not in TOOLS_WITHOUT_PIXELS:
            parts.append(count_of(entry.pixels, "pixel"))
            parts.append(f"{entry.origin} from run {entry.run_id}" if entry.run_id else str(entry.origin))
        return " · ".join(parts)


class HistoryRowDelegate(QStyledItemDelegate):
    """Paints an edit in two lines beside a timeline, with different dots for done, undone and current."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Any) -> QSize:  # noqa: N802
        return QSize(200, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Any) -> None:
        model: HistoryModel = index.model()
        entry, is_current = model.entries[index.row()], model.current_row == index.row()
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = option.rect
        if is_selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("accent_soft" if is_selected else "hover"))
            painter.drawRoundedRect(rect.adjusted(GRID, 1, -GRID, -1), 6, 6)
        self._paint_timeline(painter, rect, index.row(), model)
        text = rect.adjusted(5 * GRID, 6, -MARGIN, -6)
        painter.setFont(self._theme.strong_font() if is_current else self._theme.font)
        painter.setPen(self._theme.colour("disabled" if entry.undone else "text"))
        self._draw_text(painter, text, Qt.AlignmentFlag.AlignTop, entry.name)
        painter.setFont(self._theme.font)
        painter.setPen(self._theme.colour("disabled" if entry.undone else "muted"))
        self._draw_text(painter, text, Qt.AlignmentFlag.AlignBottom, model.details(entry))
        painter.restore()

    def _draw_text(self, painter: QPainter, rect: QRect, side: Qt.AlignmentFlag, text: str) -> None:
        elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, side | Qt.AlignmentFlag.AlignLeft, elided)

    def _paint_timeline(self, painter: QPainter, rect: QRect, at: int, model: HistoryModel) -> None:
        """A line through all entries with a dot for each: hollow when undone or thinned, large when current."""
        entry, is_current = model.entries[at], at == model.current_row
        middle = QPointF(rect.left() + 3 * GRID, rect.top() + ROW_HEIGHT / 2)
        painter.setPen(QPen(self._theme.colour("edge"), 1.5))
        if at > 0:
            painter.drawLine(QPointF(middle.x(), rect.top()), middle - QPointF(0, 6))
        if at < len(model.entries) - 1:
            painter.drawLine(middle + QPointF(0, 6), QPointF(middle.x(), rect.bottom() + 1))
        if entry.undone or entry.thinned:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            style = Qt.PenStyle.SolidLine if entry.undone else Qt.PenStyle.DotLine
            painter.setPen(QPen(self._theme.colour("disabled" if entry.undone else "muted"), 1.5, style))
            painter.drawEllipse(middle, 3.5, 3.5)
        else:
            radius = 5 if is_current else 3.5
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("accent_text" if is_current else "muted"))
            painter.drawEllipse(middle, radius, radius)


class HistoryList(QListView):
    """`entry_hovered` carries the EditRecord under the pointer, else the selected one, else None.

    `revert_requested` carries an EditRecord.
    """

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
        self.viewportEntered.connect(self._hover_selected)
        self.selectionModel().currentChanged.connect(
            lambda index, _old: self.entry_hovered.emit(self._entry(index))
        )
        self.doubleClicked.connect(lambda index: self.revert_requested.emit(self._entry(index)))
        theme.changed.connect(self.viewport().update)

    def event(self, event: QEvent) -> bool:
        """While the list has the focus, letters look for an edit and are no shortcuts."""
        return claim_letters(event) or super().event(event)

    def selected(self) -> EditRecord | None:
        return self._entry(self.currentIndex())

    def set_entries(self, entries: Sequence[EditRecord]) -> None:
        """Newest first. Selection and scroll position stay."""
        old, scrolled = self.selected(), self.verticalScrollBar().value()
        self.history_model.set_entries(entries)
        old_row = self.history_model.row_of(old.id) if old else None
        if old_row is not None:
            self.setCurrentIndex(self.history_model.index(old_row))
        self.verticalScrollBar().setValue(scrolled)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        entry = self.selected()
        if entry is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.revert_requested.emit(entry)
            return
        super().keyPressEvent(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        super().leaveEvent(event)
        self._hover_selected()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        if not self.history_model.entries:
            painter = QPainter(self.viewport())
            painter.setPen(self._theme.colour("muted"))
            rect = self.viewport().rect().adjusted(MARGIN, GRID, -MARGIN, 0)
            flags = Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
            painter.drawText(rect, flags, "Nothing has been changed in this picture yet.")
            painter.end()

    def _entry(self, index: QModelIndex) -> EditRecord | None:
        return self.history_model.entries[index.row()] if index.isValid() else None

    def _hover_selected(self) -> None:
        self.entry_hovered.emit(self.selected())


class HistoryPanel(QWidget):
    """Shows the entries that `set_entries` is given; HistoryController carries out the undo steps.

    `entry_hovered` carries the entry under the pointer, else the selected one, else None; `entry_clicked` and
    `revert_requested` carry an entry.
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
        self.list.clicked.connect(lambda _index: self.entry_clicked.emit(self.list.selected()))
        self.list.selectionModel().currentChanged.connect(lambda *_: self._update_button())
        self.list.history_model.modelReset.connect(self._update_button)
        self.revert_button.clicked.connect(lambda: self._request_revert(self.list.selected()))
        self.close_button.clicked.connect(self.close_requested)
        self._age_timer = QTimer(self, interval=AGE_UPDATE_MS)
        self._age_timer.timeout.connect(self.list.viewport().update)
        self._age_timer.start()
        heading = text_label("History", "heading")
        self.setLayout(
            column(
                row(heading, None, self.close_button, margins=(MARGIN, 0, GRID, 0)),
                self.list,
                column(self.note, self.revert_button, margins=(MARGIN, GRID, MARGIN, MARGIN)),
                margins=(0, 0, 0, 0),
                spacing=4,
            )
        )
        self._update_button()

    def set_entries(self, entries: Sequence[EditRecord]) -> None:
        """All edits, newest first."""
        self.list.set_entries(entries)

    def show_note(self, text: str, role: str = "muted") -> None:
        """Show a message above the button, such as why undo has stopped; an empty text shows the hint again."""
        set_role(self.note, role)
        self.note.setText(text or HINT)

    def clear_selection(self) -> None:
        self.list.setCurrentIndex(QModelIndex())

    def can_revert_to(self, entry: EditRecord) -> bool:
        """Whether undo or redo steps lead to the state right after `entry`."""
        return self.list.history_model.steps_to(entry) > 0

    def _request_revert(self, entry: EditRecord | None) -> None:
        if entry is not None and self.can_revert_to(entry):
            self.revert_requested.emit(entry)

    def _update_button(self) -> None:
        entry = self.list.selected()
        is_enabled = entry is not None and self.can_revert_to(entry)
        is_blocked = entry is not None and not is_enabled and self.list.history_model.is_blocked(entry)
        self.revert_button.setText(
            "Go forward to here" if entry is not None and entry.undone else "Go back to here"
        )
        self.revert_button.setEnabled(is_enabled)
        self.revert_button.setToolTip("A later change cannot be undone any more." if is_blocked else "")


def age_text(made_at: str, now: datetime | None = None) -> str:
    """How long ago a moment of the document (UTC, ISO 8601) was: "2 min ago"."""
    then = datetime.fromisoformat(made_at)
    seconds = ((now or datetime.now(UTC)) - then).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min ago"
    if seconds < 24 * 3600:
        return f"{seconds // 3600:.0f} h ago"
    days = int(seconds // (24 * 3600))
    if days < 14:
        return "yesterday" if days == 1 else f"{days} days ago"
    return then.astimezone().strftime("%Y-%m-%d")
