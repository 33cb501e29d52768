"""The column at the right: classes, layers, learning; the list of classes gets the room that is left."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from desktop.panels.classes import ClassesPanel
from desktop.panels.layers import LayersPanel
from desktop.panels.learning import LearningPanel
from desktop.panels.parts import PANEL_WIDTH, column, ground, hairline
from desktop.theme import Theme


class SideColumn(QWidget):
    """Holds the three panels; whoever owns the session talks to them."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        ground(self, "panel")
        self.classes = ClassesPanel(theme)
        self.layers = LayersPanel(theme)
        self.learning = LearningPanel(theme)
        layout = column(self.classes, hairline(), self.layers, hairline(), self.learning, spacing=0)
        layout.setStretch(0, 1)
        self.setLayout(layout)
        self.setFixedWidth(PANEL_WIDTH)
