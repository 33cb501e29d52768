"""The regions of a picture whose prediction is unsure and that nobody has labelled, and how sure the rest is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box
from core.labels.class_list import UNLABELLED
from core.labels.label_map import LabelSnapshot, Mask, Values
from core.labels.morphology import mask_in_box, trim
from core.labels.prediction import PredictedMask

DEFAULT_LIMIT = 204
"""Confidence, 0..255, below which a prediction counts as unsure: 80 %."""
MAX_REGIONS = 100
"""Regions that are listed: the largest."""
MIN_SHARE = 1 / 2000
"""Share of the picture that a region has at least."""
MIN_CELLS = 16
"""Cells that a region has at least."""
BAND_SHARE = 1 / 128
"""Share of the shorter side of the picture. Where two classes meet every prediction is unsure, and no single class is
right there: bands of up to twice this width are no regions. Of those that begin at a region it has that much."""
LITTLE_LEFT = 0.1
"""A region of which a smaller share has no label is done."""
_LONG_ROWS = 8
_MAX_CELLS = 1 << 21


@dataclass(frozen=True, slots=True, eq=False)
class UncertainRegion:
    """Connected pixels that are predicted as one class, and unsurely.

    box: image pixels, on the grid; mask: (h, w) bool of it, one cell for `step` x `step` image pixels; value: the class
    mean_confidence: mean probability of the class, 0..1; anchor: (x, y) of an image pixel well inside
    predicted: (H, W) uint8 of the picture: of a cell, only the pixels with this value belong to the region
    """

    box: Box
    mask: Mask
    step: int
    value: int
    mean_confidence: float
    anchor: tuple[int, int]
    predicted: Values

    @property
    def cells(self) -> int:
        """How large it is, in cells of the grid."""
        return int(np.count_nonzero(self.mask))

    def covers(self, x: int, y: int) -> bool:
        """Whether an image pixel belongs to it."""
        box = self.box
        if not (box.x0 <= x < box.x1 and box.y0 <= y < box.y1):
            return False
        return bool(self.pixels_at(np.array([y]), np.array([x]))[0, 0])

    def pixels_at(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Mask:
        """Which pixels in these rows and columns of the picture, ascending and inside the box, belong to it: (rows,
        columns) bool."""
        down, across = (rows - self.box.y0) // self.step, (columns - self.box.x0) // self.step
        left = int(columns[0])
        predicted = self.predicted[:, left : int(columns[-1]) + 1]
        if predicted.shape[1] > _LONG_ROWS * columns.size:
            values = self.predicted[np.ix_(rows, columns)]
        else:  # whole rows first: five times as fast
            values = predicted[rows].take(columns - left, axis=1)
        inside: Mask = self.mask.take(down, axis=0).take(across, axis=1) & (values == self.value)
        return inside

    def pixels_in(self, part: Box) -> Mask:
        """The same for a part of the box, (h, w) bool."""
        step, inside = self.step, part.moved(-self.box.x0, -self.box.y0)
        top, left = inside.y0 // step, inside.x0 // step
        cells = self.mask[top : -(-inside.y1 // step), left : -(-inside.x1 // step)]
        if step > 1:
            pixels = cells.repeat(step, axis=0).repeat(step, axis=1)
            cells = pixels[inside.moved(-left * step, -top * step).slices]
        found: Mask = cells & (self.predicted[part.slices] == self.value)
        return found

    def confined(self, shown: PredictedMask, newest: PredictedMask) -> PredictedMask:
        """The prediction `shown`, but inside the region the newest one, of the same size."""
        pixels, place = self.pixels_in(self.box), self.box.slices
        values, confidence = shown.values.copy(), shown.confidence.copy()
        np.copyto(values[place], newest.values[place], where=pixels)
        np.copyto(confidence[place], newest.confidence[place], where=pixels)
        return PredictedMask(values, confidence, newest.run_id)

    def without(self, labels: Values) -> UncertainRegion | None:
        """What of it has no label yet: this region itself where all of it has none, None where little is left.

        labels: (rows, columns) uint8, the label at every `step`-th pixel
        """
        x, y = self.box.x0 // self.step, self.box.y0 // self.step
        height, width = self.mask.shape
        rest = self.mask & (labels[y : y + height, x : x + width] == UNLABELLED)
        count, cells = int(np.count_nonzero(rest)), self.cells
        if count == cells:
            return self
        if count < max(MIN_CELLS, LITTLE_LEFT * cells):
            return None
        return replace(self, mask=rest, anchor=_deepest(rest, self.box, self.step))

    def under(self, prediction: PredictedMask) -> UncertainRegion:
        """The same place under another prediction: what most of it is now, and how sure that is."""
        cells = prediction.values[self.box.slices][:: self.step, :: self.step]
        counts = np.bincount(cells[self.mask], minlength=256)
        counts[UNLABELLED] = 0
        if not counts.any():
            return self
        value = int(np.argmax(counts))
        same = self.mask & (cells == value)
        sure = prediction.confidence[self.box.slices][:: self.step, :: self.step][same]
        x, y = self.anchor
        if prediction.values[y, x] != value:
            x, y = _deepest(same, self.box, self.step)
        return replace(
            self,
            value=value,
            mean_confidence=float(sure.mean()) / 255,
            anchor=(x, y),
            predicted=prediction.values,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Uncertainty:
    """What is known of a picture at one moment.

    regions: largest first; sure_counts: (256,) int64, unlabelled cells by confidence; cells: all cells of the picture
    labels: (rows, columns) uint8, the label at every `step`-th pixel
    """

    regions: tuple[UncertainRegion, ...]
    sure_counts: NDArray[np.int64]
    cells: int
    labels: Values
    step: int

    def share_above(self, limit: int) -> float:
        """Share of the picture, 0..1, that has no label and whose confidence is `limit` (0..255) or more."""
        return float(self.sure_counts[limit:].sum()) / self.cells

    def is_labelled(self, x: int, y: int) -> bool:
        """Whether the cell of an image pixel has a label."""
        return bool(self.labels[y // self.step, x // self.step] != UNLABELLED)


def grid_step(width: int, height: int) -> int:
    """Every how many pixels of a picture of this size are looked at: a power of two, 1 up to two million pixels."""
    step = 1
    while (width // step) * (height // step) > _MAX_CELLS:
        step *= 2
    return step


def find_uncertainty(
    prediction: PredictedMask, snapshot: LabelSnapshot, limit: int = DEFAULT_LIMIT
) -> Uncertainty:
    """Find the regions less sure than `limit` (confidence 0..255), of a prediction in the size of the label.

    Tens of milliseconds for a million pixels: call it on a lane.
    """
    step = grid_step(*snapshot.size)
    labels = snapshot.part(Box(0, 0, *snapshot.size), step)
    values, confidence = prediction.values[::step, ::step], prediction.confidence[::step, ::step]
    free = (labels == UNLABELLED) & (values != UNLABELLED)
    # int: a limit of 256 takes all that is certain too
    unsure = np.where(free & (confidence.astype(np.int16) < limit), values, np.uint8(UNLABELLED))
    counts = np.bincount(confidence[free], minlength=256).astype(np.int64)
    regions = tuple(_regions(unsure, confidence, prediction, step))
    return Uncertainty(regions, counts, labels.size, labels, step)


def _without_bands(unsure: Values) -> Iterator[tuple[int, Box, Mask]]:
    """The unsure cells of each class, in their bounding box, without bands: those near an opening with a square.

    unsure: (rows, columns) uint8, the class of unsure cells, 0 elsewhere
    """
    reach = max(1, round(min(unsure.shape) * BAND_SHARE))
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    # Cells around which a square has one class: what an opening leaves, of all classes at once.
    core = np.where(cv2.erode(unsure, kernel) == cv2.dilate(unsure, kernel), unsure, np.uint8(UNLABELLED))
    whole = Box(0, 0, unsure.shape[1], unsure.shape[0])
    for value in np.flatnonzero(np.bincount(core.ravel(), minlength=256)[1:]) + 1:
        inner, is_core = trim((whole, core == value))
        box = inner.grown(3 * reach).intersection(whole)
        mask = mask_in_box((inner, is_core), box).astype(np.uint8)
        # Once for the opening, twice to give the region back its outline, which the square has cut.
        near = cv2.dilate(mask, kernel, iterations=3)
        yield int(value), box, (near > 0) & (unsure[box.slices] == value)


def _regions(
    unsure: Values, confidence: Values, prediction: PredictedMask, step: int
) -> list[UncertainRegion]:
    least = max(MIN_CELLS, round(unsure.size * MIN_SHARE))
    places: list[tuple[int, int, Box, Mask]] = []
    for value, around, is_class in _without_bands(unsure):
        _, parts, stats, _ = cv2.connectedComponentsWithStats(is_class.astype(np.uint8), connectivity=4)
        for number in range(1, len(stats)):
            x, y, width, height, cells = (int(each) for each in stats[number])
            if cells >= least:
                inside = Box(x, y, x + width, y + height)
                mask = parts[inside.slices] == number
                places.append((cells, value, inside.moved(around.x0, around.y0), mask))
    places.sort(key=lambda place: -place[0])
    height, width = prediction.values.shape
    return [
        UncertainRegion(
            box := Box(cells.x0 * step, cells.y0 * step, cells.x1 * step, cells.y1 * step).clipped(
                width, height
            ),
            mask,
            step,
            value,
            float(confidence[cells.slices][mask].mean()) / 255,
            _deepest(mask, box, step),
            prediction.values,
        )
        for _count, value, cells, mask in places[:MAX_REGIONS]
    ]


def _deepest(mask: Mask, box: Box, step: int) -> tuple[int, int]:
    """(x, y) of the image pixel that looks for the cell farthest from the edge of a mask."""
    distances = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L1, cv2.DIST_MASK_3)
    y, x = np.unravel_index(int(np.argmax(distances)), distances.shape)
    return box.x0 + (int(x) - 1) * step, box.y0 + (int(y) - 1) * step
