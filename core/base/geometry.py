"""Points, boxes and tiles in upright image pixels: x to the right, y downwards, boxes half-open."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

TILE_SIZE = 256
"""Side of a label tile in pixels; docs/adr/0003 gives the reason."""


class Point(NamedTuple):
    """A position in image pixels; (0.5, 0.5) is the centre of the top left pixel."""

    x: float
    y: float


class TileKey(NamedTuple):
    """Column and row of a tile in the grid of `TILE` pixel squares."""

    column: int
    row: int


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels with x0 <= x < x1 and y0 <= y < y1. A box without pixels is empty."""

    x0: int
    y0: int
    x1: int
    y1: int

    @classmethod
    def empty(cls) -> Box:
        """The box without pixels, neutral in `union`."""
        return cls(0, 0, 0, 0)

    @classmethod
    def bounding(cls, points: Iterable[tuple[float, float]], margin: float = 0.0) -> Box:
        """The smallest box that contains all points, expanded by `margin` pixels; empty without points."""
        listed = list(points)
        if not listed:
            return cls.empty()
        xs, ys = [p[0] for p in listed], [p[1] for p in listed]
        return cls(
            math.floor(min(xs) - margin),
            math.floor(min(ys) - margin),
            math.floor(max(xs) + margin) + 1,
            math.floor(max(ys) + margin) + 1,
        )

    @property
    def width(self) -> int:
        return max(0, self.x1 - self.x0)

    @property
    def height(self) -> int:
        return max(0, self.y1 - self.y0)

    @property
    def area(self) -> int:
        return self.width * self.height

    @property
    def is_empty(self) -> bool:
        return self.x1 <= self.x0 or self.y1 <= self.y0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an (H, W) array."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def union(self, other: Box) -> Box:
        """The smallest box that contains both."""
        if self.is_empty:
            return other
        if other.is_empty:
            return self
        return Box(
            min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1)
        )

    def clipped(self, width: int, height: int) -> Box:
        """The part inside a picture of this size."""
        return self.intersection(Box(0, 0, width, height))

    def intersection(self, other: Box) -> Box:
        """The part shared with `other`; `Box.empty()` where there is none."""
        box = Box(
            max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1)
        )
        return Box.empty() if box.is_empty else box

    def grown(self, margin: int) -> Box:
        """The box with `margin` more pixels on every side."""
        return Box(self.x0 - margin, self.y0 - margin, self.x1 + margin, self.y1 + margin)

    def moved(self, dx: int, dy: int) -> Box:
        return Box(self.x0 + dx, self.y0 + dy, self.x1 + dx, self.y1 + dy)

    def bands(self) -> Iterator[Box]:
        """The box in parts of one row of tiles each, from the top. A band fits into the processor's cache, which halves
        the time of work on large boxes, and temporary arrays stay small."""
        if self.is_empty:
            return
        for top in range(self.y0 - self.y0 % TILE_SIZE, self.y1, TILE_SIZE):
            yield Box(self.x0, max(top, self.y0), self.x1, min(top + TILE_SIZE, self.y1))

    def tiles(self) -> Iterator[TileKey]:
        """Every tile that shares a pixel with this box, row by row."""
        if self.is_empty:
            return
        for row in range(self.y0 // TILE_SIZE, (self.y1 - 1) // TILE_SIZE + 1):
            for column in range(self.x0 // TILE_SIZE, (self.x1 - 1) // TILE_SIZE + 1):
                yield TileKey(column, row)


def tile_box(key: TileKey, width: int, height: int) -> Box:
    """The pixels of tile `key` in a picture of this size; tiles at the right and bottom edge may be smaller."""
    x, y = key.column * TILE_SIZE, key.row * TILE_SIZE
    return Box(x, y, x + TILE_SIZE, y + TILE_SIZE).clipped(width, height)
