"""Brush and eraser: a stroke is a chain of capsules, without gaps at any speed."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

import math

from core.base.geometry import Box, Point
from core.labels.class_list import UNLABELLED
from core.labels.rasterization import capsule, swept_square
from core.tools.edit_constraint import EditConstraint
from core.tools.tool import NO_RESULT, Cursor, Modifiers, OutlinePreview, Tool, ToolContext, ToolResult
from core.tools.tool_options import BRUSH_TIP, PAINT_OVER, BrushTip, ToolOptions, tool_option, within_limits

_LARGE, _TREMBLE = 100.0, 1 / 64
"""Brushes of a larger radius wait until the hand has moved this part of it. A mouse may report a thousand moves a
second, each worth a pixel; nobody sees that at the edge of such a brush, but each would cost a millisecond."""
_LIGHTEST = 0.15
"""The share of the radius that a pen paints which barely touches."""
PRESSURE = tool_option("pressure", "Pen pressure", "A pen that is pressed less paints a smaller spot.")


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
        self._ground: EditConstraint | None = None
        self._value = UNLABELLED
        self._last: Point | None = None

    @property
    def is_busy(self) -> bool:
        return self._at is not None

    def radius(self, options: ToolOptions) -> float | None:
        return options.brush_radius

    def set_radius(self, options: ToolOptions, radius: float) -> None:
        options.brush_radius = within_limits(radius)

    def press(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._at is not None:
            return NO_RESULT
        if modifiers.alt and self.needs_class:
            return ToolResult(picks_class=True)
        self._value = self._value_for(stage, modifiers)
        name = "Erase" if self._value == UNLABELLED else f"Brush stroke, {stage.class_name}"
        stage.labels.begin_edit(name, self.name, self._value)
        start = self._last if modifiers.shift and self._last is not None else at
        self._at, self._ground = at, EditConstraint(stage, at, self._value)
        return ToolResult(self._paint(stage, start, at, modifiers))

    def drag(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        radius = self.radius(stage.options) or 0.0
        if self._at is None or math.dist(at, self._at) < radius * _TREMBLE * (radius > _LARGE):
            return NO_RESULT
        return ToolResult(self._to(stage, at, modifiers))

    def hover(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if modifiers.shift and self._last is not None:
            return ToolResult(outline=OutlinePreview((self._last,), cursor=at, handles=False))
        return NO_RESULT

    def release(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._at is None:
            return NO_RESULT
        # A pen that is lifted presses with nothing: the last spot is none.
        dirty = self._to(stage, at, modifiers) if at != self._at and modifiers.pressure > 0 else Box.empty()
        return ToolResult(dirty, self.finish(stage).edit)

    def finish(self, stage: ToolContext) -> ToolResult:
        if self._at is None:
            return NO_RESULT
        self._last, self._at = self._at, None
        return ToolResult(edit=stage.labels.finish_edit())

    def cancel(self, stage: ToolContext) -> ToolResult:
        if self._at is None:
            return NO_RESULT
        self._at = None
        return ToolResult(stage.labels.cancel_edit())

    def deactivate(self, stage: ToolContext) -> ToolResult:
        outcome = self.finish(stage)
        self._last = None
        return outcome

    def _value_for(self, stage: ToolContext, modifiers: Modifiers) -> int:
        return UNLABELLED if modifiers.ctrl else stage.class_value

    def _to(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> Box:
        start, self._at = self._at or at, at
        return self._paint(stage, start, at, modifiers)

    def _paint(self, stage: ToolContext, start: Point, end: Point, modifiers: Modifiers) -> Box:
        labels, options = stage.labels, stage.options
        radius = self.radius(options) or 0.5
        if options.pressure:
            radius *= _LIGHTEST + (1 - _LIGHTEST) * modifiers.pressure
        if radius < 1.0:
            # A disc this small may hold no pixel centre; from centre to centre it always holds a thin line.
            start, end, radius = _centre(start), _centre(end), max(0.5, radius)
        sweep = swept_square if options.tip == BrushTip.SQUARE else capsule
        box, mask = sweep(start, end, radius, Box(0, 0, labels.width, labels.height))
        if box.is_empty or self._ground is None:
            return box
        return labels.paint(box, self._ground.restrict(stage, box, mask), self._value)


class Eraser(Brush):
    """Makes pixels unlabelled again; has a radius of its own."""

    name = "eraser"
    title = "Eraser"
    help_line = "Drag to make pixels unlabelled again. Shift+click erases a straight line."
    cursor = Cursor.ERASER_RING
    needs_class = False

    def radius(self, options: ToolOptions) -> float | None:
        return options.eraser_radius

    def set_radius(self, options: ToolOptions, radius: float) -> None:
        options.eraser_radius = within_limits(radius)

    def _value_for(self, stage: ToolContext, modifiers: Modifiers) -> int:
        return UNLABELLED


def _centre(point: Point) -> Point:
    return Point(math.floor(point.x) + 0.5, math.floor(point.y) + 0.5)
