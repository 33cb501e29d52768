"""The tools, one below the other at the left edge."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QToolButton, QWidget

from desktop.actions import row as action_row
from desktop.panels.parts import column, ground, hairline
from desktop.theme import GRID, Theme

TOOLS = ("tool_brush", "tool_eraser", "tool_polygon", "tool_fill", "pick_class")
ACCEPTS = ("accept_region", "accept_class", "accept_all", "accept_and_next")
VIEWS = ("fit", "hide_overlays")


class ToolStrip(QWidget):
    """Buttons of actions: what is checked, enabled and chosen lives in the actions."""

    def __init__(self, actions: Mapping[str, QAction], theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        ground(self, "bar")
        self.buttons = {key: self._button(actions[key]) for key in (*TOOLS, *ACCEPTS, *VIEWS)}
        self.setLayout(
            column(
                *(self.buttons[key] for key in TOOLS),
                hairline(),
                *(self.buttons[key] for key in ACCEPTS),
                None,
                *(self.buttons[key] for key in VIEWS),
                spacing=GRID // 2,
                margins=(6, GRID, 6, GRID),
            )
        )
        self.setFixedWidth(36 + 12)

    def _button(self, action: QAction) -> QToolButton:
        made = QToolButton()
        made.setDefaultAction(action)
        made.setAccessibleName(action_row(action.objectName()).title)
        made.setIconSize(QSize(20, 20))
        made.setFixedSize(36, 36)
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return made
