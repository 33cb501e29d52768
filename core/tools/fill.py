"""Fill: one click gives a connected region of one class to another."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

from core.base.geometry import Box, Point
from core.labels.morphology import NEARBY_PIXELS, nearby_region
from core.labels.rasterization import connected_region
from core.tools.deferred import paint_or_defer
from core.tools.edit_constraint import paint_mask
from core.tools.tool import NO_RESULT, Cursor, Modifiers, Tool, ToolContext, ToolResult
from core.tools.tool_options import PAINT_OVER


class Fill(Tool):
    """The bucket: pixels that touch side by side and have the value under the cursor take the active class."""

    name = "fill"
    title = "Fill"
    help_line = "Click to give the whole connected region under the cursor to the active class."
    cursor = Cursor.BUCKET
    controls = (PAINT_OVER,)

    def press(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        labels = stage.labels
        if not (0 <= at.x < labels.width and 0 <= at.y < labels.height):
            return NO_RESULT
        if labels.values[int(at.y), int(at.x)] == stage.class_value:
            return NO_RESULT
        near = nearby_region(labels.values, at, NEARBY_PIXELS)

        def paint(stage: ToolContext) -> Box:
            # How far a region goes that runs on is found out only here; the label is lent, so nobody changes it.
            return paint_mask(stage, *(near or connected_region(labels.values, at)), at)

        name, pixels = f"Fill, {stage.class_name}", near[0].area if near else None
        return paint_or_defer(stage, name, self.name, stage.class_value, pixels, paint)
