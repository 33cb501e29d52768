"""Suspected label errors as connected components, worst first.

Lad & Mueller 2023, "Estimating label quality and errors in semantic segmentation data via any model" (arXiv
2307.05080): of seven scores of a labelled picture the soft minimum of its pixels' self-confidence finds errors best.
Here it scores connected components instead of pictures, because a person looks at, and corrects, one thing at a time.
Which pixels contradict the label is decided by a threshold for each class: core/evaluation/label_errors.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box
from core.evaluation.label_errors import Thresholds, contradicted_pixels, self_confidence
from core.labels.class_list import UNLABELLED, VOID
from core.labels.label_map import Mask, Values
from core.labels.label_region import LabelRegion
from core.labels.prediction import PredictedMask

TEMPERATURE = 0.1
"""Of the soft minimum, as in the paper's own code: pixels 0.1 apart weigh 1 : e."""
MIN_PIXELS = 32
"""Smaller components are not worth a look."""
MIN_THICKNESS = 5
"""Pixels. A thinner part of a component is where outlines differ, as they do everywhere."""
MAX_COMPONENTS = 1000
"""That are listed of a project; nobody goes through more before the network has learned from the first."""
MAX_OF_PICTURE = 100
SCORE_STEP = 0.01
"""Added to each score before it is divided by the size: 0 would come first whatever its size."""
MAX_PIXELS = 1 << 22
"""That are looked at of one picture."""

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
    def order(self) -> tuple[float, int, int, int]:
        """Sorts worst first: the lower the score and the larger the component, the earlier."""
        box = self.region.box
        return badness_rank(self.score, self.pixels), self.picture_id, box.y0, box.x0


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


def badness_rank(score: float, pixels: int) -> float:
    """Low for what is to be looked at first. By the score alone specks come first: a network is as sure of them, and
    wrong more often."""
    return (score + SCORE_STEP) / math.sqrt(pixels)


