"""Pictures on their way out, made smaller or cut into tiles, masks along with them."""

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
"""Sides of pictures and tiles below this are no use to anybody."""


@dataclass(frozen=True, slots=True)
class ResizeOptions:
    """`longest`: the longer side of a picture is brought to this many pixels; `tile`: it is then cut into squares of
    this side which share `overlap` pixels. `drop_blank` leaves out tiles that carry no label."""

    longest: int | None = None
    tile: int | None = None
    overlap: int = 0
    drop_blank: bool = True

    @property
    def is_identity(self) -> bool:
        """Whether pictures leave as they are."""
        return self.longest is None and self.tile is None

    def validate(self) -> None:
        """Raises FormatError for numbers that cannot be."""
        for side, what in ((self.longest, "The longer side"), (self.tile, "The side of a tile")):
            if side is not None and side < MIN_SIDE:
                raise FormatError(f"{what} must be at least {MIN_SIDE} pixels, not {side}.")
        if self.overlap < 0 or (self.tile is not None and self.overlap > self.tile // 2):
            raise FormatError("Tiles may share from 0 pixels to half of their side.")

    def losses(self) -> tuple[str, ...]:
        """What is lost because pictures do not leave as they are."""
        if self.is_identity:
            return ()
        return (
            "Pictures are written anew as PNG with 8 bits and three channels; what was deeper is as shown.",
        )

    def size_of(self, width: int, height: int) -> tuple[int, int]:
        """Width and height after the picture was made larger or smaller."""
        if self.longest is None:
            return width, height
        factor = self.longest / max(width, height)
        return max(1, round(width * factor)), max(1, round(height * factor))

    def tile_boxes(self, width: int, height: int) -> list[Box]:
        """The tiles of a picture of this size, row by row; those at the right and bottom edge are moved in, not
        padded, and a picture smaller than a tile is one tile of its own size."""
        if self.tile is None:
            return [Box(0, 0, width, height)]
        return [
            Box(x, y, min(width, x + self.tile), min(height, y + self.tile))
            for y in _starts(height, self.tile, self.overlap)
            for x in _starts(width, self.tile, self.overlap)
        ]

    def tile_count(self, width: int, height: int) -> int:
        """How many pictures become of one, those without a label counted as well."""
        return len(self.tile_boxes(*self.size_of(width, height)))


def resize_and_tile(picture: ExportPicture, options: ResizeOptions) -> Iterator[ExportPicture]:
    """What becomes of a picture. Masks take the nearest pixel; pictures the mean when they shrink, Lanczos when they
    grow. Raises ImageError."""
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
    """What a tile of a picture is called: where it begins says which it is."""
    return f"{name}_y{box.y0:05}_x{box.x0:05}"


def avoid_tile_name(name: str) -> str:
    """A picture's name that no tile of another picture has: one that ends as theirs do gets another end."""
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
