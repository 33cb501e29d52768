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
from core.labels.morphology import Shape
from core.tools.region import free_to_change
from core.tools.tool import Stage
from core.tools.tool_options import Freed


class Way(StrEnum):
    """How a shape changes; the words are those of the undo step."""

    GROW = "Grow"
    SHRINK = "Shrink"
    SMOOTH = "Smooth"
    FILL_HOLES = "Fill holes"
    REMOVE_ISLANDS = "Remove islands"
    KEEP_LARGEST = "Keep largest"
    DELETE = "Delete"

    @property
    def of_class(self) -> bool:
        """Whether it is always about all pixels of a class: one region has no islands."""
        return self in (Way.REMOVE_ISLANDS, Way.KEEP_LARGEST)


@dataclass(frozen=True, slots=True)
class Wish:
    """by: pixels for growing, shrinking, smoothing; island_size: parts of fewer pixels go; freed: what becomes of
    pixels that are given away; whole: the shape is all of its class, not one region."""

    way: Way
    by: int = 1
    island_size: int = 1
    freed: Freed = Freed.UNLABELLED
    whole: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Reshaped:
    """What a wish comes to: `shape` is the new shape; `lost` are pixels that are given away and `heirs` (uint8 of
    the box of `lost`) what they become; nothing is known of locks yet."""

    wish: Wish
    value: int
    shape: Shape
    lost: Shape
    heirs: Values


def think(values: Values, shape: Shape, wish: Wish) -> Reshaped:
    """Work a wish out. Reads (H, W) uint8 `values` and changes nothing; may run on any thread with a copy."""
    box, mask = shape
    value = int(values[box.slices][mask][0]) if mask.any() else UNLABELLED
    new = _new_shape(values, shape, wish)
    lost = morphology.trimmed((box, mask & ~morphology.spread(new, box)))
    return Reshaped(wish, value, new, lost, _heirs(values, lost, shape, wish))


def carry_out(stage: Stage, reshaped: Reshaped, class_name: str) -> Edit | None:
    """Make the change, where it is allowed, as one edit. None when that changes nothing."""
    begin(stage.labels, reshaped, class_name)
    paint(stage, reshaped)
    return stage.labels.finish()


def begin(labels: LabelMap, reshaped: Reshaped, class_name: str) -> str:
    """Open the edit of a change. Returns its name."""
    wish = reshaped.wish
    about = wish.way.value
    if wish.way in (Way.GROW, Way.SHRINK, Way.SMOOTH, Way.DELETE):
        about += " class" if wish.whole else " region"
    name = f"{about}, {class_name}"
    labels.begin(name, "region", reshaped.value)
    return name


def paint(stage: Stage, reshaped: Reshaped) -> Box:
    """Make the change in the open edit, where it is allowed. Returns the dirty box."""
    value, labels = reshaped.value, stage.labels
    box, mask = reshaped.shape
    gained = mask & (labels.values[box.slices] != value)
    dirty = labels.paint(box, free_to_change(stage, box, gained, value), value)
    box, mask = reshaped.lost
    if not box.is_empty:
        free = free_to_change(stage, box, mask.copy(), UNLABELLED)
        dirty = dirty.united(labels.put(box, reshaped.heirs, free))
    return dirty


def _new_shape(values: Values, shape: Shape, wish: Wish) -> Shape:
    within = Box(0, 0, values.shape[1], values.shape[0])
    match wish.way:
        case Way.GROW:
            return morphology.grown(shape, wish.by, within)
        case Way.SHRINK:
            return morphology.shrunk(shape, wish.by, within)
        case Way.SMOOTH:
            return morphology.smoothed(shape, wish.by, within)
        case Way.FILL_HOLES:
            return morphology.filled(shape)
        case Way.REMOVE_ISLANDS:
            return _without(shape, morphology.islands(shape, wish.island_size))
        case Way.KEEP_LARGEST:
            return _without(shape, morphology.all_but_largest(shape))
        case Way.DELETE:
            return morphology.NO_SHAPE


def _without(shape: Shape, lost: Shape) -> Shape:
    return morphology.trimmed((shape[0], shape[1] & ~morphology.spread(lost, shape[0])))


def _heirs(values: Values, lost: Shape, shape: Shape, wish: Wish) -> Values:
    if lost[0].is_empty or wish.freed == Freed.UNLABELLED or wish.way == Way.DELETE:
        return np.full((lost[0].height, lost[0].width), UNLABELLED, np.uint8)
    if wish.way.of_class:
        return morphology.surroundings(values, lost)
    return morphology.nearest_others(values, lost, shape)
