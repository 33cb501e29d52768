"""The label of a picture in memory: the class of each pixel, and edits as sets of changed tiles."""

from __future__ import annotations

import mmap
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.base.errors import ProjectError
from core.base.geometry import Box, TileKey, tile_box

_MAPPED_PIXELS = 1 << 22

Values = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class Origin(StrEnum):
    """Where the pixels of an edit came from."""

    PAINTED = "painted"
    IMPORTED = "imported"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class TileChange:
    """One tile before and after an edit. (h, w) uint8 arrays that must not be written to, smaller than TILE_SIZE
    only at the right and bottom edge of the picture."""

    key: TileKey
    before: Values
    after: Values


@dataclass(frozen=True, slots=True)
class Edit:
    """One undoable change of the label of one picture: what the journal stores. Immutable, sent between threads.

    box: bounding box of the changed pixels; pixels: number of changed pixels; seconds: duration of the edit; run_id:
    the training run whose prediction was accepted, else None
    """

    name: str
    tool: str
    class_value: int
    box: Box
    pixels: int
    seconds: float
    origin: Origin
    run_id: int | None
    tiles: tuple[TileChange, ...]


def blank_values(width: int, height: int) -> Values:
    """(height, width) uint8 zeros. Memory is allocated as pixels are written; raises ProjectError if it cannot be.

    An anonymous mapping rather than `np.zeros`: numpy asks for huge pages of 2 MiB for large arrays, and clearing one
    at its first access delays the first stroke there by several milliseconds.
    """
    area = width * height
    if area < _MAPPED_PIXELS:
        return np.zeros((height, width), np.uint8)
    try:
        memory = mmap.mmap(-1, area)
    except (OSError, OverflowError, ValueError, MemoryError) as problem:
        raise ProjectError(
            f"A label of {width:,} x {height:,} pixels needs more memory than there is."
        ) from problem
    return np.frombuffer(memory, np.uint8).reshape(height, width)


class LabelMap:
    """The label of one picture while it is edited. Owned by the GUI thread; other threads get copies inside an Edit, a
    `LabelSnapshot`, or the map itself for a `DeferredEdit`.

    `values` is (H, W) uint8 and is written only by the methods here. Between `begin_edit` and `finish_edit` the first
    change of a tile keeps a copy of it, so that the cost of an edit follows the changed pixels and not the size of the
    picture.
    """

    def __init__(self, values: Values) -> None:
        self.values = values
        self._before: dict[TileKey, Values] = {}
        self._open: _OpenEdit | None = None
        self._snapshots: weakref.WeakSet[LabelSnapshot] = weakref.WeakSet()

    @classmethod
    def blank(cls, width: int, height: int) -> LabelMap:
        """All unlabelled."""
        return cls(blank_values(width, height))

    @property
    def width(self) -> int:
        return int(self.values.shape[1])

    @property
    def height(self) -> int:
        return int(self.values.shape[0])

    @property
    def is_editing(self) -> bool:
        return self._open is not None

    def begin_edit(
        self,
        name: str,
        tool: str,
        class_value: int,
        origin: Origin = Origin.PAINTED,
        run_id: int | None = None,
    ) -> None:
        """Open an edit; everything until `finish_edit` is one undo step. Raises RuntimeError when one is open."""
        if self._open is not None:
            raise RuntimeError("an edit is already open")
        self._open = _OpenEdit(name, tool, class_value, origin, run_id, time.monotonic())

    def paint(self, box: Box, mask: Mask, value: int) -> Box:
        """Set the pixels of `box` where `mask`, (h, w) bool of the unclipped box, is true. Returns the dirty box."""
        inside = box.clipped(self.width, self.height)
        if inside.is_empty:
            return Box.empty()
        rows, columns = inside.moved(-box.x0, -box.y0).slices
        self._keep_tiles(inside)
        self.values[inside.slices][mask[rows, columns]] = value
        return inside

    def put_values(self, box: Box, values: Values, mask: Mask | None = None) -> Box:
        """Copy `values`, (h, w) uint8 of the unclipped box, where `mask` is true, or everywhere. Returns the dirty
        box."""
        inside = box.clipped(self.width, self.height)
        if inside.is_empty:
            return Box.empty()
        rows, columns = inside.moved(-box.x0, -box.y0).slices
        self._keep_tiles(inside)
        if mask is None:
            self.values[inside.slices] = values[rows, columns]
        else:
            np.copyto(self.values[inside.slices], values[rows, columns], where=mask[rows, columns])
        return inside

    def finish_edit(self) -> Edit | None:
        """Close the edit. None when no pixel differs from before, so that a click without effect is no undo step."""
        opened = self._open
        if opened is None:
            raise RuntimeError("no edit is open")
        box, pixels, changes = Box.empty(), 0, []
        for key, before in self._before.items():
            tile = tile_box(key, self.width, self.height)
            after = self.values[tile.slices]
            changed = before != after
            count = int(np.count_nonzero(changed))
            if count:
                changes.append(TileChange(key, before, _copy_of(after)))
                pixels += count
                box = box.union(_bounds(changed).moved(tile.x0, tile.y0))
        self._open, self._before = None, {}
        if not changes:
            return None
        seconds = time.monotonic() - opened.since
        return Edit(
            opened.name,
            opened.tool,
            opened.class_value,
            box,
            pixels,
            seconds,
            opened.origin,
            opened.run_id,
            tuple(changes),
        )

    def cancel_edit(self) -> Box:
        """Restore the pixels from before `begin_edit`. Returns the dirty box."""
        dirty = self._restore(self._before)
        self._open, self._before = None, {}
        return dirty

    def replace_tiles(self, tiles: Mapping[TileKey, Values]) -> Box:
        """Undo and redo: replace whole tiles. Returns the dirty box. Raises RuntimeError while an edit is open."""
        if self._open is not None:
            raise RuntimeError("an edit is open")
        return self._restore(tiles)

    def snapshot(self) -> LabelSnapshot:
        """The label as it is now, for another thread. Costs nothing here: the pixels are copied there."""
        snapshot = LabelSnapshot(self)
        self._snapshots.add(snapshot)
        return snapshot

    def _restore(self, tiles: Mapping[TileKey, Values]) -> Box:
        dirty, snapshots = Box.empty(), list(self._snapshots)
        for key, values in tiles.items():
            tile = tile_box(key, self.width, self.height)
            for snapshot in snapshots:
                snapshot.keep_tile(key, self.values[tile.slices])
            self.values[tile.slices] = values
            dirty = dirty.union(tile)
        return dirty

    def _keep_tiles(self, box: Box) -> None:
        if self._open is None:
            raise RuntimeError("paint and put_values need an open edit: call begin_edit first")
        snapshots = list(self._snapshots)
        for key in box.tiles():
            if key in self._before and not snapshots:
                continue  # the usual case within a stroke
            tile = self.values[tile_box(key, self.width, self.height).slices]
            for snapshot in snapshots:
                snapshot.keep_tile(key, tile)
            if key not in self._before:
                self._before[key] = _copy_of(tile)


