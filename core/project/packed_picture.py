"""Pictures to insert, with their labels already encoded. Imports little, because worker processes make them too."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import cv2
import numpy as np

from core.base.geometry import Box, TileKey, tile_box
from core.images.file_age import FileAge
from core.labels.class_list import UNLABELLED
from core.labels.codec import decode, encode
from core.labels.label_map import Values, blank_values
from core.labels.value_counts import count_pixels
from core.project.records import Split

_BLOCK = 1 << 22
"""Bytes that are hashed at a time."""


@dataclass(frozen=True, slots=True)
class PackedTile:
    """A tile that is not blank: its encoded class values, and whether all of its pixels are labelled."""

    key: TileKey
    pixels: bytes
    is_fully_labelled: bool


@dataclass(frozen=True, slots=True)
class PackedLabel:
    """The label of a picture. box: around all labelled pixels; pixels: their number; counts: pixels by value in
    `tiles`, unlabelled ones included."""

    box: Box
    pixels: int
    tiles: tuple[PackedTile, ...]
    counts: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class PackedPicture:
    """A picture that the project does not have yet: its upright size in pixels, and its label, None without any
    labelled pixel."""

    path: str
    width: int
    height: int
    digest: str | None = None
    split: Split | None = None
    tags: tuple[str, ...] = ()
    label: PackedLabel | None = None
    age: FileAge | None = None

    def values(self) -> Values:
        """(height, width) uint8. Raises ProjectError when a tile is damaged."""
        values = blank_values(self.width, self.height)
        for tile in self.label.tiles if self.label else ():
            place = tile_box(tile.key, self.width, self.height)
            values[place.slices] = decode(tile.pixels, place.height, place.width, np.uint8)
        return values


def pack_label(values: Values) -> PackedLabel | None:
    """Encode a label, (H, W) uint8 class values, as an edit of a blank label would store it; None when it is blank."""
    height, width = values.shape
    tiles, counts, labelled = [], np.zeros(256, np.int64), 0
    box = Box.empty()
    for key in Box(0, 0, width, height).tiles():
        place = tile_box(key, width, height)
        part = values[place.slices]
        of_tile = count_pixels(part)
        count = part.size - int(of_tile[UNLABELLED])
        if not count:
            continue
        x, y, across, down = cv2.boundingRect(np.ascontiguousarray(part))
        box = box.union(Box(x, y, x + across, y + down).moved(place.x0, place.y0))
        counts += of_tile
        labelled += count
        tiles.append(PackedTile(key, encode(part), count == part.size))
    if not tiles:
        return None
    return PackedLabel(box, labelled, tuple(tiles), {int(v): int(counts[v]) for v in np.flatnonzero(counts)})


@overload
def file_digest(path: Path) -> str: ...
@overload
def file_digest(path: Path, should_stop: Callable[[], bool]) -> str | None: ...
def file_digest(path: Path, should_stop: Callable[[], bool] | None = None) -> str | None:
    """Hash of a file's content (BLAKE2b, 20 bytes, as hex); None when it was stopped. Raises OSError."""
    digest = hashlib.blake2b(digest_size=20)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if should_stop is not None and should_stop():
                return None
            digest.update(block)
    return digest.hexdigest()
