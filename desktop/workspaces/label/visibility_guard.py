"""What acts on the picture in hand acts only while that picture is seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from desktop.actions.catalog import row
from desktop.canvas.canvas import CanvasView

if TYPE_CHECKING:
    from desktop.workspaces.label.tool_controller import Choosing

ELSEWHERE = "This works in the Label workspace."
GROUPS = frozenset(("Tools", "Regions", "Pictures", "Predictions"))
"""Groups of the table of actions that are about the picture in hand."""
TURNS = frozenset(("undo", "redo"))
"""They see for themselves: what was done to the whole project can be taken back from everywhere."""


class InSight(QObject):
    """Stands before the deeds of actions, so that key, menu and search agree. Lives on the GUI thread."""

    message = Signal(str)

    def __init__(self, canvas: CanvasView, actions: Mapping[str, QAction], choosing: Choosing) -> None:
        super().__init__()
        self._canvas, self._actions, self._choosing = canvas, actions, choosing

    def guard(self, handlers: Mapping[str, Callable[[], object]]) -> dict[str, Callable[[], object]]:
        """The same deeds; those about the picture in hand are done only in its sight, else a sentence says where."""
        return {
            key: partial(self._act, key, act) if row(key).group in GROUPS and key not in TURNS else act
            for key, act in handlers.items()
        }

    def _act(self, key: str, act: Callable[[], object]) -> None:
        if self._canvas.isVisible():
            act()
            return
        # An action that can be checked has checked itself; it shall say what holds.
        action = self._actions[key]
        if row(key).choice:
            self._actions[self._choosing.tool_key].setChecked(True)
        elif action.isCheckable():
            action.setChecked(not action.isChecked())
        self.message.emit(ELSEWHERE)
