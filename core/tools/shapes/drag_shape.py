"""Shapes drawn in one drag, painted when the button is released: the base class, and the lasso."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from core.base.geometry import Box, Point
from core.labels.class_list import UNLABELLED
from core.labels.rasterization import Mask, polygon
from core.tools.deferred import paint_or_defer
from core.tools.edit_constraint import paint_shape
from core.tools.shape_draft import ShapeDraft
from core.tools.tool import NO_RESULT, Modifiers, OutlinePreview, Tool, ToolContext, ToolResult
from core.tools.tool_options import PAINT_OVER

_MIN_MOVE, _TOLERANCE = 0.5, 0.4
"""Widget pixels: a move shorter than `_MIN_MOVE` adds no point, and points within `_TOLERANCE` of the line are
dropped."""
_CHUNK_POINTS = 64
"""Points that are simplified together, so that the cost of a move does not grow with the drag."""


class DragShapeTool(Tool):
    """A drag makes a shape of the active class; with Ctrl or the secondary button it erases."""

    can_erase = True
    controls = (PAINT_OVER,)

    def __init__(self) -> None:
        self._start: Point | None = None
        self._erases = False

    @property
    def is_busy(self) -> bool:
        return self._start is not None

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._start is not None:
            return NO_RESULT
        self._start, self._erases = at, modifiers.ctrl
        self._begin(context, at)
        return NO_RESULT

    def drag(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._start is None:
            return NO_RESULT
        self._extend(context, at, modifiers)
        return self._preview(context)

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._start is None:
            return NO_RESULT
        self._extend(context, at, modifiers)
        return self.finish(context)

    def finish(self, context: ToolContext) -> ToolResult:
        if self._start is None:
            return NO_RESULT
        start, self._start = self._start, None
        box, shape = self._shape()
        pixels = box.clipped(context.labels.width, context.labels.height).area
        value = UNLABELLED if self._erases else context.class_value
        name = "Erase" if value == UNLABELLED else f"{self.title}, {context.class_name}"

        def paint(context: ToolContext) -> Box:
            return paint_shape(context, box, shape, start, value)

        return paint_or_defer(
            context, name, self.name, value, pixels, paint, outline=self._preview(context).outline
        )

    def cancel(self, context: ToolContext) -> ToolResult:
        self._start = None
        return NO_RESULT

    def draft(self, context: ToolContext) -> ShapeDraft | None:
        """A drag that did not end by letting go: a polygon with the same corners, whose corners can be moved."""
        outline = self._preview(context).outline if self._start is not None else None
        if outline is None or len(outline.points) < 3:
            return None
        value, name = (
            (UNLABELLED, "unlabelled") if self._erases else (context.class_value, context.class_name)
        )
        return ShapeDraft("polygon", self.title.lower(), value, name, rings=(outline.points,))

    def _begin(self, context: ToolContext, at: Point) -> None:
        raise NotImplementedError

    def _extend(self, context: ToolContext, at: Point, modifiers: Modifiers) -> None:
        """The pointer moved to this position."""
        raise NotImplementedError

    def _shape(self) -> tuple[Box, Callable[[Box], tuple[Box, Mask]]]:
        """The bounding box of the shape, and a function that rasterizes it within another box as
        rasterization.polygon does. It does not depend on later changes of the tool."""
        raise NotImplementedError

    def _preview(self, context: ToolContext) -> ToolResult:
        raise NotImplementedError


class Lasso(DragShapeTool):
    """Freehand: the line follows the pointer and is closed automatically."""

    name = "lasso"
    title = "Lasso"
    help_line = "Drag around an object; the line closes when you release. Right-drag or Ctrl+drag erases."

    def __init__(self) -> None:
        super().__init__()
        self._simplified_points: list[Point] = []
        self._recent: list[Point] = []

    def _begin(self, context: ToolContext, at: Point) -> None:
        self._simplified_points, self._recent = [], [at]

    def _extend(self, context: ToolContext, at: Point, modifiers: Modifiers) -> None:
        if math.dist(at, self._recent[-1]) * context.scale < _MIN_MOVE:
            return
        self._recent.append(at)
        if len(self._recent) >= _CHUNK_POINTS:
            # The last point starts the next chunk.
            self._simplified_points += _simplify(self._recent, _TOLERANCE / context.scale)[:-1]
            self._recent = [at]

    def _shape(self) -> tuple[Box, Callable[[Box], tuple[Box, Mask]]]:
        line = [*self._simplified_points, *self._recent]
        return Box.bounding(line), lambda within: polygon(line, within)

    def _preview(self, context: ToolContext) -> ToolResult:
        line = (*self._simplified_points, *self._recent)
        outline = OutlinePreview(line, closed=True, handles=False, filled=True, erases=self._erases)
        return ToolResult(outline=outline)


def _simplify(line: list[Point], tolerance: float) -> list[Point]:
    """The line with fewer points; those left out are at most `tolerance` image pixels from it (Douglas-Peucker)."""
    if line[0] == line[-1]:
        return line  # OpenCV reduces an open line that ends at its start to a single point
    # Relative to the first point: float32 is too coarse for coordinates of a large picture.
    offsets = np.array(line) - line[0]
    kept = cv2.approxPolyDP(offsets.astype(np.float32)[:, None], tolerance, False)[:, 0].astype(np.float64)
    return [Point(float(x) + line[0].x, float(y) + line[0].y) for x, y in kept]
