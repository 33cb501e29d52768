"""Cards of the Data workspace: a heading, what can be done, and numbers that can be clicked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLayout,
    QPushButton,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from core.project.records import Split, Status
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import button, column, row, text_label
from desktop.widgets.table import ROW_HEIGHT, DataTable

SHARE_ROLE = Qt.ItemDataRole.UserRole + 1
COLOUR_ROLE = Qt.ItemDataRole.UserRole + 2
SPLIT_ROWS: tuple[tuple[Split | None, str, str], ...] = (
    (Split.TRAIN, "train", "Training"),
    (Split.VAL, "val", "Validation"),
    (Split.TEST, "test", "Test"),
    (None, "no split", "Without a split"),
)
STATUS_COLUMNS = (
    (Status.NEW, "new", "New"),
    (Status.IN_PROGRESS, "in progress", "In progress"),
    (Status.DONE, "done", "Done"),
    (Status.TO_REVIEW, "review", "To review"),
    (Status.SKIPPED, "skipped", "Skipped"),
)


class Card(QFrame):
    """A heading with buttons at its right, and whatever is filled in below."""

    def __init__(self, title: str, *buttons: QWidget) -> None:
        super().__init__()
        self.setProperty("role", "board")
        self.setAccessibleName(title)
        self._layout = column(
            row(text_label(title, "heading"), None, *buttons),
            margins=(2 * GRID, 12, 2 * GRID, 12),
            spacing=GRID,
        )
        self.setLayout(self._layout)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def add(self, *items: QWidget | QLayout) -> None:
        for item in items:
            if isinstance(item, QLayout):
                self._layout.addLayout(item)
            else:
                self._layout.addWidget(item)


def link_button(text: str, name: str, help_: str = "") -> QPushButton:
    """Words or a number that lead to pictures; `name` is what a screen reader says."""
    made = button(text, "row")
    made.setAccessibleName(name)
    made.setToolTip(help_)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    return made


class ShareDelegate(QStyledItemDelegate):
    """Draws a bar in the colour of a class, as long as its share."""

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
            # A class that is there is seen, however small its share.
            frame.setWidth(max(4.0, frame.width() * share))
            painter.setBrush(QColor(*colour))
            painter.drawRoundedRect(frame, min(4.0, frame.width() / 2), 4)
        painter.restore()


class ClassTable(DataTable):
    """As high as its rows; a click or Enter chooses one."""

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

    def set_bars(self, bars: Sequence[tuple[tuple[int, int, int], float]]) -> None:
        """Colour and length, 0..1, of the bar of each row."""
        for y, (colour, share) in enumerate(bars):
            self.item(y, 1).setData(COLOUR_ROLE, colour)
            self.item(y, 1).setData(SHARE_ROLE, share)
        self.updateGeometry()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(600, self.horizontalHeader().sizeHint().height() + self.rowCount() * ROW_HEIGHT + 2)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(0, self.sizeHint().height())

    def wheelEvent(self, event: Any) -> None:  # noqa: N802
        event.ignore()  # the page scrolls; all rows are in sight

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentRow() >= 0:
            self.row_chosen.emit(self.currentRow())
            return
        super().keyPressEvent(event)


class SplitCard(Card):
    """How many pictures are in which split and how far; every number shows its pictures."""

    filter_requested = Signal(str, str)
    """Key and title of a filter."""
    split_requested = Signal()

    def __init__(self) -> None:
        self.split = button("Split pictures…")
        self.split.setToolTip("Divide the pictures among train, val and test, after showing the numbers.")
        super().__init__("Splits", self.split)
        self.split.clicked.connect(self.split_requested)
        self.cells: dict[tuple[Split | None, Status | None], QPushButton] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(GRID)
        grid.setVerticalSpacing(0)
        for x, title in enumerate(("Pictures", *(title for _, _, title in STATUS_COLUMNS)), 1):
            head = text_label(title, "muted")
            head.setContentsMargins(0, 0, GRID, 0)  # as far from the edge as the numbers, which are buttons
            grid.addWidget(head, 0, x, Qt.AlignmentFlag.AlignRight)
            grid.setColumnMinimumWidth(x, 12 * GRID)
        for y, (split, key, title) in enumerate(SPLIT_ROWS, 1):
            grid.addWidget(text_label(title), y, 0)
            grid.addWidget(self._cell(split, None, key, title), y, 1, Qt.AlignmentFlag.AlignRight)
            for x, (status, of_status, name) in enumerate(STATUS_COLUMNS, 2):
                cell = self._cell(split, status, f"{key}+{of_status}", f"{title}, {name.lower()}")
                grid.addWidget(cell, y, x, Qt.AlignmentFlag.AlignRight)
        grid.setColumnStretch(0, 1)
        self.add(grid)
        self.set_table({})

    def set_table(self, table: Mapping[tuple[Split | None, Status], int]) -> None:
        """Pictures by split and status; missing ones are 0."""
        for (split, status), cell in self.cells.items():
            known = [n for (of, at), n in table.items() if of == split and status in (None, at)]
            cell.setText(f"{sum(known):,}")
            cell.setEnabled(sum(known) > 0)

    def _cell(self, split: Split | None, status: Status | None, key: str, title: str) -> QPushButton:
        cell = link_button("0", title, f"Show these pictures: {title[0].lower()}{title[1:]}.")
        cell.setProperty("role", "number")
        cell.clicked.connect(lambda: self.filter_requested.emit(key, title))
        self.cells[split, status] = cell
        return cell
