"""Superpixels of a picture, computed cell by cell: small connected segments of similar colour."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.tools.smart.downscaled_crop import DownscaledCrop

CELL_SIDE = 256
"""Side of the square cells in crop pixels. Each is segmented with half a cell around it, so that segments are whole
wherever the pointer is. One takes about a quarter of a second."""
_COMPACTNESS = 8.0
"""Weight of nearness against similarity of colour: less makes segments ragged, more makes them squares."""


@dataclass(frozen=True, slots=True)
class SuperpixelCell:
    """A square of the picture; step: picture pixels per crop pixel; size: side of a segment in crop pixels."""

    step: int
    column: int
    row: int
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class SuperpixelLabels:
    """The segments of one cell: (height, width) uint16 labels of the pixels of `crop`."""

    crop: DownscaledCrop
    labels: NDArray[np.uint16]

    def label_at(self, at: Point) -> int:
        """The segment at a position of the picture."""
        column, row = self.crop.pixel_at(at)
        return int(self.labels[row, column])

    def mask_of(self, number: int) -> tuple[Box, NDArray[np.bool_]]:
        """Box and (h, w) bool mask of one segment in picture pixels."""
        mask = self.labels == number
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        across = _pixel_borders(self.crop.box.x0, self.crop.box.x1, self.crop.width)
        down = _pixel_borders(self.crop.box.y0, self.crop.box.y1, self.crop.height)
        box = Box(int(across[left]), int(down[top]), int(across[right]), int(down[bottom]))
        part = mask[top:bottom, left:right]
        if box.width != part.shape[1] or box.height != part.shape[0]:
            part = part.repeat(np.diff(down[top : bottom + 1]), axis=0)
            part = part.repeat(np.diff(across[left : right + 1]), axis=1)
        return box, part


def cell_at(at: Point, scale: float, size: int) -> SuperpixelCell:
    """The cell at a position, for a picture shown with `scale` widget pixels per pixel: a reduced picture is
    segmented about as coarsely as it is shown."""
    step = 1 << max(0, round(-math.log2(scale)))
    return SuperpixelCell(step, int(at.x // (CELL_SIDE * step)), int(at.y // (CELL_SIDE * step)), size)


def window_of(cell: SuperpixelCell, whole: Box) -> DownscaledCrop:
    """What is segmented for a cell that shares pixels with the picture `whole`."""
    side = CELL_SIDE * cell.step
    x, y = cell.column * side, cell.row * side
    box = Box(x, y, x + side, y + side).grown(side // 2).intersection(whole)
    return DownscaledCrop(box, math.ceil(box.width / cell.step), math.ceil(box.height / cell.step))


def compute_superpixels(picture: NDArray[np.uint8], cell: SuperpixelCell, whole: Box) -> SuperpixelLabels:
    """SLIC (Achanta et al., 2012) by scikit-image; each segment is connected. Takes a quarter of a second; not for
    the GUI thread."""
    from skimage.segmentation import slic  # slow to import and not needed before the window shows

    crop = window_of(cell, whole)
    count = max(1, round(crop.width * crop.height / cell.size**2))
    numbers = slic(
        crop.read(picture), count, _COMPACTNESS, max_num_iter=6, sigma=1.0, start_label=0, channel_axis=-1
    )
    return SuperpixelLabels(crop, numbers.astype(np.uint16))


def segments_of(picture: NDArray[np.uint8], size: int) -> NDArray[np.int32]:
    """(H, W) int32: all superpixels of a picture at its own size, numbered from 0; they end where their cell ends."""
    height, width = picture.shape[:2]
    whole, found, count = Box(0, 0, width, height), np.empty((height, width), np.int32), 0
    for row in range(math.ceil(height / CELL_SIDE)):
        for column in range(math.ceil(width / CELL_SIDE)):
            cell = SuperpixelCell(1, column, row, size)
            computed = compute_superpixels(picture, cell, whole)
            x, y = column * CELL_SIDE, row * CELL_SIDE
            box = Box(x, y, x + CELL_SIDE, y + CELL_SIDE).intersection(whole)
            inside = box.moved(-computed.crop.box.x0, -computed.crop.box.y0)
            _, numbers = np.unique(computed.labels[inside.slices], return_inverse=True)
            found[box.slices] = numbers.reshape(box.height, box.width) + count
            count += int(numbers.max()) + 1
    return found


def _pixel_borders(start: int, end: int, pixels: int) -> NDArray[np.intp]:
    """Where crop pixels begin and end in the picture, along one axis: each picture pixel belongs to exactly one."""
    return start + np.arange(pixels + 1) * (end - start) // pixels
