"""Features of labelled pixels of other pictures, an equal number for each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.live.labelled_pixels import LabelledPixels
from core.live.linear_head import PixelRows
from core.live.picture_features import PictureFeatures

ROWS_PER_PICTURE = 400
"""Pixels of all classes that are kept of one picture."""
MAX_PICTURES = 200
"""Pictures of which pixels are kept, those put last; about 85 MB."""
ROWS_PER_CLASS = 600
"""Pixels of a class that a head is fitted to, drawn evenly from the pictures."""


@dataclass(frozen=True, slots=True)
class _Kept:
    features: torch.Tensor
    values: NDArray[np.uint8]


class Reservoir:
    """Pixels by picture, the newest last. A picture that is put again replaces what was kept of it."""

    def __init__(self) -> None:
        self._pictures: dict[int, _Kept] = {}

    def __len__(self) -> int:
        return len(self._pictures)

    def put(self, picture_id: int, features: PictureFeatures, pixels: LabelledPixels) -> None:
        """Keep a sample of the labelled pixels of a picture; without any the picture is forgotten."""
        self._pictures.pop(picture_id, None)
        if not len(pixels.values):
            return
        chosen = _balanced(pixels.values, ROWS_PER_PICTURE, picture_id)
        self._pictures[picture_id] = _Kept(features.at(pixels.points[chosen]).half(), pixels.values[chosen])
        if len(self._pictures) > MAX_PICTURES:
            del self._pictures[next(iter(self._pictures))]

    def drop(self, picture_id: int) -> None:
        self._pictures.pop(picture_id, None)

    def clear(self) -> None:
        self._pictures.clear()

    def rows(self, width: int, without: int | None = None) -> PixelRows | None:
        """At most ROWS_PER_CLASS of each class, of all pictures but one; None where there are none.

        width: numbers for each pixel, which depend on the channels of a picture
        """
        kept = [
            each
            for picture_id, each in self._pictures.items()
            if picture_id != without and each.features.shape[1] == width
        ]
        if not kept:
            return None
        values = np.concatenate([each.values for each in kept])
        features = torch.cat([each.features for each in kept])
        classes = len(np.unique(values))
        chosen = _balanced(values, ROWS_PER_CLASS * classes, 0)
        return PixelRows(features[chosen].float(), values[chosen], torch.ones(len(chosen)))


def _balanced(values: NDArray[np.uint8], most: int, seed: int) -> NDArray[np.int64]:
    """Indices of at most `most` values, as many of each class as there are or as fit."""
    rng = np.random.default_rng(seed)
    present = np.unique(values)
    limit = max(1, most // len(present))
    chosen = []
    for value in present:
        places = np.flatnonzero(values == value)
        chosen.append(places if len(places) <= limit else rng.choice(places, limit, replace=False))
    return np.concatenate(chosen)
