"""A picture beyond memory, shown like any other: coarse at once, finer as its tiles are read."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.base.errors import ImageError
from core.base.geometry import Box
from core.images.lazy_array import PLACEHOLDER_GREY, LazyImage
from core.images.pyramid import SMALLEST_SIDE, Pyramid, halve
from core.images.tiff_reader import TiffRegionReader

log = logging.getLogger(__name__)

TILE_SIDE = 512
"""Of a tile, in pixels of its level."""
BLOCK_SIDE = 2048
"""Side of what is read at once to fill the coarse levels; halving it never meets half a pixel."""
RESIDENT_PIXELS = 16_000_000
"""The first level with at most so many pixels, and all coarser ones, stay in memory."""
MAX_CACHED_TILES = 320
"""Finer tiles in memory, 0.75 MB each: some screens full."""
MAX_QUEUED_TILES = 256
"""Tiles waiting to be read; those asked for longest ago are given up, for they have left the screen."""


class _Tile(NamedTuple):
    level: int
    column: int
    row: int


Callback = Callable[[], None]


class TiledPyramid:
    """Looks like a `Pyramid` to the canvas: `part` gives what is there now and has the rest fetched.

    `later` and `soon` queue an act on a lane, at the end and at the front. Each tile that comes is announced to
    `on_fresh` with its box in picture pixels, on that lane. `tell` hears one sentence when the file turns out to
    be damaged. Nothing is read but the header until somebody listens and asks for a part; the coarse levels are
    filled only while somebody listens.
    """

    def __init__(
        self,
        reader: TiffRegionReader,
        submit: Callable[[Callback], object],
        submit_first: Callable[[Callback], object],
        report_error: Callable[[str], None],
        resident_pixels: int = RESIDENT_PIXELS,
    ) -> None:
        self._parts, self._later, self._soon, self._tell = reader, submit, submit_first, report_error
        self.size = reader.size
        self.on_tile_loaded: Callable[[Box], None] | None = None
        self._guard = threading.Lock()
        self._tiles: OrderedDict[_Tile, NDArray[np.uint8]] = OrderedDict()
        self._wanted: OrderedDict[_Tile, None] = OrderedDict()
        self._reading: set[_Tile] = set()
        self._filling = self._told = False
        self._filled = 0  # blocks
        self._seen: LazyImage | None = None
        self.level_count = 1
        while max(self._extent(self.level_count - 1)) > SMALLEST_SIDE:
            self.level_count += 1
        self._first_kept = next(
            n for n in range(self.level_count) if _area(self._extent(n)) <= resident_pixels
        )
        self._coarse = {
            n: np.full((self._extent(n)[1], self._extent(n)[0], 3), PLACEHOLDER_GREY, np.uint8)
            for n in range(self._first_kept, self.level_count)
        }

    def level_for(self, zoom: float) -> int:
        """The smallest level with a pixel for each screen pixel; `zoom` is screen per image pixels."""
        wanted = int(np.floor(-np.log2(zoom))) if zoom > 0 else self.level_count
        return min(max(wanted, 0), self.level_count - 1)

    def level_size(self, level: int) -> tuple[int, int]:
        """(width, height) in pixels of a level."""
        return self._extent(level)

    @property
    def memory_bytes(self) -> int:
        """Bytes in memory at most."""
        return (
            sum(level.nbytes for level in self._coarse.values())
            + MAX_CACHED_TILES * TILE_SIDE * TILE_SIDE * 3
        )

    def full_image(self) -> NDArray[np.uint8]:
        """(H, W, 3) of which cuts can be had, see `LazyImage`. Another one once it can be seen sharper."""
        seen = self._seen  # the lane may forget it at any moment
        if seen is None:
            seen = self._seen = LazyImage.of(self, *self.size)
        return seen

    def part(self, level: int, box: Box) -> NDArray[np.uint8]:
        """(h, w, 3) uint8 RGB of `box` in pixels of a level; what is missing is shown coarser and sent for."""
        if not self._filling:
            self._filling = True
            _queued(self._later, self._fill_coarse)
        return self._put_together(level, box, self._have, self._blurred)

    def cached_part(self, level: int, box: Box) -> NDArray[np.uint8]:
        """(h, w, 3) uint8 RGB of `box` in pixels of a level, as well as it is known now; nothing is sent for. Any
        thread."""
        return self._put_together(level, box, self._kept, self._from_half)

    # Steps of the above

    def _put_together(
        self,
        level: int,
        box: Box,
        have: Callable[[_Tile], NDArray[np.uint8] | None],
        instead: Callable[[int, Box], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        """The pixels of `box` from its tiles; of those that nobody has, what is shown instead."""
        if level in self._coarse:
            return self._coarse[level][box.slices]
        made = np.empty((box.height, box.width, 3), np.uint8)
        for tile in self._tiles_of(level, box):
            place = self._place(tile)
            shared = place.intersection(box)
            pixels = have(tile)
            into = made[shared.moved(-box.x0, -box.y0).slices]
            if pixels is None:
                into[:] = instead(level, shared)
            else:
                into[:] = pixels[shared.moved(-place.x0, -place.y0).slices]
        return made

    def _kept(self, tile: _Tile) -> NDArray[np.uint8] | None:
        """The tile if it is in memory."""
        with self._guard:
            return self._tiles.get(tile)

    def _from_half(self, level: int, box: Box) -> NDArray[np.uint8]:
        """What is known of the next coarser level, enlarged."""
        half = Box(box.x0 // 2, box.y0 // 2, (box.x1 + 1) // 2, (box.y1 + 1) // 2)
        rows, columns = np.arange(box.y0, box.y1) // 2, np.arange(box.x0, box.x1) // 2
        return self.cached_part(level + 1, half).take(columns - half.x0, axis=1).take(rows - half.y0, axis=0)

    def _extent(self, level: int) -> tuple[int, int]:
        return -(-self.size[0] // 2**level), -(-self.size[1] // 2**level)

    def _tiles_of(self, level: int, box: Box) -> list[_Tile]:
        rows = range(box.y0 // TILE_SIDE, (box.y1 - 1) // TILE_SIDE + 1)
        return [
            _Tile(level, c, r)
            for r in rows
            for c in range(box.x0 // TILE_SIDE, (box.x1 - 1) // TILE_SIDE + 1)
        ]

    def _place(self, tile: _Tile) -> Box:
        x, y = tile.column * TILE_SIDE, tile.row * TILE_SIDE
        return Box(x, y, x + TILE_SIDE, y + TILE_SIDE).clipped(*self._extent(tile.level))

    def _have(self, tile: _Tile) -> NDArray[np.uint8] | None:
        """The tile, or None and it is sent for."""
        with self._guard:
            if tile in self._tiles:
                self._tiles.move_to_end(tile)
                return self._tiles[tile]
            if tile in self._reading:
                return None
            fresh = tile not in self._wanted
            self._wanted[tile] = None
            self._wanted.move_to_end(tile)
            if len(self._wanted) > MAX_QUEUED_TILES:
                self._wanted.popitem(last=False)
        if fresh:
            _queued(self._soon, self._fetch)
        return None

    def _blurred(self, level: int, box: Box) -> NDArray[np.uint8]:
        """The finest level in memory, enlarged."""
        factor = 2 ** (self._first_kept - level)
        coarse = self._coarse[self._first_kept]
        rows = np.arange(box.y0, box.y1) // factor
        columns = np.arange(box.x0, box.x1) // factor
        part = coarse[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        wide = part.take(columns - columns[0], axis=1)
        return np.asarray(wide.take(rows - rows[0], axis=0), np.uint8)

    # On the lane

    def _fetch(self) -> None:
        """Read the tile that was asked for last: it is the one most likely to be looked at."""
        with self._guard:
            if not self._wanted or self.on_tile_loaded is None:
                self._wanted.clear()
                return
            tile, _ = self._wanted.popitem()
            self._reading.add(tile)
        pixels = self._read(tile.level, self._place(tile))
        with self._guard:
            self._reading.discard(tile)
            if pixels is None:  # shown coarsely for good, rather than asked for again at every paint
                pixels = self._blurred(tile.level, self._place(tile))
            self._tiles[tile] = pixels
            while len(self._tiles) > MAX_CACHED_TILES:
                self._tiles.popitem(last=False)
        self._announce(tile.level, self._place(tile))

    def _fill_coarse(self) -> None:
        """Fill the coarse levels, block by block, letting others onto the lane in between."""
        if self.on_tile_loaded is None:  # nobody looks any more; go on from here when somebody does again
            self._filling = False
            return
        first, number = self._first_kept, self._filled
        extent = self._extent(first)
        side = TILE_SIDE if self._parts.has_overview else BLOCK_SIDE // 2**first
        across, down = -(-extent[0] // side), -(-extent[1] // side)
        if number >= across * down:
            return
        x, y = number % across * side, number // across * side
        box = Box(x, y, x + side, y + side).clipped(*extent)
        pixels = self._read(first, box)
        if pixels is not None:
            for level in range(first, self.level_count):
                place = Box(box.x0, box.y0, box.x0 + pixels.shape[1], box.y0 + pixels.shape[0])
                self._coarse[level][place.slices] = pixels
                pixels = halve(pixels)
                box = Box(box.x0 // 2, box.y0 // 2, 0, 0)
            self._announce(first, Box(x, y, x + side, y + side).clipped(*extent))
        self._filled += 1
        _queued(self._later, self._fill_coarse)

    def _read(self, level: int, box: Box) -> NDArray[np.uint8] | None:
        try:
            return self._parts.read_region(level, box)
        except ImageError as problem:
            log.warning("%s", problem)
            if not self._told:
                self._told = True
                self._tell(str(problem))
            return None

    def _announce(self, level: int, box: Box) -> None:
        self._seen = None
        heard = self.on_tile_loaded
        if heard is not None:
            factor = 2**level
            heard(Box(box.x0 * factor, box.y0 * factor, box.x1 * factor, box.y1 * factor).clipped(*self.size))


def _queued(queue: Callable[[Callback], object], act: Callback) -> None:
    try:
        queue(act)
    except RuntimeError:
        log.debug("the lane is closed")


def _area(extent: tuple[int, int]) -> int:
    return extent[0] * extent[1]


AnyPyramid = Pyramid | TiledPyramid
"""What a canvas draws from."""
