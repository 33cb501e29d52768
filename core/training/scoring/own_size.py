"""Scores the output of a network at the picture's own size, as `core.models.inference` predicts it.

Small things vanish from a label that is scaled to the network's input, and with them the errors.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.models.inference import upscaled_bands
from core.training.data.training_set import IGNORE_INDEX
from core.training.scoring.metrics import confusion_matrix

PIXELS_AT_ONCE = 1 << 19
"""Pixels whose logits are interpolated at a time, which takes a few dozen megabytes."""
BAND_PIXELS = 1 << 23
"""Pixels counted at a time: OpenCV counts in float32, which is exact up to 2^24."""


def own_size_confusion(logits: Tensor, truth: NDArray[np.uint8], count: int) -> Tensor:
    """(count, count) int64 pixels, rows true, columns predicted, on the device of the logits.

    logits: (C, h, w) of one picture; truth: (H, W) class indices below `count` or IGNORE_INDEX, at the picture's own
    size, to which the logits are scaled bilinearly. count: C, or more where the network does not know some classes.
    """
    same_size = logits.shape[1:] == truth.shape
    if not same_size and logits.device.type == "cpu":
        return _counted(truth, _interpolated_argmax(logits, truth), count)
    rows = torch.from_numpy(truth).to(logits.device)
    if same_size:
        return confusion_matrix(logits.argmax(0), rows, count)
    total = torch.zeros((count, count), dtype=torch.int64, device=logits.device)
    bands = upscaled_bands(iter([logits.float()]), len(logits), logits.shape[1], *truth.shape)
    for where, band in bands:
        total += confusion_matrix(band.argmax(0), rows[where], count)
    return total


def _interpolated_argmax(logits: Tensor, truth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) uint8: argmax of the interpolated logits, right wherever `truth` is not IGNORE_INDEX.

    Between four neighbours with the same likeliest class that class stays the likeliest, because interpolation is a
    weighted mean. So logits are interpolated at the borders of classes only, a few per cent of the pixels.
    """
    likeliest = logits.argmax(0).to(torch.uint8).numpy()
    (top, bottom, down), (left, right, across) = (
        _neighbours(small, full) for small, full in zip(likeliest.shape, truth.shape, strict=True)
    )
    next_row, next_column = _following(likeliest, 0), _following(likeliest, 1)
    mixed = (likeliest != next_row) | (likeliest != next_column) | (likeliest != _following(next_row, 1))
    found = _spread(likeliest, top, left)
    places = np.flatnonzero(_spread(mixed.view(np.uint8), top, left) & (truth != IGNORE_INDEX))
    by_pixel = logits.permute(1, 2, 0).reshape(-1, len(logits)).float().contiguous()
    width = logits.shape[2]
    for chosen in np.array_split(places, max(1, -(-len(places) // PIXELS_AT_ONCE))):
        y, x = np.divmod(chosen, truth.shape[1])
        share = torch.from_numpy(across[x])[:, None]
        upper, lower = (
            torch.lerp(
                by_pixel[torch.from_numpy(start * width + left[x])],
                by_pixel[torch.from_numpy(start * width + right[x])],
                share,
            )
            for start in (top[y], bottom[y])
        )
        between = torch.lerp(upper, lower, torch.from_numpy(down[y])[:, None])
        found.reshape(-1)[chosen] = between.argmax(1).to(torch.uint8).numpy()
    return found


def _neighbours(small: int, full: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """For each of `full` pixels the two of `small` it lies between, and its way (0..1) from the first to the second."""
    places = np.clip((np.arange(full) + 0.5) * (small / full) - 0.5, 0, small - 1)
    first = places.astype(np.int64)
    return first, np.minimum(first + 1, small - 1), (places - first).astype(np.float32)


def _following(rows: NDArray[np.uint8], axis: int) -> NDArray[np.uint8]:
    """Each pixel's next one along an axis; the last ones are their own."""
    last = rows.shape[axis] - 1
    return np.asarray(np.take(rows, np.minimum(np.arange(last + 1) + 1, last), axis))


def _spread(
    small: NDArray[np.uint8], rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.uint8]:
    return np.take(np.take(small, columns, 1), rows, 0)


def _counted(truth: NDArray[np.uint8], found: NDArray[np.uint8], count: int) -> Tensor:
    total = np.zeros((count, count), np.int64)
    rows = max(1, BAND_PIXELS // truth.shape[1])
    for start in range(0, len(truth), rows):
        pair = [np.ascontiguousarray(each[start : start + rows]) for each in (truth, found)]
        counted = cv2.calcHist(pair, [0, 1], None, [256, 256], [0, 256, 0, 256])
        total += counted[:count, :count].astype(np.int64)
    return torch.from_numpy(total)
