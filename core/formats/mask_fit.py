"""Fits a mask to its picture: masks that were not turned by EXIF along with the picture are turned, others refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.images.image_reader import read_orientation
from core.images.orientation import turn_upright


@dataclass(frozen=True, slots=True)
class FittedMask:
    """values: (H, W) uint8 of the size of the picture, None if the mask does not fit, and why; note: what was done."""

    values: NDArray[np.uint8] | None
    reason: str = ""
    note: str = ""


def fit_mask(values: NDArray[np.uint8], picture: Path, size: tuple[int, int]) -> FittedMask:
    """values: (H, W) uint8; size: (width, height) of the upright picture."""
    width, height = values.shape[1], values.shape[0]
    if (width, height) == size:
        return FittedMask(values)
    if (height, width) == size and (orientation := read_orientation(picture)) >= 5:
        return FittedMask(
            turn_upright(values, orientation),
            note=f"{picture.name} is turned by EXIF and its mask is not; the mask was turned along.",
        )
    return FittedMask(
        None, f"it is {width} x {height} pixels, the picture {size[0]} x {size[1]}; the label was left out"
    )
