"""The intelligent scissors tool: clicks set anchors, and the outline follows edges of the picture between them."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from core.base.geometry import Box, Point
from core.labels.rasterization import polygon
from core.tools.deferred import paint_or_defer
from core.tools.edit_constraint import paint_shape
from core.tools.shape_draft import ShapeDraft
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

_SNAP_DISTANCE = 6.0
"""Widget pixels within which a click snaps to the strongest edge."""


class Scissors(Tool):
    """Enter, a double click or a click on the first anchor closes; Backspace removes the last anchor.

    The paths from the last anchor are computed on another thread; until then the outline is straight. With Alt it is
    straight anyway, and the click does not snap.
    """

    name = "scissors"
    title = "Intelligent scissors"
    help_line = "Click along an edge; Enter or a click on the first point fills. Alt: straight line."
    controls = (PAINT_OVER,)

    _anchors: list[Point]
    _paths: list[tuple[Point, ...]]
    """The paths between the anchors, each without its first point."""
    _live_wire: LiveWire | None
    _cursor: Point | None
    _is_straight: bool
    _finish_when_found: bool
    """Whether the shape is to be closed as soon as the paths from the last anchor are known."""

    def __init__(self) -> None:
        self._reset()

    @property
    def is_busy(self) -> bool:
        return bool(self._anchors)

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._is_closing(context, at):
            return self.finish(context)
        at = Point(min(max(at.x, 0.0), context.labels.width), min(max(at.y, 0.0), context.labels.height))
        if not modifiers.alt:
            at = snap_to_edge(context.picture, at, _SNAP_DISTANCE / context.scale)
        if self._anchors and at == self._anchors[-1]:
            return self._preview(context)
        if self._anchors:
            self._paths.append(self._path_to(at, modifiers.alt))
        self._anchors.append(at)
        self._cursor = at
        return self._search(context)

    def drag(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        return self.hover(context, at, modifiers)

    def hover(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if not self._anchors:
            return NO_RESULT
        self._cursor, self._is_straight = at, modifiers.alt
        return self._preview(context)

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        return self.hover(context, at, modifiers)

    def finish(self, context: ToolContext) -> ToolResult:
        """Fill the shape; with fewer than three anchors nothing happens."""
        if len(self._anchors) < 3:
            return self._preview(context) if self._anchors else NO_RESULT
        if self._live_wire is None:
            self._finish_when_found = True
            return self._preview(context)
        return self._fill(context)

    def cancel(self, context: ToolContext) -> ToolResult:
        self._reset()
        return NO_RESULT

    def undo_step(self, context: ToolContext) -> ToolResult:
        if self._anchors:
            self._anchors.pop()
        if self._paths:
            self._paths.pop()
        self._finish_when_found = False
        return self._search(context) if self._anchors else NO_RESULT

    def on_task_done(self, context: ToolContext, result: object) -> ToolResult:
        if not self._anchors:
            return NO_RESULT
        self._live_wire = result if isinstance(result, LiveWire) else None
        return self._fill(context) if self._finish_when_found else self._preview(context)

    def refresh(self, context: ToolContext) -> ToolResult:
        return self._preview(context) if self._anchors else NO_RESULT

    def draft(self, context: ToolContext) -> ShapeDraft | None:
        if not self._anchors:
            return None
        value, name = context.class_value, context.class_name
        anchors, paths = tuple(self._anchors), tuple(self._paths)
        return ShapeDraft(self.name, "outline with scissors", value, name, anchors, paths=paths)

    def restore(self, context: ToolContext, draft: ShapeDraft) -> ToolResult:
        self._reset()
        if not draft.line:
            return NO_RESULT
        self._anchors, paths = list(draft.line), list(draft.paths)
        fits = len(paths) == len(self._anchors) - 1 and all(paths)
        self._paths = paths if fits else [(anchor,) for anchor in self._anchors[1:]]
        return self._search(context)

    def deactivate(self, context: ToolContext) -> ToolResult:
        result = self._fill(context) if len(self._anchors) >= 3 else NO_RESULT
        self._reset()
        return result

    def _search(self, context: ToolContext) -> ToolResult:
        """Start computing all paths from the last anchor."""
        self._live_wire = None
        picture, anchor = context.picture, self._anchors[-1]
        whole = Box(0, 0, context.labels.width, context.labels.height)
        crop = search_window(anchor, context.scale, whole)

        def run(is_cancelled: Callable[[], bool]) -> object:
            return compute_live_wire(picture, crop, anchor, is_cancelled)

        return ToolResult(
            outline=self._preview(context).outline, task=BackgroundTask("Looking for edges", run, quiet=True)
        )

    def _fill(self, context: ToolContext) -> ToolResult:
        points = [*self._line(), *self._closing_path()[:-1]]
        first = self._anchors[0]
        self._reset()
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

    def _path_to(self, at: Point, straight: bool) -> tuple[Point, ...]:
        if straight or self._live_wire is None:
            return (at,)
        return self._live_wire.path_to(at)

    def _closing_path(self) -> tuple[Point, ...]:
        """From the last anchor to the first. The cheapest path often runs back along the existing line and would
        enclose nothing: then straight."""
        first, line = self._anchors[0], self._line()
        path = self._path_to(first, False)
        return path if _area([*line, *path]) > 0.5 * _area(line) else (first,)

    def _line(self) -> list[Point]:
        return [self._anchors[0], *(point for path in self._paths for point in path)]

    def _is_closing(self, context: ToolContext, at: Point) -> bool:
        if len(self._anchors) < 3:
            return False
        return math.dist(at, self._anchors[0]) * context.scale <= CLOSING_DISTANCE

    def _preview(self, context: ToolContext) -> ToolResult:
        cursor = self._cursor
        closing = cursor is not None and self._is_closing(context, cursor)
        line = self._line()
        if closing:
            line += self._closing_path()
        elif cursor is not None and not self._finish_when_found:
            line += self._path_to(cursor, self._is_straight)
        anchors = tuple(self._anchors)
        return ToolResult(
            outline=OutlinePreview(tuple(line), closing=closing, handles=False, anchors=anchors)
        )

    def _reset(self) -> None:
        self._anchors, self._paths = [], []
        self._live_wire, self._cursor = None, None
        self._is_straight = self._finish_when_found = False


def _area(points: list[Point]) -> float:
    """Twice the enclosed area, in square pixels."""
    return abs(sum(a.x * b.y - b.x * a.y for a, b in pairwise([*points, points[0]])))
