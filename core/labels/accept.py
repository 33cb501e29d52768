"""Accepting a prediction: predicted classes are copied into unlabelled pixels of the label, as one edit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from core.base.errors import UserError
from core.base.geometry import Box, Point
from core.base.text import count_of
from core.labels.class_list import UNLABELLED, ClassList
from core.labels.deferred_edit import EditRequest
from core.labels.grid_region import GridRegion
from core.labels.label_map import LabelMap, Mask, Origin
from core.labels.morphology import NEARBY_PIXELS, RegionMask, mask_in_box, nearby_region
from core.labels.prediction import PredictedMask
from core.labels.rasterization import connected_region
from core.labels.uncertain_regions import UncertainRegion

WRONG_SIZE = "The prediction does not have the size of the picture; it will be computed again."


def accept_everywhere(labels: LabelMap, prediction: PredictedMask) -> EditRequest:
    """Accepts the prediction for all unlabelled pixels. Raises UserError when the sizes differ."""
    return _accept(labels, prediction, "Accept prediction", 0)


def accept_class(labels: LabelMap, prediction: PredictedMask, value: int, name: str) -> EditRequest:
    """Accepts one class of the prediction for all unlabelled pixels. Raises UserError when the sizes differ."""
    return _accept(
        labels, prediction, f"Accept {name}", value, lambda band: prediction.values[band.slices] == value
    )


def accept_region(labels: LabelMap, prediction: PredictedMask, at: Point, classes: ClassList) -> EditRequest:
    """Accepts the connected predicted region at a point, for its unlabelled pixels.

    Raises UserError when the point is outside the picture or the sizes differ.
    """
    try:
        nearby = nearby_region(prediction.values, at, NEARBY_PIXELS)
    except IndexError as outside:
        raise UserError("Point at a region inside the picture to accept it.") from outside
    value = int(prediction.values[int(at.y), int(at.x)])
    if value == UNLABELLED:
        raise UserError("Nothing is predicted there yet.")

    @cache
    def region() -> RegionMask:
        return nearby or connected_region(prediction.values, at)

    return _accept(
        labels,
        prediction,
        f"Accept region, {classes.name_of(value)}",
        value,
        lambda band: mask_in_box(region(), band),
        nearby[0] if nearby else None,
    )


def _accept(
    labels: LabelMap,
    prediction: PredictedMask,
    name: str,
    value: int,
    mask_of: Callable[[Box], Mask] | None = None,
    within: Box | None = None,
) -> EditRequest:
    """A prediction never overwrites what a person or an import labelled: only unlabelled pixels are filled.

    mask_of: the (h, w) bool mask of the accepted pixels of a band of the box `within` (None: of the picture); None: all
    """
    if prediction.values.shape != labels.values.shape:
        raise UserError(WRONG_SIZE)
    box = within or Box(0, 0, labels.width, labels.height)

    def paint(labels: LabelMap) -> Box:
        for band in box.bands():
            free = labels.values[band.slices] == UNLABELLED
            if mask_of is not None:
                free &= mask_of(band)
            labels.put_values(band, prediction.values[band.slices], free)
        return box

    return EditRequest(name, "accept", value, box.area, paint, Origin.ACCEPTED, prediction.run_id or None)


def accept_similar(labels: LabelMap, regions: Sequence[GridRegion], value: int, name: str) -> EditRequest:
    """Gives a class to the unlabelled pixels of regions that look like what was corrected, as one edit."""
    size = labels.width, labels.height

    def paint(labels: LabelMap) -> Box:
        dirty = Box.empty()
        for region in regions:
            box = region.picture_box(size)
            for band in box.bands():
                free = (labels.values[band.slices] == UNLABELLED) & region.pixels_in(band, size)
                labels.paint(band, free, value)
            dirty = dirty.union(box)
        return dirty

    pixels = sum(region.picture_box(size).area for region in regions)
    title = f"Accept {count_of(len(regions), 'similar place')}, {name}"
    return EditRequest(title, "accept", value, pixels, paint, Origin.ACCEPTED)


def accept_confident(labels: LabelMap, prediction: PredictedMask, limit: int, percent: int) -> EditRequest:
    """Accepts what is predicted with a confidence of `limit` (0..255) or more, for all unlabelled pixels.

    percent: the limit for people. Raises UserError when the sizes differ.
    """
    name = f"Accept what is at least {percent} % sure"
    return _accept(labels, prediction, name, 0, lambda band: prediction.confidence[band.slices] >= limit)


def accept_uncertain(
    labels: LabelMap, prediction: PredictedMask, region: UncertainRegion, name: str
) -> EditRequest:
    """Accepts an uncertain region as it is predicted, for its unlabelled pixels. name: of its class.

    Raises UserError when the sizes differ.
    """
    if region.predicted.shape != labels.values.shape:
        raise UserError(WRONG_SIZE)
    title, run_id = f"Accept region, {name}", prediction.run_id or None
    return _fill_region(title, "accept", region, region.value, Origin.ACCEPTED, run_id)


def correct_uncertain(labels: LabelMap, region: UncertainRegion, value: int, name: str) -> EditRequest:
    """Gives another class to the unlabelled pixels of an uncertain region: painted by a person, not accepted.

    Raises UserError when the sizes differ.
    """
    if region.predicted.shape != labels.values.shape:
        raise UserError(WRONG_SIZE)
    return _fill_region(f"Correct region, {name}", "correct", region, value, Origin.PAINTED, None)


def _fill_region(
    title: str, tool: str, region: UncertainRegion, value: int, origin: Origin, run_id: int | None
) -> EditRequest:
    def paint(labels: LabelMap) -> Box:
        for band in region.box.bands():
            free = labels.values[band.slices] == UNLABELLED
            labels.paint(band, free & region.pixels_in(band), value)
        return region.box

    return EditRequest(title, tool, value, region.box.area, paint, origin, run_id)
