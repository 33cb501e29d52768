"""The Label workspace laid out: tools, options, canvas, filmstrip, and the column of panels. No behaviour."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop.canvas.view import CanvasView
from desktop.panels.classes import ClassesPanel
from desktop.panels.filmstrip import Filmstrip
from desktop.panels.layers import LayersPanel
from desktop.panels.learning import LearningPanel
from desktop.panels.option_bar import OptionBar
from desktop.panels.parts import hairline
from desktop.panels.tool_strip import ToolStrip
from desktop.theme import Theme

COLUMN = 304
"""Width of the panel column in logical pixels."""


class LabelPage(QWidget):
    """Holds the widgets that Labelling and Learning bring to life."""

    def __init__(self, actions: Mapping[str, QAction], theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tools = ToolStrip(actions, theme)
        self.options = OptionBar(actions, theme)
        self.canvas = CanvasView()
        self.filmstrip = Filmstrip(theme)
        self.classes = ClassesPanel(theme)
        self.layers = LayersPanel(theme)
        self.learning = LearningPanel(theme)

        middle = QVBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self.options)
        middle.addWidget(self.canvas, 1)
        middle.addWidget(self.filmstrip)

        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.tools)
        whole.addLayout(middle, 1)
        whole.addWidget(self._column())

    def _column(self) -> QScrollArea:
        inside = QWidget()
        inside.setProperty("role", "panel")
        stack = QVBoxLayout(inside)
        stack.setContentsMargins(0, 0, 0, 0)
        stack.setSpacing(0)
        stack.addWidget(self.classes, 1)
        stack.addWidget(hairline())
        stack.addWidget(self.layers)
        stack.addWidget(hairline())
        stack.addWidget(self.learning)
        column = QScrollArea()
        column.setProperty("role", "panel")
        column.setFrameShape(QFrame.Shape.NoFrame)
        column.setWidgetResizable(True)
        column.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column.setFixedWidth(COLUMN)
        column.setWidget(inside)
        return column
