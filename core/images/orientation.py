"""EXIF orientation: the only place where pixels are rotated and mirrored into upright position."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

ORIENTATION_TAG = 0x0112
"""The tag's number, the same in EXIF and TIFF."""

A = TypeVar("A", bound=NDArray[Any])


def turn_upright(pixels: A, orientation: int) -> A:
    """(H, W, ..) `pixels` rotated and mirrored as EXIF orientation 1..8 says (Exif 2.32, tag 274); contiguous."""
    turned: Any = pixels.swapaxes(0, 1) if orientation >= 5 else pixels
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)  # type: ignore[return-value]
