"""Brush and eraser: a stroke is a chain of capsules, without gaps at any speed."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

import math

from core.base.geometry import Box, Point
from core.labels.class_list import UNLABELLED
from core.labels.rasterization import capsule, swept_square
from core.tools.edit_constraint import Ground
from core.tools.tool import NOTHING, Cursor, Modifiers, Outcome, Outline, Stage, Tool
from core.tools.tool_options import OVER, TIP, Switch, Tip, ToolOptions, within_limits

_LARGE, _TREMBLE = 100.0, 1 / 64
"""Brushes of a larger radius wait until the hand has moved this part of it. A mouse may report a thousand moves a
second, each worth a pixel; nobody sees that at the edge of such a brush, but each would cost a millisecond."""
_LIGHTEST = 0.15
"""The share of the radius that a pen paints which barely touches."""
PRESSURE = Switch("pressure", "Pen pressure", "A pen that is pressed less paints a smaller spot.")


class Brush(Tool):
    """Paints the active class. Ctrl (or the secondary button) erases; Shift+click draws a straight line."""

    name = "brush"
    title = "Brush"
    help_line = "Drag to paint. Right-drag or Ctrl: erase, Shift+click: a line, Alt+click: pick class."
    cursor = Cursor.RING
    can_erase = True
    controls = (TIP, OVER, PRESSURE)

    def __init__(self) -> None:
        self._at: Point | None = None
        self._ground: Ground | None = None
        self._value = UNLABELLED
        self._last: Point | None = None

    @property
    def is_busy(self) -> bool:
        return self._at is not None

    def radius(self, options: ToolOptions) -> float | None:
        return options.brush_radius

    def set_radius(self, options: ToolOptions, radius: float) -> None:
        options.brush_radius = within_limits(radius)

    def press(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        if self._at is not None:
            return NOTHING
        if modifiers.alt and self.needs_class:
            return Outcome(picks=True)
        self._value = self._value_for(stage, modifiers)
        name = "Erase" if self._value == UNLABELLED else f"Brush stroke, {stage.class_name}"
        stage.labels.begin(name, self.name, self._value)
        start = self._last if modifiers.shift and self._last is not None else at
        self._at, self._ground = at, Ground(stage, at, self._value)
        return Outcome(self._paint(stage, start, at, modifiers))

    def drag(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        radius = self.radius(stage.options) or 0.0
        if self._at is None or math.dist(at, self._at) < radius * _TREMBLE * (radius > _LARGE):
            return NOTHING
        return Outcome(self._to(stage, at, modifiers))

    def hover(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        if modifiers.shift and self._last is not None:
            return Outcome(outline=Outline((self._last,), cursor=at, handles=False))
        return NOTHING

    def release(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        if self._at is None:
            return NOTHING
        # A pen that is lifted presses with nothing: the last spot is none.
        dirty = self._to(stage, at, modifiers) if at != self._at and modifiers.pressure > 0 else Box.nothing()
        return Outcome(dirty, self.finish(stage).edit)

    def finish(self, stage: Stage) -> Outcome:
        if self._at is None:
            return NOTHING
        self._last, self._at = self._at, None
        return Outcome(edit=stage.labels.finish())

    def cancel(self, stage: Stage) -> Outcome:
        if self._at is None:
            return NOTHING
        self._at = None
        return Outcome(stage.labels.cancel())

    def leave(self, stage: Stage) -> Outcome:
        outcome = self.finish(stage)
        self._last = None
        return outcome

    def _value_for(self, stage: Stage, modifiers: Modifiers) -> int:
        return UNLABELLED if modifiers.ctrl else stage.class_value

    def _to(self, stage: Stage, at: Point, modifiers: Modifiers) -> Box:
        start, self._at = self._at or at, at
        return self._paint(stage, start, at, modifiers)

    def _paint(self, stage: Stage, start: Point, end: Point, modifiers: Modifiers) -> Box:
        labels, options = stage.labels, stage.options
        radius = self.radius(options) or 0.5
        if options.pressure:
            radius *= _LIGHTEST + (1 - _LIGHTEST) * modifiers.pressure
        if radius < 1.0:
            # A disc this small may hold no pixel centre; from centre to centre it always holds a thin line.
            start, end, radius = _centre(start), _centre(end), max(0.5, radius)
        sweep = swept_square if options.tip == Tip.SQUARE else capsule
        box, mask = sweep(start, end, radius, Box(0, 0, labels.width, labels.height))
        if box.is_empty or self._ground is None:
            return box
        return labels.paint(box, self._ground.allowed(stage, box, mask), self._value)


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

    def _value_for(self, stage: Stage, modifiers: Modifiers) -> int:
        return UNLABELLED


def _centre(point: Point) -> Point:
    return Point(math.floor(point.x) + 0.5, math.floor(point.y) + 0.5)
