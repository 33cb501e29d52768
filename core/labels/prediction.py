"""The prediction of a network for one picture, and its file in the project's cache."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from core.base.atomic_file import atomic_file
from core.base.errors import ImageError


@dataclass(frozen=True, slots=True)
class PredictedMask:
    """A prediction in upright image pixels. Kept apart from labels.

    values: (H, W) uint8, class values 1..254
    confidence: (H, W) uint8, probability of that class, 255 = certain
    run_id: the training run whose weights predicted it
    """

    values: NDArray[np.uint8]
    confidence: NDArray[np.uint8]
    run_id: int = 0

    @property
    def mean_confidence(self) -> float:
        """Mean probability of the predicted class over the picture, 0..1."""
        return float(self.confidence.mean()) / 255.0 if self.confidence.size else 0.0

    def remapped(self, table: NDArray[np.uint8]) -> PredictedMask:
        """With values looked up in `table` (256,) uint8: class values have changed since the training."""
        return PredictedMask(np.asarray(cv2.LUT(self.values, table), np.uint8), self.confidence, self.run_id)


def write_prediction(path: Path, mask: PredictedMask) -> None:
    """Write a two-channel PNG (class value, confidence) that any viewer opens, whole or not at all. Raises OSError."""
    both = np.dstack([mask.values, mask.confidence])
    text = PngImagePlugin.PngInfo()
    text.add_text("run", str(mask.run_id))
    with atomic_file(path) as temporary:
        # Level 1: predictions are read and rewritten often and kept for a short time.
        Image.fromarray(both, "LA").save(temporary, "PNG", compress_level=1, pnginfo=text)


def read_prediction(path: Path) -> PredictedMask:
    """Read what `write_prediction` wrote. Raises ImageError when the file is missing or invalid."""
    try:
        # Not Image.open: the file is our own, so that only one format is valid and no size is a decompression bomb.
        with PngImagePlugin.PngImageFile(path) as image:
            if image.mode != "LA":
                raise ImageError(f"{path.name} is not a prediction of Maskloop.")
            run = str(image.info.get("run", "0"))
            both = np.asarray(image)
    except (OSError, ValueError, SyntaxError) as problem:
        raise ImageError(f"The prediction {path.name} cannot be read: {problem}.") from problem
    return PredictedMask(
        np.ascontiguousarray(both[..., 0]),
        np.ascontiguousarray(both[..., 1]),
        int(run) if run.isdigit() else 0,
    )
