"""What tools share that are told with strokes what belongs to a thing and what does not."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.tools.deferred import paint_or_defer
from core.tools.edit_constraint import paint_mask, preview_mask
from core.tools.smart.downscaled_crop import DownscaledCrop
from core.tools.tool import (
    NO_RESULT,
    BackgroundTask,
    MaskPreview,
    Modifiers,
    OutlinePreview,
    Scribble,
    Tool,
    ToolContext,
    ToolResult,
)
from core.tools.tool_options import PAINT_OVER

_REACH = 2.5
"""Widget pixels to each side of a stroke that it speaks of."""
_FINE = 4
"""Bits after the point in OpenCV's drawing."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ScribbleHint:
    """A stroke through `points`, `radius` picture pixels to each side: it belongs, or `against`: it does not."""

    points: tuple[Point, ...]
    radius: float
    is_background: bool

    @property
    def box(self) -> Box:
        """The pixels that the stroke may touch; it may reach beyond the picture."""
        return Box.bounding(self.points, margin=self.radius)

    def mark(self, crop: DownscaledCrop, marks: NDArray[np.uint8], value: int) -> None:
        """Write `value` into the (height, width) uint8 of a crop where the stroke is."""
        inner = [crop.to_crop(p) for p in self.points]
        # OpenCV counts from the centre of the first pixel.
        path = np.array([[(p.x - 0.5, p.y - 0.5) for p in inner]]) * (1 << _FINE)
        path = np.clip(np.rint(path), -(1 << 24), 1 << 24).astype(np.int32)
        width = max(1, round(2 * self.radius / crop.factor))
        cv2.polylines(marks, path, False, value, width, cv2.LINE_8, _FINE)


@dataclass(frozen=True, slots=True, eq=False)
class SegmentedObject:
    """The thing: (h, w) bool `mask` of a `box` inside the picture."""

    box: Box
    mask: Mask


class ScribbleTool(Tool):
    """Each stroke has the thing looked for anew, on another thread; what is found is shown, and Enter paints it."""

    controls = (PAINT_OVER,)
    uses_both_buttons = True
    task_title = ""
    """What is said while the thing is looked for."""
    not_found_message = "Nothing was found there: draw over what belongs to the thing."

    _hints: list[ScribbleHint]
    _stroke: list[Point]
    _found: SegmentedObject | None
    _mask_preview: MaskPreview | None
    _against: bool
    _waits: bool
    """Whether the thing is being looked for."""
    _owed: bool
    """Whether it shall be painted as soon as it is found."""

    def __init__(self) -> None:
        self._forget()

    @property
    def is_busy(self) -> bool:
        return bool(self._stroke or self._hints)

    def search(self, context: ToolContext) -> Callable[[Callable[[], bool]], object] | None:
        """What another thread shall do with all hints; None: there is too little to go by."""
        raise NotImplementedError

    def is_background_stroke(self, modifiers: Modifiers) -> bool:
        """Whether a stroke that begins now is about what does not belong to the thing."""
        return modifiers.ctrl

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        self._stroke, self._against = [at], self.is_background_stroke(modifiers)
        return self._shown(context)

    def drag(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._stroke and at != self._stroke[-1]:
            self._stroke.append(at)
        return self._shown(context)

    def hover(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        return self._shown(context)

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if not self._stroke:
            return self._shown(context)
        self.drag(context, at, modifiers)
        self._hints.append(ScribbleHint(tuple(self._stroke), _REACH / context.scale, self._against))
        self._stroke = []
        return self._look(context)

    def finish(self, context: ToolContext) -> ToolResult:
        """Paint what was found; while it is still looked for, as soon as it is."""
        if self._waits:
            self._owed = True
            return self._shown(context)
        if self._found is None:
            return self._shown(context)
        found, first, mask_preview = self._found, self.first_point(), self._mask_preview
        self._forget()

        def paint(context: ToolContext) -> Box:
            return paint_mask(context, found.box, found.mask, first)

        name = f"{self.title}, {context.class_name}"
        return paint_or_defer(
            context, name, self.name, context.class_value, found.box.area, paint, mask_preview=mask_preview
        )

    def cancel(self, context: ToolContext) -> ToolResult:
        self._forget()
        return NO_RESULT

    def undo_step(self, context: ToolContext) -> ToolResult:
        self._stroke, self._owed = [], False
        if self._hints:
            self._hints.pop()
        return self._look(context) if self._hints else self._nothing_left(context)

    def refresh(self, context: ToolContext) -> ToolResult:
        self._promise(context)
        return self._shown(context)

    def on_task_done(self, context: ToolContext, result: object) -> ToolResult:
        if not self._waits:
            return self._shown(context)
        self._waits = False
        self._found = result if isinstance(result, SegmentedObject) and result.mask.any() else None
        self._promise(context)
        if self._owed and self._found is not None:
            return self.finish(context)
        self._owed = False
        say = self.not_found_message if isinstance(result, SegmentedObject) and self._found is None else ""
        shown = self._shown(context)
        return ToolResult(outline=shown.outline, mask_preview=shown.mask_preview, message=say)

    def deactivate(self, context: ToolContext) -> ToolResult:
        self._waits = False  # what is still looked for was never seen
        outcome = self.finish(context)
        self._forget()
        return outcome.committed

    def first_point(self) -> Point | None:
        """Where the first stroke for the thing began: its class is meant by "class under pointer"."""
        return next((hint.points[0] for hint in self._hints if not hint.is_background), None)

    def outline(self) -> OutlinePreview | None:
        """All strokes as they are drawn above the picture."""
        drawn = [Scribble(hint.points, hint.is_background) for hint in self._hints]
        if self._stroke:
            drawn.append(Scribble(tuple(self._stroke), self._against))
        return OutlinePreview((), scribbles=tuple(drawn)) if drawn else None

    def _look(self, context: ToolContext) -> ToolResult:
        run = self.search(context)
        self._waits = run is not None
        if run is None:
            self._found = self._mask_preview = None
            return self._shown(context)
        shown = self._shown(context)
        return ToolResult(
            outline=shown.outline, mask_preview=shown.mask_preview, task=BackgroundTask(self.task_title, run)
        )

    def _shown(self, context: ToolContext) -> ToolResult:
        return ToolResult(outline=self.outline(), mask_preview=self._mask_preview)

    def _promise(self, context: ToolContext) -> None:
        found = self._found
        self._mask_preview = (
            None if found is None else preview_mask(context, found.box, found.mask, self.first_point())
        )

    def _nothing_left(self, context: ToolContext) -> ToolResult:
        self._forget()
        return NO_RESULT

    def _forget(self) -> None:
        self._hints, self._stroke = [], []
        self._found = self._mask_preview = None
        self._against = self._waits = self._owed = False


def bounds_of(hints: Sequence[ScribbleHint], whole: Box) -> Box:
    """The smallest box of the picture `whole` that holds all hints."""
    box = Box.empty()
    for hint in hints:
        box = box.union(hint.box.intersection(whole))
    return box
