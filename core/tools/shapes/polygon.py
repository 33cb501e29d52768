"""Polygon: corner by corner, each of which can be changed until the shape is filled."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

import math

from core.base.geometry import Box, Point
from core.labels.outlines import Ring
from core.labels.rasterization import polygons
from core.tools.deferred import paint_or_defer
from core.tools.edit_constraint import paint_shape
from core.tools.shapes.edge_snap import snap_corner
from core.tools.shapes.outline_edit import OutlineEdit
from core.tools.shapes.polygon_draft import PolygonDraft
from core.tools.tool import (
    NO_RESULT,
    BackgroundTask,
    Cursor,
    Modifiers,
    OutlinePreview,
    Tool,
    ToolContext,
    ToolResult,
)
from core.tools.tool_options import DETAIL, PAINT_OVER, SNAP

CLOSING_DISTANCE = 9.0
"""Widget pixels within which a click on the first corner closes the shape."""
_GRASP, _TREMBLE = 6.0, 3.0
"""Widget pixels: a press this close has the corner, and a corner moves once the hand has moved so far."""
_INVITING, _SHORT = 40.0, 24.0
"""Widget pixels: the middle of an edge shows from this close, but not of edges shorter than the second."""


class Polygon(Tool):
    """Click adds a corner, dragging moves one, the middle of an edge gives a new one, Ctrl+click takes one away.

    Enter, a double click or a click on the first corner fills. With Shift that click only closes the line: the next
    one makes a hole or a further part. Backspace takes back the last change of the shape, whatever it was.
    """

    name = "polygon"
    title = "Polygon"
    help_line = (
        "Click corners, drag them, Enter fills. Shift+click on the first begins a hole, Ctrl+click takes one away, "
        "Alt+click opens a label."
    )
    cursor = Cursor.CROSS
    controls = (PAINT_OVER, SNAP, DETAIL)

    def __init__(self) -> None:
        self._draft = PolygonDraft()
        self._past: list[PolygonDraft] = []
        self._reopened: OutlineEdit | None = None
        self._shown_at_first: tuple[Ring, ...] = ()
        self._cursor: Point | None = None
        self._held: int | None = None
        self._at = self._pressed = Point(0, 0)
        self._fresh = self._moves = self._closes = False

    @property
    def is_busy(self) -> bool:
        return bool(self._draft) or self._reopened is not None

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if not self._draft:
            self._forget()  # an outline that is not there yet is not waited for
            if modifiers.alt:
                return self._reopen(context, at)
        self._cursor = place = self._placed(context, at, modifiers)
        self._at = self._pressed = at
        self._fresh = self._moves = False
        self._closes = self._can_close(context, at)
        self._held = 0 if self._closes else self._draft.nearest_point(at, _GRASP / context.scale)
        if self._held is not None and modifiers.ctrl:
            self._remove(self._held)
        elif self._held is None:
            self._set_corner(context, at, place)
        return self._shown(context)

    def drag(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._held is None:
            return self._shown(context)
        if not self._moves and math.dist(at, self._pressed) * context.scale > _TREMBLE:
            self._moves = True
            if not self._fresh:  # else it is still being set
                self._past.append(self._draft)
        if self._moves:
            self._cursor = self._placed(context, at, modifiers)
            self._draft = self._draft.with_moved(self._held, self._cursor)
        return self._shown(context)

    def hover(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        self._at, self._cursor = at, self._placed(context, at, modifiers)
        if self._draft:
            return self._shown(context, at)
        # Where the first corner would jump to.
        return (
            ToolResult(outline=OutlinePreview((), insertion_points=(self._cursor,)))
            if self._cursor != at
            else NO_RESULT
        )

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        clicked_first = self._closes and self._held == 0 and not self._moves
        self._held, self._closes = None, False
        if clicked_first and not modifiers.shift:
            return self.finish(context)
        if clicked_first:
            self._change(self._draft.with_line_closed())
        return self.hover(context, at, modifiers) if self._draft else NO_RESULT

    def finish(self, context: ToolContext) -> ToolResult:
        """Fill the shape; with fewer than three corners there is none yet and it stays as it is."""
        draft, reopened = self._draft, self._reopened
        if not draft.fillable_rings:
            return self._shown(context) if draft else NO_RESULT
        shown = self._shown_at_first
        self._forget()
        if reopened is not None:
            return reopened.commit(context, self.name, shown, draft.fillable_rings)
        shapes = draft.fillable_rings
        box = Box.bounding(point for ring in shapes for point in ring)
        box = box.clipped(context.labels.width, context.labels.height)

        def paint(context: ToolContext) -> Box:
            return paint_shape(context, box, lambda within: polygons(shapes, within), shapes[0][0])

        return paint_or_defer(
            context,
            f"Polygon, {context.class_name}",
            self.name,
            context.class_value,
            box.area,
            paint,
            outline=OutlinePreview(
                shapes[0], closed=True, handles=False, rings=tuple(shapes[1:]), filled=True
            ),
        )

    def cancel(self, context: ToolContext) -> ToolResult:
        self._forget()
        return NO_RESULT

    def undo_step(self, context: ToolContext) -> ToolResult:
        if self._past:
            self._draft = self._past.pop()
        if self._draft:
            return self._shown(context, self._at)
        self._forget()
        return NO_RESULT

    def delete_point(self, context: ToolContext) -> ToolResult:
        found = self._draft.nearest_point(self._at, CLOSING_DISTANCE / context.scale)
        if found is not None:
            self._remove(found)
        return self._shown(context) if self._draft else NO_RESULT

    def refresh(self, context: ToolContext) -> ToolResult:
        if self._reopened is not None and self._draft == PolygonDraft((), self._shown_at_first):
            wanted = OutlineEdit.at_point(context, self._reopened.at)
            if wanted is not None and wanted.tolerance != self._reopened.tolerance:
                return ToolResult(outline=self._shown(context).outline, task=self._ask(wanted))
        return self._shown(context)

    def on_task_done(self, context: ToolContext, result: object) -> ToolResult:
        untouched = self._draft == PolygonDraft((), self._shown_at_first)
        if self._reopened is None or not untouched or not isinstance(result, tuple):
            if not self._draft:
                self._forget()
            return self._shown(context) if self._draft else NO_RESULT
        self._past, self._draft, self._shown_at_first = [PolygonDraft()], PolygonDraft((), result), result
        return ToolResult(
            outline=self._shown(context).outline, message="Drag corners, then Enter. Esc leaves it as it was."
        )

    def deactivate(self, context: ToolContext) -> ToolResult:
        outcome = self.finish(context)
        self._forget()
        return outcome.committed

    # Steps of the above

    def _set_corner(self, context: ToolContext, at: Point, place: Point) -> None:
        """A new corner, which the hand then holds: on an edge whose middle is there, else at the end of the line."""
        self._fresh = True
        middle = self._draft.nearest_midpoint(at, _GRASP / context.scale, _SHORT / context.scale)
        if middle is not None:
            before, place = middle
            self._change(self._draft.with_inserted(before, place))
            self._held = before + 1
        else:
            self._change(self._draft.with_point(place))
            self._held = len(self._draft.open_line) - 1

    def _remove(self, number: int) -> None:
        self._change(self._draft.without_point(number))
        self._held = None
        if not self._draft:
            self._forget()

    def _reopen(self, context: ToolContext, at: Point) -> ToolResult:
        region = OutlineEdit.at_point(context, at)
        if region is None:
            return ToolResult(message="Point at a labelled region to change its outline.")
        if region.value in context.options.locked:
            return ToolResult(message="This class is locked: unlock it to change the outline.")
        return ToolResult(task=self._ask(region), picks_class=True)

    def _ask(self, region: OutlineEdit) -> BackgroundTask:
        self._reopened = region
        return BackgroundTask("Following the outline", lambda _is_cancelled: region.outline())

    def _change(self, draft: PolygonDraft) -> None:
        self._past.append(self._draft)
        self._draft = draft

    def _placed(self, context: ToolContext, at: Point, modifiers: Modifiers) -> Point:
        """Where a corner set here goes. One beyond the border moves onto it, so that shapes can reach the very edge."""
        if context.options.snap and not modifiers.alt:
            at = snap_corner(context, at)
        return Point(min(max(at.x, 0.0), context.labels.width), min(max(at.y, 0.0), context.labels.height))

    def _can_close(self, context: ToolContext, at: Point) -> bool:
        line = self._draft.open_line
        return len(line) > 2 and math.dist(at, line[0]) * context.scale <= CLOSING_DISTANCE

    def _shown(self, context: ToolContext, at: Point | None = None) -> ToolResult:
        """at: where the pointer is, while it holds nothing."""
        draft, chosen = self._draft, self._held
        spots: tuple[Point, ...] = ()
        closing = at is not None and self._can_close(context, at)
        if at is not None and not closing:
            chosen = draft.nearest_point(at, _GRASP / context.scale)
            middle = draft.nearest_midpoint(at, _INVITING / context.scale, _SHORT / context.scale)
            spots = (middle[1],) if middle is not None and chosen is None else ()
        # A line to the pointer says that a click there adds a corner.
        adds = at is not None and chosen is None
        outline = OutlinePreview(
            draft.open_line,
            self._cursor if adds else None,
            closing=closing,
            active_handle=chosen,
            rings=draft.rings,
            insertion_points=spots,
            filled=closing or bool(draft.rings),
        )
        return ToolResult(outline=outline)

    def _forget(self) -> None:
        self._draft, self._past, self._held = PolygonDraft(), [], None
        self._reopened, self._shown_at_first = None, ()
        self._moves = self._closes = False
