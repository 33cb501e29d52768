"""Base class of tools that segment an object from scribbles: strokes on the object and on the background."""

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
from core.tools.shape_draft import DraftStroke, ShapeDraft
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

_STROKE_RADIUS = 2.5
"""Widget pixels to each side of a scribble that it marks."""
_SUBPIXEL_BITS = 4
"""Fractional bits of OpenCV's drawing coordinates."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ScribbleHint:
    """A scribble through `points`, `radius` picture pixels to each side: on the object, or on the background."""

    points: tuple[Point, ...]
    radius: float
    is_background: bool

    @property
    def box(self) -> Box:
        """The pixels that it may touch; may extend beyond the picture."""
        return Box.bounding(self.points, margin=self.radius)

    def mark(self, crop: DownscaledCrop, marks: NDArray[np.uint8], value: int) -> None:
        """Write `value` into the (height, width) uint8 marks of a crop where the scribble is."""
        in_crop = [crop.to_crop(p) for p in self.points]
        # OpenCV's coordinates start at the centre of the first pixel.
        path = np.array([[(p.x - 0.5, p.y - 0.5) for p in in_crop]]) * (1 << _SUBPIXEL_BITS)
        path = np.clip(np.rint(path), -(1 << 24), 1 << 24).astype(np.int32)
        width = max(1, round(2 * self.radius / crop.factor))
        cv2.polylines(marks, path, False, value, width, cv2.LINE_8, _SUBPIXEL_BITS)


@dataclass(frozen=True, slots=True, eq=False)
class SegmentedObject:
    """The object: (h, w) bool `mask` of a `box` inside the picture."""

    box: Box
    mask: Mask


class ScribbleTool(Tool):
    """Each scribble starts the segmentation again on another thread; its result is previewed, and Enter paints it."""

    controls = (PAINT_OVER,)
    uses_both_buttons = True
    task_title = ""
    """Shown while the object is searched for."""
    not_found_message = "Nothing was found there: draw over the object."

    _hints: list[ScribbleHint]
    _stroke: list[Point]
    _object: SegmentedObject | None
    _mask_preview: MaskPreview | None
    _against: bool
    _is_searching: bool
    """Whether the segmentation is running."""
    _paint_when_found: bool
    """Whether the object is to be painted as soon as it is found."""

    def __init__(self) -> None:
        self._reset()

    @property
    def is_busy(self) -> bool:
        return bool(self._stroke or self._hints)

    def search(self, context: ToolContext) -> Callable[[Callable[[], bool]], object] | None:
        """The segmentation with all hints, to run on another thread; None: there are too few hints."""
        raise NotImplementedError

    def is_background_stroke(self, modifiers: Modifiers) -> bool:
        """Whether a stroke that begins now marks the background."""
        return modifiers.ctrl

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        self._stroke, self._against = [at], self.is_background_stroke(modifiers)
        return self._preview(context)

    def drag(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._stroke and at != self._stroke[-1]:
            self._stroke.append(at)
        return self._preview(context)

    def hover(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        return self._preview(context)

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if not self._stroke:
            return self._preview(context)
        self.drag(context, at, modifiers)
        self._hints.append(ScribbleHint(tuple(self._stroke), _STROKE_RADIUS / context.scale, self._against))
        self._stroke = []
        return self._search(context)

    def finish(self, context: ToolContext) -> ToolResult:
        """Paint the found object; while the segmentation is running, as soon as it has ended."""
        if self._is_searching:
            self._paint_when_found = True
            return self._preview(context)
        if self._object is None:
            return self._preview(context)
        found, first, mask_preview = self._object, self.first_point(), self._mask_preview
        self._reset()

        def paint(context: ToolContext) -> Box:
            return paint_mask(context, found.box, found.mask, first)

        name = f"{self.title}, {context.class_name}"
        return paint_or_defer(
            context, name, self.name, context.class_value, found.box.area, paint, mask_preview=mask_preview
        )

    def cancel(self, context: ToolContext) -> ToolResult:
        self._reset()
        return NO_RESULT

    def undo_step(self, context: ToolContext) -> ToolResult:
        self._stroke, self._paint_when_found = [], False
        if self._hints:
            self._hints.pop()
        return self._search(context) if self._hints else self._nothing_to_find(context)

    def refresh(self, context: ToolContext) -> ToolResult:
        self._update_preview(context)
        return self._preview(context)

    def on_task_done(self, context: ToolContext, result: object) -> ToolResult:
        if not self._is_searching:
            return self._preview(context)
        self._is_searching = False
        self._object = result if isinstance(result, SegmentedObject) and result.mask.any() else None
        self._update_preview(context)
        if self._paint_when_found and self._object is not None:
            return self.finish(context)
        self._paint_when_found = False
        message = (
            self.not_found_message if isinstance(result, SegmentedObject) and self._object is None else ""
        )
        shown = self._preview(context)
        return ToolResult(outline=shown.outline, mask_preview=shown.mask_preview, message=message)

    def draft(self, context: ToolContext) -> ShapeDraft | None:
        if not self._hints:
            return None
        strokes = tuple(DraftStroke(hint.points, hint.radius, hint.is_background) for hint in self._hints)
        value, name = context.class_value, context.class_name
        return ShapeDraft(self.name, f"{self.title} selection", value, name, strokes=strokes)

    def restore(self, context: ToolContext, draft: ShapeDraft) -> ToolResult:
        self._reset()
        self._hints = [
            ScribbleHint(stroke.points, max(stroke.radius, 0.0), stroke.is_background)
            for stroke in draft.strokes
            if stroke.points
        ]
        return self._search(context) if self.is_busy else NO_RESULT

    def deactivate(self, context: ToolContext) -> ToolResult:
        self._is_searching = False  # a result that is still searched for was never visible
        result = self.finish(context)
        self._reset()
        return result.committed

    def first_point(self) -> Point | None:
        """Where the first object scribble started: its class counts for the option "Class under pointer"."""
        return next((hint.points[0] for hint in self._hints if not hint.is_background), None)

    def outline(self) -> OutlinePreview | None:
        """All scribbles, to be drawn above the picture."""
        scribbles = [Scribble(hint.points, hint.is_background) for hint in self._hints]
        if self._stroke:
            scribbles.append(Scribble(tuple(self._stroke), self._against))
        return OutlinePreview((), scribbles=tuple(scribbles)) if scribbles else None

    def _search(self, context: ToolContext) -> ToolResult:
        run = self.search(context)
        self._is_searching = run is not None
        if run is None:
            self._object = self._mask_preview = None
            return self._preview(context)
        shown = self._preview(context)
        return ToolResult(
            outline=shown.outline, mask_preview=shown.mask_preview, task=BackgroundTask(self.task_title, run)
        )

    def _preview(self, context: ToolContext) -> ToolResult:
        return ToolResult(outline=self.outline(), mask_preview=self._mask_preview)

    def _update_preview(self, context: ToolContext) -> None:
        found = self._object
        self._mask_preview = (
            None if found is None else preview_mask(context, found.box, found.mask, self.first_point())
        )

    def _nothing_to_find(self, context: ToolContext) -> ToolResult:
        self._reset()
        return NO_RESULT

    def _reset(self) -> None:
        self._hints, self._stroke = [], []
        self._object = self._mask_preview = None
        self._against = self._is_searching = self._paint_when_found = False


def bounds_of(hints: Sequence[ScribbleHint], whole: Box) -> Box:
    """The smallest box inside the picture `whole` that contains all hints."""
    box = Box.empty()
    for hint in hints:
        box = box.union(hint.box.intersection(whole))
    return box
