"""Turning and mirroring as a camera or scanner asked for it; the only place where that happens."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

ORIENTATION_TAG = 0x0112
"""The tag, the same in EXIF and TIFF."""

A = TypeVar("A", bound=NDArray[Any])


def turn_upright(pixels: A, orientation: int) -> A:
    """`pixels` (H, W, ..) turned and mirrored as EXIF orientation 1..8 (Exif 2.32, tag 274) asks."""
    turned: Any = pixels.swapaxes(0, 1) if orientation >= 5 else pixels
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)  # type: ignore[return-value]
