"""Which pixels an edit may change: the one place where locks and "paint over" are obeyed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.labels.class_list import UNLABELLED
from core.tools.deferred import MAX_IMMEDIATE_PIXELS
from core.tools.tool import MaskPreview, ToolContext
from core.tools.tool_options import PaintOver

Mask = NDArray[np.bool_]


class EditConstraint:
    """Settled when an edit begins, so that it means the same from the first pixel of a stroke to the last."""

    def __init__(self, stage: ToolContext, at: Point | None, value: int) -> None:
        """at: where the edit begins, for `PaintOver.SAME`; value: what will be painted."""
        options = stage.options
        self._over = options.over
        self._value = value
        self._allowed = np.ones(256, bool)
        if self._over == PaintOver.UNLABELLED and value != UNLABELLED:
            self._allowed[1:] = False
        elif self._over == PaintOver.SAME:
            self._allowed[:] = False
            self._allowed[_under(stage, at)] = True
        self._allowed[list(options.locked - {UNLABELLED})] = False
        self._takes_all = bool(self._allowed.all())

    def allows_all(self, stage: ToolContext) -> bool:
        """Whether every pixel may change."""
        bound = (
            self._over == PaintOver.PREDICTED and self._value != UNLABELLED and stage.prediction is not None
        )
        return self._takes_all and not bound

    def restrict(self, stage: ToolContext, box: Box, mask: Mask) -> Mask:
        """The pixels of `mask`, (h, w) bool of a `box` inside the picture, that may change; writes into `mask`."""
        if not self._takes_all:
            mask &= self._allowed.take(stage.labels.values[box.slices])
        if self._over == PaintOver.PREDICTED and self._value != UNLABELLED and stage.prediction is not None:
            mask &= stage.prediction.values[box.slices] == self._value
        return mask

    def allowed_at(self, stage: ToolContext, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Mask:
        """Which pixels in these rows and columns of the picture may change, (rows, columns) bool."""
        where = np.ix_(rows, columns)
        allowed: Mask = self._allowed.take(stage.labels.values[where])
        if self._over == PaintOver.PREDICTED and self._value != UNLABELLED and stage.prediction is not None:
            allowed &= stage.prediction.values[where] == self._value
        return allowed


def paint_mask(
    stage: ToolContext, box: Box, mask: Mask, at: Point | None = None, value: int | None = None
) -> Box:
    """Paint a whole shape into the open edit of the label, where that is allowed. Returns the dirty box.

    mask: (h, w) bool of `box`, which may reach beyond the picture; value: the class of the stage by default.
    """

    def part(within: Box) -> tuple[Box, Mask]:
        return within, mask[within.moved(-box.x0, -box.y0).slices]

    return paint_shape(stage, box, part, at, value)


def paint_shape(
    stage: ToolContext,
    box: Box,
    shape: Callable[[Box], tuple[Box, Mask]],
    at: Point | None = None,
    value: int | None = None,
) -> Box:
    """The same for a shape that is not worked out yet: `shape` gives its pixels within a part of `box`, as
    raster.polygon does. One band comes after the other.
    """
    labels, dirty = stage.labels, Box.empty()
    value = stage.class_value if value is None else value
    ground = EditConstraint(stage, at, value)
    for band in box.clipped(labels.width, labels.height).bands():
        part, mask = shape(band)
        if not ground.allows_all(stage):
            mask = ground.restrict(stage, part, mask.copy())
        dirty = dirty.union(labels.paint(part, mask, value))
    return dirty


def preview_mask(stage: ToolContext, box: Box, mask: Mask, at: Point | None = None) -> MaskPreview | None:
    """What `fill` would paint now, None when that is nothing to see; `box` and `mask` as there.

    Worth keeping while neither label nor options change: the canvas draws a ghost that it knows already for nothing.
    """
    inside = box.clipped(stage.labels.width, stage.labels.height)
    if inside.is_empty:
        return None
    rows, columns = inside.moved(-box.x0, -box.y0).slices
    part, ground = mask[rows, columns], EditConstraint(stage, at, stage.class_value)
    if ground.allows_all(stage):
        return MaskPreview(inside, part)
    if inside.area > MAX_IMMEDIATE_PIXELS:
        return MaskPreview(inside, part, allowed=partial(ground.allowed_at, stage))
    return MaskPreview(inside, ground.restrict(stage, inside, part.copy()))


def _under(stage: ToolContext, at: Point | None) -> int:
    labels = stage.labels
    if at is None:
        return UNLABELLED
    # A stroke may begin a little beside the picture: the nearest pixel is meant then.
    x = min(max(int(at.x), 0), labels.width - 1)
    y = min(max(int(at.y), 0), labels.height - 1)
    return int(labels.values[y, x])
