"""A picture too large for memory as an image pyramid: coarse at once, sharper as its tiles are read."""

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
from core.images.tiff_regions import TiffRegionReader

log = logging.getLogger(__name__)

TILE_SIDE = 512
"""Side of a tile in pixels of its level."""
BLOCK_SIDE = 2048
"""Side, in image pixels, of what is read at once to fill the coarse levels; halving it never splits a pixel."""
RESIDENT_PIXELS = 16_000_000
"""The first level with at most this many pixels, and all coarser ones, stay in memory."""
MAX_CACHED_TILES = 320
"""Finer tiles in memory, 0.75 MB each: enough for several screens."""
MAX_QUEUED_TILES = 256
"""Tiles waiting to be read. The oldest requests are dropped: those tiles have left the screen."""


class _Tile(NamedTuple):
    level: int
    column: int
    row: int


Callback = Callable[[], None]


class TiledPyramid:
    """Has the interface of `Pyramid` for the canvas: `part` gives what is in memory now and requests the rest.

    submit, submit_first: queue a callback on a lane, at the end and at the front; report_error: gets one message when
    the file is damaged

    `on_tile_loaded` is called on that lane with the box in image pixels of each tile that was read. Only the header is
    read until there is a listener and a part is requested; the coarse levels are filled only while there is one.
    """

    def __init__(
        self,
        reader: TiffRegionReader,
        submit: Callable[[Callback], object],
        submit_first: Callable[[Callback], object],
        report_error: Callable[[str], None],
        resident_pixels: int = RESIDENT_PIXELS,
    ) -> None:
        self._reader, self._submit, self._submit_first, self._report_error = (
            reader,
            submit,
            submit_first,
            report_error,
        )
        self.size = reader.size
        self.on_tile_loaded: Callable[[Box], None] | None = None
        self._lock = threading.Lock()
        self._tiles: OrderedDict[_Tile, NDArray[np.uint8]] = OrderedDict()
        self._requested: OrderedDict[_Tile, None] = OrderedDict()
        self._reading: set[_Tile] = set()
        self._filling = self._is_error_reported = False
        self._filled_blocks = 0  # blocks
        self._full_image: LazyImage | None = None
        self.level_count = 1
        while max(self.level_size(self.level_count - 1)) > SMALLEST_SIDE:
            self.level_count += 1
        self._first_resident = next(
            n for n in range(self.level_count) if _pixel_count(self.level_size(n)) <= resident_pixels
        )
        self._resident = {
            n: np.full((self.level_size(n)[1], self.level_size(n)[0], 3), PLACEHOLDER_GREY, np.uint8)
            for n in range(self._first_resident, self.level_count)
        }

    def level_for(self, zoom: float) -> int:
        """The smallest level with at least one pixel for each screen pixel; `zoom` is screen pixels per image pixel."""
        wanted = int(np.floor(-np.log2(zoom))) if zoom > 0 else self.level_count
        return min(max(wanted, 0), self.level_count - 1)

    def level_size(self, level: int) -> tuple[int, int]:
        """(width, height) in pixels of a level."""
        return -(-self.size[0] // 2**level), -(-self.size[1] // 2**level)

    @property
    def memory_bytes(self) -> int:
        """Largest number of bytes in memory."""
        return (
            sum(level.nbytes for level in self._resident.values())
            + MAX_CACHED_TILES * TILE_SIDE * TILE_SIDE * 3
        )

    def full_image(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 that can be sliced, see `LazyImage`. A new object after tiles were read."""
        image = self._full_image  # the lane may reset it at any moment
        if image is None:
            image = self._full_image = LazyImage.of(self, *self.size)
        return image

    def part(self, level: int, box: Box) -> NDArray[np.uint8]:
        """(h, w, 3) uint8 RGB of `box` in pixels of a level; missing tiles are shown from a coarser level and
        requested."""
        if not self._filling:
            self._filling = True
            _enqueue(self._submit, self._fill_resident)
        return self._compose(level, box, self._tile_or_request, self._resident_enlarged)

    def cached_part(self, level: int, box: Box) -> NDArray[np.uint8]:
        """(h, w, 3) uint8 RGB of `box` in pixels of a level, from memory only; requests nothing. Any thread."""
        return self._compose(level, box, self._cached_tile, self._cached_coarser)

    def model_input(self, level: int, box: Box) -> NDArray[np.uint8]:
        """(h, w, 3) uint8 RGB of `box` in pixels of a level, read from the file. Any thread but that of the window.

        Raises ImageError.
        """
        return self._reader.read_region(level, box)

    # Composing

    def _compose(
        self,
        level: int,
        box: Box,
        get_tile: Callable[[_Tile], NDArray[np.uint8] | None],
        fallback: Callable[[int, Box], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        """The pixels of `box` from its tiles; `fallback` gives those of tiles that are not in memory."""
        if level in self._resident:
            return self._resident[level][box.slices]
        result = np.empty((box.height, box.width, 3), np.uint8)
        for tile in self._tiles_of(level, box):
            place = self._box_of(tile)
            shared = place.intersection(box)
            pixels = get_tile(tile)
            into = result[shared.moved(-box.x0, -box.y0).slices]
            if pixels is None:
                into[:] = fallback(level, shared)
            else:
                into[:] = pixels[shared.moved(-place.x0, -place.y0).slices]
        return result

    def _cached_tile(self, tile: _Tile) -> NDArray[np.uint8] | None:
        """The tile if it is in memory."""
        with self._lock:
            return self._tiles.get(tile)

    def _cached_coarser(self, level: int, box: Box) -> NDArray[np.uint8]:
        """What is in memory of the next coarser level, enlarged."""
        half = Box(box.x0 // 2, box.y0 // 2, (box.x1 + 1) // 2, (box.y1 + 1) // 2)
        rows, columns = np.arange(box.y0, box.y1) // 2, np.arange(box.x0, box.x1) // 2
        return self.cached_part(level + 1, half).take(columns - half.x0, axis=1).take(rows - half.y0, axis=0)

    def _tiles_of(self, level: int, box: Box) -> list[_Tile]:
        rows = range(box.y0 // TILE_SIDE, (box.y1 - 1) // TILE_SIDE + 1)
        return [
            _Tile(level, c, r)
            for r in rows
            for c in range(box.x0 // TILE_SIDE, (box.x1 - 1) // TILE_SIDE + 1)
        ]

    def _box_of(self, tile: _Tile) -> Box:
        x, y = tile.column * TILE_SIDE, tile.row * TILE_SIDE
        return Box(x, y, x + TILE_SIDE, y + TILE_SIDE).clipped(*self.level_size(tile.level))

    def _tile_or_request(self, tile: _Tile) -> NDArray[np.uint8] | None:
        """The tile if it is in memory; None otherwise, and it is requested."""
        with self._lock:
            if tile in self._tiles:
                self._tiles.move_to_end(tile)
                return self._tiles[tile]
            if tile in self._reading:
                return None
            fresh = tile not in self._requested
            self._requested[tile] = None
            self._requested.move_to_end(tile)
            if len(self._requested) > MAX_QUEUED_TILES:
                self._requested.popitem(last=False)
        if fresh:
            _enqueue(self._submit_first, self._read_tile)
        return None

    def _resident_enlarged(self, level: int, box: Box) -> NDArray[np.uint8]:
        """The finest resident level, enlarged."""
        factor = 2 ** (self._first_resident - level)
        coarse = self._resident[self._first_resident]
        rows = np.arange(box.y0, box.y1) // factor
        columns = np.arange(box.x0, box.x1) // factor
        part = coarse[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        wide = part.take(columns - columns[0], axis=1)
        return np.asarray(wide.take(rows - rows[0], axis=0), np.uint8)

    # On the lane

    def _read_tile(self) -> None:
        """Read the tile that was requested last: it is the most likely one to be on screen."""
        with self._lock:
            if not self._requested or self.on_tile_loaded is None:
                self._requested.clear()
                return
            tile, _ = self._requested.popitem()
            self._reading.add(tile)
        pixels = self._read(tile.level, self._box_of(tile))
        with self._lock:
            self._reading.discard(tile)
            if (
                pixels is None
            ):  # keep the coarse pixels, rather than requesting a damaged tile at every repaint
                pixels = self._resident_enlarged(tile.level, self._box_of(tile))
            self._tiles[tile] = pixels
            while len(self._tiles) > MAX_CACHED_TILES:
                self._tiles.popitem(last=False)
        self._notify(tile.level, self._box_of(tile))

    def _fill_resident(self) -> None:
        """Read one block of the resident levels and queue the next, so that other work on the lane runs in between."""
        if self.on_tile_loaded is None:  # continued from here once there is a listener again
            self._filling = False
            return
        first, number = self._first_resident, self._filled_blocks
        extent = self.level_size(first)
        side = TILE_SIDE if self._reader.has_overview else BLOCK_SIDE // 2**first
        across, down = -(-extent[0] // side), -(-extent[1] // side)
        if number >= across * down:
            return
        x, y = number % across * side, number // across * side
        box = Box(x, y, x + side, y + side).clipped(*extent)
        pixels = self._read(first, box)
        if pixels is not None:
            for level in range(first, self.level_count):
                place = Box(box.x0, box.y0, box.x0 + pixels.shape[1], box.y0 + pixels.shape[0])
                self._resident[level][place.slices] = pixels
                pixels = halve(pixels)
                box = Box(box.x0 // 2, box.y0 // 2, 0, 0)
            self._notify(first, Box(x, y, x + side, y + side).clipped(*extent))
        self._filled_blocks += 1
        _enqueue(self._submit, self._fill_resident)

    def _read(self, level: int, box: Box) -> NDArray[np.uint8] | None:
        try:
            return self._reader.read_region(level, box)
        except ImageError as problem:
            log.warning("%s", problem)
            if not self._is_error_reported:
                self._is_error_reported = True
                self._report_error(str(problem))
            return None

    def _notify(self, level: int, box: Box) -> None:
        self._full_image = None
        listener = self.on_tile_loaded
        if listener is not None:
            factor = 2**level
            listener(
                Box(box.x0 * factor, box.y0 * factor, box.x1 * factor, box.y1 * factor).clipped(*self.size)
            )


def _enqueue(queue: Callable[[Callback], object], act: Callback) -> None:
    try:
        queue(act)
    except RuntimeError:
        log.debug("the lane is closed")


def _pixel_count(extent: tuple[int, int]) -> int:
    return extent[0] * extent[1]


AnyPyramid = Pyramid | TiledPyramid
"""What a canvas draws from."""
