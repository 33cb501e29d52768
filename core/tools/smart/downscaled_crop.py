"""A region of the picture at a reduced size, so that the time of slow algorithms is bounded."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point

_SUBSAMPLE_FACTOR = 8.0
"""From this reduction on the picture is subsampled before it is averaged: the result is the same to the eye."""


@dataclass(frozen=True, slots=True)
class DownscaledCrop:
    """`box` lies inside the picture; `width` and `height` are the size of the crop in crop pixels, at most its own.

    Positions in a crop are like those in a picture: (0.5, 0.5) is the centre of its top left pixel.
    """

    box: Box
    width: int
    height: int

    @classmethod
    def fit(cls, box: Box, max_side: int) -> DownscaledCrop:
        """The crop of a box that is not empty, with no side longer than `max_side` crop pixels."""
        factor = max(1.0, max(box.width, box.height) / max_side)
        return cls(box, max(1, round(box.width / factor)), max(1, round(box.height / factor)))

    @property
    def factor(self) -> float:
        """Picture pixels per crop pixel, at least 1."""
        return max(self.box.width / self.width, self.box.height / self.height)

    def read(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(height, width, 3) uint8, a copy. The cost follows the box; not for the GUI thread when it is large."""
        rows, columns = self.box.slices
        step = int(self.factor // 4) if self.factor >= _SUBSAMPLE_FACTOR else 1
        part = picture[rows.start : rows.stop : step, columns.start : columns.stop : step]
        if part.shape[:2] == (self.height, self.width):
            return part.copy()
        small: NDArray[np.uint8] = cv2.resize(part, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return small

    def to_crop(self, at: Point) -> Point:
        """Position in the picture to position in the crop."""
        x = (at.x - self.box.x0) * self.width / self.box.width
        return Point(x, (at.y - self.box.y0) * self.height / self.box.height)

    def to_picture(self, at: Point) -> Point:
        """Position in the crop to position in the picture."""
        x = self.box.x0 + at.x * self.box.width / self.width
        return Point(x, self.box.y0 + at.y * self.box.height / self.height)

    def pixel_at(self, at: Point) -> tuple[int, int]:
        """Column and row of the crop pixel that contains, or is nearest to, a position in the picture."""
        in_crop = self.to_crop(at)
        return min(max(int(in_crop.x), 0), self.width - 1), min(max(int(in_crop.y), 0), self.height - 1)

    def upscale_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A (height, width) bool mask enlarged to the box's own size, with smoothed steps."""
        if mask.shape == (self.box.height, self.box.width):
            return mask
        size = (self.box.width, self.box.height)
        grey = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(grey > 127)
