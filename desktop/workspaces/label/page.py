"""The Label workspace laid out: tools, options, canvas, filmstrip, the column of panels; and the way back from them."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QHBoxLayout, QVBoxLayout, QWidget

from desktop.canvas.canvas import Canvas
from desktop.theme.theme import Theme
from desktop.widgets.controls import hairline
from desktop.workspaces.label.panels.filmstrip import Filmstrip
from desktop.workspaces.label.panels.metadata_bar import MetadataBar
from desktop.workspaces.label.panels.option_bar import OptionBar
from desktop.workspaces.label.panels.side_column import SideColumn
from desktop.workspaces.label.panels.tool_strip import ToolStrip


class LabelPage(QWidget):
    """Holds the widgets that Labelling and Learning bring to life."""

    def __init__(self, actions: Mapping[str, QAction], theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tool_strip = ToolStrip(actions, theme)
        self.option_bar = OptionBar(actions, theme)
        self.canvas = Canvas()
        self.metadata_bar = MetadataBar(theme)
        self.filmstrip = Filmstrip(theme)
        self.side_column = SideColumn(theme)
        self.classes, self.layers, self.training = (
            self.side_column.classes,
            self.side_column.layers,
            self.side_column.training,
        )
        self.canvas.busy_changed.connect(self.option_bar.set_busy)
        self.layers.add_buttons(actions[key] for key in ("swipe", "side_by_side"))

        middle = QVBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self.option_bar)
        middle.addWidget(self.canvas, 1)
        middle.addWidget(self.metadata_bar)
        middle.addWidget(hairline())
        middle.addWidget(self.filmstrip)

        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.tool_strip)
        whole.addLayout(middle, 1)
        whole.addWidget(self.side_column)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc leads from anywhere back to the picture, and so does Enter once a number is typed: keys of tools would
        only be typed into the field otherwise, and Tab takes forty steps."""
        entered = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        typed = entered and isinstance(QApplication.focusWidget(), QAbstractSpinBox)
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier == Qt.KeyboardModifier.NoModifier and (
            typed or event.key() == Qt.Key.Key_Escape
        ):
            self.canvas.setFocus()
            event.accept()
            return
        super().keyPressEvent(event)
