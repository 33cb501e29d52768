"""Rectangle and ellipse, dragged from corner to corner."""

# ruff: noqa: ARG002 - the calls are those of core.tools.shapes.drag_shape.Drawn.

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from core.base.geometry import Box, Point
from core.labels.rasterization import Mask, ellipse
from core.tools.shapes.drag_shape import DragShapeTool
from core.tools.tool import NO_RESULT, Modifiers, OutlinePreview, ToolContext, ToolResult

_CORNERS = 96
"""Corners of the line that previews an ellipse."""


class Rectangle(DragShapeTool):
    """Corners lie between pixels. Shift: a square; Alt: the drag starts at the centre."""

    name = "rectangle"
    title = "Rectangle"
    help_line = "Drag from corner to corner. Shift: a square; Alt: from the middle; right-drag erases."

    def __init__(self) -> None:
        super().__init__()
        self._first_corner = (0, 0)
        self._box = Box.empty()

    def _begin(self, context: ToolContext, at: Point) -> None:
        self._first_corner, self._box = _nearest_corner(at), Box.empty()

    def _extend(self, context: ToolContext, at: Point, modifiers: Modifiers) -> None:
        x, y = self._first_corner
        across, down = _nearest_corner(at)
        across, down = across - x, down - y
        if modifiers.shift:
            side = max(abs(across), abs(down))
            across, down = int(math.copysign(side, across)), int(math.copysign(side, down))
        left, top = (x - across, y - down) if modifiers.alt else (x, y)
        right, bottom = x + across, y + down
        self._box = Box(min(left, right), min(top, bottom), max(left, right), max(top, bottom))

    def _shape(self) -> tuple[Box, Callable[[Box], tuple[Box, Mask]]]:
        return self._box, lambda within: (within, np.ones((within.height, within.width), bool))

    def _preview(self, context: ToolContext) -> ToolResult:
        box = self._visible_box(context)
        if box.is_empty:
            return NO_RESULT
        outline = OutlinePreview(
            self._line(box), closed=True, handles=False, filled=True, erases=self._erases
        )
        return ToolResult(outline=outline, message=f"{box.width} × {box.height} pixels")

    def _visible_box(self, context: ToolContext) -> Box:
        """The box that is previewed, without what lies outside the picture."""
        return self._box.clipped(context.labels.width, context.labels.height)

    def _line(self, box: Box) -> tuple[Point, ...]:
        return (
            Point(box.x0, box.y0),
            Point(box.x1, box.y0),
            Point(box.x1, box.y1),
            Point(box.x0, box.y1),
        )


class Ellipse(Rectangle):
    """The ellipse inscribed in the rectangle. Shift: a circle; Alt: the drag starts at the centre."""

    name = "ellipse"
    title = "Ellipse"
    help_line = "Drag from corner to corner. Shift: a circle; Alt: from the middle; right-drag erases."

    def _shape(self) -> tuple[Box, Callable[[Box], tuple[Box, Mask]]]:
        frame = self._box
        return frame, lambda within: ellipse(frame, within)

    def _visible_box(self, context: ToolContext) -> Box:
        return self._box

    def _line(self, box: Box) -> tuple[Point, ...]:
        x, y, wide, high = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, box.width / 2, box.height / 2
        turns = (2 * math.pi * n / _CORNERS for n in range(_CORNERS))
        return tuple(Point(x + wide * math.cos(turn), y + high * math.sin(turn)) for turn in turns)


def _nearest_corner(at: Point) -> tuple[int, int]:
    """The nearest point where four pixels meet."""
    return math.floor(at.x + 0.5), math.floor(at.y + 0.5)
