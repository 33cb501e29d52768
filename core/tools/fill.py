"""The fill tool: a click changes the class of a connected region."""

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
    """The bucket: four-connected pixels with the value under the pointer get the active class."""

    name = "fill"
    title = "Fill"
    help_line = "Click to give the whole connected region under the cursor to the active class."
    cursor = Cursor.BUCKET
    controls = (PAINT_OVER,)

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        labels = context.labels
        if not (0 <= at.x < labels.width and 0 <= at.y < labels.height):
            return NO_RESULT
        if labels.values[int(at.y), int(at.x)] == context.class_value:
            return NO_RESULT
        nearby = nearby_region(labels.values, at, NEARBY_PIXELS)

        def paint(context: ToolContext) -> Box:
            # A large region is searched only here; the label cannot change meanwhile, since its edit is open.
            return paint_mask(context, *(nearby or connected_region(labels.values, at)), at)

        name, pixels = f"Fill, {context.class_name}", nearby[0].area if nearby else None
        return paint_or_defer(context, name, self.name, context.class_value, pixels, paint)
