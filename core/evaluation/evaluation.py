"""Scores of predictions against labels: one confusion matrix over all pictures, and what is computed beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.evaluation.picture_counts import SIZE_NAMES, PictureCounts
from core.labels.bootstrap import (
    Interval,
    class_difference_intervals,
    class_iou_intervals,
    difference_interval,
    miou_interval,
)
from core.labels.confusion_scores import MEAN_SCORES, Scores, mean_iou

CALIBRATION_BINS = 10


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Pixels whose confidence is in one tenth of 0..1: how sure the network is on average, and how often right."""

    pixels: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Evaluation:
    """Scores over all pictures together; void and unlabelled pixels do not count.

    values: class values, the order of all arrays; all_pixels: of the scored pictures, also those that do not count
    paths: of the pictures by id; problems: a sentence for each picture that could not be scored; notes: what was
    assumed
    """

    values: tuple[int, ...]
    pictures: tuple[PictureCounts, ...]
    all_pixels: int
    paths: Mapping[int, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """(classes, classes + 1) pixels, rows true, columns predicted; the last: a class that no longer exists."""
        total = np.zeros(len(self.values) * (len(self.values) + 1), np.int64)
        for picture in self.pictures:
            total[picture.cells] += picture.pixels
        return total.reshape(len(self.values), -1)

    @property
    def labelled_share(self) -> float:
        """Share of the pixels of the scored pictures that count, 0..1."""
        return float(self.confusion.sum() / self.all_pixels) if self.all_pixels else 0.0

    def mean_scores(self) -> dict[str, float]:
        """The scores of `MEAN_SCORES`, and the mean boundary IoU, by name."""
        scores = {name: score(self.confusion) for name, score in MEAN_SCORES.items()}
        occurring = self.confusion.sum(1) > 0
        boundary = self.boundary_iou()[occurring]
        known = boundary[~np.isnan(boundary)]
        return {**scores, "boundary_iou": float(known.mean()) if len(known) else float("nan")}

    def boundary_iou(self) -> Scores:
        """(classes,) IoU of the regions along outlines (Cheng et al. 2021); nan where there is no outline."""
        both = np.sum([p.boundary for p in self.pictures], axis=0)
        with np.errstate(invalid="ignore"):
            return np.asarray(both[:, 0] / np.where(both[:, 1] > 0, both[:, 1], np.nan), np.float64)

    def iou_by_region_size(self) -> dict[str, tuple[int, float]]:
        """Number of true regions and their mean IoU, for the sizes that occur."""
        total = np.sum([p.regions for p in self.pictures], axis=0)
        return {
            name: (int(count), float(iou / count))
            for name, (count, iou) in zip(SIZE_NAMES, total, strict=True)
            if count
        }

    def calibration(self) -> list[CalibrationBin]:
        """Bins that hold a pixel, from unsure to sure."""
        levels = np.sum([p.confidence for p in self.pictures], axis=0)
        sure = np.arange(256) / 255
        bin_of = np.minimum((sure * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
        bins = []
        for number in range(CALIBRATION_BINS):
            pixels, right = levels[bin_of == number].sum(0)
            if pixels:
                mean = float((levels[bin_of == number, 0] * sure[bin_of == number]).sum() / pixels)
                bins.append(CalibrationBin(int(pixels), mean, float(right / pixels)))
        return bins

    def calibration_error(self) -> float:
        """Expected calibration error, 0..1 (Naeini, Cooper, Hauskrecht 2015): mean distance of sure and right."""
        bins = self.calibration()
        total = sum(each.pixels for each in bins)
        return (
            sum(each.pixels * abs(each.confidence - each.accuracy) for each in bins) / total if total else 0.0
        )

    def picture_miou(self) -> dict[int, float]:
        """Mean IoU of each picture alone by picture id, worst first; without those in which nothing counts."""
        shape = len(self.values), len(self.values) + 1
        alone = {}
        for picture in self.pictures:
            if len(picture.cells):
                matrix = np.zeros(shape, np.int64)
                matrix.flat[picture.cells] = picture.pixels
                alone[picture.picture_id] = mean_iou(matrix)
        return dict(sorted(alone.items(), key=lambda item: item[1]))

    def miou_interval(self, level: float = 0.95) -> Interval | None:
        """Bootstrap interval of the mean IoU over pictures; None for fewer than two."""
        return miou_interval(_counts(self.pictures), level)

    def class_intervals(self, level: float = 0.95) -> Scores:
        """(classes, 2) bootstrap interval of the IoU of each class over pictures, nan where there is none."""
        return class_iou_intervals(_counts(self.pictures), level)

    def pictures_with(self, row: int, column: int) -> list[tuple[int, int]]:
        """(picture id, pixels) of the pictures with pixels in a cell of the matrix, most first."""
        cell = row * (len(self.values) + 1) + column
        found = []
        for picture in self.pictures:
            at = int(np.searchsorted(picture.cells, cell))
            if at < len(picture.cells) and picture.cells[at] == cell:
                found.append((picture.picture_id, int(picture.pixels[at])))
        return sorted(found, key=lambda pair: -pair[1])


def miou_difference(first: Evaluation, second: Evaluation, level: float = 0.95) -> Interval | None:
    """Bootstrap interval of the mean IoU of `second` less that of `first`, on the pictures that both scored; None for
    fewer than two. Raises ValueError when their classes differ."""
    counts = _shared_counts(first, second)
    return difference_interval(*counts, level) if counts else None


def class_differences(first: Evaluation, second: Evaluation, level: float = 0.95) -> Scores:
    """(classes, 2) bootstrap interval of the IoU of each class in `second` less that in `first`, as `miou_difference`;
    nan where there is none."""
    counts = _shared_counts(first, second)
    return class_difference_intervals(*counts, level) if counts else np.full((len(first.values), 2), np.nan)


def _shared_counts(
    first: Evaluation, second: Evaluation
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    if first.values != second.values:
        raise ValueError("the classes differ")
    by_id = {picture.picture_id: picture for picture in second.pictures}
    shared = [picture for picture in first.pictures if picture.picture_id in by_id]
    if not shared:
        return None
    return _counts(shared), _counts([by_id[picture.picture_id] for picture in shared])


def _counts(pictures: Sequence[PictureCounts]) -> NDArray[np.int64]:
    return np.stack([picture.by_class() for picture in pictures])
