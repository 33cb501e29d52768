"""Runs actions about the active picture only while the canvas is visible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtGui import QAction

from desktop.actions.catalog import action_spec
from desktop.canvas.canvas import Canvas
from desktop.controller import Actions, Controller
from desktop.workspaces.label.tool_controller import ToolController

ONLY_IN_LABEL = "This works in the Label workspace."
CANVAS_GROUPS = frozenset(("Tools", "Regions", "Pictures", "Predictions"))
"""Groups of the action catalog that are about the active picture."""
UNGUARDED = frozenset(("undo", "redo"))
"""They check it themselves: an edit of the whole project can be undone from every workspace."""


class CanvasVisibleGuard(Controller):
    """Wraps the actions, so that shortcut, menu and command palette behave alike. Lives on the GUI thread."""

    def __init__(self, canvas: Canvas, actions: Mapping[str, QAction], tools: ToolController) -> None:
        super().__init__()
        self._canvas, self._actions, self._tools = canvas, actions, tools

    def guard(self, actions: Actions) -> Actions:
        """The same actions; those about the active picture only show a message while the canvas is hidden."""
        return {
            key: partial(self._run, key, act)
            if action_spec(key).group in CANVAS_GROUPS and key not in UNGUARDED
            else act
            for key, act in actions.items()
        }

    def _run(self, key: str, act: Callable[[], object]) -> None:
        if self._canvas.isVisible():
            act()
            return
        # A checkable action has toggled itself already; set it back.
        action = self._actions[key]
        if action_spec(key).exclusive_group:
            self._actions[self._tools.tool_key].setChecked(True)
        elif action.isCheckable():
            action.setChecked(not action.isChecked())
        self.message.emit(ONLY_IN_LABEL)
