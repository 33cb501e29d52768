"""Counts and maps the values of masks: bytes by OpenCV, others in parts, as numpy first makes eight bytes of each."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_PART = 1 << 22
"""Pixels handled at once."""


def count_pixels(values: NDArray[Any], count: int = 256) -> NDArray[np.int64]:
    """(count,) int64: how many pixels hold each value 0 .. count - 1, for unsigned integers below `count`."""
    flat = values.ravel()
    found = np.zeros(count, np.int64)
    for start in range(0, flat.size, _PART):
        part = flat[start : start + _PART]
        if part.dtype == np.uint8 and count == 256:
            found += cv2.calcHist([part], [0], None, [256], [0, 256]).ravel().astype(np.int64)
        else:
            found += np.bincount(part, minlength=count)
    return found


def map_values(table: NDArray[np.uint8], values: NDArray[Any]) -> NDArray[np.uint8]:
    """`table[values]` for a table of a value for each that occurs; the shape of `values`, uint8."""
    if values.dtype == np.uint8 and len(table) == 256:
        return np.asarray(cv2.LUT(np.ascontiguousarray(values), table), np.uint8)
    flat = values.ravel()
    mapped = np.empty(flat.size, np.uint8)
    for start in range(0, flat.size, _PART):
        mapped[start : start + _PART] = table[flat[start : start + _PART]]
    return mapped.reshape(values.shape)
