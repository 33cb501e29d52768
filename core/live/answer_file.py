"""The answer of the live prediction process as a file: read once, replaced by the next. Does not import torch."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from core.base.errors import ImageError
from core.labels.prediction import PredictedMask


def write_answer(path: Path, mask: PredictedMask) -> None:
    """Values and confidence as one uncompressed array (2, H, W): a PNG of 12 megapixels would take half a second.

    Written beside and renamed. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            np.save(stream, np.stack([mask.values, mask.confidence]), allow_pickle=False)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_answer(path: Path) -> PredictedMask:
    """What `write_answer` wrote. Raises ImageError when the file is missing or something else."""
    try:
        with path.open("rb") as stream:
            both = np.load(stream, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ImageError(
            "The live prediction could not be read; the next stroke brings a new one."
        ) from error
    if both.dtype != np.uint8 or both.ndim != 3 or len(both) != 2:
        raise ImageError("The live prediction has an unexpected form; the next stroke brings a new one.")
    return PredictedMask(both[0], both[1])
