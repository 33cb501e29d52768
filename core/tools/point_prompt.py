"""A click on the picture that something asked for waits for: which pixel, which region is meant."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

from core.base.geometry import Point
from core.tools.tool import Modifiers, Tool, ToolContext, ToolResult


class PointPrompt(Tool):
    """Changes nothing itself. It is over with the first click, or when somebody gives it up; `at` says which."""

    name = "aim"
    needs_class = False

    def __init__(self, title: str, help_line: str) -> None:
        self.title, self.help_line = title, help_line
        self.point: Point | None = None
        """What was clicked; None until then, and after it was given up."""

    @property
    def is_busy(self) -> bool:
        return True

    def press(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        inside = 0 <= at.x < stage.labels.width and 0 <= at.y < stage.labels.height
        if not inside:
            return ToolResult()  # beside the picture there is nothing to mean
        self.point = at
        return ToolResult(is_finished=True)

    def cancel(self, stage: ToolContext) -> ToolResult:
        return ToolResult(is_finished=True)

    def undo_step(self, stage: ToolContext) -> ToolResult:
        return ToolResult(is_finished=True)
