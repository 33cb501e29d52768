"""Brush and eraser. A stroke is a chain of capsules, without gaps at any speed."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

import math

from core.base.geometry import Box, Point
from core.labels.class_list import UNLABELLED
from core.labels.rasterization import capsule, swept_square
from core.tools.edit_constraint import EditConstraint
from core.tools.tool import NO_RESULT, Cursor, Modifiers, OutlinePreview, Tool, ToolContext, ToolResult
from core.tools.tool_options import BRUSH_TIP, PAINT_OVER, BrushTip, ToolOptions, tool_option, within_limits

_LARGE_RADIUS, _MIN_MOVE = 100.0, 1 / 64
"""Brushes with a larger radius than `_LARGE_RADIUS` wait until the pointer has moved `_MIN_MOVE` of it. A mouse may
report a thousand moves a second, each of about a pixel: invisible with such a brush, but a millisecond of work."""
_MIN_PRESSURE_SHARE = 0.15
"""Share of the radius that a pen paints with the lightest touch."""
PRESSURE = tool_option("pressure", "Pen pressure", "The less the pen is pressed, the smaller the brush.")


class Brush(Tool):
    """Paints the active class. Ctrl (or the secondary button) erases; Shift+click draws a straight line."""

    name = "brush"
    title = "Brush"
    help_line = "Drag to paint. Right-drag or Ctrl: erase, Shift+click: a line, Alt+click: pick class."
    cursor = Cursor.RING
    can_erase = True
    controls = (BRUSH_TIP, PAINT_OVER, PRESSURE)

    def __init__(self) -> None:
        self._at: Point | None = None
        self._constraint: EditConstraint | None = None
        self._value = UNLABELLED
        self._last: Point | None = None

    @property
    def is_busy(self) -> bool:
        return self._at is not None

    def radius(self, options: ToolOptions) -> float | None:
        return options.brush_radius

    def set_radius(self, options: ToolOptions, radius: float) -> None:
        options.brush_radius = within_limits(radius)

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._at is not None:
            return NO_RESULT
        if modifiers.alt and self.needs_class:
            return ToolResult(picks_class=True)
        self._value = self._value_for(context, modifiers)
        name = "Erase" if self._value == UNLABELLED else f"Brush stroke, {context.class_name}"
        context.labels.begin_edit(name, self.name, self._value)
        start = self._last if modifiers.shift and self._last is not None else at
        self._at, self._constraint = at, EditConstraint(context, at, self._value)
        return ToolResult(self._paint(context, start, at, modifiers))

    def drag(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        radius = self.radius(context.options) or 0.0
        if self._at is None or math.dist(at, self._at) < radius * _MIN_MOVE * (radius > _LARGE_RADIUS):
            return NO_RESULT
        return ToolResult(self._paint_to(context, at, modifiers))

    def hover(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if modifiers.shift and self._last is not None:
            return ToolResult(outline=OutlinePreview((self._last,), cursor=at, handles=False))
        return NO_RESULT

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._at is None:
            return NO_RESULT
        # A pen that is lifted has no pressure: nothing is painted at the last position.
        dirty = (
            self._paint_to(context, at, modifiers)
            if at != self._at and modifiers.pressure > 0
            else Box.empty()
        )
        return ToolResult(dirty, self.finish(context).edit)

    def finish(self, context: ToolContext) -> ToolResult:
        if self._at is None:
            return NO_RESULT
        self._last, self._at = self._at, None
        return ToolResult(edit=context.labels.finish_edit())

    def cancel(self, context: ToolContext) -> ToolResult:
        if self._at is None:
            return NO_RESULT
        self._at = None
        return ToolResult(context.labels.cancel_edit())

    def deactivate(self, context: ToolContext) -> ToolResult:
        result = self.finish(context)
        self._last = None
        return result

    def _value_for(self, context: ToolContext, modifiers: Modifiers) -> int:
        return UNLABELLED if modifiers.ctrl else context.class_value

    def _paint_to(self, context: ToolContext, at: Point, modifiers: Modifiers) -> Box:
        start, self._at = self._at or at, at
        return self._paint(context, start, at, modifiers)

    def _paint(self, context: ToolContext, start: Point, end: Point, modifiers: Modifiers) -> Box:
        labels, options = context.labels, context.options
        radius = self.radius(options) or 0.5
        if options.pressure:
            radius *= _MIN_PRESSURE_SHARE + (1 - _MIN_PRESSURE_SHARE) * modifiers.pressure
        if radius < 1.0:
            # A disc this small may contain no pixel centre; from centre to centre it always gives a thin line.
            start, end, radius = _centre(start), _centre(end), max(0.5, radius)
        rasterize = swept_square if options.tip == BrushTip.SQUARE else capsule
        box, mask = rasterize(start, end, radius, Box(0, 0, labels.width, labels.height))
        if box.is_empty or self._constraint is None:
            return box
        return labels.paint(box, self._constraint.restrict(context, box, mask), self._value)


class Eraser(Brush):
    """Makes pixels unlabelled again; has its own radius."""

    name = "eraser"
    title = "Eraser"
    help_line = "Drag to make pixels unlabelled again. Shift+click erases a straight line."
    cursor = Cursor.ERASER_RING
    needs_class = False

    def radius(self, options: ToolOptions) -> float | None:
        return options.eraser_radius

    def set_radius(self, options: ToolOptions, radius: float) -> None:
        options.eraser_radius = within_limits(radius)

    def _value_for(self, context: ToolContext, modifiers: Modifiers) -> int:
        return UNLABELLED


def _centre(point: Point) -> Point:
    return Point(math.floor(point.x) + 0.5, math.floor(point.y) + 0.5)
