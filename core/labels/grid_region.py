"""A region given on a grid that is coarser than its picture, as features and probabilities are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from core.base.geometry import Box
from core.labels.label_map import Mask


@dataclass(frozen=True, slots=True, eq=False)
class GridRegion:
    """box: in cells; mask: (h, w) bool of it; grid: (columns, rows) that cover the picture"""

    box: Box
    mask: Mask
    grid: tuple[int, int]

    def picture_box(self, size: tuple[int, int]) -> Box:
        """The image pixels it may reach into, of a picture of `size` (width, height)."""
        x, y = size[0] / self.grid[0], size[1] / self.grid[1]
        # Half a cell more: edges are interpolated between the centres of cells.
        return Box(
            math.floor((self.box.x0 - 0.5) * x),
            math.floor((self.box.y0 - 0.5) * y),
            math.ceil((self.box.x1 + 0.5) * x),
            math.ceil((self.box.y1 + 0.5) * y),
        ).clipped(*size)

    def pixels_in(self, part: Box, size: tuple[int, int]) -> Mask:
        """(h, w) bool of the image pixels of `part`, with edges interpolated, so that they show no steps."""
        step_x, step_y = self.grid[0] / size[0], self.grid[1] / size[1]
        # Centres of pixels on centres of cells. Outside the mask it is false, but not outside the picture.
        edge = (
            self.box.y0 > 0,
            self.box.y1 < self.grid[1],
            self.box.x0 > 0,
            self.box.x1 < self.grid[0],
        )
        top, bottom, left, right = map(int, edge)
        padded = np.pad(self.mask.astype(np.float32), ((top, bottom), (left, right)))
        matrix = np.array(
            [
                [step_x, 0, (part.x0 + 0.5) * step_x - 0.5 - self.box.x0 + left],
                [0, step_y, (part.y0 + 0.5) * step_y - 0.5 - self.box.y0 + top],
            ]
        )
        scaled = cv2.warpAffine(
            padded, matrix, (part.width, part.height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        return np.asarray(scaled >= 0.5, bool)
