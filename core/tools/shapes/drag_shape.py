"""Shapes drawn in one drag: nothing changes until the button goes up. Here: what they share, and the lasso."""

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
from core.tools.tool import NO_RESULT, Modifiers, OutlinePreview, Tool, ToolContext, ToolResult
from core.tools.tool_options import PAINT_OVER

_STEP, _SLACK = 0.5, 0.4
"""Widget pixels: a move below the first adds no point, and points this close to the line between others go."""
_RAW = 64
"""Points of the hand that are simplified together, so that a drag of any length costs the same per move."""


class DragShapeTool(Tool):
    """A drag makes a shape of the active class; begun with Ctrl or the secondary button it erases."""

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
        return self._shown(context)

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
            context, name, self.name, value, pixels, paint, outline=self._shown(context).outline
        )

    def cancel(self, context: ToolContext) -> ToolResult:
        self._start = None
        return NO_RESULT

    def _begin(self, context: ToolContext, at: Point) -> None:
        raise NotImplementedError

    def _extend(self, context: ToolContext, at: Point, modifiers: Modifiers) -> None:
        """The hand is here now."""
        raise NotImplementedError

    def _shape(self) -> tuple[Box, Callable[[Box], tuple[Box, Mask]]]:
        """What was drawn: a box that holds it, and what gives its pixels within another box as raster.polygon does,
        also when the hand draws something else by then."""
        raise NotImplementedError

    def _shown(self, context: ToolContext) -> ToolResult:
        raise NotImplementedError


class Lasso(DragShapeTool):
    """Freehand: the line follows the hand and closes by itself."""

    name = "lasso"
    title = "Lasso"
    help_line = "Drag around a thing; it closes when you let go. Right-drag or Ctrl+drag erases."

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[Point] = []
        self._raw: list[Point] = []

    def _begin(self, context: ToolContext, at: Point) -> None:
        self._kept, self._raw = [], [at]

    def _extend(self, context: ToolContext, at: Point, modifiers: Modifiers) -> None:
        if math.dist(at, self._raw[-1]) * context.scale < _STEP:
            return
        self._raw.append(at)
        if len(self._raw) >= _RAW:
            # The last point begins the next lot.
            self._kept += _simplified(self._raw, _SLACK / context.scale)[:-1]
            self._raw = [at]

    def _shape(self) -> tuple[Box, Callable[[Box], tuple[Box, Mask]]]:
        line = [*self._kept, *self._raw]
        return Box.bounding(line), lambda within: polygon(line, within)

    def _shown(self, context: ToolContext) -> ToolResult:
        line = (*self._kept, *self._raw)
        outline = OutlinePreview(line, closed=True, handles=False, filled=True, erases=self._erases)
        return ToolResult(outline=outline)


def _simplified(line: list[Point], slack: float) -> list[Point]:
    """The line with fewer points, none of those left out farther than `slack` image pixels from it."""
    if line[0] == line[-1]:
        return line  # OpenCV takes an open line back to its start for a single point
    # Counted from the first point: single precision is too coarse far out in a large picture.
    around = np.array(line) - line[0]
    kept = cv2.approxPolyDP(around.astype(np.float32)[:, None], slack, False)[:, 0].astype(np.float64)
    return [Point(float(x) + line[0].x, float(y) + line[0].y) for x, y in kept]
