"""What is counted in one predicted picture against its label: the confusion matrix and what it cannot tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

IGNORED = 255
"""Class index of pixels that do not count: void and unlabelled ones."""
BOUNDARY_SHARE = 0.02
"""Width of the boundary region as a share of the picture's diagonal; Cheng et al. 2021, "Boundary IoU"."""
SIZE_BOUNDS = (32**2, 96**2)
"""Regions below the first are small, from the second on large; the areas in pixels that COCO's evaluation uses."""
SIZE_NAMES = ("small", "medium", "large")

Indices: TypeAlias = NDArray[np.uint8]
"""(H, W) class indices: 0 ... classes - 1, `classes` for a predicted class that no longer exists, IGNORED."""


@dataclass(frozen=True, slots=True)
class PictureCounts:
    """Pixels counted in one picture, without those whose true class is IGNORED.

    cells, pixels: the confusion matrix without its zeros: (K,) flat index into (classes, classes + 1), rows true,
    columns predicted, the last for a class that no longer exists; (K,) pixels
    boundary: (classes, 2) pixels in the intersection and in the union of the boundary regions
    confidence: (256, 2) pixels by confidence of the prediction, and how many of them are right
    regions: (sizes, 2) number of true regions by size, and the sum of their IoU
    """

    picture_id: int
    cells: NDArray[np.int32]
    pixels: NDArray[np.int64]
    boundary: NDArray[np.int64]
    confidence: NDArray[np.int64]
    regions: NDArray[np.float64]

    def by_class(self) -> NDArray[np.int64]:
        """(3, classes) pixels predicted correctly, of the truth, and predicted."""
        classes = len(self.boundary)
        true, predicted = np.divmod(self.cells, classes + 1)
        right = true == predicted
        chosen = ((true[right], self.pixels[right]), (true, self.pixels), (predicted, self.pixels))
        counts = [np.bincount(index, pixels, classes + 1)[:classes] for index, pixels in chosen]
        return np.asarray(counts, np.int64)


def count_picture(
    picture_id: int, truth: Indices, predicted: Indices, confidence: NDArray[np.uint8], classes: int
) -> PictureCounts:
    """Compare a prediction with the truth; all arrays (H, W). Raises ValueError when their sizes differ."""
    if not truth.shape == predicted.shape == confidence.shape:
        raise ValueError(
            f"truth {truth.shape}, prediction {predicted.shape}, {confidence.shape} differ in size"
        )
    counted = truth != IGNORED
    pairs = truth[counted].astype(np.int32) * (classes + 1) + predicted[counted]
    matrix = np.bincount(pairs, minlength=classes * (classes + 1))
    cells = np.flatnonzero(matrix)
    levels = confidence[counted].astype(np.int32) * 2 + (truth[counted] == predicted[counted])
    levelled = np.bincount(levels, minlength=512).reshape(256, 2)
    return PictureCounts(
        picture_id,
        cells.astype(np.int32),
        matrix[cells],
        _count_boundaries(truth, predicted, classes),
        np.column_stack([levelled.sum(1), levelled[:, 1]]),
        _score_regions(truth, predicted, classes),
    )


def _present(truth: Indices, predicted: Indices, classes: int) -> Iterator[int]:
    """Indices of the classes that are in the truth or predicted where it counts."""
    present = np.bincount(truth.ravel(), minlength=256) + np.bincount(
        predicted[truth != IGNORED], minlength=256
    )
    return (int(index) for index in np.flatnonzero(present[:classes]))


def _count_boundaries(truth: Indices, predicted: Indices, classes: int) -> NDArray[np.int64]:
    """(classes, 2) pixels in intersection and union of the regions along the inside of the outlines.

    The border of the picture is an outline, as in the source; the edge towards pixels that do not count is none.
    """
    height, width = truth.shape
    reach = max(1, round(BOUNDARY_SHARE * float(np.hypot(height, width))))
    ignored = truth == IGNORED
    counts = np.zeros((classes, 2), np.int64)
    for index in _present(truth, predicted, classes):
        rims = [_rim(mask == index, ignored, reach) for mask in (truth, predicted)]
        counts[index] = np.count_nonzero(rims[0] & rims[1]), np.count_nonzero(rims[0] | rims[1])
    return counts


def _rim(mask: NDArray[np.bool_], ignored: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Pixels of `mask` that count and are at most `reach` pixels (chessboard distance) from its outline."""
    filled = (mask | ignored).astype(np.uint8)
    side = 2 * reach + 1
    inner = cv2.erode(
        filled, np.ones((side, 1), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0, 0)
    )
    inner = cv2.erode(
        inner, np.ones((1, side), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0, 0)
    )
    return np.asarray(mask & ~ignored & (inner == 0), np.bool_)


def _score_regions(truth: Indices, predicted: Indices, classes: int) -> NDArray[np.float64]:
    """(sizes, 2) number of connected true regions by size, and the sum of their IoU.

    A predicted pixel belongs to the nearest true region of its class, so that each is counted once.
    """
    scores = np.zeros((len(SIZE_NAMES), 2))
    for index in _present(truth, predicted, classes):
        region = truth == index
        count, labels, facts, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8)
        if count == 1:
            continue
        claimed = (predicted == index) & (truth != IGNORED)
        _, nearest = cv2.distanceTransformWithLabels(
            (~region).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_CCOMP
        )
        # distanceTransform numbers the regions anew; a pixel of each says which is which.
        number_of = np.zeros(int(nearest.max()) + 1, np.int64)
        number_of[nearest[region]] = labels[region]
        owners = number_of[nearest[claimed]]
        owned = np.bincount(owners, minlength=count)[1:]
        hits = np.bincount(labels[claimed & region], minlength=count)[1:]
        areas = facts[1:, cv2.CC_STAT_AREA].astype(np.int64)
        iou = hits / (areas + owned - hits)
        sizes = np.digitize(areas, SIZE_BOUNDS)
        scores[:, 0] += np.bincount(sizes, minlength=len(SIZE_NAMES))
        scores[:, 1] += np.bincount(sizes, weights=iou, minlength=len(SIZE_NAMES))
    return scores
