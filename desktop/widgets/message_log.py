"""The messages of the status bar that have been shown: a list that opens above it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFrame, QListWidget, QWidget

from desktop.theme.theme import GRID
from desktop.widgets.controls import column, text_label

MAX_MESSAGES = 100
"""Messages that are kept; older ones are dropped."""
WIDTH, HEIGHT = 60 * GRID, 30 * GRID


@dataclass(frozen=True, slots=True)
class PastMessage:
    """shown_at: as HH:MM"""

    shown_at: str
    text: str


class MessageLog:
    """Messages in the order in which they were shown; one that is repeated at once is kept once."""

    def __init__(self) -> None:
        self.messages: deque[PastMessage] = deque(maxlen=MAX_MESSAGES)

    def add(self, text: str) -> None:
        if not self.messages or self.messages[-1].text != text:
            self.messages.append(PastMessage(f"{datetime.now():%H:%M}", text))


class MessagePopup(QFrame):
    """A list of past messages, newest first. Esc or a click elsewhere closes it; Ctrl+C copies."""

    def __init__(self, log: MessageLog, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "sheet")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.list = QListWidget()
        self.list.setAccessibleName("Past messages")
        self.list.setWordWrap(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideNone)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for each in reversed(log.messages):
            self.list.addItem(f"{each.shown_at}   {each.text}")
        empty = text_label("Nothing has been said since the start.", "muted")
        empty.setVisible(not log.messages)
        self.list.setVisible(bool(log.messages))
        self.setLayout(
            column(text_label("Messages", "heading"), empty, self.list, margins=(GRID, GRID, GRID, GRID))
        )
        self.resize(WIDTH, HEIGHT if log.messages else 8 * GRID)

    def open_above(self, widget: QWidget) -> None:
        """Open with the lower left corner at the upper left one of a widget."""
        corner = widget.mapToGlobal(QPoint(GRID, -GRID))
        self.move(corner.x(), corner.y() - self.height())
        self.show()
        self.list.setFocus()
