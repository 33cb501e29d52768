"""The polygon tool: corners are clicked, and can be changed until the shape is filled."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

import math
from dataclasses import replace

from core.base.geometry import Box, Point
from core.labels.outlines import Ring
from core.labels.rasterization import polygons
from core.tools.deferred import paint_or_defer
from core.tools.edit_constraint import paint_shape
from core.tools.shape_draft import DraftRegion, ShapeDraft
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
_GRAB_DISTANCE, _MIN_DRAG = 6.0, 3.0
"""Widget pixels: a press this close grabs a corner, and the corner moves once the pointer has moved `_MIN_DRAG`."""
_MIDPOINT_DISTANCE, _MIN_EDGE = 40.0, 24.0
"""Widget pixels: the midpoint of an edge is shown from this close, but not of edges shorter than `_MIN_EDGE`."""
_REGION_CHANGED = (
    "The region has changed since its outline was edited; Enter paints the outline as a new shape."
)


class Polygon(Tool):
    """Click adds a corner, dragging moves one, the midpoint of an edge inserts one, Ctrl+click removes one.

    Enter, a double click or a click on the first corner fills. With Shift that click only closes the ring; the next
    ring is a hole or another part. Backspace undoes the last change of the shape.
    """

    name = "polygon"
    title = "Polygon"
    help_line = (
        "Click corners, drag them, Enter fills. Shift+click on the first begins a hole, Ctrl+click removes a corner, "
        "Alt+click opens the outline of a label."
    )
    cursor = Cursor.CROSS
    controls = (PAINT_OVER, SNAP, DETAIL)

    def __init__(self) -> None:
        self._draft = PolygonDraft()
        self._undo_stack: list[PolygonDraft] = []
        self._outline_edit: OutlineEdit | None = None
        self._initial_rings: tuple[Ring, ...] = ()
        self._cursor: Point | None = None
        self._dragged: int | None = None
        self._at = self._pressed = Point(0, 0)
        self._is_new_corner = self._is_moving = self._may_close = False
        self._is_restored = False
        """Whether the region of a restored draft is still to be traced."""

    @property
    def is_busy(self) -> bool:
        return bool(self._draft) or self._outline_edit is not None

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if not self._draft:
            self._reset()  # an outline that is still being traced is dropped
            if modifiers.alt:
                return self._open_outline(context, at)
        self._cursor = place = self._corner_at(context, at, modifiers)
        self._at = self._pressed = at
        self._is_new_corner = self._is_moving = False
        self._may_close = self._can_close(context, at)
        self._dragged = (
            0 if self._may_close else self._draft.nearest_point(at, _GRAB_DISTANCE / context.scale)
        )
        if self._dragged is not None and modifiers.ctrl:
            self._remove(self._dragged)
        elif self._dragged is None:
            self._set_corner(context, at, place)
        return self._preview(context)

    def drag(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._dragged is None:
            return self._preview(context)
        if not self._is_moving and math.dist(at, self._pressed) * context.scale > _MIN_DRAG:
            self._is_moving = True
            if not self._is_new_corner:  # placing and moving a new corner is one step
                self._undo_stack.append(self._draft)
        if self._is_moving:
            self._cursor = self._corner_at(context, at, modifiers)
            self._draft = self._draft.with_moved(self._dragged, self._cursor)
        return self._preview(context)

    def hover(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        self._at, self._cursor = at, self._corner_at(context, at, modifiers)
        if self._draft:
            return self._preview(context, at)
        # Where the first corner would snap to.
        return (
            ToolResult(outline=OutlinePreview((), insertion_points=(self._cursor,)))
            if self._cursor != at
            else NO_RESULT
        )

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        clicked_first = self._may_close and self._dragged == 0 and not self._is_moving
        self._dragged, self._may_close = None, False
        if clicked_first and not modifiers.shift:
            return self.finish(context)
        if clicked_first:
            self._change(self._draft.with_line_closed())
        return self.hover(context, at, modifiers) if self._draft else NO_RESULT

    def finish(self, context: ToolContext) -> ToolResult:
        """Fill the shape; with fewer than three corners nothing happens."""
        draft, outline_edit = self._draft, self._outline_edit
        is_traced = outline_edit is None or outline_edit.shape is not None
        if not draft.fillable_rings or not is_traced:
            return self._preview(context) if draft else NO_RESULT
        shown = self._initial_rings
        self._reset()
        if outline_edit is not None:
            return outline_edit.commit(context, self.name, shown, draft.fillable_rings)
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
        self._reset()
        return NO_RESULT

    def undo_step(self, context: ToolContext) -> ToolResult:
        if self._undo_stack:
            self._draft = self._undo_stack.pop()
        if self._draft:
            return self._preview(context, self._at)
        self._reset()
        return NO_RESULT

    def delete_point(self, context: ToolContext) -> ToolResult:
        found = self._draft.nearest_point(self._at, CLOSING_DISTANCE / context.scale)
        if found is not None:
            self._remove(found)
        return self._preview(context) if self._draft else NO_RESULT

    def refresh(self, context: ToolContext) -> ToolResult:
        if self._outline_edit is not None and self._draft == PolygonDraft((), self._initial_rings):
            wanted = OutlineEdit.at_point(context, self._outline_edit.at)
            if wanted is not None and wanted.tolerance != self._outline_edit.tolerance:
                return ToolResult(outline=self._preview(context).outline, task=self._outline_task(wanted))
        return self._preview(context)

    def on_task_done(self, context: ToolContext, result: object) -> ToolResult:
        untouched = self._draft == PolygonDraft((), self._initial_rings)
        if self._is_restored:
            return self._region_found(context, result)
        if self._outline_edit is None or not untouched or not isinstance(result, tuple):
            if not self._draft:
                self._reset()
            return self._preview(context) if self._draft else NO_RESULT
        self._undo_stack, self._draft, self._initial_rings = (
            [PolygonDraft()],
            PolygonDraft((), result),
            result,
        )
        return ToolResult(
            outline=self._preview(context).outline,
            message="Drag corners, then press Enter. Esc keeps the region as it was.",
        )

    def draft(self, context: ToolContext) -> ShapeDraft | None:
        draft, edit = self._draft, self._outline_edit
        if not draft or draft == PolygonDraft((), self._initial_rings):
            return None
        region = DraftRegion(edit.at, edit.value, edit.tolerance, self._initial_rings) if edit else None
        value, name = context.class_value, context.class_name
        return ShapeDraft(self.name, "polygon", value, name, draft.open_line, draft.rings, region=region)

    def restore(self, context: ToolContext, draft: ShapeDraft) -> ToolResult:
        self._reset()
        self._draft = PolygonDraft(draft.line, draft.rings)
        region = OutlineEdit.at_point(context, draft.region.at) if draft.region else None
        if draft.region is None:
            return self._preview(context)
        if region is None or region.value != draft.region.value:
            return replace(self._preview(context), message=_REGION_CHANGED)
        region.tolerance = draft.region.tolerance
        self._initial_rings, self._is_restored = draft.region.rings, True
        return replace(self._preview(context), task=self._outline_task(region))

    def deactivate(self, context: ToolContext) -> ToolResult:
        result = self.finish(context)
        self._reset()
        return result.committed

    # Internals

    def _region_found(self, context: ToolContext, outline: object) -> ToolResult:
        """The region of a restored draft is traced: it must be what it was, or only the shape is painted."""
        self._is_restored = False
        if outline == self._initial_rings:
            return self._preview(context)
        self._outline_edit, self._initial_rings = None, ()
        return replace(self._preview(context), message=_REGION_CHANGED)

    def _set_corner(self, context: ToolContext, at: Point, place: Point) -> None:
        """A new corner, which the pointer then drags: on an edge whose midpoint is near, else at the end of the
        line."""
        self._is_new_corner = True
        middle = self._draft.nearest_midpoint(at, _GRAB_DISTANCE / context.scale, _MIN_EDGE / context.scale)
        if middle is not None:
            before, place = middle
            self._change(self._draft.with_inserted(before, place))
            self._dragged = before + 1
        else:
            self._change(self._draft.with_point(place))
            self._dragged = len(self._draft.open_line) - 1

    def _remove(self, number: int) -> None:
        self._change(self._draft.without_point(number))
        self._dragged = None
        if not self._draft:
            self._reset()

    def _open_outline(self, context: ToolContext, at: Point) -> ToolResult:
        region = OutlineEdit.at_point(context, at)
        if region is None:
            return ToolResult(message="Point at a labelled region to edit its outline.")
        if region.value in context.options.locked:
            return ToolResult(message="This class is locked: unlock it to edit the outline.")
        return ToolResult(task=self._outline_task(region), picks_class=True)

    def _outline_task(self, region: OutlineEdit) -> BackgroundTask:
        self._outline_edit = region
        return BackgroundTask("Tracing the outline", lambda _is_cancelled: region.outline())

    def _change(self, draft: PolygonDraft) -> None:
        self._undo_stack.append(self._draft)
        self._draft = draft

    def _corner_at(self, context: ToolContext, at: Point, modifiers: Modifiers) -> Point:
        """Where a corner set here is placed. One outside the picture moves onto its border, so that shapes can reach
        the very edge."""
        if context.options.snap and not modifiers.alt:
            at = snap_corner(context, at)
        return Point(min(max(at.x, 0.0), context.labels.width), min(max(at.y, 0.0), context.labels.height))

    def _can_close(self, context: ToolContext, at: Point) -> bool:
        line = self._draft.open_line
        return len(line) > 2 and math.dist(at, line[0]) * context.scale <= CLOSING_DISTANCE

    def _preview(self, context: ToolContext, at: Point | None = None) -> ToolResult:
        """at: the position of the pointer, while no button is pressed."""
        draft, chosen = self._draft, self._dragged
        insertion_points: tuple[Point, ...] = ()
        closing = at is not None and self._can_close(context, at)
        if at is not None and not closing:
            chosen = draft.nearest_point(at, _GRAB_DISTANCE / context.scale)
            middle = draft.nearest_midpoint(at, _MIDPOINT_DISTANCE / context.scale, _MIN_EDGE / context.scale)
            insertion_points = (middle[1],) if middle is not None and chosen is None else ()
        # A line to the pointer shows that a click there adds a corner.
        adds_corner = at is not None and chosen is None
        outline = OutlinePreview(
            draft.open_line,
            self._cursor if adds_corner else None,
            closing=closing,
            active_handle=chosen,
            rings=draft.rings,
            insertion_points=insertion_points,
            filled=closing or bool(draft.rings),
        )
        return ToolResult(outline=outline)

    def _reset(self) -> None:
        self._draft, self._undo_stack, self._dragged = PolygonDraft(), [], None
        self._outline_edit, self._initial_rings = None, ()
        self._is_moving = self._may_close = self._is_restored = False
