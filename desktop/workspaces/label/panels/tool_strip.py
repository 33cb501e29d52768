"""The tool strip at the left edge: a button for each tool or group of tools, for accepting and for the view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QAction, QContextMenuEvent
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from desktop.actions.catalog import action_spec
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import column, hairline, set_background

TOOL_GROUPS: tuple[tuple[str, ...], ...] = (
    ("tool_brush",),
    ("tool_eraser",),
    ("tool_polygon", "tool_lasso", "tool_rectangle", "tool_ellipse"),
    ("tool_fill", "tool_wand", "tool_superpixels"),
    ("tool_scissors", "tool_grabcut", "tool_watershed"),
    ("tool_region",),
    ("pick_class",),
)
ACCEPT_ACTIONS = ("accept_region", "accept_class", "accept_all", "accept_and_next")
VIEW_ACTIONS = ("fit", "hide_overlays")


class ToolGroupButton(QToolButton):
    """Shows the tool of its group that was used last; a long press or the right button opens a menu of the others."""

    def __init__(self, actions: Sequence[QAction]) -> None:
        super().__init__()
        self.setProperty("role", "family")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.DelayedPopup)
        menu = QMenu(self)
        for action in actions:
            menu.addAction(action)
            action.toggled.connect(partial(self._toggled, action))
        self.setMenu(menu)
        self._show(actions[0])

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        self.menu().popup(self.mapToGlobal(QPoint(self.width(), 0)))
        event.accept()

    def _toggled(self, action: QAction, is_active: bool) -> None:
        if is_active:
            self._show(action)

    def _show(self, action: QAction) -> None:
        self.setDefaultAction(action)
        self.setToolTip(action.toolTip() + "<p>Hold or right-click for more.</p>")
        self.setAccessibleName(action_spec(action.objectName()).title)


class ToolStrip(QWidget):
    """Buttons for actions; which one is checked or enabled is the state of the action."""

    def __init__(self, actions: Mapping[str, QAction], theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        set_background(self, "bar")
        self.buttons: dict[str, QToolButton] = {}
        tools = [self._group_button([actions[key] for key in family]) for family in TOOL_GROUPS]
        single = {key: self._button(actions[key]) for key in (*ACCEPT_ACTIONS, *VIEW_ACTIONS)}
        self.setLayout(
            column(
                *tools,
                hairline(),
                *(single[key] for key in ACCEPT_ACTIONS),
                None,
                *(single[key] for key in VIEW_ACTIONS),
                spacing=GRID // 2,
                margins=(6, GRID, 6, GRID),
            )
        )
        self.setFixedWidth(36 + 12)

    def _group_button(self, actions: Sequence[QAction]) -> QToolButton:
        if len(actions) == 1:
            return self._button(actions[0])
        button = ToolGroupButton(actions)
        self.buttons |= {action.objectName(): button for action in actions}
        return _sized(button)

    def _button(self, action: QAction) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(action)
        button.setAccessibleName(action_spec(action.objectName()).title)
        self.buttons[action.objectName()] = button
        return _sized(button)


def _sized(button: QToolButton) -> QToolButton:
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    button.setIconSize(QSize(20, 20))
    button.setFixedSize(36, 36)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
