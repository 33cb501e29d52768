"""Regions of a label change their shape: each change is one edit, and locks and "paint over" hold.

A change is thought out on a copy of the label, which may happen on another thread, and then carried out on the live
one.
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
    """How a shape changes; the words are those of the undo step."""

    GROW = "Grow"
    SHRINK = "Shrink"
    SMOOTH = "Smooth"
    FILL_HOLES = "Fill holes"
    REMOVE_ISLANDS = "Remove islands"
    KEEP_LARGEST = "Keep largest"
    DELETE = "Delete"

    @property
    def is_whole_class(self) -> bool:
        """Whether it is always about all pixels of a class: one region has no islands."""
        return self in (RegionOperation.REMOVE_ISLANDS, RegionOperation.KEEP_LARGEST)


@dataclass(frozen=True, slots=True)
class RegionParams:
    """by: pixels for growing, shrinking, smoothing; island_size: parts of fewer pixels go; freed: what becomes of
    pixels that are given away; whole: the shape is all of its class, not one region."""

    operation: RegionOperation
    distance: int = 1
    island_size: int = 1
    freed: FreedPixels = FreedPixels.UNLABELLED
    whole_class: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class RegionResult:
    """What a wish comes to: `shape` is the new shape; `lost` are pixels that are given away and `heirs` (uint8 of
    the box of `lost`) what they become; nothing is known of locks yet."""

    params: RegionParams
    value: int
    region: RegionMask
    removed: RegionMask
    replacement: Values


def compute_result(values: Values, shape: RegionMask, wish: RegionParams) -> RegionResult:
    """Work a wish out. Reads (H, W) uint8 `values` and changes nothing; may run on any thread with a copy."""
    box, mask = shape
    value = int(values[box.slices][mask][0]) if mask.any() else UNLABELLED
    new = _new_shape(values, shape, wish)
    lost = morphology.trim((box, mask & ~morphology.mask_in_box(new, box)))
    return RegionResult(wish, value, new, lost, _heirs(values, lost, shape, wish))


def apply_result(stage: ToolContext, reshaped: RegionResult, class_name: str) -> Edit | None:
    """Make the change, where it is allowed, as one edit. None when that changes nothing."""
    begin_edit(stage.labels, reshaped, class_name)
    paint_result(stage, reshaped)
    return stage.labels.finish_edit()


def begin_edit(labels: LabelMap, reshaped: RegionResult, class_name: str) -> str:
    """Open the edit of a change. Returns its name."""
    wish = reshaped.params
    about = wish.operation.value
    if wish.operation in (
        RegionOperation.GROW,
        RegionOperation.SHRINK,
        RegionOperation.SMOOTH,
        RegionOperation.DELETE,
    ):
        about += " class" if wish.whole_class else " region"
    name = f"{about}, {class_name}"
    labels.begin_edit(name, "region", reshaped.value)
    return name


def paint_result(stage: ToolContext, reshaped: RegionResult) -> Box:
    """Make the change in the open edit, where it is allowed. Returns the dirty box."""
    value, labels = reshaped.value, stage.labels
    box, mask = reshaped.region
    gained = mask & (labels.values[box.slices] != value)
    dirty = labels.paint(box, editable_pixels(stage, box, gained, value), value)
    box, mask = reshaped.removed
    if not box.is_empty:
        free = editable_pixels(stage, box, mask.copy(), UNLABELLED)
        dirty = dirty.union(labels.put_values(box, reshaped.replacement, free))
    return dirty


def _new_shape(values: Values, shape: RegionMask, wish: RegionParams) -> RegionMask:
    within = Box(0, 0, values.shape[1], values.shape[0])
    match wish.operation:
        case RegionOperation.GROW:
            return morphology.dilate(shape, wish.distance, within)
        case RegionOperation.SHRINK:
            return morphology.erode(shape, wish.distance, within)
        case RegionOperation.SMOOTH:
            return morphology.smooth(shape, wish.distance, within)
        case RegionOperation.FILL_HOLES:
            return morphology.fill_holes(shape)
        case RegionOperation.REMOVE_ISLANDS:
            return _without(shape, morphology.small_components(shape, wish.island_size))
        case RegionOperation.KEEP_LARGEST:
            return _without(shape, morphology.all_but_largest_component(shape))
        case RegionOperation.DELETE:
            return morphology.EMPTY_REGION


def _without(shape: RegionMask, lost: RegionMask) -> RegionMask:
    return morphology.trim((shape[0], shape[1] & ~morphology.mask_in_box(lost, shape[0])))


def _heirs(values: Values, lost: RegionMask, shape: RegionMask, wish: RegionParams) -> Values:
    if lost[0].is_empty or wish.freed == FreedPixels.UNLABELLED or wish.operation == RegionOperation.DELETE:
        return np.full((lost[0].height, lost[0].width), UNLABELLED, np.uint8)
    if wish.operation.is_whole_class:
        return morphology.majority_neighbours(values, lost)
    return morphology.nearest_other_values(values, lost, shape)
