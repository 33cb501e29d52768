"""The combo box that filters a list of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QWidget

from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import ComboBox, combo_box

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
TAG_PREFIX = "tag:"
"""Begins the key of a filter that shows the pictures with a tag."""
FIRST_OF_GROUP = ("train", "noted")
"""Filters with a separator above them: they are the first of another kind."""


class FilterDelegate(QStyledItemDelegate):
    """Draws a hairline for a separator, which a combo box with a stylesheet shows as an empty row."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Any) -> QSize:  # noqa: N802
        return QSize(0, GRID + 1) if _is_separator(index) else super().sizeHint(option, index)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Any) -> None:
        if _is_separator(index):
            middle = option.rect.center().y()
            painter.fillRect(option.rect.left(), middle, option.rect.width(), 1, self._theme.colour("line"))
        else:
            super().paint(painter, option, index)


def _is_separator(index: Any) -> bool:
    return bool(index.data(Qt.ItemDataRole.AccessibleDescriptionRole) == "separator")


class FilterBox(ComboBox):
    """All filters, and any that was set elsewhere. `opened` is emitted before the list opens, so that its tags can be
    brought up to date."""

    opened = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        combo_box(FILTERS, "Which pictures to show", "quiet", self)
        self.setItemDelegate(FilterDelegate(theme, self))
        self.setMaxVisibleItems(24)
        for key in FIRST_OF_GROUP:
            self.insertSeparator(self.findData(key))
        self._fixed = self.count()

    def showPopup(self) -> None:  # noqa: N802
        self.opened.emit()
        super().showPopup()

    def set_tags(self, tags: Sequence[str]) -> None:
        """Offer a filter for each of these tags; the selected filter stays, and nothing is emitted."""
        chosen, title = self.currentData(), self.currentText()
        while self.count() > self._fixed:
            self.removeItem(self.count() - 1)
        for tag in tags:
            self.addItem(f"Tagged “{tag}”", TAG_PREFIX + tag)
        self.set_filter(chosen, title)

    def set_filter(self, key: str, title: str = "") -> None:
        """Select a filter without emitting a signal. One that is not in the list is added with `title`."""
        if self.findData(key) < 0 and title:
            self.addItem(title, key)
        self.setCurrentIndex(self.findData(key))
