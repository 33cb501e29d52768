"""The tool in the hand and the class it paints with, kept by the project from one time to the next."""

from __future__ import annotations

from PySide6.QtCore import QObject

from core.session.session import Session
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.tool_controller import ToolController

TOOL_KEY, CLASS_KEY = "tool_in_hand", "active_class"
"""Facts of the project under which both are remembered."""


class ToolState(QObject):
    """Lives as long as a session, on the GUI thread."""

    def __init__(self, session: Session, bridge: MainThreadDispatcher, tools: ToolController) -> None:
        super().__init__()
        self._session, self._tools = session, tools
        self._initial = self._saved = self._current()
        self._closed = False
        bridge.when_done(session.fact(TOOL_KEY), self._restore_tool)
        bridge.when_done(session.fact(CLASS_KEY), self._restore_class)

    def save(self) -> None:
        """Remember what is in the hand now; nothing is written while that is the same."""
        now = self._current()
        if now != self._saved:
            self._saved = now
            self._session.set_fact(TOOL_KEY, now[0])
            self._session.set_fact(CLASS_KEY, str(now[1]))

    def close(self) -> None:
        """Before the session is closed."""
        self.save()
        self._closed = True

    def _current(self) -> tuple[str, int]:
        return self._tools.tool_key, self._tools.active_class

    def _restore_tool(self, text: str | None) -> None:
        # Who has chosen something meanwhile wants that.
        untouched = self._current()[0] == self._initial[0]
        if not self._closed and untouched and text is not None and self._tools.has_tool(text):
            self._tools.select_tool(text)
            self._saved = (text, self._saved[1])

    def _restore_class(self, text: str | None) -> None:
        untouched = self._current()[1] == self._initial[1]
        if (
            not self._closed
            and untouched
            and text is not None
            and text.isascii()
            and text.isdigit()
            and len(text) < 4
        ):
            self._tools.choose_class(int(text))
            self._saved = (self._saved[0], int(text))
