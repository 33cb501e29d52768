"""Small pictures of samples with their masks, for the import dialog and the report of an import."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.errors import ImageError
from core.formats.dataset_types import ClassTarget, Dataset, DatasetClass, Sample
from core.formats.sample_label import read_label
from core.images.image_reader import read_picture
from core.labels.class_list import VOID

_MASK_OPACITY = 0.6
_GREY = (128, 128, 128)


@dataclass(frozen=True, slots=True)
class SamplePreview:
    """A downscaled sample: picture (h, w, 3) uint8, values (h, w) uint8 as in a LoadedMask; or the problem with it."""

    name: str
    picture: NDArray[np.uint8] | None
    values: NDArray[np.uint8] | None
    problem: str = ""


def preview_samples(dataset: Dataset, count: int, side: int, first: int = 0) -> Iterator[SamplePreview]:
    """`count` evenly spread samples, those with a mask if there are any; with another `first`, others.

    side: the longer side of a preview in pixels, at most
    """
    samples = [sample for sample in dataset.samples if sample.read_mask is not None] or list(dataset.samples)
    step = max(1, len(samples) // count)
    shown = [samples[(place + first) % len(samples)] for place in range(0, len(samples), step)]
    return (_preview(sample, side, dataset.root) for sample in shown[:count])


def _preview(sample: Sample, side: int, root: Path) -> SamplePreview:
    try:
        picture = read_picture(sample.picture)
    except ImageError as problem:
        return SamplePreview(sample.target_path, None, None, str(problem))
    if sample.crop is not None:
        picture = picture[sample.crop.slices]
    label = read_label(sample, (picture.shape[1], picture.shape[0]), root)
    values = label.values
    if values is None and label.account.left_out:
        return SamplePreview(sample.target_path, None, None, label.account.sentences(root)[0])
    scale = min(1.0, side / max(picture.shape[:2]))
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    if values is None:
        return SamplePreview(sample.target_path, small, None)
    return SamplePreview(
        sample.target_path,
        small,
        np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_NEAREST), np.uint8),
    )


def blend_mask(
    picture: NDArray[np.uint8], values: NDArray[np.uint8] | None, classes: Sequence[DatasetClass]
) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB: the picture with the class colours blended over it; void is grey, unlabelled is clear.

    picture: (h, w, 3) uint8 RGB; values: (h, w) uint8, 1 for the first of `classes`.
    """
    if values is None:
        return picture
    table = np.zeros((256, 3), np.float32)
    shown = np.zeros(256, bool)
    for place, c in enumerate(classes, 1):
        table[place] = _GREY if c.target == ClassTarget.VOID else c.colour
        shown[place] = c.target != ClassTarget.SKIP
    table[VOID], shown[VOID] = _GREY, True
    mixed = picture * (1 - _MASK_OPACITY) + table[values] * _MASK_OPACITY
    return np.where(shown[values][..., None], mixed, picture).astype(np.uint8)
