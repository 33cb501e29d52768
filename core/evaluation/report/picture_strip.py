"""A picture, its label, its prediction and their difference beside each other, as one small image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.labels.class_list import UNLABELLED, VOID, ClassList

SMALL, LARGE = (240, 180), (640, 480)
"""Largest (width, height) of one part in pixels: in a page, and in a file of its own."""
GAP = 4
_RIGHT, _WRONG, _IGNORED = (70, 150, 90), (215, 60, 60), (128, 128, 128)
_JPEG_QUALITY = 85


def picture_strip(
    picture: NDArray[np.uint8],
    label: NDArray[np.uint8],
    predicted: NDArray[np.uint8],
    classes: ClassList,
    largest: tuple[int, int] = SMALL,
) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB: input, label, prediction, difference from left to right.

    picture: (H, W, 3) RGB; label, predicted: (H, W) uint8 class values. In the difference right pixels are green,
    wrong ones red, void and unlabelled ones grey. largest: (width, height) of a part.
    """
    height, width = label.shape
    scale = min(largest[0] / width, largest[1] / height, 1.0)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    truth, guess = (cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST) for mask in (label, predicted))
    colours = np.full((256, 3), _IGNORED, np.uint8)
    for each in classes:
        colours[each.value] = each.colour
    ignored = (truth == UNLABELLED) | (truth == VOID)
    difference = np.where((truth == guess)[..., None], np.array(_RIGHT, np.uint8), np.array(_WRONG, np.uint8))
    difference[ignored] = _IGNORED
    # Over the picture in grey, so that one sees where in it the errors are.
    grey = np.repeat(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    difference = cv2.addWeighted(grey, 0.35, difference.astype(np.uint8), 0.65, 0)
    parts = [small, colours[truth], colours[guess], difference]
    gap = np.full((size[1], GAP, 3), 255, np.uint8)
    joined: list[NDArray[np.uint8]] = []
    for part in parts:
        joined += [part, gap]
    return np.ascontiguousarray(np.hstack(joined[:-1]))


def as_jpeg(strip: NDArray[np.uint8]) -> bytes:
    """strip: (h, w, 3) uint8 RGB."""
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(strip, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    return data.tobytes()
