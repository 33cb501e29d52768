"""How much of each class vanishes when labels are scaled to the input of a network. Does not import torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.labels.class_list import UNLABELLED, VOID
from core.models.spec import MAX_INPUT_SIZE, STRIDE, round_up_to_stride

LOST_SHARE = 1 / 3
"""Share of its regions, or of its pixels, from which on a class is said to vanish."""
SPECK_SHARE = 0.02
"""Share of the pixels of a class below which its lost regions are taken for specks, as in masks that were smeared."""
KEPT_PIXELS = 4.0
"""Pixels in the network's input that a region should keep in a size that is proposed."""

Regions = tuple[tuple[int, int, int, int], ...]
"""Connected regions of a label: (class value, size, number, pixels of all). A region of `size` n has 2^(n/2) pixels or
more, but fewer than 2^((n+1)/2)."""


@dataclass(frozen=True, slots=True)
class ScaledRegions:
    """Regions of one picture whose long side is `longest` pixels."""

    longest: int
    regions: Regions


@dataclass(frozen=True, slots=True)
class SizeAdvice:
    """Classes that vanish at an input of `size` pixels.

    lost: by class value the share (0..1) of its regions or pixels, whichever is larger
    better: the smallest size that keeps them, or the largest that is allowed; equal to `size` where there is none
    """

    size: int
    better: int
    lost: Mapping[int, float]


def regions_of(values: NDArray[np.uint8]) -> Regions:
    """The connected regions of each class in a label (H, W) uint8; 12 megapixels take about 0.1 s a class."""
    found: list[tuple[int, int, int, int]] = []
    for value in np.flatnonzero(np.bincount(values.ravel(), minlength=256)):
        if value in (UNLABELLED, VOID):
            continue
        mask = (values == value).view(np.uint8)
        x, y, width, height = cv2.boundingRect(mask)
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask[y : y + height, x : x + width])
        areas = stats[1:count, cv2.CC_STAT_AREA].astype(np.int64)
        sizes = np.floor(2 * np.log2(areas) + 1e-9).astype(int)
        found += [
            (int(value), int(size), int((sizes == size).sum()), int(areas[sizes == size].sum()))
            for size in np.unique(sizes)
        ]
    return tuple(found)


def advise_size(pictures: Iterable[ScaledRegions], size: int, largest: int = MAX_INPUT_SIZE) -> SizeAdvice:
    """What vanishes from these labels at an input of `size` pixels, and the size up to `largest` that keeps it."""
    pictures = list(pictures)
    lost = {value: share for value, share in _lost(pictures, size, 1.0).items() if share >= LOST_SHARE}
    better = size
    if lost:
        longest = max(picture.longest for picture in pictures)
        largest = min(largest // STRIDE * STRIDE, round_up_to_stride(longest))
        for better in range(size + STRIDE, largest + 1, STRIDE):
            kept = _lost(pictures, better, KEPT_PIXELS)
            if all(kept[value] < LOST_SHARE for value in lost):
                break
    return SizeAdvice(size, better, lost)


def _lost(pictures: Sequence[ScaledRegions], size: int, kept_pixels: float) -> dict[int, float]:
    """By class the share of regions or pixels in regions that keep fewer than `kept_pixels` at this size."""
    regions: Counter[int] = Counter()
    pixels: Counter[int] = Counter()
    lost_regions: Counter[int] = Counter()
    lost_pixels: Counter[int] = Counter()
    for picture in pictures:
        scale = min(1.0, size / picture.longest)
        for value, _, count, area in picture.regions:
            regions[value] += count
            pixels[value] += area
            if scale < 1 and area / count * scale**2 < kept_pixels:
                lost_regions[value] += count
                lost_pixels[value] += area
    shares: dict[int, float] = {}
    for value in regions:
        of_pixels = lost_pixels[value] / pixels[value]
        of_regions = lost_regions[value] / regions[value] if of_pixels >= SPECK_SHARE else 0.0
        shares[value] = max(of_pixels, of_regions)
    return shares
