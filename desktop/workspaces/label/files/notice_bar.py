"""The strip above the canvas that says what happened to a picture's file, with what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QCheckBox, QLabel, QPushButton, QSizePolicy, QWidget

from desktop.theme.icons import icon_pixmap
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import button, icon_button, row, set_background, text_label
from desktop.widgets.plain_text import plain_tooltip

ICON_SIZE = 20
MIN_WIDTH_OF_A_LINE = 100 * GRID


@dataclass(frozen=True, slots=True)
class FileNotice:
    """text: a sentence or two; choices: (key, title, tooltip) of the buttons, the first is the usual one; others: the
    number of other pictures that the choice can be for as well; is_question: a decision is needed"""

    text: str
    choices: Sequence[tuple[str, str, str]] = ()
    others: int = 0
    is_question: bool = True


class FileNoticeBar(QWidget):
    """Hidden while there is no notice. `chosen` carries the key of a button, and whether it is for all."""

    chosen = Signal(str, bool)
    dismissed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        set_background(self, "panel")
        self.setAccessibleName("File of the picture")
        self._icon = QLabel()
        self.text = text_label("", wrap=True)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.all_box = QCheckBox()
        self.close_button = icon_button("close", "Dismiss", theme, 16)
        self.close_button.clicked.connect(self.dismissed)
        self.buttons: dict[str, QPushButton] = {}
        self._buttons = row(spacing=GRID)
        said = row(self._icon, self.text)
        said.setStretch(1, 1)
        self._box = row(said, row(self.all_box, self._buttons, None))
        self._box.setStretch(0, 1)
        line = row(self._box, self.close_button, margins=(GRID + 4, GRID // 2 + 2, GRID // 2, GRID // 2 + 2))
        line.setStretch(0, 1)
        self.setLayout(line)
        self.notice: FileNotice | None = None
        theme.changed.connect(self._show_icon)
        self._show_icon()
        self.hide()

    def show_notice(self, notice: FileNotice | None) -> None:
        """None hides the bar. The same notice again changes nothing: a choice of “all” stays."""
        if notice == self.notice:
            return
        before, self.notice = self.notice, notice
        if notice is not None and before == replace(notice, text=before.text if before else ""):
            self._show_text(notice.text)  # the buttons stay: one may be pressed at this moment
            return
        while (item := self._buttons.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self.buttons = {}
        if notice is None:
            self.hide()
            return
        self._show_text(notice.text)
        self.all_box.setVisible(notice.others > 0)
        self.all_box.setChecked(False)
        self.all_box.setText(f"All {notice.others + 1:,} replaced")
        self.all_box.setToolTip("Decide the same for all labelled pictures that have been replaced.")
        for number, (key, title, tooltip) in enumerate(notice.choices):
            made = button(title, "primary" if number == 0 and notice.is_question else "")
            made.setToolTip(tooltip)
            made.clicked.connect(lambda _on=False, k=key: self.chosen.emit(k, self.all_box.isChecked()))
            self.buttons[key] = made
            self._buttons.addWidget(made)
        self._show_icon()
        self._lay_out()
        self.show()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._lay_out()

    def _show_text(self, text: str) -> None:
        self.text.setText(text)
        self.text.setToolTip(plain_tooltip(text))

    def _lay_out(self) -> None:
        """Put the buttons below the text where there is no room for both side by side."""
        is_narrow = len(self.buttons) > 1 and self.width() < MIN_WIDTH_OF_A_LINE
        directions = QBoxLayout.Direction
        self._box.setDirection(directions.TopToBottom if is_narrow else directions.LeftToRight)

    def _show_icon(self) -> None:
        is_question = self.notice is None or self.notice.is_question
        name, role = ("warning", "warning") if is_question else ("photo", "muted")
        colour = self._theme.colour(role)
        self._icon.setPixmap(icon_pixmap(name, colour, ICON_SIZE, self.devicePixelRatioF()))
