"""Scales pictures with any number of channels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_MAX_CHANNELS = 4
"""OpenCV 5 averages areas of no more channels, unless by whole numbers."""


def scale_picture(picture: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """(H, W, ...) of uint8, uint16 or float32 -> (height, width, ...): mean of the area where it shrinks, else
    bilinear."""
    shrinks = width < picture.shape[1] or height < picture.shape[0]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    channels = picture.shape[2] if picture.ndim == 3 else 1
    if channels <= _MAX_CHANNELS:
        scaled: NDArray[Any] = cv2.resize(picture, (width, height), interpolation=way)
        return scaled.reshape(height, width, *picture.shape[2:])  # OpenCV drops a single channel
    parts = [
        scale_picture(picture[..., at : at + _MAX_CHANNELS], width, height)
        for at in range(0, channels, _MAX_CHANNELS)
    ]
    return np.concatenate(parts, 2)
