"""The filmstrip: thumbnails of all pictures with filter, order, and how many are done."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QProgressBar, QWidget

from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import choice, column, ground, icon_button, row, words
from desktop.widgets.filter_box import FILTERS, FilterBox
from desktop.widgets.picture_status import PictureRow
from desktop.workspaces.label.panels.thumbnail_strip import NoPictures, PictureSource, Thumbs

ORDERS = (("name", "By name"), ("uncertainty", "By uncertainty"))

__all__ = ["FILTERS", "ORDERS", "Filmstrip", "NoPictures", "PictureRow", "PictureSource"]


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
        self.filter = FilterBox(theme)
        self.filter.opened.connect(self.filters_opened)
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

    def set_fault(self, picture_id: int, reason: str) -> None:
        """See `Thumbs.set_fault`."""
        self.thumbs.set_fault(picture_id, reason)

    def forget_thumbnails(self) -> None:
        self.thumbs.forget_thumbnails()

    def set_done(self, done: int, total: int) -> None:
        self.done.setText(f"{done:,} of {total:,} done" if total else "")
        self.bar.setVisible(total > 0)
        self.bar.setRange(0, max(1, total))
        self.bar.setValue(done)

    def set_tags(self, tags: Sequence[str]) -> None:
        """See `FilterBox.set_tags`."""
        self.filter.set_tags(tags)

    def set_filter(self, key: str, title: str = "") -> None:
        """See `FilterBox.set_filter`."""
        self.filter.set_filter(key, title)

    def set_order(self, key: str) -> None:
        self.order.setCurrentIndex(self.order.findData(key))

    def set_empty_text(self, text: str) -> None:
        """What stands in the strip when no picture passes the filter."""
        self.thumbs.empty_text = text
        self.thumbs.viewport().update()
