"""Reads mask files by a decided reading of their values: index, palette, colour or binary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.errors import FormatError
from core.formats.dataset_types import LoadedMask
from core.formats.doubt import ValueReading
from core.formats.mask_values import colours_to_values, match_nearest_colours, remap_indices
from core.images.stored_mask import StoredMask, read_stored_mask
from core.labels.class_list import UNLABELLED, VOID, Colour

LOSSY_TOLERANCE = 24
"""A colour in a file format that blurs must be this near, in every channel, to that of a class."""
CERTAIN_BLACK, CERTAIN_WHITE = 48, 207
"""In such a format greys between these are void when black and white are told apart."""


@dataclass(frozen=True, slots=True)
class MaskReader:
    """Reads one mask after another; can be pickled.

    numbers, colours: LoadedMask value by stored number and by colour; source: names the class list in messages
    threshold: for BINARY, numbers above it are the foreground; background, foreground: their LoadedMask values
    """

    reading: ValueReading
    numbers: Mapping[int, int] = field(default_factory=dict)
    colours: Mapping[Colour, int] = field(default_factory=dict)
    source: str = "the class list"
    threshold: float = 127
    background: int = 1
    foreground: int = 2

    def __call__(self, path: Path) -> LoadedMask:
        """Raises ImageError for an unreadable file, and FormatError for one that the reading does not fit."""
        stored = read_stored_mask(path)
        mask = self._read(stored, path)
        clear = stored.is_transparent()
        if clear is None:
            return mask
        return LoadedMask(np.where(clear, np.uint8(UNLABELLED), mask.values), mask.confidence, mask.notes)

    def _read(self, stored: StoredMask, path: Path) -> LoadedMask:
        if self.reading == ValueReading.BINARY:
            return self._binary(stored)
        numbers = stored.as_numbers() if self.reading == ValueReading.INDEX else None
        if numbers is not None and self.numbers:
            return LoadedMask(remap_indices(numbers, self.numbers, path, self.source))
        if not self.colours:
            raise FormatError(f"{path} is a colour mask, but the masks of this dataset contain class values.")
        pixels = stored.as_colours()
        if stored.is_lossy:
            return match_nearest_colours(
                pixels, list(self.colours), list(self.colours.values()), tolerance=LOSSY_TOLERANCE
            )
        clear = stored.is_transparent()
        if clear is None:
            return colours_to_values(pixels, self.colours, path)
        # The colours of transparent pixels mean nothing: only the others may be unknown.
        values = np.zeros(clear.shape, np.uint8)
        read = colours_to_values(pixels[~clear][:, None], self.colours, path)
        values[~clear] = read.values[:, 0]
        return LoadedMask(values, read.confidence, read.notes)

    def _binary(self, stored: StoredMask) -> LoadedMask:
        numbers = _brightness(stored)
        values = np.where(numbers > self.threshold, np.uint8(self.foreground), np.uint8(self.background))
        if not stored.is_lossy:
            return LoadedMask(values)
        certain = (numbers <= CERTAIN_BLACK) | (numbers >= CERTAIN_WHITE)
        return LoadedMask(np.where(certain, values, np.uint8(VOID)), float(certain.mean()))


def _brightness(stored: StoredMask) -> NDArray[Any]:
    """(H, W) numbers; of a colour file the brightest channel."""
    numbers = stored.as_numbers()
    return np.asarray(stored.as_colours().max(axis=2) if numbers is None else numbers)
