"""Stores which tool and class are active (in the project) and how the tools are set (in the user's settings)."""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from core.base.settings import Settings
from core.tools.tool_options import ToolOptions, within_limits
from desktop.controller import Controller

if TYPE_CHECKING:  # the window imports this module before a project is open
    from core.session.session import Session
    from desktop.dispatcher import MainThreadDispatcher
    from desktop.workspaces.label.classes.controller import ClassController
    from desktop.workspaces.label.tool_controller import ToolController

TOOL_KEY, CLASS_KEY = "tool_in_hand", "active_class"
"""Facts of the project that hold active tool and class."""
_PROJECT_OPTIONS = ("locked",)
"""Fields of ToolOptions that belong to a project, not to the user."""


class ToolState(Controller):
    """Restores the active tool and class of a project, and saves them with each new picture. GUI thread."""

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        tools: ToolController,
        classes: ClassController,
    ) -> None:
        super().__init__()
        self._session, self._tools, self._classes = session, tools, classes
        self._initial = self._saved = self._current()
        self._closed = False
        dispatcher.when_done(session.fact(TOOL_KEY), self._restore_tool)
        dispatcher.when_done(session.fact(CLASS_KEY), self._restore_class)

    def close(self) -> None:
        super().close()
        self.save()
        self._closed = True

    def save(self) -> None:
        """Store tool and class if they changed."""
        current = self._current()
        if current != self._saved:
            self._saved = current
            self._session.set_fact(TOOL_KEY, current[0])
            self._session.set_fact(CLASS_KEY, str(current[1]))

    def _current(self) -> tuple[str, int]:
        return self._tools.tool_key, self._classes.active_class

    def _restore_tool(self, text: str | None) -> None:
        untouched = self._current()[0] == self._initial[0]  # a tool that was chosen meanwhile stays
        if not self._closed and untouched and text is not None and self._tools.has_tool(text):
            self._tools.select_tool(text)
            self._saved = (text, self._saved[1])

    def _restore_class(self, text: str | None) -> None:
        untouched = self._current()[1] == self._initial[1]
        is_value = text is not None and text.isascii() and text.isdigit() and len(text) < 4
        if not self._closed and untouched and text is not None and is_value:
            self._classes.choose_class(int(text))
            self._saved = (self._saved[0], int(text))


def save_options(settings: Settings, options: ToolOptions) -> None:
    """Write the options of all tools to the settings."""
    stored = {f.name: getattr(options, f.name) for f in fields(options) if f.name not in _PROJECT_OPTIONS}
    settings.set_state("tools", stored)


def load_options(settings: Settings, options: ToolOptions) -> None:
    """Read the stored options into `options`; values of a wrong type are ignored."""
    stored = settings.get_state("tools", {})
    for field in fields(options) if isinstance(stored, dict) else ():
        if field.name in stored and field.name not in _PROJECT_OPTIONS:
            value = _converted(getattr(options, field.name), stored[field.name])
            if value is not None:
                setattr(options, field.name, value)


def _converted(current: Any, value: Any) -> Any:
    """`value` with the type of `current`, or None where it does not fit."""
    if isinstance(current, bool) or isinstance(value, bool):
        return value if isinstance(current, bool) and isinstance(value, bool) else None
    if isinstance(current, StrEnum):
        return type(current)(value) if value in list(type(current)) else None
    if isinstance(current, float) and isinstance(value, int | float):
        return within_limits(float(value))
    return value if isinstance(current, int) and isinstance(value, int) else None
