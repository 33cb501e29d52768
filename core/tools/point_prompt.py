"""Asks for one click on the picture, for a command that needs a pixel or a region."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

from core.base.geometry import Point
from core.tools.tool import Modifiers, Tool, ToolContext, ToolResult


class PointPrompt(Tool):
    """Changes nothing itself. Finished after the first click, or when it is cancelled; `point` tells which."""

    name = "aim"
    needs_class = False

    def __init__(self, title: str, help_line: str) -> None:
        self.title, self.help_line = title, help_line
        self.point: Point | None = None
        """Where the user clicked; None before that, and when it was cancelled."""

    @property
    def is_busy(self) -> bool:
        return True

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        inside = 0 <= at.x < context.labels.width and 0 <= at.y < context.labels.height
        if not inside:
            return ToolResult()  # a click outside the picture means nothing
        self.point = at
        return ToolResult(is_finished=True)

    def cancel(self, context: ToolContext) -> ToolResult:
        return ToolResult(is_finished=True)

    def undo_step(self, context: ToolContext) -> ToolResult:
        return ToolResult(is_finished=True)
