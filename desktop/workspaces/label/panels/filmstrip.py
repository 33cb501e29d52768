"""The filmstrip: thumbnails of all pictures, with filter, order, and the number of pictures done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QProgressBar, QWidget

from desktop.picture_list import PictureSource
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import (
    ElidedLabel,
    column,
    combo_box,
    icon_button,
    row,
    set_background,
    text_label,
)
from desktop.widgets.filter_box import FilterBox
from desktop.workspaces.label.panels.thumbnail_strip import ThumbnailStrip

ORDERS = (("name", "By name"), ("uncertainty", "By uncertainty"), ("queue", "By benefit"))


class Filmstrip(QWidget):
    """Filter and order are only requested; PictureNavigator answers with another source."""

    picture_chosen = Signal(int)
    thumbnail_requested = Signal(int)
    filter_changed = Signal(str)
    filters_opened = Signal()
    order_changed = Signal(str)
    previous_requested = Signal()
    next_requested = Signal()
    menu_requested = Signal(int, QPoint)
    """The context menu of a picture, at a position on the screen."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_background(self, "panel")
        self.thumbnails = ThumbnailStrip(theme)
        self.thumbnails.picture_chosen.connect(self.picture_chosen)
        self.thumbnails.thumbnail_requested.connect(self.thumbnail_requested)
        self.thumbnails.menu_requested.connect(self.menu_requested)
        self.filter = FilterBox(theme)
        self.filter.opened.connect(self.filters_opened)
        self.order = combo_box(ORDERS, "Order of the pictures", "quiet")
        self.order.setToolTip(
            "By benefit: first what helps the network most, and one picture in five at random"
        )
        self.reason = ElidedLabel(role="muted")
        self.reason.setAccessibleName("Why to label this picture")
        self.filter.activated.connect(lambda _i: self.filter_changed.emit(self.filter.currentData()))
        self.order.activated.connect(lambda _i: self.order_changed.emit(self.order.currentData()))
        self.previous_button = icon_button("chevron-left", "Previous picture", theme)
        self.next_button = icon_button("chevron-right", "Next picture", theme)
        self.previous_button.clicked.connect(self.previous_requested)
        self.next_button.clicked.connect(self.next_requested)
        self.done_text = text_label("", "muted")
        self.progress_bar = QProgressBar()
        self.progress_bar.setTextVisible(False)
        self.progress_bar.setFixedWidth(12 * GRID)
        self.progress_bar.setAccessibleName("Pictures done")
        header = row(
            self.filter,
            self.order,
            GRID,
            self.reason,
            GRID,
            self.done_text,
            self.progress_bar,
            GRID,
            self.previous_button,
            self.next_button,
            margins=(GRID, GRID // 2, GRID, 0),
        )
        header.setStretchFactor(self.reason, 1)
        self.setLayout(column(header, self.thumbnails, spacing=0))
        self.set_done(0, 0)

    def set_source(self, source: PictureSource) -> None:
        """Show these pictures, in this order."""
        self.thumbnails.set_source(source)

    def set_reason(self, text: str) -> None:
        """Why the current picture is worth labelling; "" when nothing is known."""
        self.reason.setText(text)

    def set_note_of(self, note_of: Callable[[int], str]) -> None:
        """What the tooltip of a picture says besides; "" for nothing."""
        self.thumbnails.note_of = note_of

    def refresh(self) -> None:
        """Rows of the source were added, removed or changed."""
        self.thumbnails.refresh()

    def set_current(self, picture_id: int | None) -> None:
        self.thumbnails.set_current(picture_id)

    def set_thumbnail(self, picture_id: int, image: QImage) -> None:
        self.thumbnails.set_thumbnail(picture_id, image)

    def set_error(self, picture_id: int, message: str) -> None:
        """See `ThumbnailStrip.set_error`."""
        self.thumbnails.set_error(picture_id, message)

    def forget_thumbnails(self, picture_ids: Iterable[int]) -> None:
        """See `ThumbnailStrip.forget_thumbnails`."""
        self.thumbnails.forget_thumbnails(picture_ids)

    def clear_thumbnails(self) -> None:
        self.thumbnails.clear_thumbnails()

    def set_done(self, done: int, total: int) -> None:
        self.done_text.setText(f"{done:,} of {total:,} done" if total else "")
        self.progress_bar.setVisible(total > 0)
        self.progress_bar.setRange(0, max(1, total))
        self.progress_bar.setValue(done)

    def set_tags(self, tags: Sequence[str]) -> None:
        """See `FilterBox.set_tags`."""
        self.filter.set_tags(tags)

    def set_filter(self, key: str, title: str = "") -> None:
        """See `FilterBox.set_filter`."""
        self.filter.set_filter(key, title)

    def set_order(self, key: str) -> None:
        self.order.setCurrentIndex(self.order.findData(key))

    def set_empty_text(self, text: str) -> None:
        """The text in place of thumbnails when no picture passes the filter."""
        self.thumbnails.empty_text = text
        self.thumbnails.viewport().update()
