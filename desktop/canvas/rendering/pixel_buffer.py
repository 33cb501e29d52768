"""An array of device pixels that is brought up to date only where it was damaged, and moves without being copied."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from core.base.geometry import Box
from desktop.widgets.image_conversion import wrap_words

PixelWords = NDArray[np.uint32]
RenderBox = Callable[[Box, PixelWords], None]
"""Works out the device pixels of a box, into an array of that box's size."""

_MAX_DAMAGED_BOXES = 8
"""Damaged boxes beyond this number are united: one larger box is cheaper than many calls."""

_BAND_PIXELS = 100_000
"""Pixels worked out at once: what numpy makes on the way then stays in the processor's cache, and the operating
system need not hand out fresh memory for it, which would cost more than the work itself."""


class PixelBuffer:
    """Device pixels that Qt draws without a copy, and the parts of them that are out of date.

    Opposite sides of the array belong together, as on a ring: when the picture moves, only the place in the array
    moves where the canvas' top left corner is kept. What leaves at one side makes room for what comes in at the other.
    """

    def __init__(self, width: int, height: int, *, opaque: bool) -> None:
        self.width, self.height = width, height
        self._pixels: PixelWords = np.zeros((height, width), np.uint32)
        # The image only looks at the array's memory; both live and die with the sheet.
        self._image = wrap_words(self._pixels, opaque=opaque)
        self._whole = Box(0, 0, width, height)
        self._left = self._top = 0  # where in the array the corner of the canvas is kept
        self._damaged = [self._whole]

    def damage(self, box: Box | None = None) -> None:
        """Have the device pixels of `box` (all by default) worked out before they are drawn next."""
        if box is None:
            self._damaged = [self._whole]
        elif not (box := box.intersection(self._whole)).is_empty:
            if self._damaged and not self._damaged[-1].intersection(box).is_empty:
                box = box.union(self._damaged.pop())
            self._damaged.append(box)
            if len(self._damaged) > _MAX_DAMAGED_BOXES:
                self._damaged = [reduce(Box.union, self._damaged)]

    @property
    def is_up_to_date(self) -> bool:
        return not self._damaged

    def redraw_damaged(self, render: RenderBox, deadline: float = math.inf) -> int:
        """Bring what is damaged up to date, as far as there is time: `until` is one of `time.perf_counter`. Returns how
        many pixels were worked out."""
        waiting = deque(band for box in self._damaged for band in _bands(box))
        drawn = 0
        while waiting and (not drawn or time.perf_counter() < deadline):
            band = waiting.popleft()
            for part, place in self._wrapped_parts(band):
                render(part, self._pixels[place.slices])
            drawn += band.area
        self._damaged = [reduce(Box.union, waiting)] if waiting else []
        return drawn

    def composite(self, below: PixelBuffer, above: PixelBuffer | None) -> None:
        """Bring what is damaged up to date from sheets that are and have always moved with this one: one laid over the
        other."""
        if self.is_up_to_date:
            return
        painter = QPainter(self._image)
        for place in (place for box in self._damaged for _, place in self._wrapped_parts(box)):
            for sheet in (below, above) if above else (below,):
                painter.drawImage(_rect(place), sheet._image, _rect(place))
        painter.end()
        self._damaged = []

    def scroll(self, dx: int, dy: int) -> None:
        """Move the pixels; the strips that come into sight are damaged."""
        kept = self._whole.intersection(self._whole.moved(dx, dy))
        if kept.is_empty:
            self.damage()
            return
        self._left, self._top = (self._left - dx) % self.width, (self._top - dy) % self.height
        stale, self._damaged = self._damaged, []
        for box in stale:
            self.damage(box.moved(dx, dy))
        self.damage(Box(0, 0, self.width, kept.y0))
        self.damage(Box(0, kept.y1, self.width, self.height))
        self.damage(Box(0, kept.y0, kept.x0, kept.y1))
        self.damage(Box(kept.x1, kept.y0, self.width, kept.y1))

    def draw(self, painter: QPainter, box: Box, step: int = 1) -> None:
        """Draw the pixels of `box`, each as a square of `step` device pixels, which the painter counts."""
        for part, place in self._wrapped_parts(box):
            squares = Box(part.x0 * step, part.y0 * step, part.x1 * step, part.y1 * step)
            painter.drawImage(_rect(squares), self._image, _rect(place))

    def _wrapped_parts(self, box: Box) -> Iterator[tuple[Box, Box]]:
        """A box cut where the array ends: the parts, and where in the array each is kept."""
        for y0, y1, down in _wrapped_ranges(box.y0, box.y1, self._top, self.height):
            for x0, x1, across in _wrapped_ranges(box.x0, box.x1, self._left, self.width):
                yield Box(x0, y0, x1, y1), Box(across, down, across + x1 - x0, down + y1 - y0)


def _bands(box: Box) -> Iterator[Box]:
    rows = max(1, _BAND_PIXELS // max(1, box.width))
    for y in range(box.y0, box.y1, rows):
        yield replace(box, y0=y, y1=min(y + rows, box.y1))


def _wrapped_ranges(start: int, end: int, offset: int, size: int) -> Iterator[tuple[int, int, int]]:
    seam = size - offset
    if start < min(seam, end):
        yield start, min(seam, end), start + offset
    if max(seam, start) < end:
        yield max(seam, start), end, max(seam, start) + offset - size


def _rect(box: Box) -> QRect:
    return QRect(box.x0, box.y0, box.width, box.height)
