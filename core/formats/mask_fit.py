"""Fits a mask to its picture: masks that were not turned by EXIF along with the picture are turned, others refused.

A mask that misses the size of its picture by a pixel or two is fitted where this is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.errors import ImageError
from core.formats.dataset_types import Dataset
from core.formats.doubt import Doubt
from core.images.image_reader import read_orientation, read_picture
from core.images.orientation import turn_upright
from core.labels.class_list import UNLABELLED

MAX_MISSING = 2
"""Pixels in width and in height by which a mask that is fitted may miss the size of its picture."""
_COMPARED_SIDE = 256
"""Longer side in pixels at which picture and mask are compared."""
_CLEAR_LEAD = 0.05
"""Share of the variance of the colours by which one way of laying the mask must explain more than the other."""
_CLEAR_RATIO = 1.5
"""How many times as much it must explain."""


@dataclass(frozen=True, slots=True)
class FittedMask:
    """values: (H, W) uint8 of the size of the picture, None if the mask does not fit, and why; note: what was done."""

    values: NDArray[np.uint8] | None
    reason: str = ""
    note: str = ""


def fit_mask(
    values: NDArray[np.uint8],
    picture: Path,
    size: tuple[int, int],
    *,
    may_be_turned: bool = False,
    is_stored: bool | None = None,
    fits_size: bool = False,
) -> FittedMask:
    """values: (H, W) uint8; size: (width, height) of the upright picture.

    may_be_turned: whether a mask of the right size may still be that of the pixels as they are stored; is_stored:
    whether it is, None if the content decides; fits_size: whether a mask that misses the size by MAX_MISSING is fitted.
    """
    width, height = values.shape[1], values.shape[0]
    if (width, height) == size:
        return _turn_same_size(values, picture, is_stored) if may_be_turned else FittedMask(values)
    if (height, width) == size and (orientation := read_orientation(picture)) >= 5:
        return FittedMask(
            turn_upright(values, orientation),
            note=f"{picture.name} is turned by EXIF and its mask is not; the mask was turned along.",
        )
    if fits_size and is_near((width, height), size):
        fitted = np.full((size[1], size[0]), UNLABELLED, np.uint8)
        rows, columns = min(height, size[1]), min(width, size[0])
        fitted[:rows, :columns] = values[:rows, :columns]
        return FittedMask(
            fitted,
            note=f"The mask of {picture.name} is {width} x {height} pixels, the picture {size[0]} x {size[1]}; it was "
            "fitted at the right and at the bottom.",
        )
    return FittedMask(None, f"it is {width} x {height} pixels, the picture {size[0]} x {size[1]}")


def is_near(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two sizes differ by at most MAX_MISSING pixels on each side, and by little of the whole."""
    return all(abs(a - b) <= min(MAX_MISSING, b // 8) for a, b in zip(one, other, strict=True))


def with_fitted_masks(dataset: Dataset) -> Dataset:
    """The dataset whose masks are fitted if they miss the size of their picture by at most MAX_MISSING pixels."""
    samples = tuple(replace(sample, fits_size=True) for sample in dataset.samples)
    return replace(dataset, samples=samples, doubts=tuple(_with_fit_assumed(d) for d in dataset.doubts))


def _with_fit_assumed(doubt: Doubt) -> Doubt:
    """The doubt; if it is the one about sizes, answered, with the answer that is in force now."""
    if all(answer.fits_masks is None for answer in doubt.answers):
        return doubt
    answers = tuple(replace(answer, is_assumed=bool(answer.fits_masks)) for answer in doubt.answers)
    return replace(doubt, answers=answers, is_answered=True)


def _turn_same_size(values: NDArray[np.uint8], picture: Path, is_stored: bool | None) -> FittedMask:
    """Decide for a picture that EXIF turns upside down, mirrors, or turns within a square."""
    orientation = read_orientation(picture)
    if orientation == 1 or (orientation >= 5 and values.shape[0] != values.shape[1]):
        return FittedMask(values)
    turned = turn_upright(values, orientation)
    if np.array_equal(turned, values):
        return FittedMask(values)
    if is_stored is not None:
        reason = "as the sizes of other pictures say"
    else:
        try:
            is_stored = _fits_better(turned, values, picture)
        except ImageError:
            is_stored = None
        reason = "which fits the content of the picture better"
    if is_stored is None:
        is_stored, reason = True, "although neither size nor content decides; check it"
    done = "was turned along" if is_stored else "was used as it is"
    return FittedMask(
        turned if is_stored else values,
        note=f"{picture.name} is turned by EXIF; its mask {done}, {reason}.",
    )


def _fits_better(one: NDArray[np.uint8], other: NDArray[np.uint8], picture: Path) -> bool | None:
    """Whether the first of two masks (H, W) explains the colours of the picture better; None if it is not clear."""
    pixels = read_picture(picture, min_side=_COMPARED_SIDE)
    scale = min(1.0, _COMPARED_SIDE / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(np.float64)
    shares = []
    for mask in (one, other):
        near = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST).ravel()
        shares.append(_explained(small, near))
    better, worse = max(shares), min(shares)
    if better - worse < _CLEAR_LEAD or better < _CLEAR_RATIO * worse:
        return None
    return shares[0] > shares[1]


def _explained(colours: NDArray[np.float64], labels: NDArray[np.uint8]) -> float:
    """Share of the variance of (N, 3) colours that lies between the labels (eta squared)."""
    centred = colours - colours.mean(axis=0)
    total = float((centred**2).sum())
    counts = np.bincount(labels, minlength=256)
    sums = np.stack([np.bincount(labels, centred[:, channel], 256) for channel in range(3)])
    between = float((sums**2 / np.maximum(counts, 1)).sum())
    return between / total if total > 0 else 0.0
