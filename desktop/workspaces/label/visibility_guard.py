"""What acts on the picture in hand acts only while that picture is seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from desktop.actions.catalog import action_spec
from desktop.canvas.canvas import Canvas

if TYPE_CHECKING:
    from desktop.workspaces.label.tool_controller import ToolController

ONLY_IN_LABEL = "This works in the Label workspace."
CANVAS_GROUPS = frozenset(("Tools", "Regions", "Pictures", "Predictions"))
"""Groups of the table of actions that are about the picture in hand."""
UNGUARDED = frozenset(("undo", "redo"))
"""They see for themselves: what was done to the whole project can be taken back from everywhere."""


class CanvasVisibleGuard(QObject):
    """Stands before the deeds of actions, so that key, menu and search agree. Lives on the GUI thread."""

    message = Signal(str)

    def __init__(self, canvas: Canvas, actions: Mapping[str, QAction], tools: ToolController) -> None:
        super().__init__()
        self._canvas, self._actions, self._tools = canvas, actions, tools

    def guard(self, actions: Mapping[str, Callable[[], object]]) -> dict[str, Callable[[], object]]:
        """The same deeds; those about the picture in hand are done only in its sight, else a sentence says where."""
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
        # An action that can be checked has checked itself; it shall say what holds.
        action = self._actions[key]
        if action_spec(key).exclusive_group:
            self._actions[self._tools.tool_key].setChecked(True)
        elif action.isCheckable():
            action.setChecked(not action.isChecked())
        self.message.emit(ONLY_IN_LABEL)
