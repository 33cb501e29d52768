"""A window of the picture, looked at in fewer pixels: what slow methods think about stays bounded."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point

_SKIPPED_FROM = 8.0
"""Pictures made so many times smaller are read in steps first: averaging all of their pixels gives the same."""


@dataclass(frozen=True, slots=True)
class DownscaledCrop:
    """`box` lies inside the picture; `width` and `height` are the pixels it is looked at with, at most its own.

    Positions in a crop count like those of a picture: (0.5, 0.5) is the centre of its top left pixel.
    """

    box: Box
    width: int
    height: int

    @classmethod
    def fit(cls, box: Box, max_side: int) -> DownscaledCrop:
        """A box that is not empty, with no side longer than `longest` crop pixels."""
        factor = max(1.0, max(box.width, box.height) / max_side)
        return cls(box, max(1, round(box.width / factor)), max(1, round(box.height / factor)))

    @property
    def factor(self) -> float:
        """Picture pixels along one crop pixel, 1 at least."""
        return max(self.box.width / self.width, self.box.height / self.height)

    def read(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(height, width, 3) uint8, a copy. The cost follows the box; not for the GUI thread when that is large."""
        rows, columns = self.box.slices
        step = int(self.factor // 4) if self.factor >= _SKIPPED_FROM else 1
        part = picture[rows.start : rows.stop : step, columns.start : columns.stop : step]
        if part.shape[:2] == (self.height, self.width):
            return part.copy()
        small: NDArray[np.uint8] = cv2.resize(part, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return small

    def to_crop(self, at: Point) -> Point:
        """From picture to crop."""
        x = (at.x - self.box.x0) * self.width / self.box.width
        return Point(x, (at.y - self.box.y0) * self.height / self.box.height)

    def to_picture(self, at: Point) -> Point:
        """From crop to picture."""
        x = self.box.x0 + at.x * self.box.width / self.width
        return Point(x, self.box.y0 + at.y * self.box.height / self.height)

    def pixel_at(self, at: Point) -> tuple[int, int]:
        """Column and row of the crop pixel that holds, or is nearest to, a position of the picture."""
        inner = self.to_crop(at)
        return min(max(int(inner.x), 0), self.width - 1), min(max(int(inner.y), 0), self.height - 1)

    def upscale_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A (height, width) mask as one of the box's own size, with its steps smoothed."""
        if mask.shape == (self.box.height, self.box.width):
            return mask
        size = (self.box.width, self.box.height)
        grey = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(grey > 127)
