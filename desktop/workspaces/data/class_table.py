"""The table of classes on the Data page: labelled pixels and pictures of each, with a bar for its share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from core.labels.class_list import Colour
from desktop.theme.theme import GRID, Theme
from desktop.widgets.table import ROW_HEIGHT, DataTable

SHARE_ROLE = Qt.ItemDataRole.UserRole + 1
COLOUR_ROLE = Qt.ItemDataRole.UserRole + 2


class ShareDelegate(QStyledItemDelegate):
    """Draws a bar in the colour of a class; its length is the share."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Any) -> None:
        super().paint(painter, option, index)
        share, colour = index.data(SHARE_ROLE), index.data(COLOUR_ROLE)
        if share is None or colour is None:
            return
        middle = option.rect.center().y() + 0.5
        frame = QRectF(option.rect.left() + GRID, middle - 4, option.rect.width() - 2 * GRID, 8)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("pressed"))
        painter.drawRoundedRect(frame, 4, 4)
        if share > 0:
            # A class with any pixels has a visible bar, however small its share.
            frame.setWidth(max(4.0, frame.width() * share))
            painter.setBrush(QColor(*colour))
            painter.drawRoundedRect(frame, min(4.0, frame.width() / 2), 4)
        painter.restore()


class ClassTable(DataTable):
    """As high as its rows; a click or Enter selects one."""

    row_chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        titles = ("Class", "", "Share", "Pixels", "Pictures", "Train", "Val", "Test")
        super().__init__(titles, (2, 3, 4, 5, 6, 7), "Classes with their labelled pixels")
        self.stretch(1)
        self.setItemDelegateForColumn(1, ShareDelegate(theme, self))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("Show the pictures with this class.")
        self.cellClicked.connect(lambda y, _x: self.row_chosen.emit(y))
        theme.changed.connect(self.viewport().update)

    def set_bars(self, bars: Sequence[tuple[Colour, float]]) -> None:
        """Colour and length, 0..1, of the bar of each row."""
        for y, (colour, share) in enumerate(bars):
            bar = self.item(y, 1)
            if bar is not None:
                bar.setData(COLOUR_ROLE, colour)
                bar.setData(SHARE_ROLE, share)
        self.updateGeometry()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(600, self.horizontalHeader().sizeHint().height() + self.rowCount() * ROW_HEIGHT + 2)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(0, self.sizeHint().height())

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        event.ignore()  # the page scrolls; all rows are visible

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentRow() >= 0:
            self.row_chosen.emit(self.currentRow())
            return
        super().keyPressEvent(event)
