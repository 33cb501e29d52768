"""A sample of the labelled pixels of a picture, balanced over the classes. Does not import torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.labels.class_list import UNLABELLED, VOID

MAX_PIXELS = 4000
"""Pixels of a picture that a head is fitted to; more make it no better (docs/experiments.md)."""
MAX_PIXELS_PER_CLASS = 400
MAX_PICTURE_PIXELS = 60_000_000
"""Of larger ones only the visible part is predicted: a second process would have to decode them whole."""


@dataclass(frozen=True, slots=True)
class LabelledPixels:
    """points: (n, 2) uint32 as x, y; values: (n,) uint8 class values; size: (width, height) of the label, or None"""

    points: NDArray[np.uint32]
    values: NDArray[np.uint8]
    size: tuple[int, int] | None = None

    @property
    def classes(self) -> list[int]:
        """The class values in it, ascending."""
        return [int(value) for value in np.unique(self.values)]

    def of_classes(self, values: Iterable[int]) -> LabelledPixels:
        """Those of these classes."""
        kept = np.isin(self.values, np.fromiter(values, np.uint8))
        return self if kept.all() else LabelledPixels(self.points[kept], self.values[kept], self.size)


NO_PIXELS = LabelledPixels(np.empty((0, 2), np.uint32), np.empty(0, np.uint8))


def sample_evenly(label: NDArray[np.uint8], count: int, seed: int = 0) -> LabelledPixels:
    """At most `count` labelled pixels, each as likely as any other: what a score is estimated from."""
    places = np.flatnonzero((label != UNLABELLED) & (label != VOID))
    if len(places) > count:
        places = np.random.default_rng(seed).choice(places, count, replace=False)
    return _at(label, places)


def sample_labelled_pixels(
    label: NDArray[np.uint8], seed: int = 0, max_pixels: int = MAX_PIXELS
) -> LabelledPixels:
    """label: (H, W) class values. Void and unlabelled pixels are left out. The same label gives the same sample."""
    rng = np.random.default_rng(seed)
    places = np.flatnonzero((label != UNLABELLED) & (label != VOID))
    values = label.ravel()[places]
    present = np.flatnonzero(np.bincount(values, minlength=256))
    limit = min(MAX_PIXELS_PER_CLASS, max(1, max_pixels // max(1, len(present))))
    chosen = []
    for value in present:
        inside = places[values == value]
        chosen.append(inside if len(inside) <= limit else rng.choice(inside, limit, replace=False))
    flat = np.concatenate(chosen) if chosen else np.empty(0, np.int64)
    return _at(label, flat)


def _at(label: NDArray[np.uint8], places: NDArray[np.int64]) -> LabelledPixels:
    height, width = label.shape
    y, x = np.divmod(places, width)
    return LabelledPixels(np.stack([x, y], 1).astype(np.uint32), label.ravel()[places], (width, height))
