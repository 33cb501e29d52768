"""The class of every pixel of the picture on screen, and the edits that change it."""

from __future__ import annotations

import mmap
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, TileKey, tile_box

_MAPPED_PIXELS = 1 << 22

Values = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class Origin(StrEnum):
    """Who said so: where the pixels of an edit came from."""

    PAINTED = "painted"
    IMPORTED = "imported"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class TileChange:
    """One tile before and after an edit. Arrays are (h, w) uint8, only to be read, and smaller than TILE only at the
    picture's edge."""

    key: TileKey
    before: Values
    after: Values


@dataclass(frozen=True, slots=True)
class Edit:
    """One undoable change of one picture's label: what the journal stores. Immutable, crosses threads.

    box: the smallest box holding every changed pixel; pixels: how many changed; seconds: time the hand took;
    run_id: the run whose prediction was accepted, else None.
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
    """(height, width) uint8 zeros. Memory is taken as pixels are written.

    A mapping of its own rather than `np.zeros`: large arrays of numpy ask for pages of 2 MiB, and clearing such a
    page at its first touch delays the first stroke there by several milliseconds.
    """
    area = width * height
    if area < _MAPPED_PIXELS:
        return np.zeros((height, width), np.uint8)
    return np.frombuffer(mmap.mmap(-1, area), np.uint8).reshape(height, width)


class LabelMap:
    """The live label of one picture. Lives on the GUI thread; others see copies inside an Edit, or a `Snapshot`, or
    have it lent to them with an edit open (core/labels/deferred_edit.py).

    `values` is (H, W) uint8, written by nobody but the methods here. Between `begin` and `finish` the first touch of a
    tile keeps a copy of it, so the cost of an edit follows the pixels it touches and never the size of the picture.
    """

    def __init__(self, values: Values) -> None:
        self.values = values
        self._before: dict[TileKey, Values] = {}
        self._open: _Open | None = None
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
        """Start an edit; everything until `finish` is one undo step."""
        if self._open is not None:
            raise RuntimeError("an edit is already open")
        self._open = _Open(name, tool, class_value, origin, run_id, time.monotonic())

    def paint(self, box: Box, mask: Mask, value: int) -> Box:
        """Set pixels of `box` where `mask` (h, w of the unclipped box, bool) is true. Returns the dirty box."""
        inside = box.clipped(self.width, self.height)
        if inside.is_empty:
            return Box.empty()
        rows, columns = inside.moved(-box.x0, -box.y0).slices
        self._keep(inside)
        self.values[inside.slices][mask[rows, columns]] = value
        return inside

    def put_values(self, box: Box, values: Values, mask: Mask | None = None) -> Box:
        """Copy `values` (h, w of the unclipped box) where `mask` is true, everywhere without one."""
        inside = box.clipped(self.width, self.height)
        if inside.is_empty:
            return Box.empty()
        rows, columns = inside.moved(-box.x0, -box.y0).slices
        self._keep(inside)
        if mask is None:
            self.values[inside.slices] = values[rows, columns]
        else:
            np.copyto(self.values[inside.slices], values[rows, columns], where=mask[rows, columns])
        return inside

    def finish_edit(self) -> Edit | None:
        """End the edit. None when no pixel differs from before, so that a stray click is not an undo step."""
        note = self._open
        if note is None:
            raise RuntimeError("no edit is open")
        box, pixels, changes = Box.empty(), 0, []
        for key, before in self._before.items():
            place = tile_box(key, self.width, self.height)
            after = self.values[place.slices]
            changed = before != after
            count = int(np.count_nonzero(changed))
            if count:
                changes.append(TileChange(key, before, _kept(after)))
                pixels += count
                box = box.union(_bounds(changed).moved(place.x0, place.y0))
        self._open, self._before = None, {}
        if not changes:
            return None
        seconds = time.monotonic() - note.since
        return Edit(
            note.name,
            note.tool,
            note.class_value,
            box,
            pixels,
            seconds,
            note.origin,
            note.run_id,
            tuple(changes),
        )

    def cancel_edit(self) -> Box:
        """Give back what was there before `begin`. Returns the dirty box."""
        dirty = self._restore(self._before)
        self._open, self._before = None, {}
        return dirty

    def replace_tiles(self, tiles: Mapping[TileKey, Values]) -> Box:
        """Undo and redo: put whole tiles back. Returns the dirty box. Not allowed while an edit is open."""
        if self._open is not None:
            raise RuntimeError("an edit is open")
        return self._restore(tiles)

    def snapshot(self) -> LabelSnapshot:
        """The label as it is now, for another thread, at no cost here: it is copied there."""
        taken = LabelSnapshot(self)
        self._snapshots.add(taken)
        return taken

    def _restore(self, tiles: Mapping[TileKey, Values]) -> Box:
        dirty, taken = Box.empty(), list(self._snapshots)
        for key, values in tiles.items():
            place = tile_box(key, self.width, self.height)
            for snapshot in taken:
                snapshot.keep_tile(key, self.values[place.slices])
            self.values[place.slices] = values
            dirty = dirty.union(place)
        return dirty

    def _keep(self, box: Box) -> None:
        if self._open is None:
            raise RuntimeError("paint and put need an open edit: call begin first")
        taken = list(self._snapshots)
        for key in box.tiles():
            if key in self._before and not taken:
                continue  # nearly all of them, in a stroke
            tile = self.values[tile_box(key, self.width, self.height).slices]
            for snapshot in taken:
                snapshot.keep_tile(key, tile)
            if key not in self._before:
                self._before[key] = _kept(tile)


class LabelSnapshot:
    """A label as it was at one moment, however it changes afterwards. `copy` may be called on any thread, once.

    Until then each tile that is about to change is kept first, so that nothing has to be copied while a hand waits.
    """

    def __init__(self, labels: LabelMap) -> None:
        self._values, self._size = labels.values, (labels.width, labels.height)
        self._kept: dict[TileKey, Values] = {}
        self._is_copied = False

    def keep_tile(self, key: TileKey, values: Values) -> None:
        """This tile is about to change; `values` are those it still has."""
        if not self._is_copied and key not in self._kept:
            self._kept[key] = _kept(values)

    def copy(self) -> Values:
        """(H, W) uint8 of its own."""
        # A tile that changes while it is copied was kept before, and is put right below.
        values = self._values.copy()
        self._is_copied = True
        for key, tile in list(self._kept.items()):
            values[tile_box(key, *self._size).slices] = tile
        self._kept = {}
        return values


@dataclass(frozen=True, slots=True)
class _Open:
    name: str
    tool: str
    class_value: int
    origin: Origin
    run_id: int | None
    since: float


def _kept(tile: Values) -> Values:
    """What a tile holds, for good. Most tiles hold one value throughout: that takes neither memory nor the time to get
    it, which for a large edit is most of its time."""
    first = tile[0, 0]
    return np.broadcast_to(first, tile.shape) if (tile == first).all() else tile.copy()


def _bounds(mask: Mask) -> Box:
    """The smallest box of the true pixels of a mask that has some."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
