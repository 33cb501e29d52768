"""The tags of a picture as chips, and a field that adds tags."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, QStringListModel, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QCompleter, QLineEdit, QMenu, QSizePolicy, QToolButton, QWidget

from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import ElidedLabel, icon_button, row, set_background
from desktop.widgets.plain_text import menu_text, plain_tooltip

HEIGHT = 28
FIELD_WIDTH = 10 * GRID
MAX_CHIP_WIDTH = 18 * GRID
MORE_WIDTH = 5 * GRID


class TagChip(QWidget):
    """A tag and the button that removes it."""

    def __init__(self, tag: str, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        set_background(self, "chip")
        self.tag = tag
        self.text = ElidedLabel(tag)
        self.text.setToolTip(plain_tooltip(tag))
        self.remove_button = icon_button("close", f"Remove the tag {tag}", theme, 12)
        self.remove_button.setFixedSize(20, 20)
        self.setLayout(row(self.text, self.remove_button, spacing=2, margins=(GRID, 0, 2, 0)))
        self.setFixedHeight(24)

    def preferred_width(self) -> int:
        return min(MAX_CHIP_WIDTH, self.fontMetrics().horizontalAdvance(self.tag) + 2 + GRID + 24)


class TagField(QLineEdit):
    """`focused` lets the owner set the tags to complete; `cancelled`: Esc was pressed."""

    focused = Signal()
    cancelled = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setPlaceholderText("Add a tag")
        self.setAccessibleName("Add a tag to this picture")
        self.setMaxLength(60)
        self.setProperty("role", "quiet")
        self.completions = QStringListModel(self)
        completer = QCompleter(self.completions, self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setCompleter(completer)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        self.focused.emit()
        super().focusInEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
            self.cancelled.emit()
            return
        super().keyPressEvent(event)


class TagRow(QWidget):
    """As many chips as fit, then a menu of the others, then the field."""

    added = Signal(list)
    removed = Signal(str)
    tags_requested = Signal()
    finished = Signal()
    """Enter or Esc ended the typing of tags."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.chips: list[TagChip] = []
        self.more_button = QToolButton(self)
        self.more_button.setAccessibleName("More tags")
        self.more_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more_button.setMenu(QMenu(self.more_button))
        self.more_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.field = TagField(self)
        self.field.returnPressed.connect(self._enter)
        self.field.editingFinished.connect(self.commit)
        self.field.focused.connect(self.tags_requested)
        self.field.cancelled.connect(self.finished)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._arrange()

    @property
    def tags(self) -> list[str]:
        return [chip.tag for chip in self.chips]

    def set_tags(self, tags: Sequence[str]) -> None:
        if list(tags) == self.tags:
            return
        # A chip stays the same widget as long as its tag stays: it may be about to be clicked.
        existing = {chip.tag: chip for chip in self.chips}
        self.chips = [existing.pop(tag) if tag in existing else self._chip(tag) for tag in tags]
        for removed in existing.values():
            removed.hide()
            removed.deleteLater()
        self._arrange()

    def commit(self) -> None:
        """Add the typed tags."""
        typed = [" ".join(part.split()) for part in self.field.text().replace(";", ",").split(",")]
        new_tags = [tag for tag in typed if tag and tag not in self.tags]
        self.field.clear()
        if new_tags:
            self.set_tags(sorted({*self.tags, *new_tags}))  # shown at once, before it is stored
            self.added.emit(new_tags)

    def _enter(self) -> None:
        self.commit()
        self.finished.emit()

    def sizeHint(self) -> QSize:  # noqa: N802
        chips = sum(chip.preferred_width() + 4 for chip in self.chips)
        return QSize(chips + FIELD_WIDTH, HEIGHT)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(MORE_WIDTH + 4 + FIELD_WIDTH, HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._arrange()

    def _chip(self, tag: str) -> TagChip:
        chip = TagChip(tag, self._theme, self)
        chip.remove_button.clicked.connect(lambda: self._remove(tag))
        return chip

    def _arrange(self) -> None:
        widths = [chip.preferred_width() for chip in self.chips]
        available = self.width() - FIELD_WIDTH
        fits = sum(widths) + 4 * len(widths) <= available
        if not fits:
            available -= MORE_WIDTH + 4
        left, shown, middle = 0, 0, (self.height() - 24) // 2
        for chip, width in zip(self.chips, widths, strict=True):
            fits_too = shown == self.chips.index(chip) and left + width + 4 <= available
            chip.setVisible(fits_too)
            if fits_too:
                chip.setGeometry(left, middle, width, 24)
                left += width + 4
                shown += 1
        hidden = self.tags[shown:]
        self.more_button.setVisible(bool(hidden))
        if hidden:
            self.more_button.setText(f"+{len(hidden)}")
            self.more_button.setToolTip("\n".join(hidden))
            self.more_button.setGeometry(left, middle, MORE_WIDTH, 24)
            left += MORE_WIDTH + 4
            menu = self.more_button.menu()
            menu.clear()
            for tag in hidden:
                action = menu.addAction(menu_text(f"Remove “{tag}”"))
                action.triggered.connect(lambda _on=False, tag=tag: self._remove(tag))
        self.field.setGeometry(left, (self.height() - HEIGHT) // 2, FIELD_WIDTH, HEIGHT)
        self.updateGeometry()

    def _remove(self, tag: str) -> None:
        self.set_tags([each for each in self.tags if each != tag])
        self.removed.emit(tag)
