"""Which pixels an edit may change: the only place where locked classes and the option "Over" are applied."""

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
    """Decided when an edit begins, so that it is the same from the first pixel of a stroke to the last."""

    def __init__(self, context: ToolContext, at: Point | None, value: int) -> None:
        """at: where the edit begins, for what is under the pointer; value: the class that will be painted."""
        options = context.options
        self._over = options.over
        self._allowed = np.ones(256, bool)
        if self._over == PaintOver.UNLABELLED and value != UNLABELLED:
            self._allowed[1:] = False
        elif self._over == PaintOver.SAME:
            self._allowed[:] = False
            self._allowed[UNLABELLED if at is None else _value_under(context.labels.values, at)] = True
        self._allowed[list(options.locked - {UNLABELLED})] = False
        self._takes_all = bool(self._allowed.all())
        self._predicted: int | None = None
        """The predicted class outside of which nothing changes."""
        if self._over == PaintOver.PREDICTED and value != UNLABELLED:
            self._predicted = value
        elif self._over == PaintOver.SEGMENT and at is not None and context.prediction is not None:
            self._predicted = _value_under(context.prediction.values, at)

    def allows_all(self, context: ToolContext) -> bool:
        """Whether every pixel may change."""
        return self._takes_all and (self._predicted is None or context.prediction is None)

    def restrict(self, context: ToolContext, box: Box, mask: Mask) -> Mask:
        """The pixels of `mask`, (h, w) bool of a `box` inside the picture, that may change; modifies and returns
        `mask`."""
        if not self._takes_all:
            mask &= self._allowed.take(context.labels.values[box.slices])
        if self._predicted is not None and context.prediction is not None:
            mask &= context.prediction.values[box.slices] == self._predicted
        return mask

    def allowed_at(self, context: ToolContext, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Mask:
        """Which pixels in these rows and columns of the picture may change, (rows, columns) bool."""
        where = np.ix_(rows, columns)
        allowed: Mask = self._allowed.take(context.labels.values[where])
        if self._predicted is not None and context.prediction is not None:
            allowed &= context.prediction.values[where] == self._predicted
        return allowed


def paint_mask(
    context: ToolContext, box: Box, mask: Mask, at: Point | None = None, value: int | None = None
) -> Box:
    """Paint a mask into the open edit of the label, where that is allowed. Returns the dirty box.

    mask: (h, w) bool of `box`, which may extend beyond the picture; value: the active class by default
    """

    def part(within: Box) -> tuple[Box, Mask]:
        return within, mask[within.moved(-box.x0, -box.y0).slices]

    return paint_shape(context, box, part, at, value)


def paint_shape(
    context: ToolContext,
    box: Box,
    shape: Callable[[Box], tuple[Box, Mask]],
    at: Point | None = None,
    value: int | None = None,
) -> Box:
    """As `paint_mask`, for a shape that is rasterized in bands: `shape` returns its pixels within a part of `box`,
    as rasterization.polygon does."""
    labels, dirty = context.labels, Box.empty()
    value = context.class_value if value is None else value
    constraint = EditConstraint(context, at, value)
    for band in box.clipped(labels.width, labels.height).bands():
        part, mask = shape(band)
        if not constraint.allows_all(context):
            mask = constraint.restrict(context, part, mask.copy())
        dirty = dirty.union(labels.paint(part, mask, value))
    return dirty


def preview_mask(context: ToolContext, box: Box, mask: Mask, at: Point | None = None) -> MaskPreview | None:
    """What `paint_mask` would paint now; None when no pixel is inside the picture. `box` and `mask` as there.

    Keep it while label and options do not change: the canvas draws a known preview at no cost.
    """
    inside = box.clipped(context.labels.width, context.labels.height)
    if inside.is_empty:
        return None
    rows, columns = inside.moved(-box.x0, -box.y0).slices
    part, constraint = mask[rows, columns], EditConstraint(context, at, context.class_value)
    if constraint.allows_all(context):
        return MaskPreview(inside, part)
    if inside.area > MAX_IMMEDIATE_PIXELS:
        return MaskPreview(inside, part, allowed=partial(constraint.allowed_at, context))
    return MaskPreview(inside, constraint.restrict(context, inside, part.copy()))


def _value_under(values: NDArray[np.uint8], at: Point) -> int:
    # A stroke may begin a little outside the picture: the nearest pixel counts.
    height, width = values.shape
    x, y = min(max(int(at.x), 0), width - 1), min(max(int(at.y), 0), height - 1)
    return int(values[y, x])
