"""An array that stands for a picture too large for memory: slices of it are read from the tiles that are cached."""

from __future__ import annotations

import math
import weakref
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box

PLACEHOLDER_GREY = 128
"""Value of pixels that are not read yet."""


class CachedLevels(Protocol):
    """A pyramid of which some tiles are in memory, with `level_count` levels."""

    level_count: int

    def cached_part(self, level: int, box: Box) -> NDArray[np.uint8]:
        """(h, w, 3) uint8 RGB of `box` in pixels of a level, without reading the file."""


class LazyImage(np.ndarray[Any, np.dtype[np.uint8]]):
    """(H, W, 3) uint8 without memory. Slices `[rows, columns]` have pixels; everything else is `PLACEHOLDER_GREY`.

    Tools slice a picture around the pointer. Slices of a tiled picture come from cached tiles, else enlarged from
    coarser levels; the file is never read for them, so that no tool waits for the disk. May be sliced on any thread.
    Grey once the pyramid is gone: only a weak reference is held.
    """

    _levels: weakref.ref[CachedLevels]

    @classmethod
    def of(cls, levels: CachedLevels, width: int, height: int) -> LazyImage:
        image = np.broadcast_to(np.uint8(PLACEHOLDER_GREY), (height, width, 3)).view(cls)
        image._levels = weakref.ref(levels)
        return image

    def __getitem__(self, key: Any) -> Any:
        reference = getattr(self, "_levels", None)  # views that numpy makes have none
        levels = reference() if reference is not None else None
        if levels is None or not _is_box(key):
            return np.asarray(self)[key]
        rows, columns = (range(*part.indices(side)) for part, side in zip(key, self.shape, strict=False))
        if not rows or not columns:
            return np.zeros((len(rows), len(columns), 3), np.uint8)
        # For every n-th pixel a level that is n times smaller has enough pixels.
        level = min(int(math.log2(min(rows.step, columns.step))), levels.level_count - 1)
        box = Box(columns[0] >> level, rows[0] >> level, (columns[-1] >> level) + 1, (rows[-1] >> level) + 1)
        pixels = levels.cached_part(level, box)
        if rows.step == columns.step == 1:
            return pixels
        down, across = (np.arange(part.start, part.stop, part.step) >> level for part in (rows, columns))
        return pixels.take(across - box.x0, axis=1).take(down - box.y0, axis=0)


def _is_box(key: Any) -> bool:
    """Whether the index is two slices with positive steps."""
    return (
        isinstance(key, tuple)
        and len(key) == 2
        and all(isinstance(part, slice) and (part.step is None or part.step > 0) for part in key)
    )
