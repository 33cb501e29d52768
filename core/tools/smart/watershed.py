"""The watershed tool: one stroke inside an object and one outside, and the border between them is found."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.tools.smart.downscaled_crop import DownscaledCrop
from core.tools.smart.scribble_tool import ScribbleHint, ScribbleTool, SegmentedObject, bounds_of
from core.tools.tool import Modifiers, ToolContext, ToolResult

MAX_SIDE = 1024
"""Longer side of the crop in pixels: about a tenth of a second of work."""
_MARGIN = 0.5
"""Margin around the strokes, as a share of their box."""
_SMALLEST_MARGIN = 24
_INSIDE, _OUTSIDE = 1, 2


class Watershed(ScribbleTool):
    """The second stroke marks the background by itself; later ones do with Ctrl or the secondary button."""

    name = "watershed"
    title = "Watershed"
    help_line = "Stroke inside, then outside. More strokes correct it (right: outside), Enter paints."
    task_title = "Finding the border"
    not_found_message = "Nothing is left of the object: draw inside it."

    def is_background_stroke(self, modifiers: Modifiers) -> bool:
        return modifiers.ctrl or (len(self._hints) == 1 and not self._hints[0].is_background)

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        result = super().release(context, at, modifiers)
        if len(self._hints) != 1:
            return result
        message = (
            "Now draw a stroke inside the object."
            if self._hints[0].is_background
            else "Now draw a stroke outside the object."
        )
        return ToolResult(outline=result.outline, message=message)

    def search(self, context: ToolContext) -> Callable[[Callable[[], bool]], object] | None:
        hints = tuple(self._hints)
        if len({hint.is_background for hint in hints}) < 2:
            return None
        whole = Box(0, 0, context.labels.width, context.labels.height)
        box = bounds_of(hints, whole)
        if box.is_empty:
            return None
        margin = max(_SMALLEST_MARGIN, round(_MARGIN * max(box.width, box.height)))
        crop = DownscaledCrop.fit(box.grown(margin).intersection(whole), MAX_SIDE)
        picture = context.picture
        return lambda _is_cancelled: split_by_watershed(picture, crop, hints, whole)


def split_by_watershed(
    picture: NDArray[np.uint8], crop: DownscaledCrop, hints: Sequence[ScribbleHint], whole: Box
) -> SegmentedObject:
    """What the watershed (Meyer, 1992) assigns to the strokes inside. Sides of the crop that are inside the picture
    are marked as background, so that the object stays near the strokes; sides of the picture are not, since objects
    may extend beyond it."""
    # OpenCV leaves the outermost pixels unassigned: pad by one so that all of the crop is assigned.
    small = cv2.copyMakeBorder(crop.read(picture), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    marks = np.zeros((crop.height, crop.width), np.uint8)
    box = crop.box
    marks[0, :] = _OUTSIDE if box.y0 > whole.y0 else 0
    marks[-1, :] |= _OUTSIDE if box.y1 < whole.y1 else 0
    marks[:, 0] |= _OUTSIDE if box.x0 > whole.x0 else 0
    marks[:, -1] |= _OUTSIDE if box.x1 < whole.x1 else 0
    for hint in hints:
        hint.mark(crop, marks, _OUTSIDE if hint.is_background else _INSIDE)
    basins = cv2.copyMakeBorder(marks, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0).astype(np.int32)
    cv2.watershed(cv2.GaussianBlur(small, (3, 3), 0), basins)
    inside = (basins == _INSIDE).astype(np.uint8)
    # The line between two basins belongs to neither; it is added to the object, except where it is two pixels wide.
    inside |= cv2.dilate(inside, np.ones((2, 2), np.uint8)) & (basins == -1)
    return SegmentedObject(box, crop.upscale_mask(inside[1:-1, 1:-1].astype(bool)))
