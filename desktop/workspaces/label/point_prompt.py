"""Things that are done where the pointer is, asked for with a button: the next click on the picture says where."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from core.tools.point_prompt import PointPrompt
from desktop.connections import ConnectionGroup
from desktop.workspaces.label.page import LabelPage


class PointPromptController(QObject):
    """Puts an Aim into the hand for one click; then what was in the hand before comes back. On the GUI thread.

    Keys find the pointer on the picture and need none of this: who clicks a button has taken it away from there.
    """

    message = Signal(str)

    def __init__(self, page: LabelPage, restore_tool: Callable[[], object]) -> None:
        super().__init__()
        self._page, self._canvas, self._restore_tool = page, page.canvas, restore_tool
        self._prompt: PointPrompt | None = None
        self._on_point: Callable[[], object] | None = None
        self._wires = ConnectionGroup()
        self._wires.connect(self._canvas.tool_finished, self._finished)

    def ask(self, title: str, target: str, on_point: Callable[[], object]) -> None:
        """Wait for a click on `what`, in words, and do `act` while the pointer is there."""
        if self._canvas.tool_context() is None:
            return
        words = f"Click {target}. Esc or the right button leaves it."
        self._prompt, self._on_point = PointPrompt(title, words), on_point
        self._canvas.set_tool(self._prompt)
        self._page.option_bar.set_tool(title, words, None)
        self._page.option_bar.controls.show_controls([], self._canvas.options)
        self._canvas.setFocus()
        self.message.emit(words)

    def close(self) -> None:
        self._wires.disconnect_all()
        self._prompt = self._on_point = None

    def _finished(self) -> None:
        aim, act = self._prompt, self._on_point
        self._prompt = self._on_point = None
        if aim is None or self._canvas.tool is not aim:
            return
        self.message.emit("")
        self._restore_tool()
        if aim.point is not None and act is not None:
            act()
