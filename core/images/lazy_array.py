"""A giant as tools see it: as sharp as it is on the screen, and never read for their sake."""

from __future__ import annotations

import math
import weakref
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box

PLACEHOLDER_GREY = 128


class CachedLevels(Protocol):
    """A picture of which parts are known, at so many levels."""

    level_count: int

    def cached_part(self, level: int, box: Box) -> NDArray[np.uint8]: ...


class LazyImage(np.ndarray[Any, np.dtype[np.uint8]]):
    """(H, W, 3) uint8 without memory, of which only cuts `[rows, columns]` have pixels; all else of it is even grey.

    Tools ask any picture for boxes around the hand. Those of a giant come from the tiles that are in memory, and where
    none are, from coarser ones. Any thread may cut. The picture may be gone by then; it is grey then.
    """

    _known: weakref.ref[CachedLevels]

    @classmethod
    def of(cls, picture: CachedLevels, width: int, height: int) -> LazyImage:
        made = np.broadcast_to(np.uint8(PLACEHOLDER_GREY), (height, width, 3)).view(cls)
        made._known = weakref.ref(picture)
        return made

    def __getitem__(self, key: Any) -> Any:
        known = getattr(self, "_known", None)  # what numpy makes of it on its way has none
        picture = known() if known is not None else None
        if picture is None or not _is_cut(key):
            return np.asarray(self)[key]
        rows, columns = (range(*part.indices(side)) for part, side in zip(key, self.shape, strict=False))
        if not rows or not columns:
            return np.zeros((len(rows), len(columns), 3), np.uint8)
        # Of every n-th pixel a level that is n times smaller knows enough.
        level = min(int(math.log2(min(rows.step, columns.step))), picture.count - 1)
        box = Box(columns[0] >> level, rows[0] >> level, (columns[-1] >> level) + 1, (rows[-1] >> level) + 1)
        pixels = picture.known(level, box)
        if rows.step == columns.step == 1:
            return pixels
        down, across = (np.arange(part.start, part.stop, part.step) >> level for part in (rows, columns))
        return pixels.take(across - box.x0, axis=1).take(down - box.y0, axis=0)


def _is_cut(key: Any) -> bool:
    return (
        isinstance(key, tuple)
        and len(key) == 2
        and all(isinstance(part, slice) and (part.step is None or part.step > 0) for part in key)
    )
