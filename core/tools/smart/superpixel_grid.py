"""The picture in superpixels: small pieces of one colour each, found window by window."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.tools.smart.downscaled_crop import DownscaledCrop

CELL_SIDE = 256
"""Side in crop pixels of the squares into which the picture falls; each is looked at with half a cell around it,
so that pieces are whole wherever the pointer may be. A window takes about a quarter of a second."""
_COMPACTNESS = 8.0
"""How much nearness counts against likeness of colour: less lets pieces fray, more makes them squares."""


@dataclass(frozen=True, slots=True)
class SuperpixelCell:
    """A square of the picture, `step` picture pixels for a crop pixel; size: side of a piece in crop pixels."""

    step: int
    column: int
    row: int
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class SuperpixelLabels:
    """The pieces of one cell: (height, width) uint16 numbers for the pixels of `crop`."""

    crop: DownscaledCrop
    labels: NDArray[np.uint16]

    def label_at(self, at: Point) -> int:
        """The piece at a position of the picture."""
        column, row = self.crop.pixel_at(at)
        return int(self.labels[row, column])

    def mask_of(self, number: int) -> tuple[Box, NDArray[np.bool_]]:
        """Box and mask of one piece in picture pixels."""
        mask = self.labels == number
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        across = _borders(self.crop.box.x0, self.crop.box.x1, self.crop.width)
        down = _borders(self.crop.box.y0, self.crop.box.y1, self.crop.height)
        box = Box(int(across[left]), int(down[top]), int(across[right]), int(down[bottom]))
        part = mask[top:bottom, left:right]
        if box.width != part.shape[1] or box.height != part.shape[0]:
            part = part.repeat(np.diff(down[top : bottom + 1]), axis=0)
            part = part.repeat(np.diff(across[left : right + 1]), axis=1)
        return box, part


def cell_at(at: Point, scale: float, size: int) -> SuperpixelCell:
    """The cell at a position, for a picture shown with `scale` widget pixels per pixel: seen smaller than it is, it
    is looked at about as coarsely as it is seen."""
    step = 1 << max(0, round(-math.log2(scale)))
    return SuperpixelCell(step, int(at.x // (CELL_SIDE * step)), int(at.y // (CELL_SIDE * step)), size)


def window_of(cell: SuperpixelCell, whole: Box) -> DownscaledCrop:
    """What is looked at for a cell that shares pixels with the picture `whole`."""
    side = CELL_SIDE * cell.step
    x, y = cell.column * side, cell.row * side
    box = Box(x, y, x + side, y + side).grown(side // 2).intersection(whole)
    return DownscaledCrop(box, math.ceil(box.width / cell.step), math.ceil(box.height / cell.step))


def compute_superpixels(picture: NDArray[np.uint8], cell: SuperpixelCell, whole: Box) -> SuperpixelLabels:
    """SLIC (Achanta et al., 2012) by scikit-image; each piece is connected. Takes a while: not for the GUI thread."""
    from skimage.segmentation import slic  # the window stands before it is needed

    crop = window_of(cell, whole)
    count = max(1, round(crop.width * crop.height / cell.size**2))
    numbers = slic(
        crop.read(picture), count, _COMPACTNESS, max_num_iter=6, sigma=1.0, start_label=0, channel_axis=-1
    )
    return SuperpixelLabels(crop, numbers.astype(np.uint16))


def _borders(start: int, end: int, pixels: int) -> NDArray[np.intp]:
    """Where crop pixels begin and end in the picture, along one side: each picture pixel has exactly one."""
    return start + np.arange(pixels + 1) * (end - start) // pixels
