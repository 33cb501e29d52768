"""The GrabCut tool: a box around an object, and scribbles that correct the segmentation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.labels.rasterization import polygon
from core.tools.shape_draft import ShapeDraft
from core.tools.smart.downscaled_crop import DownscaledCrop
from core.tools.smart.scribble_tool import ScribbleHint, ScribbleTool, SegmentedObject
from core.tools.tool import NO_RESULT, Modifiers, OutlinePreview, ToolContext, ToolResult

COARSE_SIDE, FINE_SIDE = 280, 720
"""Longer side of the crop in pixels: first all of it at `COARSE_SIDE`, which at twice the size would take ten times
as long, then only the found border at `FINE_SIDE`. Both together take about half a second."""
_ITERATIONS = 4
_BORDER = 3
"""Coarse pixels to each side of the border that are segmented again."""
_MARGIN = 0.3
"""Margin around the object from which the background colours are learned, as a share of its box."""
_SMALLEST_MARGIN = 12
_SMALLEST_SIDE = 6.0
"""Widget pixels along a side; a smaller box counts as an accidental click."""


class GrabCut(ScribbleTool):
    """A box, or with Alt a freehand line around the object. Then scribbles mark the object and, with Ctrl, the
    background."""

    name = "grabcut"
    title = "GrabCut"
    help_line = (
        "Drag a box around the object. Strokes add, right strokes remove, Enter paints. Alt: draw around it."
    )
    task_title = "Cutting out"

    _boundary: list[Point]
    """The corners of the box, or the line drawn around the object."""
    _is_freehand: bool
    _is_complete: bool
    """Whether box or line are complete, so that strokes are scribbles."""

    @property
    def is_busy(self) -> bool:
        return bool(self._boundary) or super().is_busy

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._is_complete:
            return super().press(context, at, modifiers)
        self._boundary, self._is_freehand = [at], modifiers.alt
        return self._preview(context)

    def drag(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._is_complete:
            return super().drag(context, at, modifiers)
        if self._boundary:
            if self._is_freehand:
                self._boundary.append(at)
            else:
                (x0, y0), (x1, y1) = self._boundary[0], at
                self._boundary = [Point(x0, y0), Point(x1, y0), Point(x1, y1), Point(x0, y1)]
        return self._preview(context)

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._is_complete:
            return super().release(context, at, modifiers)
        self.drag(context, at, modifiers)
        box = Box.bounding(self._boundary).clipped(context.labels.width, context.labels.height)
        if min(box.width, box.height) * context.scale < _SMALLEST_SIDE:
            self._reset()
            return ToolResult(message="Drag a box around the object.")
        self._is_complete = True
        return self._search(context)

    def undo_step(self, context: ToolContext) -> ToolResult:
        if self._is_complete and self._hints:
            self._hints.pop()
            return self._search(context)
        self._reset()
        return NO_RESULT

    def draft(self, context: ToolContext) -> ShapeDraft | None:
        if not self._is_complete:
            return None
        value, name = context.class_value, context.class_name
        strokes = super().draft(context) or ShapeDraft(self.name, f"{self.title} selection", value, name)
        return msgspec.structs.replace(strokes, line=tuple(self._boundary), is_freehand=self._is_freehand)

    def restore(self, context: ToolContext, draft: ShapeDraft) -> ToolResult:
        super().restore(context, draft)
        if not draft.line:
            self._reset()
            return NO_RESULT
        self._boundary, self._is_freehand, self._is_complete = list(draft.line), draft.is_freehand, True
        return self._search(context)

    def first_point(self) -> Point | None:
        box = Box.bounding(self._boundary)
        return super().first_point() or Point((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)

    def outline(self) -> OutlinePreview | None:
        strokes = super().outline()
        if not self._boundary:
            return strokes
        scribbles = strokes.scribbles if strokes else ()
        return OutlinePreview(tuple(self._boundary), closed=True, handles=False, scribbles=scribbles)

    def search(self, context: ToolContext) -> Callable[[Callable[[], bool]], object] | None:
        whole = Box(0, 0, context.labels.width, context.labels.height)
        boundary, hints, picture = tuple(self._boundary), tuple(self._hints), context.picture
        box = Box.bounding(boundary)
        for hint in hints:
            box = box if hint.is_background else box.union(hint.box)
        margin = max(_SMALLEST_MARGIN, round(_MARGIN * max(box.width, box.height)))
        box = box.grown(margin).intersection(whole)
        return lambda is_cancelled: segment_object(picture, box, boundary, hints, is_cancelled)

    def _reset(self) -> None:
        super()._reset()
        self._boundary = []
        self._is_freehand = self._is_complete = False


def segment_object(
    picture: NDArray[np.uint8],
    box: Box,
    boundary: Sequence[Point],
    hints: Sequence[ScribbleHint],
    is_cancelled: Callable[[], bool],
) -> SegmentedObject | None:
    """What lies within the boundary and differs in colour from everything outside (Rother, Kolmogorov and Blake, 2004).

    None when it was cancelled. The same pixels and scribbles always give the same mask.
    """
    crop, fine = DownscaledCrop.fit(box, COARSE_SIDE), DownscaledCrop.fit(box, FINE_SIDE)
    small = crop.read(picture)
    marks = _initial_marks(crop, boundary, hints)
    background_model, foreground_model = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # the colour models are initialised by a random clustering
    for number in range(_ITERATIONS):
        if is_cancelled():
            return None
        mode = cv2.GC_EVAL if number else cv2.GC_INIT_WITH_MASK
        cv2.grabCut(small, marks, None, background_model, foreground_model, 1, mode)
    if is_cancelled():
        return None
    if fine.width > crop.width or fine.height > crop.height:
        marks, crop = _refined_marks(marks, fine, hints), fine
        cv2.grabCut(
            crop.read(picture), marks, None, background_model, foreground_model, 1, cv2.GC_EVAL_FREEZE_MODEL
        )
    return SegmentedObject(crop.box, crop.upscale_mask(_is_foreground(marks)))


def _is_foreground(marks: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _refined_marks(
    coarse: NDArray[np.uint8], crop: DownscaledCrop, hints: Sequence[ScribbleHint]
) -> NDArray[np.uint8]:
    """(height, width) marks of a finer crop of the same box: only pixels near the border are still undecided."""
    grey = _is_foreground(coarse).astype(np.uint8) * 255
    foreground = (cv2.resize(grey, (crop.width, crop.height), interpolation=cv2.INTER_LINEAR) > 127).astype(
        np.uint8
    )
    side = 2 * round(_BORDER * crop.width / coarse.shape[1]) + 1
    kernel = np.ones((side, side), np.uint8)
    marks = np.where(foreground, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    marks[cv2.erode(foreground, kernel) > 0] = cv2.GC_FGD
    marks[cv2.dilate(foreground, kernel) == 0] = cv2.GC_BGD
    for hint in hints:
        hint.mark(crop, marks, cv2.GC_BGD if hint.is_background else cv2.GC_FGD)
    return marks


def _initial_marks(
    crop: DownscaledCrop, boundary: Sequence[Point], hints: Sequence[ScribbleHint]
) -> NDArray[np.uint8]:
    """(height, width) marks for OpenCV's first iteration. An object scribble that leaves the boundary extends it to
    the box of both."""
    marks = np.full((crop.height, crop.width), cv2.GC_BGD, np.uint8)
    outline = Box.bounding(boundary)
    reach = outline
    for hint in hints:
        reach = reach if hint.is_background else reach.union(hint.box)
    corners = [(reach.x0, reach.y0), (reach.x1, reach.y0), (reach.x1, reach.y1), (reach.x0, reach.y1)]
    shape = [Point(*corner) for corner in corners] if reach != outline else boundary
    box, mask = polygon([crop.to_crop(p) for p in shape], Box(0, 0, crop.width, crop.height))
    marks[box.slices][mask] = cv2.GC_PR_FGD
    if not (marks == cv2.GC_BGD).any():
        # The box is the whole picture: its outermost pixels are most likely background.
        for edge in (marks[0], marks[-1], marks[:, 0], marks[:, -1]):
            edge[:] = cv2.GC_PR_BGD
    for hint in hints:
        hint.mark(crop, marks, cv2.GC_BGD if hint.is_background else cv2.GC_FGD)
    return marks
