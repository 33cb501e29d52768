"""The superpixel tool: the picture is divided into small segments of similar colour; a click or a drag paints whole
ones."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

import math
import weakref
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.tools.edit_constraint import EditConstraint, preview_mask
from core.tools.smart.superpixel_grid import SuperpixelCell, SuperpixelLabels, cell_at, compute_superpixels
from core.tools.tool import NO_RESULT, BackgroundTask, MaskPreview, Modifiers, Tool, ToolContext, ToolResult
from core.tools.tool_options import PAINT_OVER, tool_option

MIN_SEGMENT_SIZE, MAX_SEGMENT_SIZE = 6, 96
_WHEEL_FACTOR = 1.2
"""Change of the segment size for one step of the wheel."""
_CACHED_CELLS = 32
"""Cells kept in memory, half a megabyte each."""
SEGMENT_SIZE = tool_option(
    "segment_size",
    "Piece size",
    "About the width and height of a superpixel; zoom in for finer ones.",
    minimum=MIN_SEGMENT_SIZE,
    maximum=MAX_SEGMENT_SIZE,
    unit=" px",
)


class Superpixels(Tool):
    """Segments around the pointer are computed on another thread and cached."""

    name = "superpixels"
    title = "Superpixels"
    help_line = "Click or drag to paint whole superpixels. The wheel changes their size, Ctrl+wheel zooms."
    wheel_adjusts = True
    controls = (SEGMENT_SIZE, PAINT_OVER)

    def __init__(self) -> None:
        self._cells: OrderedDict[SuperpixelCell, SuperpixelLabels] = OrderedDict()
        self._picture: weakref.ref[NDArray[np.uint8]] | None = None
        self._requested: SuperpixelCell | None = None
        self._hovered: Point | None = None
        self._constraint: EditConstraint | None = None
        self._painted_segments: set[tuple[SuperpixelCell, int]] = set()
        self._last: Point | None = None
        self._pending_points: list[Point] = []
        self._previewed: object = None
        self._mask_preview: MaskPreview | None = None

    @property
    def is_busy(self) -> bool:
        return self._last is not None or bool(self._pending_points)

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        self._begin(context, at)
        self._last = at
        return self._paint(context, [at])

    def drag(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        self._hovered = at
        last = self._last
        if last is None:
            return NO_RESULT
        self._last = at
        step = max(1.0, 1.0 / context.scale)
        parts = max(1, math.ceil(math.dist(last, at) / step))
        positions = [
            Point(last.x + (at.x - last.x) * n / parts, last.y + (at.y - last.y) * n / parts)
            for n in range(1, parts + 1)
        ]
        return self._paint(context, positions)

    def hover(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        self._hovered = at
        return self._update_preview(context)

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._last is None:
            return self._update_preview(context)
        painted = self.drag(context, at, modifiers)
        self._last = None
        return ToolResult(
            painted.dirty, context.labels.finish_edit(), mask_preview=painted.mask_preview, task=painted.task
        )

    def finish(self, context: ToolContext) -> ToolResult:
        if self._last is None:
            return self._update_preview(context)
        self._last = None
        return ToolResult(edit=context.labels.finish_edit())

    def cancel(self, context: ToolContext) -> ToolResult:
        is_stroke, self._last, self._pending_points, self._requested = self._last is not None, None, [], None
        return ToolResult(context.labels.cancel_edit() if is_stroke else Box.empty())

    def deactivate(self, context: ToolContext) -> ToolResult:
        edit = self.finish(context).edit if self._last is not None else None
        self._previewed = self._mask_preview = None
        self._last = self._hovered = self._requested = None
        self._pending_points = []
        return ToolResult(edit=edit)

    def adjust(self, context: ToolContext, steps: int) -> ToolResult | None:
        options = context.options
        size = options.segment_size
        turned = round(size * _WHEEL_FACTOR**steps)
        turned = turned if turned != size else size + (1 if steps > 0 else -1)
        options.segment_size = min(max(turned, MIN_SEGMENT_SIZE), MAX_SEGMENT_SIZE)
        shown = self._update_preview(context)
        return ToolResult(mask_preview=shown.mask_preview, task=shown.task, options_changed=True)

    def on_task_done(self, context: ToolContext, result: object) -> ToolResult:
        cell, self._requested = self._requested, None
        if cell is None or not isinstance(result, SuperpixelLabels):
            self._pending_points = []
            return NO_RESULT
        self._store(cell, result)
        if not self._pending_points:
            return self._update_preview(context)
        points, self._pending_points = self._pending_points, []
        if self._last is not None:
            return self._paint(context, points)
        # The button was released before the segments were known.
        self._begin(context, points[0])
        painted = self._paint(context, points)
        return ToolResult(
            painted.dirty, context.labels.finish_edit(), mask_preview=painted.mask_preview, task=painted.task
        )

    def _begin(self, context: ToolContext, at: Point) -> None:
        self._previewed = None
        context.labels.begin_edit(f"Superpixels, {context.class_name}", self.name, context.class_value)
        self._constraint, self._painted_segments = EditConstraint(context, at, context.class_value), set()

    def _paint(self, context: ToolContext, positions: list[Point]) -> ToolResult:
        """Paint the segments at these points; points whose segments are not known yet are painted later."""
        dirty, missing, work = Box.empty(), None, None
        for at in positions:
            cell = self._cell(context, at)
            if cell is None or self._constraint is None:
                continue
            segments = self._labels_of(context, cell)
            if segments is None:
                self._pending_points.append(at)
                missing = missing or cell
                continue
            number = segments.label_at(at)
            if (cell, number) not in self._painted_segments:
                self._painted_segments.add((cell, number))
                box, mask = segments.mask_of(number)
                allowed = self._constraint.restrict(context, box, mask.copy())
                dirty = dirty.union(context.labels.paint(box, allowed, context.class_value))
        if missing is not None:
            work = self._task(context, missing)
        return ToolResult(dirty, task=work)

    def _update_preview(self, context: ToolContext) -> ToolResult:
        cell = None if self._hovered is None else self._cell(context, self._hovered)
        if cell is None or self._hovered is None:
            return NO_RESULT
        segments = self._labels_of(context, cell)
        if segments is None:
            return ToolResult(task=self._task(context, cell))
        number = segments.label_at(self._hovered)
        shown = (cell, number, context.class_value, context.options.over, context.options.locked)
        if self._previewed != shown:
            box, mask = segments.mask_of(number)
            self._previewed = shown
            self._mask_preview = preview_mask(context, box, mask, self._hovered)
        return ToolResult(mask_preview=self._mask_preview)

    def _cell(self, context: ToolContext, at: Point) -> SuperpixelCell | None:
        if not (0 <= at.x < context.labels.width and 0 <= at.y < context.labels.height):
            return None
        return cell_at(
            at, context.scale, min(max(context.options.segment_size, MIN_SEGMENT_SIZE), MAX_SEGMENT_SIZE)
        )

    def _labels_of(self, context: ToolContext, cell: SuperpixelCell) -> SuperpixelLabels | None:
        if self._picture is None or self._picture() is not context.picture:
            self._picture, self._requested = weakref.ref(context.picture), None
            self._cells.clear()
        found = self._cells.get(cell)
        if found is not None:
            self._cells.move_to_end(cell)
        return found

    def _store(self, cell: SuperpixelCell, segments: SuperpixelLabels) -> None:
        self._cells[cell] = segments
        while len(self._cells) > _CACHED_CELLS:
            self._cells.popitem(last=False)

    def _task(self, context: ToolContext, cell: SuperpixelCell) -> BackgroundTask | None:
        """None when these segments are being computed already."""
        if cell == self._requested:
            return None
        self._requested = cell
        picture, whole = context.picture, Box(0, 0, context.labels.width, context.labels.height)

        def run(is_cancelled: Callable[[], bool]) -> object:
            return None if is_cancelled() else compute_superpixels(picture, cell, whole)

        return BackgroundTask("Computing superpixels", run, quiet=True)
