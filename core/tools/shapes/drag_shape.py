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
from core.tools.deferred import painted
from core.tools.edit_constraint import fill_shape
from core.tools.tool import NOTHING, Modifiers, Outcome, Outline, Stage, Tool
from core.tools.tool_options import OVER

_STEP, _SLACK = 0.5, 0.4
"""Widget pixels: a move below the first adds no point, and points this close to the line between others go."""
_RAW = 64
"""Points of the hand that are simplified together, so that a drag of any length costs the same per move."""


class Drawn(Tool):
    """A drag makes a shape of the active class; begun with Ctrl or the secondary button it erases."""

    can_erase = True
    controls = (OVER,)

    def __init__(self) -> None:
        self._start: Point | None = None
        self._erases = False

    @property
    def is_busy(self) -> bool:
        return self._start is not None

    def press(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        if self._start is not None:
            return NOTHING
        self._start, self._erases = at, modifiers.ctrl
        self._begin(stage, at)
        return NOTHING

    def drag(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        if self._start is None:
            return NOTHING
        self._extend(stage, at, modifiers)
        return self._shown(stage)

    def release(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        if self._start is None:
            return NOTHING
        self._extend(stage, at, modifiers)
        return self.finish(stage)

    def finish(self, stage: Stage) -> Outcome:
        if self._start is None:
            return NOTHING
        start, self._start = self._start, None
        box, shape = self._shape()
        pixels = box.clipped(stage.labels.width, stage.labels.height).area
        value = UNLABELLED if self._erases else stage.class_value
        name = "Erase" if value == UNLABELLED else f"{self.title}, {stage.class_name}"

        def paint(stage: Stage) -> Box:
            return fill_shape(stage, box, shape, start, value)

        return painted(stage, name, self.name, value, pixels, paint, outline=self._shown(stage).outline)

    def cancel(self, stage: Stage) -> Outcome:
        self._start = None
        return NOTHING

    def _begin(self, stage: Stage, at: Point) -> None:
        raise NotImplementedError

    def _extend(self, stage: Stage, at: Point, modifiers: Modifiers) -> None:
        """The hand is here now."""
        raise NotImplementedError

    def _shape(self) -> tuple[Box, Callable[[Box], tuple[Box, Mask]]]:
        """What was drawn: a box that holds it, and what gives its pixels within another box as raster.polygon does,
        also when the hand draws something else by then."""
        raise NotImplementedError

    def _shown(self, stage: Stage) -> Outcome:
        raise NotImplementedError


class Lasso(Drawn):
    """Freehand: the line follows the hand and closes by itself."""

    name = "lasso"
    title = "Lasso"
    help_line = "Drag around a thing; it closes when you let go. Right-drag or Ctrl+drag erases."

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[Point] = []
        self._raw: list[Point] = []

    def _begin(self, stage: Stage, at: Point) -> None:
        self._kept, self._raw = [], [at]

    def _extend(self, stage: Stage, at: Point, modifiers: Modifiers) -> None:
        if math.dist(at, self._raw[-1]) * stage.scale < _STEP:
            return
        self._raw.append(at)
        if len(self._raw) >= _RAW:
            # The last point begins the next lot.
            self._kept += _simplified(self._raw, _SLACK / stage.scale)[:-1]
            self._raw = [at]

    def _shape(self) -> tuple[Box, Callable[[Box], tuple[Box, Mask]]]:
        line = [*self._kept, *self._raw]
        return Box.around(line), lambda within: polygon(line, within)

    def _shown(self, stage: Stage) -> Outcome:
        line = (*self._kept, *self._raw)
        outline = Outline(line, closed=True, handles=False, filled=True, erases=self._erases)
        return Outcome(outline=outline)


def _simplified(line: list[Point], slack: float) -> list[Point]:
    """The line with fewer points, none of those left out farther than `slack` image pixels from it."""
    if line[0] == line[-1]:
        return line  # OpenCV takes an open line back to its start for a single point
    # Counted from the first point: single precision is too coarse far out in a large picture.
    around = np.array(line) - line[0]
    kept = cv2.approxPolyDP(around.astype(np.float32)[:, None], slack, False)[:, 0].astype(np.float64)
    return [Point(float(x) + line[0].x, float(y) + line[0].y) for x, y in kept]