class LabelSnapshot:
    """A label as it was at one moment (copy on write). `copy` may be called once, on any thread.

    Until then every tile is kept before it changes, so that nothing has to be copied on the GUI thread. `size` is
    (width, height) in pixels.
    """

    def __init__(self, labels: LabelMap) -> None:
        self._values, self.size = labels.values, (labels.width, labels.height)
        self._tiles: dict[TileKey, Values] = {}
        self._is_copied = False

    def keep_tile(self, key: TileKey, values: Values) -> None:
        """Called before this tile changes; `values` are its present ones."""
        if not self._is_copied and key not in self._tiles:
            self._tiles[key] = _copy_of(values)

    def part(self, box: Box, step: int = 1) -> Values:
        """Every `step`-th pixel of a box inside the label, (h, w) uint8, owned by the caller; any number of times
        before `copy`.

        step: a power of two, at most TILE_SIZE, of which the corner of the box is a multiple
        """
        values = self._values[box.slices][::step, ::step].copy()
        for key, tile in list(self._tiles.items()):
            place = tile_box(key, *self.size)
            shared = place.intersection(box)
            if not shared.is_empty:
                x, y = (shared.x0 - box.x0) // step, (shared.y0 - box.y0) // step
                thinned = tile[shared.moved(-place.x0, -place.y0).slices][::step, ::step]
                values[y : y + thinned.shape[0], x : x + thinned.shape[1]] = thinned
        return values

    def copy(self) -> Values:
        """(H, W) uint8, owned by the caller."""
        # A tile that changes while it is copied was kept before, and is restored below.
        values = self._values.copy()
        self._is_copied = True
        for key, tile in list(self._tiles.items()):
            values[tile_box(key, *self.size).slices] = tile
        self._tiles = {}
        return values


@dataclass(frozen=True, slots=True)
class _OpenEdit:
    name: str
    tool: str
    class_value: int
    origin: Origin
    run_id: int | None
    since: float


def _copy_of(tile: Values) -> Values:
    """The tile's values, independent of later changes. Most tiles have one value: that takes neither memory nor the
    time to allocate it, which is most of the time of a large edit."""
    first = tile[0, 0]
    return np.broadcast_to(first, tile.shape) if (tile == first).all() else tile.copy()


def _bounds(mask: Mask) -> Box:
    """The bounding box of the true pixels of a mask, which must have some."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
