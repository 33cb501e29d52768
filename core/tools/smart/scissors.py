"""Intelligent scissors: clicks set anchors, and the outline finds its own way along the edges between them."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from core.base.geometry import Box, Point
from core.labels.rasterization import polygon
from core.tools.deferred import paint_or_defer
from core.tools.edit_constraint import paint_shape
from core.tools.shapes.polygon import CLOSING_DISTANCE
from core.tools.smart.livewire import LiveWire, compute_live_wire, search_window, snap_to_edge
from core.tools.tool import (
    NO_RESULT,
    BackgroundTask,
    Modifiers,
    OutlinePreview,
    Tool,
    ToolContext,
    ToolResult,
)
from core.tools.tool_options import PAINT_OVER

_DRAWN = 6.0
"""Widget pixels within which a click goes to the strongest edge."""


class Scissors(Tool):
    """Enter, a double click or a click on the first anchor closes; Backspace drops the last anchor.

    The ways from the last anchor are found on another thread; until they are, the outline goes straight. With
    Alt it goes straight anyway, and the click stays where it is.
    """

    name = "scissors"
    title = "Intelligent scissors"
    help_line = "Click along an edge; Enter or a click on the first point fills. Alt: straight line."
    controls = (PAINT_OVER,)

    _anchors: list[Point]
    _ways: list[tuple[Point, ...]]
    """Those between the anchors, each without its first point."""
    _wire: LiveWire | None
    _cursor: Point | None
    _straight: bool
    _closing: bool
    """Whether the shape shall be closed as soon as the ways from the last anchor are known."""

    def __init__(self) -> None:
        self._forget()

    @property
    def is_busy(self) -> bool:
        return bool(self._anchors)

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._closes(context, at):
            return self.finish(context)
        at = Point(min(max(at.x, 0.0), context.labels.width), min(max(at.y, 0.0), context.labels.height))
        if not modifiers.alt:
            at = snap_to_edge(context.picture, at, _DRAWN / context.scale)
        if self._anchors and at == self._anchors[-1]:
            return self._shown(context)
        if self._anchors:
            self._ways.append(self._way_to(at, modifiers.alt))
        self._anchors.append(at)
        self._cursor = at
        return self._search(context)

    def drag(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        return self.hover(context, at, modifiers)

    def hover(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if not self._anchors:
            return NO_RESULT
        self._cursor, self._straight = at, modifiers.alt
        return self._shown(context)

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        return self.hover(context, at, modifiers)

    def finish(self, context: ToolContext) -> ToolResult:
        """Fill the shape; with fewer than three anchors there is none yet and it stays as it is."""
        if len(self._anchors) < 3:
            return self._shown(context) if self._anchors else NO_RESULT
        if self._wire is None:
            self._closing = True
            return self._shown(context)
        return self._fill(context)

    def cancel(self, context: ToolContext) -> ToolResult:
        self._forget()
        return NO_RESULT

    def undo_step(self, context: ToolContext) -> ToolResult:
        if self._anchors:
            self._anchors.pop()
        if self._ways:
            self._ways.pop()
        self._closing = False
        return self._search(context) if self._anchors else NO_RESULT

    def on_task_done(self, context: ToolContext, result: object) -> ToolResult:
        if not self._anchors:
            return NO_RESULT
        self._wire = result if isinstance(result, LiveWire) else None
        return self._fill(context) if self._closing else self._shown(context)

    def refresh(self, context: ToolContext) -> ToolResult:
        return self._shown(context) if self._anchors else NO_RESULT

    def deactivate(self, context: ToolContext) -> ToolResult:
        outcome = self._fill(context) if len(self._anchors) >= 3 else NO_RESULT
        self._forget()
        return outcome

    def _search(self, context: ToolContext) -> ToolResult:
        """Ask for all ways from the last anchor."""
        self._wire = None
        picture, anchor = context.picture, self._anchors[-1]
        whole = Box(0, 0, context.labels.width, context.labels.height)
        crop = search_window(anchor, context.scale, whole)

        def run(is_cancelled: Callable[[], bool]) -> object:
            return compute_live_wire(picture, crop, anchor, is_cancelled)

        return ToolResult(
            outline=self._shown(context).outline, task=BackgroundTask("Looking for edges", run, quiet=True)
        )

    def _fill(self, context: ToolContext) -> ToolResult:
        points = [*self._line(), *self._way_home()[:-1]]
        first = self._anchors[0]
        self._forget()
        box = Box.bounding(points).clipped(context.labels.width, context.labels.height)

        def paint(context: ToolContext) -> Box:
            return paint_shape(context, box, lambda within: polygon(points, within), first)

        return paint_or_defer(
            context,
            f"Intelligent scissors, {context.class_name}",
            self.name,
            context.class_value,
            box.area,
            paint,
            outline=OutlinePreview(tuple(points), closed=True, handles=False, filled=True),
        )

    def _way_to(self, at: Point, straight: bool) -> tuple[Point, ...]:
        if straight or self._wire is None:
            return (at,)
        return self._wire.path_to(at)

    def _way_home(self) -> tuple[Point, ...]:
        """From the last anchor to the first. The cheapest way is often back along the line that is there already,
        and would close around nothing: then straight."""
        first, line = self._anchors[0], self._line()
        way = self._way_to(first, False)
        return way if _area([*line, *way]) > 0.5 * _area(line) else (first,)

    def _line(self) -> list[Point]:
        return [self._anchors[0], *(point for way in self._ways for point in way)]

    def _closes(self, context: ToolContext, at: Point) -> bool:
        if len(self._anchors) < 3:
            return False
        return math.dist(at, self._anchors[0]) * context.scale <= CLOSING_DISTANCE

    def _shown(self, context: ToolContext) -> ToolResult:
        cursor = self._cursor
        closing = cursor is not None and self._closes(context, cursor)
        line = self._line()
        if closing:
            line += self._way_home()
        elif cursor is not None and not self._closing:
            line += self._way_to(cursor, self._straight)
        anchors = tuple(self._anchors)
        return ToolResult(
            outline=OutlinePreview(tuple(line), closing=closing, handles=False, anchors=anchors)
        )

    def _forget(self) -> None:
        self._anchors, self._ways = [], []
        self._wire, self._cursor = None, None
        self._straight = self._closing = False


def _area(points: list[Point]) -> float:
    """Twice what a closed line goes around, in square pixels."""
    return abs(sum(a.x * b.y - b.x * a.y for a, b in pairwise([*points, points[0]])))
