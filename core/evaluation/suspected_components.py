"""Suspected label errors as connected components, worst first.

Lad & Mueller 2023, "Estimating label quality and errors in semantic segmentation data via any model" (arXiv
2307.05080): of seven scores of a labelled picture the soft minimum of its pixels' self-confidence finds errors best.
Here it scores connected components instead of pictures, because a person looks at, and corrects, one thing at a time.
Which pixels contradict the label is decided by a threshold for each class: core/evaluation/label_errors.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box
from core.evaluation.label_errors import Thresholds, contradicted_pixels, self_confidence
from core.labels.class_list import UNLABELLED
from core.labels.label_map import Mask, Values
from core.labels.label_region import LabelRegion
from core.labels.prediction import PredictedMask

TEMPERATURE = 0.1
"""Of the soft minimum, as in the paper's own code: pixels 0.1 apart weigh 1 : e."""
MIN_PIXELS = 16
"""Smaller components are not worth a look."""
MIN_THICKNESS = 5
"""Pixels. A thinner part of a component is where outlines differ, as they do everywhere."""
MAX_COMPONENTS = 1000
"""That are listed of a project; nobody goes through more before the network has learned from the first."""
MAX_OF_PICTURE = 100

_SURE = np.arange(256) / 255.0
_WEIGHTS = np.exp(-_SURE / TEMPERATURE)
_WEIGHTED = _SURE * _WEIGHTS


@dataclass(frozen=True, slots=True)
class SuspectedComponent:
    """A connected component of a label, or a part of one, that is confidently predicted as another class.

    region: its pixels and the class they are labelled as; predicted: the class most of them are predicted as
    run_id: the training run that predicted it; pixels: how many
    score: soft minimum of their self-confidence, 0..1, low where the label is likely wrong
    is_part: the component goes on where nothing contradicts it
    """

    picture_id: int
    region: LabelRegion
    predicted: int
    run_id: int
    pixels: int
    score: float
    is_part: bool

    @property
    def order(self) -> tuple[int, int, int, int, int]:
        """Sorts worst first: by the score in whole percent; of one score the largest first."""
        box = self.region.box
        return round(100 * self.score), -self.pixels, self.picture_id, box.y0, box.x0


class WorstComponents:
    """Keeps the worst of what is added, so that memory does not grow with the number of pictures."""

    def __init__(self, limit: int = MAX_COMPONENTS) -> None:
        self._limit = limit
        self._kept: list[SuspectedComponent] = []

    def add(self, found: Iterable[SuspectedComponent]) -> None:
        self._kept += found
        if len(self._kept) > 2 * self._limit:
            self._kept = list(self.sorted())

    def sorted(self) -> tuple[SuspectedComponent, ...]:
        """Worst first, at most the limit."""
        return tuple(sorted(self._kept, key=lambda each: each.order)[: self._limit])


