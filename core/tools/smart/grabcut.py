"""GrabCut: a box around a thing, and what differs in colour from all around it is the thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.labels.rasterization import polygon
from core.tools.smart.downscaled_crop import DownscaledCrop
from core.tools.smart.scribble_tool import ScribbleHint, ScribbleTool, SegmentedObject
from core.tools.tool import NO_RESULT, Modifiers, OutlinePreview, ToolContext, ToolResult

COARSE_SIDE, FINE_SIDE = 280, 720
"""Crop pixels along the longer side of what is looked at: first all of it, which at twice the size would take ten
times as long, then only the border that was found. Both together take about half a second."""
_ROUNDS = 4
_BORDER = 3
"""Coarse pixels to each side of the border that are looked at again."""
_MARGIN = 0.3
"""How far around the thing is looked to learn what it is not, as a share of its box."""
_SMALLEST_MARGIN = 12
_SMALLEST_SIDE = 6.0
"""Widget pixels along a side; a smaller box is a click that went astray."""


class GrabCut(ScribbleTool):
    """A box, or with Alt a line around the thing. Then strokes say what belongs to it and, with Ctrl, what does not."""

    name = "grabcut"
    title = "GrabCut"
    help_line = (
        "Drag a box around the thing. Strokes add, right strokes remove, Enter paints. Alt: draw around it."
    )
    task_title = "Cutting out"

    _around: list[Point]
    """The corners of the box, or the line drawn around the thing."""
    _free: bool
    _is_set: bool
    """Whether box or line are complete, and strokes are hints."""

    @property
    def is_busy(self) -> bool:
        return bool(self._around) or super().is_busy

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._is_set:
            return super().press(context, at, modifiers)
        self._around, self._free = [at], modifiers.alt
        return self._shown(context)

    def drag(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._is_set:
            return super().drag(context, at, modifiers)
        if self._around:
            if self._free:
                self._around.append(at)
            else:
                (x0, y0), (x1, y1) = self._around[0], at
                self._around = [Point(x0, y0), Point(x1, y0), Point(x1, y1), Point(x0, y1)]
        return self._shown(context)

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._is_set:
            return super().release(context, at, modifiers)
        self.drag(context, at, modifiers)
        box = Box.bounding(self._around).clipped(context.labels.width, context.labels.height)
        if min(box.width, box.height) * context.scale < _SMALLEST_SIDE:
            self._forget()
            return ToolResult(message="Drag a box around the thing.")
        self._is_set = True
        return self._look(context)

    def undo_step(self, context: ToolContext) -> ToolResult:
        if self._is_set and self._hints:
            self._hints.pop()
            return self._look(context)
        self._forget()
        return NO_RESULT

    def first_point(self) -> Point | None:
        box = Box.bounding(self._around)
        return super().first_point() or Point((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)

    def outline(self) -> OutlinePreview | None:
        strokes = super().outline()
        if not self._around:
            return strokes
        scribbles = strokes.scribbles if strokes else ()
        return OutlinePreview(tuple(self._around), closed=True, handles=False, scribbles=scribbles)

    def search(self, context: ToolContext) -> Callable[[Callable[[], bool]], object] | None:
        whole = Box(0, 0, context.labels.width, context.labels.height)
        around, hints, picture = tuple(self._around), tuple(self._hints), context.picture
        box = Box.bounding(around)
        for hint in hints:
            box = box if hint.is_background else box.union(hint.box)
        margin = max(_SMALLEST_MARGIN, round(_MARGIN * max(box.width, box.height)))
        box = box.grown(margin).intersection(whole)
        return lambda is_cancelled: segment_object(picture, box, around, hints, is_cancelled)

    def _forget(self) -> None:
        super()._forget()
        self._around = []
        self._free = self._is_set = False


def segment_object(
    picture: NDArray[np.uint8],
    box: Box,
    around: Sequence[Point],
    hints: Sequence[ScribbleHint],
    is_cancelled: Callable[[], bool],
) -> SegmentedObject | None:
    """What of a box lies within the outline and differs from all outside (Rother, Kolmogorov and Blake, 2004).

    None when nobody waits any more. The same pixels and hints always give the same mask.
    """
    crop, fine = DownscaledCrop.fit(box, COARSE_SIDE), DownscaledCrop.fit(box, FINE_SIDE)
    small = crop.read(picture)
    marks = _first_guess(crop, around, hints)
    behind, before = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # the colours are first parted by chance
    for number in range(_ROUNDS):
        if is_cancelled():
            return None
        mode = cv2.GC_EVAL if number else cv2.GC_INIT_WITH_MASK
        cv2.grabCut(small, marks, None, behind, before, 1, mode)
    if is_cancelled():
        return None
    if fine.width > crop.width or fine.height > crop.height:
        marks, crop = _border_of(marks, fine, hints), fine
        cv2.grabCut(crop.read(picture), marks, None, behind, before, 1, cv2.GC_EVAL_FREEZE_MODEL)
    return SegmentedObject(crop.box, crop.upscale_mask(_is_thing(marks)))


def _is_thing(marks: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _border_of(
    coarse: NDArray[np.uint8], crop: DownscaledCrop, hints: Sequence[ScribbleHint]
) -> NDArray[np.uint8]:
    """The (height, width) marks of a finer crop of the same box: only near the border it is still open what is what."""
    grey = _is_thing(coarse).astype(np.uint8) * 255
    thing = (cv2.resize(grey, (crop.width, crop.height), interpolation=cv2.INTER_LINEAR) > 127).astype(
        np.uint8
    )
    side = 2 * round(_BORDER * crop.width / coarse.shape[1]) + 1
    near = np.ones((side, side), np.uint8)
    marks = np.where(thing, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    marks[cv2.erode(thing, near) > 0] = cv2.GC_FGD
    marks[cv2.dilate(thing, near) == 0] = cv2.GC_BGD
    for hint in hints:
        hint.mark(crop, marks, cv2.GC_BGD if hint.is_background else cv2.GC_FGD)
    return marks


def _first_guess(
    crop: DownscaledCrop, around: Sequence[Point], hints: Sequence[ScribbleHint]
) -> NDArray[np.uint8]:
    """The (height, width) marks that OpenCV begins with. A stroke for the thing that leaves the outline widens it
    to the box of both."""
    marks = np.full((crop.height, crop.width), cv2.GC_BGD, np.uint8)
    outline = Box.bounding(around)
    reach = outline
    for hint in hints:
        reach = reach if hint.is_background else reach.union(hint.box)
    corners = [(reach.x0, reach.y0), (reach.x1, reach.y0), (reach.x1, reach.y1), (reach.x0, reach.y1)]
    shape = [Point(*corner) for corner in corners] if reach != outline else around
    box, mask = polygon([crop.to_crop(p) for p in shape], Box(0, 0, crop.width, crop.height))
    marks[box.slices][mask] = cv2.GC_PR_FGD
    if not (marks == cv2.GC_BGD).any():
        # The box is the whole picture: its outermost pixels are the likeliest to be something else.
        for edge in (marks[0], marks[-1], marks[:, 0], marks[:, -1]):
            edge[:] = cv2.GC_PR_BGD
    for hint in hints:
        hint.mark(crop, marks, cv2.GC_BGD if hint.is_background else cv2.GC_FGD)
    return marks
