"""The tool in the hand and the class it paints with, kept by the project from one time to the next."""

from __future__ import annotations

from PySide6.QtCore import QObject

from core.session.session import Session
from desktop.dispatcher import Bridge
from desktop.workspaces.label.tool_controller import Choosing

TOOL, CLASS = "tool_in_hand", "active_class"
"""Facts of the project under which both are remembered."""


class Resuming(QObject):
    """Lives as long as a session, on the GUI thread."""

    def __init__(self, session: Session, bridge: Bridge, choosing: Choosing) -> None:
        super().__init__()
        self._session, self._choosing = session, choosing
        self._begun = self._kept = self._now()
        self._left = False
        bridge.when_done(session.remembered(TOOL), self._recall_tool)
        bridge.when_done(session.remembered(CLASS), self._recall_class)

    def keep(self) -> None:
        """Remember what is in the hand now; nothing is written while that is the same."""
        now = self._now()
        if now != self._kept:
            self._kept = now
            self._session.remember(TOOL, now[0])
            self._session.remember(CLASS, str(now[1]))

    def leave(self) -> None:
        """Before the session is closed."""
        self.keep()
        self._left = True

    def _now(self) -> tuple[str, int]:
        return self._choosing.tool_key, self._choosing.active_class

    def _recall_tool(self, text: str | None) -> None:
        # Who has chosen something meanwhile wants that.
        untouched = self._now()[0] == self._begun[0]
        if not self._left and untouched and text is not None and self._choosing.knows_tool(text):
            self._choosing.take_tool(text)
            self._kept = (text, self._kept[1])

    def _recall_class(self, text: str | None) -> None:
        untouched = self._now()[1] == self._begun[1]
        if (
            not self._left
            and untouched
            and text is not None
            and text.isascii()
            and text.isdigit()
            and len(text) < 4
        ):
            self._choosing.choose_class(int(text))
            self._kept = (self._kept[0], int(text))
