"""What the queue knows of a picture: how unsure its prediction is of each class, and what the picture looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.labels.class_list import UNLABELLED, VOID
from core.labels.prediction import PredictedMask

Floats = NDArray[np.float32]
Descriptor = NDArray[np.float16]

GRID_CELLS = 4
"""Cells of a descriptor in a row and in a column."""
DESCRIPTOR_SIZE = GRID_CELLS * GRID_CELLS * 5
DESCRIBED_SIDE = 128
"""Pixels of the longer side of the thumbnail that a descriptor is made from."""
_MAX_COUNTED = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class PictureSummary:
    """One picture with a prediction.

    unsure: (256,) float32, by predicted class the mean of 1 - confidence of the pixels without a label, 0..1
    shares: (256,) float32, by predicted class the share of all pixels that it has among those without a label, 0..1
    descriptor: (DESCRIPTOR_SIZE,) float16, see `describe`
    """

    picture_id: int
    unsure: Floats
    shares: Floats
    descriptor: Descriptor


@dataclass(frozen=True, slots=True, eq=False)
class SummaryColumns:
    """Many summaries as columns, one row a picture.

    ids: (n,) int64; classes: (k,) uint8, the class of each column; unsure, shares: (n, k) float32 as in PictureSummary;
    descriptors: (n, DESCRIPTOR_SIZE) float16
    """

    ids: NDArray[np.int64]
    classes: NDArray[np.uint8]
    unsure: Floats
    shares: Floats
    descriptors: Descriptor

    @classmethod
    def of(cls, summaries: Sequence[PictureSummary]) -> SummaryColumns:
        """With a column for each class that one of the pictures has."""
        unsure = np.array([each.unsure for each in summaries], np.float32).reshape(-1, 256)
        shares = np.array([each.shares for each in summaries], np.float32).reshape(-1, 256)
        classes = np.flatnonzero(shares.any(axis=0)).astype(np.uint8)
        return cls(
            np.array([each.picture_id for each in summaries], np.int64),
            classes,
            unsure[:, classes],
            shares[:, classes],
            np.array([each.descriptor for each in summaries], np.float16).reshape(-1, DESCRIPTOR_SIZE),
        )


def class_uncertainty(prediction: PredictedMask, label: NDArray[np.uint8] | None) -> tuple[Floats, Floats]:
    """`unsure` and `shares` of a PictureSummary. Of a large picture every n-th pixel counts.

    label: (H, W) uint8 in the size of the prediction, None where nothing is labelled
    """
    step = 1
    while prediction.values.size // step**2 > _MAX_COUNTED:
        step += 1
    values, doubt = prediction.values[::step, ::step], 255 - prediction.confidence[::step, ::step]
    free = (values != UNLABELLED) & (values != VOID)
    if label is not None:
        free &= label[::step, ::step] == UNLABELLED
    counts = np.bincount(values[free], minlength=256)
    sums = np.bincount(values[free], weights=doubt[free], minlength=256)
    unsure = (sums / np.maximum(counts, 1) / 255).astype(np.float32)
    return unsure, (counts / max(values.size, 1)).astype(np.float32)


def describe(thumbnail: NDArray[np.uint8]) -> Descriptor:
    """What a picture looks like: mean colour and strength of edges, across and down, in the cells of a grid.

    thumbnail: (h, w, 3) uint8 RGB of any size; returns (DESCRIPTOR_SIZE,) float16. Near-duplicates have a small
    Euclidean distance.
    """
    small = np.asarray(cv2.resize(thumbnail, (64, 64), interpolation=cv2.INTER_AREA))
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) / np.float32(100)
    light = np.ascontiguousarray(lab[..., 0])
    across, down = np.abs(cv2.Sobel(light, cv2.CV_32F, 1, 0)), np.abs(cv2.Sobel(light, cv2.CV_32F, 0, 1))
    planes = np.dstack([lab, across, down])
    cells = cv2.resize(planes, (GRID_CELLS, GRID_CELLS), interpolation=cv2.INTER_AREA)
    cells[..., 3:] = np.sqrt(cells[..., 3:])
    return np.asarray(cells, np.float16).ravel()
