"""Cards that the pages of Data and Learn are made of: a heading with buttons, and content below it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QLayout,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from desktop.theme.theme import GRID
from desktop.widgets.controls import button, column, row, text_label


class Card(QFrame):
    """A heading with buttons at its right; `add` puts content below it."""

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
    """Text that leads to pictures when clicked; `name` is its accessible name, `help_` its tooltip."""
    made = button(text, "row")
    made.setAccessibleName(name)
    made.setToolTip(help_)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    return made
