"""Reads a picture at a small size, as cheaply as its format allows."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box
from core.images.error_messages import PictureTooLargeError
from core.images.image_reader import read_picture, read_size
from core.images.lazy_array import PLACEHOLDER_GREY
from core.images.tiff import is_tiff
from core.images.tiff_regions import TiffRegionReader


def read_thumbnail(path: Path, side: int) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB, upright, the longer side at most `side` pixels; small pictures are not enlarged.

    Raises ImageError.
    """
    try:
        picture = read_picture(path, min_side=side)
    except PictureTooLargeError:
        picture = _thumbnail_of_huge_tiff(path, side) if is_tiff(path) else _grey(read_size(path), side)
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _thumbnail_of_huge_tiff(path: Path, side: int) -> NDArray[np.uint8]:
    """About `side` pixels, from an overview stored in the file; without one, even grey of the same shape: reading
    gigabytes for a thumbnail would keep the disk from the picture on screen."""
    reader = TiffRegionReader(path)
    level = max(0, int(math.log2(max(reader.size) / side)))
    width, height = (-(-each // 2**level) for each in reader.size)
    if reader.has_overview:
        return reader.read_region(level, Box(0, 0, width, height))
    return _grey(reader.size, side)


def _grey(size: tuple[int, int], side: int) -> NDArray[np.uint8]:
    """Even grey in the shape of a picture, about `side` pixels long, until it is converted or has an overview."""
    factor = max(1.0, max(size) / side)
    width, height = (max(1, round(each / factor)) for each in size)
    return np.full((height, width, 3), PLACEHOLDER_GREY, np.uint8)
