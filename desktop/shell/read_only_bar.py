"""The bar below the top bar while a project is open read-only."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import ElidedLabel, button, row, set_background


class ReadOnlyBar(QWidget):
    """Hidden by default. `write_requested`: try to open the project for writing."""

    write_requested = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        set_background(self, "bar")
        self.setFixedHeight(max(5 * GRID, theme.text_size * 3))
        self.text = ElidedLabel("", "warning")
        self.open_for_writing = button("Open for writing")
        self.open_for_writing.setToolTip("Try again to open this project so that it can be changed.")
        self.open_for_writing.clicked.connect(self.write_requested)
        line = row(self.text, self.open_for_writing, margins=(2 * GRID, 4, 2 * GRID, 4))
        line.setStretch(0, 1)
        self.setLayout(line)
        self.hide()
