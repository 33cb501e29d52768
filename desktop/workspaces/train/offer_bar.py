"""A bar that offers something in a sentence, with a button to take it and one to decline."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop.theme.theme import GRID
from desktop.widgets.controls import button, row, set_background, text_label

MARGIN = 3 * GRID


class OfferBar(QWidget):
    """Hidden while there is nothing to offer. `answered` carries whether the offer was taken."""

    answered = Signal(bool)

    def __init__(self, decline: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_background(self, "panel")
        self.text = text_label("", wrap=True)
        self.accept, self.decline = button("Use it"), button(decline, "quiet")
        self.accept.clicked.connect(lambda: self.answered.emit(True))
        self.decline.clicked.connect(lambda: self.answered.emit(False))
        line = row(self.text, self.accept, self.decline, margins=(MARGIN, GRID, MARGIN, GRID))
        line.setStretch(0, 1)
        self.setLayout(line)
        self.hide()

    def set_offer(self, text: str, accept: str = "Use it") -> None:
        """Offer `text` with a button named `accept`, without one if that is empty; an empty text hides the row."""
        self.text.setText(text)
        self.accept.setText(accept)
        self.accept.setVisible(bool(accept))
        self.setVisible(bool(text))
