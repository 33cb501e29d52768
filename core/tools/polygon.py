"""Polygon: click vertex by vertex, close it, and the inside takes the class."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

import math

from core.geometry import Box, Point
from core.labels.raster import polygon
from core.tools.ground import fill
from core.tools.options import OVER
from core.tools.tool import NOTHING, Cursor, Modifiers, Outcome, Outline, Stage, Tool

NEAR = 9.0
"""Widget pixels within which a click on the first vertex closes the polygon."""


class Polygon(Tool):
    """Enter, a double click or a click on the first vertex closes; Backspace drops the last vertex."""

    name = "polygon"
    title = "Polygon"
    help_line = "Click corners; double-click, Enter or a click on the first corner fills the shape."
    cursor = Cursor.CROSS
    controls = (OVER,)

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._cursor: Point | None = None

    @property
    def is_busy(self) -> bool:
        return bool(self._points)

    def press(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        if self._closes(stage, at):
            return self.finish(stage)
        at = _kept_inside(at, stage)
        self._cursor = at
        if not self._points or at != self._points[-1]:
            self._points.append(at)
        return self._shown(stage)

    def drag(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        return self.hover(stage, at, modifiers)

    def hover(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        if not self._points:
            return NOTHING
        self._cursor = at
        return self._shown(stage)

    def release(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        return self.hover(stage, at, modifiers)

    def finish(self, stage: Stage) -> Outcome:
        """Fill the shape; with fewer than three vertices there is none yet and it stays as it is."""
        if len(self._points) < 3:
            return self._shown(stage) if self._points else NOTHING
        box, mask = polygon(self._points)
        first = self._points[0]
        self._forget()
        stage.labels.begin(f"Polygon, {stage.class_name}", self.name, stage.class_value)
        dirty = fill(stage, box, mask, first)
        return Outcome(dirty, stage.labels.finish())

    def cancel(self, stage: Stage) -> Outcome:
        self._forget()
        return NOTHING

    def step_back(self, stage: Stage) -> Outcome:
        if self._points:
            self._points.pop()
        return self._shown(stage) if self._points else NOTHING

    def leave(self, stage: Stage) -> Outcome:
        outcome = self.finish(stage)
        self._forget()
        return Outcome(outcome.dirty, outcome.edit)

    def _closes(self, stage: Stage, at: Point) -> bool:
        if len(self._points) < 3:
            return False
        first = self._points[0]
        return math.hypot(at.x - first.x, at.y - first.y) * stage.scale <= NEAR

    def _shown(self, stage: Stage) -> Outcome:
        cursor = self._cursor
        closing = cursor is not None and self._closes(stage, cursor)
        return Outcome(Box.nothing(), None, Outline(tuple(self._points), cursor, closing=closing))

    def _forget(self) -> None:
        self._points, self._cursor = [], None


def _kept_inside(at: Point, stage: Stage) -> Point:
    """A vertex beyond the border moves onto it, so that a shape can reach the very edge of the picture."""
    return Point(min(max(at.x, 0.0), stage.labels.width), min(max(at.y, 0.0), stage.labels.height))