def softmin(sure: NDArray[np.uint8], groups: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """Soft minimum, 0..1, of the self-confidences of each of `count` groups; 1 for an empty group.

    sure: (n,) uint8, 255 = certain; groups: (n,) the group of each, 0 .. count - 1
    """
    weights = np.bincount(groups, weights=_WEIGHTS[sure], minlength=count)
    sums = np.bincount(groups, weights=_WEIGHTED[sure], minlength=count)
    return np.divide(sums, weights, out=np.ones(count), where=weights > 0)


def without_regions(label: Values, regions: Sequence[LabelRegion]) -> tuple[Values, int]:
    """The label with those regions unlabelled whose pixels are still as they were, and their number; the label itself
    without any."""
    left, count = label, 0
    for region in regions:
        pixels = region.pixels_if_in(label)
        if pixels is not None:
            left = label.copy() if left is label else left
            left[region.box.slices][pixels] = UNLABELLED
            count += 1
    return left, count


def find_suspected_components(
    picture_id: int, label: Values, prediction: PredictedMask, thresholds: Thresholds
) -> list[SuspectedComponent]:
    """What is suspect in one picture, worst first: label, (H, W) uint8, and prediction of the same size.

    A component of the label is suspect as a whole where at least half of its pixels are confidently predicted as one
    other class. Of the others a part is that is connected and predicted as one class, at least half of it confidently,
    unless it is thin. Of a large picture only every second, third, ... row and column is looked at. Raises ValueError
    when the sizes differ.
    """
    contradicted = contradicted_pixels(label, prediction, thresholds)
    if np.count_nonzero(contradicted) < MIN_PIXELS:
        return []
    step = math.ceil(math.sqrt(label.size / MAX_PIXELS))
    thin = slice(None, None, step), slice(None, None, step)
    seen = _Seen(
        np.where(label[thin] == VOID, UNLABELLED, label[thin]),
        prediction.values[thin],
        contradicted[thin],
        self_confidence(label[thin], PredictedMask(prediction.values[thin], prediction.confidence[thin])),
    )
    found = []
    for each in _suspects(seen):
        region = _region(label, each, step)
        pixels = int(np.count_nonzero(region.pixels()))
        found.append(
            SuspectedComponent(
                picture_id, region, each.predicted, prediction.run_id, pixels, each.score, each.is_part
            )
        )
    return sorted(found, key=lambda each: each.order)[:MAX_OF_PICTURE]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is looked at, arrays (h, w): label and predicted uint8 class values, where void is unlabelled; contradicted
    bool; sure: uint8 self-confidence."""

    label: Values
    predicted: Values
    contradicted: Mask
    sure: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Suspect:
    """box and mask, (h, w) bool of it, in what is looked at; value: class of the label"""

    value: int
    predicted: int
    box: Box
    mask: Mask
    score: float
    is_part: bool


def _suspects(seen: _Seen) -> Iterator[_Suspect]:
    components = _connected(seen.label)
    sizes = np.bincount(components.ravel())
    # Contradicted pixels by component and predicted class, both in one number.
    keys, counts = np.unique(
        components[seen.contradicted] << 8 | seen.predicted[seen.contradicted], return_counts=True
    )
    owners, others = keys >> 8, keys & 255
    chosen = np.flatnonzero((2 * counts >= sizes[owners]) & (sizes[owners] >= MIN_PIXELS))
    whole, first = np.unique(owners[chosen], return_index=True)
    yield from _described(seen, components, whole, others[chosen][first], is_part=False)

    is_whole = np.zeros(len(sizes), bool)
    is_whole[whole] = True
    is_against = (seen.label != UNLABELLED) & (seen.predicted != seen.label) & ~is_whole[components]
    is_against &= (seen.predicted != UNLABELLED) & (seen.predicted != VOID)
    pairs = np.where(is_against, seen.label.astype(np.uint16) << 8 | seen.predicted, 0).astype(np.uint16)
    square = np.ones((MIN_THICKNESS, MIN_THICKNESS), np.uint8)
    inner = cv2.erode(pairs, square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    is_inner = (inner > 0) & (inner == cv2.dilate(pairs, square))  # all of the square is of one pair
    is_wanted = np.zeros(1 << 16, bool)
    is_wanted[pairs[is_inner]] = True
    if is_wanted.any():
        parts = _connected(np.where(is_wanted[pairs], pairs, 0))
        sizes = np.bincount(parts.ravel())
        counts = np.bincount(parts[seen.contradicted], minlength=len(sizes))
        is_thick = np.bincount(parts[is_inner], minlength=len(sizes)) > 0
        pair_of = np.zeros(len(sizes), np.uint16)
        pair_of[parts.ravel()] = pairs.ravel()
        chosen = np.flatnonzero(is_thick & (2 * counts >= sizes) & (sizes >= MIN_PIXELS))
        chosen = chosen[chosen > 0]
        yield from _described(seen, parts, chosen, pair_of[chosen] & 255, is_part=True)


def _connected(values: NDArray[np.integer]) -> NDArray[np.int64]:
    """Numbers of the connected pixels of one value, (h, w), from 1 on; 0 stays 0. Corners connect."""
    from skimage.measure import label  # slow to import and not needed before the window shows

    return np.asarray(label(values, background=0, connectivity=2), np.int64)


def _described(
    seen: _Seen,
    components: NDArray[np.int64],
    chosen: NDArray[np.integer],
    predicted: NDArray[np.integer],
    *,
    is_part: bool,
) -> Iterator[_Suspect]:
    """The worst of the components with the numbers `chosen`, ascending, each predicted as one class."""
    if not chosen.size:
        return
    group = np.full(int(chosen[-1]) + 2, -1, np.int32)
    group[chosen] = np.arange(len(chosen))
    groups = group[np.minimum(components, len(group) - 1)]
    rows, columns = np.nonzero(groups >= 0)
    groups = groups[rows, columns]
    scores = softmin(seen.sure[rows, columns], groups, len(chosen))
    order = np.argsort(groups, kind="stable")
    rows, columns = rows[order], columns[order]
    starts = np.searchsorted(groups[order], np.arange(len(chosen) + 1))
    sizes = np.diff(starts)
    worst = sorted(range(len(chosen)), key=lambda at: badness_rank(float(scores[at]), int(sizes[at])))
    for at in worst[:MAX_OF_PICTURE]:
        mine = slice(starts[at], starts[at + 1])
        x, y = columns[mine], rows[mine]
        box = Box(int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1)
        yield _Suspect(
            int(seen.label[y[0], x[0]]),
            int(predicted[at]),
            box,
            components[box.slices] == chosen[at],
            float(scores[at]),
            is_part,
        )


def _region(label: Values, suspect: _Suspect, step: int) -> LabelRegion:
    """Its pixels in a label of which every `step`-th row and column was looked at."""
    if step == 1:
        return LabelRegion.of(suspect.value, suspect.box, suspect.mask)
    height, width = label.shape
    box = suspect.box
    box = Box(box.x0 * step, box.y0 * step, box.x1 * step, box.y1 * step).clipped(width, height)
    mask = suspect.mask.repeat(step, axis=0).repeat(step, axis=1)[: box.height, : box.width]
    return LabelRegion.of(suspect.value, box, mask & (label[box.slices] == suspect.value))


def mask_of(component: SuspectedComponent, box: Box) -> Mask:
    """The pixels of a component within a box of image pixels, (h, w) bool."""
    shared = component.region.box.intersection(box)
    found = np.zeros((box.height, box.width), bool)
    if not shared.is_empty:
        mine = shared.moved(-component.region.box.x0, -component.region.box.y0)
        found[shared.moved(-box.x0, -box.y0).slices] = component.region.pixels()[mine.slices]
    return found
