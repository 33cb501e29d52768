"""The answers of the live prediction process as files: each is read once and removed. Does not import torch."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from core.base.errors import ImageError
from core.labels.prediction import PredictedMask


def answer_path(folder: Path, serial: int) -> Path:
    """Never the same twice for one process: an answer may be read while the next one is written."""
    return folder / f"{serial}.npy"


def write_answer(path: Path, mask: PredictedMask) -> None:
    """Values and confidence as one uncompressed array (2, h, w): a PNG of 12 megapixels would take half a second.

    Written beside and renamed. Raises OSError.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            np.save(stream, np.stack([mask.values, mask.confidence]), allow_pickle=False)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_answer(path: Path, size: tuple[int, int]) -> PredictedMask:
    """What `write_answer` wrote, scaled to `size` (width, height) where it is coarser.

    Raises ImageError when the file is missing or something else.
    """
    try:
        with path.open("rb") as stream:
            both = np.load(stream, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ImageError(
            "The live prediction could not be read; the next stroke brings a new one."
        ) from error
    if both.dtype != np.uint8 or both.ndim != 3 or len(both) != 2:
        raise ImageError("The live prediction has an unexpected form; the next stroke brings a new one.")
    if both.shape[1:] == size[::-1]:
        return PredictedMask(both[0], both[1])
    values, confidence = (cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST) for plane in both)
    return PredictedMask(np.asarray(values, np.uint8), np.asarray(confidence, np.uint8))
