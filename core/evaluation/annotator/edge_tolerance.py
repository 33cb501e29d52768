"""What counts as right: an edge may be off by a few pixels, and an error may be too small to be corrected."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.evaluation.annotator.time_model import AnnotatorModel
from core.labels.class_list import UNLABELLED, VOID
from core.labels.label_map import Mask, Values


def is_within_tolerance(right: Mask, of_class: Mask, tolerance: float) -> Mask:
    """(H, W) bool: missing pixels of a class that are only an edge off by at most `tolerance` pixels.

    right: where the class is true and labelled; of_class: where it is true. Such pixels have both the true edge and
    labelled pixels of the class within the tolerance; a thin object that is not labelled at all is missing.
    """
    return np.asarray(
        (edge_distance(~right) <= tolerance) & (edge_distance(of_class) <= tolerance) & of_class
    )


def wanted_pixels(current: Values, truth: Values, value: int, annotator: AnnotatorModel) -> Mask:
    """(H, W) bool: pixels of a class that are missing and worth a correction."""
    of_class = truth == value
    right = of_class & (current == value)
    return worth_correcting(of_class & ~right, right, of_class, annotator)


def worth_correcting(missing: Mask, right: Mask, of_class: Mask, annotator: AnnotatorModel) -> Mask:
    """(H, W) bool: of the missing pixels those that are neither within the tolerance nor a region that is too small.

    right, of_class: as for `is_within_tolerance`
    """
    wanted = np.asarray(missing & ~is_within_tolerance(right, of_class, annotator.tolerance))
    if annotator.least_error < 2 or not wanted.any():
        return wanted
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(wanted.astype(np.uint8), connectivity=8)
    is_large = stats[:, cv2.CC_STAT_AREA] >= annotator.least_error
    is_large[0] = False
    return np.asarray(is_large[numbers])


def right_pixels(current: Values, truth: Values) -> Mask:
    """(H, W) bool: pixels of known truth that are labelled so."""
    return np.asarray((current == truth) & (truth != UNLABELLED) & (truth != VOID))


def harms_others(before: Values, after: Values, truth: Values, annotator: AnnotatorModel) -> bool:
    """Whether more of a class that an edit paints over needs a correction after it; all (h, w) uint8."""
    return bool(newly_wanted(before, after, truth, annotator).any())


def newly_wanted(before: Values, after: Values, truth: Values, annotator: AnnotatorModel) -> Mask:
    """(h, w) bool: pixels of the classes that an edit paints over which need a correction only after it."""
    worse = np.zeros(truth.shape, bool)
    lost = right_pixels(before, truth) & (after != truth)
    for value in np.unique(truth[lost]).tolist():
        wanted = wanted_pixels(after, truth, value, annotator)
        if wanted.any():
            worse |= wanted & ~wanted_pixels(before, truth, value, annotator)
    return worse


def edge_distance(mask: Mask) -> NDArray[np.float32]:
    """(H, W) float32: distance of each true pixel to the nearest false one, 1e6 where there is none."""
    if mask.all():
        return np.full(mask.shape, 1e6, np.float32)
    found = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(found, np.float32)
