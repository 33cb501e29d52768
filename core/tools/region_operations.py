"""Operations on the regions of a label: grow, shrink, smooth, fill holes, remove islands, delete. Each is one edit that
respects locks and the option "Over".

An operation is computed on a copy of the label, possibly on another thread, and then applied to the label itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.base.geometry import Box
from core.labels import morphology
from core.labels.class_list import UNLABELLED
from core.labels.label_map import Edit, LabelMap, Values
from core.labels.morphology import RegionMask
from core.tools.region import editable_pixels
from core.tools.tool import ToolContext
from core.tools.tool_options import FreedPixels


class RegionOperation(StrEnum):
    """The operations; the values are the names of their undo steps."""

    GROW = "Grow"
    SHRINK = "Shrink"
    SMOOTH = "Smooth"
    FILL_HOLES = "Fill holes"
    REMOVE_ISLANDS = "Remove islands"
    KEEP_LARGEST = "Keep largest"
    DELETE = "Delete"

    @property
    def is_whole_class(self) -> bool:
        """Whether it always applies to all pixels of a class: a single region has no islands."""
        return self in (RegionOperation.REMOVE_ISLANDS, RegionOperation.KEEP_LARGEST)


@dataclass(frozen=True, slots=True)
class RegionParams:
    """distance: pixels for growing, shrinking, smoothing; island_size: smaller components are removed; freed: what
    removed pixels become; whole_class: the shape is all of its class, not one region"""

    operation: RegionOperation
    distance: int = 1
    island_size: int = 1
    freed: FreedPixels = FreedPixels.UNLABELLED
    whole_class: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class RegionResult:
    """The result of an operation before locks are applied.

    region: the new region; removed: pixels that it loses; replacement: (h, w) uint8 of the box of `removed`, what they
    become
    """

    params: RegionParams
    value: int
    region: RegionMask
    removed: RegionMask
    replacement: Values


def compute_result(values: Values, shape: RegionMask, params: RegionParams) -> RegionResult:
    """Compute an operation on a region of (H, W) uint8 `values`, which are not changed. Any thread, with a copy."""
    box, mask = shape
    value = int(values[box.slices][mask][0]) if mask.any() else UNLABELLED
    region = _new_shape(values, shape, params)
    lost = morphology.trim((box, mask & ~morphology.mask_in_box(region, box)))
    return RegionResult(params, value, region, lost, _replacement(values, lost, shape, params))


def apply_result(context: ToolContext, reshaped: RegionResult, class_name: str) -> Edit | None:
    """Apply the result, where that is allowed, as one edit. None when that changes nothing."""
    begin_edit(context.labels, reshaped, class_name)
    paint_result(context, reshaped)
    return context.labels.finish_edit()


def begin_edit(labels: LabelMap, reshaped: RegionResult, class_name: str) -> str:
    """Open the edit of a result. Returns its name."""
    params = reshaped.params
    verb = params.operation.value
    if params.operation in (
        RegionOperation.GROW,
        RegionOperation.SHRINK,
        RegionOperation.SMOOTH,
        RegionOperation.DELETE,
    ):
        verb += " class" if params.whole_class else " region"
    name = f"{verb}, {class_name}"
    labels.begin_edit(name, "region", reshaped.value)
    return name


def paint_result(context: ToolContext, reshaped: RegionResult) -> Box:
    """Paint the result into the open edit, where that is allowed. Returns the dirty box."""
    value, labels = reshaped.value, context.labels
    box, mask = reshaped.region
    gained = mask & (labels.values[box.slices] != value)
    dirty = labels.paint(box, editable_pixels(context, box, gained, value), value)
    box, mask = reshaped.removed
    if not box.is_empty:
        free = editable_pixels(context, box, mask.copy(), UNLABELLED)
        dirty = dirty.union(labels.put_values(box, reshaped.replacement, free))
    return dirty


def _new_shape(values: Values, shape: RegionMask, params: RegionParams) -> RegionMask:
    within = Box(0, 0, values.shape[1], values.shape[0])
    match params.operation:
        case RegionOperation.GROW:
            return morphology.dilate(shape, params.distance, within)
        case RegionOperation.SHRINK:
            return morphology.erode(shape, params.distance, within)
        case RegionOperation.SMOOTH:
            return morphology.smooth(shape, params.distance, within)
        case RegionOperation.FILL_HOLES:
            return morphology.fill_holes(shape)
        case RegionOperation.REMOVE_ISLANDS:
            return _subtract(shape, morphology.small_components(shape, params.island_size))
        case RegionOperation.KEEP_LARGEST:
            return _subtract(shape, morphology.all_but_largest_component(shape))
        case RegionOperation.DELETE:
            return morphology.EMPTY_REGION


def _subtract(shape: RegionMask, lost: RegionMask) -> RegionMask:
    return morphology.trim((shape[0], shape[1] & ~morphology.mask_in_box(lost, shape[0])))


def _replacement(values: Values, lost: RegionMask, shape: RegionMask, params: RegionParams) -> Values:
    if (
        lost[0].is_empty
        or params.freed == FreedPixels.UNLABELLED
        or params.operation == RegionOperation.DELETE
    ):
        return np.full((lost[0].height, lost[0].width), UNLABELLED, np.uint8)
    if params.operation.is_whole_class:
        return morphology.majority_neighbours(values, lost)
    return morphology.nearest_other_values(values, lost, shape)
