"""The tool of a project that is open for reading alone: it paints nothing and says why."""

from __future__ import annotations

from core.base.geometry import Point
from core.tools.tool import Cursor, Modifiers, Tool, ToolContext, ToolResult


class ViewOnlyTool(Tool):
    """`reason`: a sentence, shown for every press."""

    name = "view only"
    title = "View only"
    cursor = Cursor.MOVE
    needs_class = False
    uses_both_buttons = True

    def __init__(self, reason: str) -> None:
        self.reason = self.help_line = reason

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:  # noqa: ARG002
        return ToolResult(message=self.reason)