def softmin(sure: NDArray[np.uint8], groups: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """Soft minimum, 0..1, of the self-confidences of each of `count` groups; 1 for an empty group.

    sure: (n,) uint8, 255 = certain; groups: (n,) the group of each, 0 .. count - 1
    """
    weights = np.bincount(groups, weights=_WEIGHTS[sure], minlength=count)
    sums = np.bincount(groups, weights=_WEIGHTED[sure], minlength=count)
    return np.divide(sums, weights, out=np.ones(count), where=weights > 0)


def without_regions(label: Values, regions: Sequence[LabelRegion]) -> Values:
    """The label with those regions unlabelled whose pixels are still as they were; the label itself without any."""
    left = label
    for region in regions:
        if region.is_in(label):
            left = label.copy() if left is label else left
            left[region.box.slices][region.pixels()] = UNLABELLED
    return left


def find_suspected_components(
    picture_id: int, label: Values, prediction: PredictedMask, thresholds: Thresholds
) -> list[SuspectedComponent]:
    """What is suspect in one picture, worst first: label, (H, W) uint8, and prediction of the same size.

    A component of the label is suspect as a whole where at least half of its pixels are confidently predicted as one
    other class. Of the others a part is that is connected and predicted as one class, at least half of it confidently,
    unless it is thin. Raises ValueError when the sizes differ.
    """
    contradicted = contradicted_pixels(label, prediction, thresholds)
    counts = np.bincount(label[contradicted], minlength=256)
    found: list[SuspectedComponent] = []
    for value in np.flatnonzero(counts >= MIN_PIXELS):
        of_class = (label == value).view(np.uint8)
        box = _bounds(of_class)
        said = PredictedMask(prediction.values[box.slices], prediction.confidence[box.slices])
        of_class = of_class[box.slices]
        crop = _Crop(
            picture_id,
            prediction.run_id,
            int(value),
            box,
            of_class,
            said.values * of_class,
            contradicted[box.slices] & (of_class > 0),
            self_confidence(label[box.slices], said),
        )
        found += _suspects_of_class(crop)
    return sorted(found, key=lambda each: each.order)[:MAX_OF_PICTURE]


@dataclass(frozen=True, slots=True)
class _Crop:
    """One class of a label within its bounding box: arrays (h, w).

    of_class: uint8, 1 in its pixels; predicted: uint8, the class that is predicted for these, elsewhere 0
    contradicted: bool, which of them are confidently predicted as another class; sure: uint8, self-confidence
    """

    picture_id: int
    run_id: int
    value: int
    box: Box
    of_class: Values
    predicted: Values
    contradicted: Mask
    sure: NDArray[np.uint8]


def _suspects_of_class(crop: _Crop) -> Iterator[SuspectedComponent]:
    count, components, stats, _ = cv2.connectedComponentsWithStats(crop.of_class, connectivity=8)
    is_whole = np.zeros(count, bool)
    counts = np.bincount(crop.predicted[crop.contradicted], minlength=256)
    others = [int(each) for each in np.flatnonzero(counts >= MIN_PIXELS)]
    for other in others:
        whole = _mostly_contradicted(components, stats, crop.contradicted & (crop.predicted == other))
        whole &= ~is_whole
        is_whole |= whole
        yield from _components(crop, components, stats, np.flatnonzero(whole), other, is_part=False)
    for other in others:
        part = ((crop.predicted == other) & ~is_whole[components]).view(np.uint8)
        _, parts, stats, _ = cv2.connectedComponentsWithStats(part, connectivity=8)
        chosen = _mostly_contradicted(parts, stats, crop.contradicted) & _thick(part, parts, len(stats))
        yield from _components(crop, parts, stats, np.flatnonzero(chosen), other, is_part=True)


def _mostly_contradicted(
    components: NDArray[np.int32], stats: NDArray[np.int32], contradicted: Mask
) -> NDArray[np.bool_]:
    """By number of component: whether it is no speck and at least half of its pixels are contradicted."""
    sizes = stats[:, cv2.CC_STAT_AREA]
    chosen = 2 * np.bincount(components[contradicted], minlength=len(stats)) >= np.maximum(sizes, MIN_PIXELS)
    chosen &= sizes >= MIN_PIXELS
    chosen[0] = False
    return np.asarray(chosen, np.bool_)


def _thick(mask: Values, components: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    """By number of component: whether a square of `MIN_THICKNESS` pixels lies in it."""
    square = np.ones((MIN_THICKNESS, MIN_THICKNESS), np.uint8)
    inner = cv2.erode(mask, square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.bincount(components[inner > 0], minlength=count) > 0


def _components(
    crop: _Crop,
    components: NDArray[np.int32],
    stats: NDArray[np.int32],
    chosen: NDArray[np.integer],
    predicted: int,
    *,
    is_part: bool,
) -> Iterator[SuspectedComponent]:
    """The components with the numbers `chosen`. components: (h, w), 0 is none; stats: a row each, as OpenCV's."""
    if not chosen.size:
        return
    group = np.full(len(stats), -1, np.int32)
    group[chosen] = np.arange(len(chosen))
    groups = group[components]
    listed = groups >= 0
    scores = softmin(crop.sure[listed], groups[listed], len(chosen))
    worst = np.lexsort((-stats[chosen, cv2.CC_STAT_AREA], scores))[:MAX_OF_PICTURE]
    for at in worst:
        x, y, width, height, pixels = (int(each) for each in stats[chosen[at]])
        place = Box(x, y, x + width, y + height)
        region = LabelRegion.of(
            crop.value, place.moved(crop.box.x0, crop.box.y0), components[place.slices] == chosen[at]
        )
        yield SuspectedComponent(
            crop.picture_id, region, predicted, crop.run_id, pixels, float(scores[at]), is_part
        )


def _bounds(mask: Values) -> Box:
    x, y, width, height = cv2.boundingRect(mask)
    return Box(x, y, x + width, y + height)


def mask_of(component: SuspectedComponent, box: Box) -> Mask:
    """The pixels of a component within a box of image pixels, (h, w) bool."""
    shared = component.region.box.intersection(box)
    found = np.zeros((box.height, box.width), bool)
    if not shared.is_empty:
        mine = shared.moved(-component.region.box.x0, -component.region.box.y0)
        found[shared.moved(-box.x0, -box.y0).slices] = component.region.pixels()[mine.slices]
    return found
