"""The input of a layer demo: a square patch of a picture as brightness, one number a pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.lessons.operations import Matrix

PATCH_SIDES = (4, 8, 16, 32, 64)
"""Sides of a patch in pixels: up to 8 every number is readable, at 64 the effect on the picture shows."""


def brightness(picture: NDArray[np.uint8]) -> Matrix:
    """Luma of an (H, W, 3) uint8 RGB picture: (H, W) whole numbers, 0 black to 255 white. Weights of ITU-R BT.601."""
    return np.asarray(np.rint(picture.astype(np.float64) @ np.array([0.299, 0.587, 0.114])))


def patch_position(x: int, y: int, side: int, width: int, height: int) -> tuple[int, int]:
    """(left, top) of a patch centred on a point, shifted so that as much of it as possible is inside the picture."""
    return (
        min(max(0, x - side // 2), max(0, width - side)),
        min(max(0, y - side // 2), max(0, height - side)),
    )


def extract_patch(picture: NDArray[np.uint8], left: int, top: int, side: int) -> Matrix:
    """(side, side) brightness; a smaller picture is padded with its edge pixels."""
    part = brightness(picture[top : top + side, left : left + side])
    return np.pad(part, ((0, side - part.shape[0]), (0, side - part.shape[1])), mode="edge")


def highest_contrast(picture: NDArray[np.uint8], side: int) -> tuple[int, int]:
    """(x, y) of the centre of the patch with the highest contrast, where the effect of an operation shows best.

    Looks at patches side by side, not at every place; of a picture smaller than a patch it is the middle.
    """
    height, width = picture.shape[:2]
    rows, columns = height // side, width // side
    if rows * columns == 0:
        return width // 2, height // 2
    whole = brightness(picture[: rows * side, : columns * side])
    spread = whole.reshape(rows, side, columns, side).std((1, 3))
    row, column = divmod(int(spread.argmax()), columns)
    return column * side + side // 2, row * side + side // 2


def practice_picture(width: int = 192, height: int = 128) -> NDArray[np.uint8]:
    """A drawn picture for demos while none is open, (height, width, 3) uint8 RGB: sky, a house, a road with a line."""
    y, x = np.mgrid[:height, :width]
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = (206 - y * 0.3)[..., None] * np.array([0.85, 0.95, 1.0])
    picture[y > height * 0.55] = (120, 150, 92)
    wall = (x > width * 0.16) & (x < width * 0.46) & (y > height * 0.3) & (y < height * 0.7)
    picture[wall] = (216, 190, 160)
    roof = (np.abs(x - width * 0.31) < (y - height * 0.1) * 0.95) & (y < height * 0.3)
    picture[roof] = (150, 74, 62)
    picture[wall & (abs(x - width * 0.24) < 7) & (abs(y - height * 0.44) < 8)] = (58, 66, 84)
    picture[wall & (abs(x - width * 0.38) < 7) & (y > height * 0.48)] = (96, 64, 48)
    road = np.abs(x - width * 0.74) < (y - height * 0.5) * 0.5
    picture[road & (y > height * 0.55)] = (92, 92, 96)
    picture[(np.abs(x - width * 0.74) < (y - height * 0.5) * 0.06) & (y > height * 0.55)] = (240, 240, 236)
    return picture
