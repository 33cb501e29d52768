"""The encoded label of one picture: quick to compare, small to send to another process, decoded there."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass

import numpy as np

from core.base.geometry import TileKey, tile_box
from core.labels.codec import decode
from core.labels.label_map import Values, blank_values


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """All tiles of a label, ordered by row and column: key, encoded class values, encoded origin ids."""

    tiles: tuple[tuple[TileKey, bytes, bytes], ...]

    def digest(self) -> str:
        """Hash of the label, as hex."""
        digest = hashlib.blake2b(digest_size=16)
        for key, pixels, origins in self.tiles:
            digest.update(f"{key.column} {key.row} {len(pixels)} {len(origins)}\n".encode())
            digest.update(pixels)
            digest.update(origins)
        return digest.hexdigest()

    def values(self, width: int, height: int) -> Values:
        """(height, width) uint8 class values. Raises ProjectError when a tile is damaged."""
        values = blank_values(width, height)
        for key, pixels, _ in self.tiles:
            place = tile_box(key, width, height)
            if not place.is_empty:
                values[place.slices] = decode(pixels, place.height, place.width, np.uint8)
        return values

    def pixels_by_origin(self, width: int, height: int) -> Counter[int]:
        """Number of pixels by origin id, without unlabelled ones. Raises ProjectError when a tile is damaged."""
        found: Counter[int] = Counter()
        for key, _, origins in self.tiles:
            place = tile_box(key, width, height)
            if place.is_empty:
                continue
            plane = decode(origins, place.height, place.width, np.uint16)
            if (plane == plane[0, 0]).all():  # most tiles: much quicker than to count
                found[int(plane[0, 0])] += plane.size
                continue
            counts = np.bincount(plane.ravel())
            found.update({int(who): int(counts[who]) for who in np.flatnonzero(counts)})
        del found[0]
        return found
