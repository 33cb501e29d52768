"""Resizes exported pictures and cuts them into tiles, together with their masks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from core.base.errors import FormatError
from core.base.geometry import Box
from core.formats.writers.base import ExportPicture, Values
from core.images.image_reader import read_picture
from core.labels.class_list import UNLABELLED

_TILE = re.compile(r"(?i)_y\d{5,}_x\d{5,}$")
MIN_SIDE = 16
"""Smallest allowed side of pictures and tiles in pixels."""


@dataclass(frozen=True, slots=True)
class ResizeOptions:
    """longest: length of the longer side after resizing; tile: side of the square tiles, which share `overlap` pixels;
    drop_blank: leave out tiles without labelled pixels. The field names are stored in the state of an export."""

    longest: int | None = None
    tile: int | None = None
    overlap: int = 0
    drop_blank: bool = True

    @property
    def is_identity(self) -> bool:
        """Whether pictures stay unchanged."""
        return self.longest is None and self.tile is None

    def validate(self) -> None:
        """Raises FormatError for impossible values."""
        if self.longest is not None and self.longest < MIN_SIDE:
            raise FormatError(f"The longer side must be at least {MIN_SIDE} pixels, not {self.longest}.")
        if self.tile is not None and self.tile < MIN_SIDE:
            raise FormatError(f"The side of a tile must be at least {MIN_SIDE} pixels, not {self.tile}.")
        if self.overlap < 0 or (self.tile is not None and self.overlap > self.tile // 2):
            raise FormatError("The overlap of tiles must be between 0 and half of their side.")

    def losses(self) -> tuple[str, ...]:
        """Sentences on what resizing and tiling loses."""
        if self.is_identity:
            return ()
        return (
            "Pictures are saved as 8-bit RGB PNG; images with a higher bit depth are converted as displayed.",
        )

    def size_of(self, width: int, height: int) -> tuple[int, int]:
        """Width and height after resizing."""
        if self.longest is None:
            return width, height
        factor = self.longest / max(width, height)
        return max(1, round(width * factor)), max(1, round(height * factor))

    def tile_boxes(self, width: int, height: int) -> list[Box]:
        """The tiles of a resized picture, row by row. Those at the right and bottom edge are shifted inwards, not
        padded; a picture smaller than a tile is one tile of its own size."""
        if self.tile is None:
            return [Box(0, 0, width, height)]
        return [
            Box(x, y, min(width, x + self.tile), min(height, y + self.tile))
            for y in _starts(height, self.tile, self.overlap)
            for x in _starts(width, self.tile, self.overlap)
        ]

    def tile_count(self, width: int, height: int) -> int:
        """Number of tiles of a picture of this size, including unlabelled ones."""
        return len(self.tile_boxes(*self.size_of(width, height)))


def resize_and_tile(picture: ExportPicture, options: ResizeOptions) -> Iterator[ExportPicture]:
    """The resized picture or its tiles. Interpolation: nearest neighbour for masks; for pictures area when shrinking
    and Lanczos when growing. Raises ImageError."""
    if options.is_identity:
        yield picture
        return
    width, height = options.size_of(picture.width, picture.height)
    pixels = _resized(read_picture(picture.source), width, height)
    label, prediction, confidence = (
        None if plane is None else _resized_mask(plane, width, height)
        for plane in (picture.label, picture.prediction, picture.confidence)
    )
    across, down = width / picture.width, height / picture.height
    windows = options.tile_boxes(width, height)
    for box in windows:
        part = [None if plane is None else _crop(plane, box) for plane in (label, prediction, confidence)]
        if (
            options.tile
            and options.drop_blank
            and all(p is None or not (p != UNLABELLED).any() for p in part[:2])
        ):
            continue
        name = picture.name if len(windows) == 1 else tile_name(picture.name, box)
        yield replace(
            picture,
            name=name,
            width=box.width,
            height=box.height,
            pixels=_crop(pixels, box),
            label=part[0],
            prediction=part[1],
            confidence=part[2],
            source_window=(box.x0 / across, box.y0 / down, box.x1 / across, box.y1 / down),
        )


def tile_name(name: str, box: Box) -> str:
    """The name of a tile, with its top left corner."""
    return f"{name}_y{box.y0:05}_x{box.x0:05}"


def avoid_tile_name(name: str) -> str:
    """`name`, changed if it ends like a tile name, so that it cannot collide with a tile of another picture."""
    return f"{name}-1" if _TILE.search(name) else name


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    if length <= tile:
        return [0]
    starts = list(range(0, length - tile, tile - overlap))
    return [*starts, length - tile]


def _crop(plane: Values, box: Box) -> Values:
    return np.ascontiguousarray(plane[box.slices])


def _resized(pixels: Values, width: int, height: int) -> Values:
    if pixels.shape[1::-1] == (width, height):
        return pixels
    shrinks = width * height < pixels.shape[0] * pixels.shape[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=way), np.uint8)


def _resized_mask(plane: Values, width: int, height: int) -> Values:
    if plane.shape[::-1] == (width, height):
        return plane
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
