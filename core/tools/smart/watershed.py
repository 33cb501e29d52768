"""Watershed: a stroke inside a thing, a stroke outside, and the border is found where colours part between them."""

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
"""Crop pixels along the longer side of what is looked at: about a tenth of a second of work."""
_MARGIN = 0.5
"""How far around the strokes is looked, as a share of their box."""
_SMALLEST_MARGIN = 24
_INSIDE, _OUTSIDE = 1, 2


class Watershed(ScribbleTool):
    """The second stroke is about the outside by itself; later ones are with Ctrl or the secondary button."""

    name = "watershed"
    title = "Watershed"
    help_line = "Stroke inside, then outside. More strokes correct it (right: outside), Enter paints."
    task_title = "Looking for the border"
    not_found_message = "Nothing is left of the thing: draw inside it."

    def is_background_stroke(self, modifiers: Modifiers) -> bool:
        return modifiers.ctrl or (len(self._hints) == 1 and not self._hints[0].is_background)

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        outcome = super().release(context, at, modifiers)
        if len(self._hints) != 1:
            return outcome
        other = "inside" if self._hints[0].is_background else "outside"
        return ToolResult(outline=outcome.outline, message=f"Now a stroke {other} the thing.")

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
    """What the watershed (Meyer, 1992) gives to the strokes inside. Sides of the crop within the picture count as
    outside, so that the thing stays near what was drawn; sides of the picture do not, since things run out there.
    """
    # The library gives the outermost pixels to nobody: one more all around, and none of ours is lost.
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
    # The line between two basins belongs to neither; it goes to the thing, save where that would be a second pixel.
    inside |= cv2.dilate(inside, np.ones((2, 2), np.uint8)) & (basins == -1)
    return SegmentedObject(box, crop.upscale_mask(inside[1:-1, 1:-1].astype(bool)))
