"""The filmstrip: thumbnails of all pictures with filter, order, and how many are done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QComboBox, QProgressBar, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from desktop.panels.parts import choice, column, ground, icon_button, row, words
from desktop.panels.thumbs import NoPictures, PictureRow, PictureSource, Thumbs
from desktop.picture_list import TAG_KEY
from desktop.theme import GRID, Theme

FILTERS = (
    ("all", "All pictures"),
    ("open", "Not done"),
    ("new", "New"),
    ("predicted", "Predicted"),
    ("in progress", "In progress"),
    ("labelled", "Labelled"),
    ("done", "Done"),
    ("review", "To review"),
    ("skipped", "Skipped"),
    ("train", "Split: train"),
    ("val", "Split: validation"),
    ("test", "Split: test"),
    ("no split", "Without a split"),
    ("noted", "With a note"),
)
GROUPS = ("train", "noted")
"""Filters that begin another kind: a line stands above them."""
ORDERS = (("name", "By name"), ("uncertainty", "By uncertainty"))

__all__ = ["FILTERS", "ORDERS", "Filmstrip", "NoPictures", "PictureRow", "PictureSource"]


class FilterDelegate(QStyledItemDelegate):
    """Draws a hairline where a combo box has a separator; a stylesheet leaves an empty row there."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Any) -> QSize:  # noqa: N802
        return QSize(0, GRID + 1) if _is_line(index) else super().sizeHint(option, index)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Any) -> None:
        if _is_line(index):
            middle = option.rect.center().y()
            painter.fillRect(option.rect.left(), middle, option.rect.width(), 1, self._theme.colour("line"))
        else:
            super().paint(painter, option, index)


def _is_line(index: Any) -> bool:
    return bool(index.data(Qt.ItemDataRole.AccessibleDescriptionRole) == "separator")


class FilterBox(QComboBox):
    """Tells before its list opens, so that the tags in it can be those of now."""

    opened = Signal()

    def showPopup(self) -> None:  # noqa: N802
        self.opened.emit()
        super().showPopup()


class Filmstrip(QWidget):
    """Filter and order are only asked for: the owner answers with another source."""

    picture_chosen = Signal(int)
    thumbnail_wanted = Signal(int)
    filter_changed = Signal(str)
    filters_opened = Signal()
    order_changed = Signal(str)
    previous_asked = Signal()
    next_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        ground(self, "panel")
        self.thumbs = Thumbs(theme)
        self.thumbs.picture_chosen.connect(self.picture_chosen)
        self.thumbs.thumbnail_wanted.connect(self.thumbnail_wanted)
        self.filter = FilterBox()
        choice(FILTERS, "Which pictures to show", "quiet", self.filter)
        self.filter.setItemDelegate(FilterDelegate(theme, self.filter))
        self.filter.opened.connect(self.filters_opened)
        self.filter.setMaxVisibleItems(24)
        for key in GROUPS:
            self.filter.insertSeparator(self.filter.findData(key))
        self._fixed = self.filter.count()
        self.order = choice(ORDERS, "Order of the pictures", "quiet")
        self.filter.activated.connect(lambda _i: self.filter_changed.emit(self.filter.currentData()))
        self.order.activated.connect(lambda _i: self.order_changed.emit(self.order.currentData()))
        self.previous = icon_button("chevron-left", "Previous picture", theme)
        self.next = icon_button("chevron-right", "Next picture", theme)
        self.previous.clicked.connect(self.previous_asked)
        self.next.clicked.connect(self.next_asked)
        self.done = words("", "muted")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(12 * GRID)
        self.bar.setAccessibleName("Pictures done")
        head = row(
            self.filter,
            self.order,
            None,
            self.done,
            self.bar,
            GRID,
            self.previous,
            self.next,
            margins=(GRID, GRID // 2, GRID, 0),
        )
        self.setLayout(column(head, self.thumbs, spacing=0))
        self.set_done(0, 0)

    def set_source(self, source: PictureSource) -> None:
        """Show these pictures, in this order."""
        self.thumbs.set_source(source)

    def refresh(self) -> None:
        """Rows of the source came, went or changed."""
        self.thumbs.refresh()

    def set_current(self, picture_id: int | None) -> None:
        self.thumbs.set_current(picture_id)

    def set_thumbnail(self, picture_id: int, image: QImage) -> None:
        self.thumbs.set_thumbnail(picture_id, image)

    def forget_thumbnails(self) -> None:
        self.thumbs.forget_thumbnails()

    def set_done(self, done: int, total: int) -> None:
        self.done.setText(f"{done:,} of {total:,} done" if total else "")
        self.bar.setVisible(total > 0)
        self.bar.setRange(0, max(1, total))
        self.bar.setValue(done)

    def set_tags(self, tags: Sequence[str]) -> None:
        """Offer a filter for each of these tags; the one that is chosen now stays, and nothing is emitted."""
        chosen, title = self.filter.currentData(), self.filter.currentText()
        while self.filter.count() > self._fixed:
            self.filter.removeItem(self.filter.count() - 1)
        for tag in tags:
            self.filter.addItem(f"Tagged “{tag}”", TAG_KEY + tag)
        self.set_filter(chosen, title)

    def set_filter(self, key: str, title: str = "") -> None:
        """Show a filter as chosen; emits nothing. One that is not in the list is put there by its `title`."""
        if self.filter.findData(key) < 0 and title:
            self.filter.addItem(title, key)
        self.filter.setCurrentIndex(self.filter.findData(key))

    def set_order(self, key: str) -> None:
        self.order.setCurrentIndex(self.order.findData(key))

    def set_empty_text(self, text: str) -> None:
        """What stands in the strip when no picture passes the filter."""
        self.thumbs.empty_text = text
        self.thumbs.viewport().update()
