"""Fill: one click gives a connected region of one class to another."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

from core.base.geometry import Box, Point
from core.labels.morphology import NEAR, near_region
from core.labels.rasterization import connected_region
from core.tools.deferred import painted
from core.tools.edit_constraint import fill
from core.tools.tool import NOTHING, Cursor, Modifiers, Outcome, Stage, Tool
from core.tools.tool_options import OVER


class Fill(Tool):
    """The bucket: pixels that touch side by side and have the value under the cursor take the active class."""

    name = "fill"
    title = "Fill"
    help_line = "Click to give the whole connected region under the cursor to the active class."
    cursor = Cursor.BUCKET
    controls = (OVER,)

    def press(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        labels = stage.labels
        if not (0 <= at.x < labels.width and 0 <= at.y < labels.height):
            return NOTHING
        if labels.values[int(at.y), int(at.x)] == stage.class_value:
            return NOTHING
        near = near_region(labels.values, at, NEAR)

        def paint(stage: Stage) -> Box:
            # How far a region goes that runs on is found out only here; the label is lent, so nobody changes it.
            return fill(stage, *(near or connected_region(labels.values, at)), at)

        name, pixels = f"Fill, {stage.class_name}", near[0].area if near else None
        return painted(stage, name, self.name, stage.class_value, pixels, paint)
