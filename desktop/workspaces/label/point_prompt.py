"""Things that are done where the pointer is, asked for with a button: the next click on the picture says where."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from core.tools.point_prompt import Aim
from desktop.connections import Wires
from desktop.workspaces.label.page import LabelPage


class Aiming(QObject):
    """Puts an Aim into the hand for one click; then what was in the hand before comes back. On the GUI thread.

    Keys find the pointer on the picture and need none of this: who clicks a button has taken it away from there.
    """

    message = Signal(str)

    def __init__(self, page: LabelPage, take_back: Callable[[], object]) -> None:
        super().__init__()
        self._page, self._canvas, self._take_back = page, page.canvas, take_back
        self._aim: Aim | None = None
        self._act: Callable[[], object] | None = None
        self._wires = Wires()
        self._wires.join(self._canvas.tool_over, self._over)

    def ask(self, title: str, what: str, act: Callable[[], object]) -> None:
        """Wait for a click on `what`, in words, and do `act` while the pointer is there."""
        if self._canvas.stage() is None:
            return
        words = f"Click {what}. Esc or the right button leaves it."
        self._aim, self._act = Aim(title, words), act
        self._canvas.set_tool(self._aim)
        self._page.options.set_tool(title, words, None)
        self._page.options.controls.show_controls([], self._canvas.options)
        self._canvas.setFocus()
        self.message.emit(words)

    def leave(self) -> None:
        self._wires.cut()
        self._aim = self._act = None

    def _over(self) -> None:
        aim, act = self._aim, self._act
        self._aim = self._act = None
        if aim is None or self._canvas.tool is not aim:
            return
        self.message.emit("")
        self._take_back()
        if aim.at is not None and act is not None:
            act()
