"""A buffer of device pixels that is redrawn only where it was damaged, and scrolls without copying."""

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
from desktop.image_conversion import wrap_words

PixelWords = NDArray[np.uint32]
RenderBox = Callable[[Box, PixelWords], None]
"""Draws the device pixels of a box into an array of the size of that box."""

_MAX_DAMAGED_BOXES = 8
"""More damaged boxes than this are united: one larger box is cheaper than many calls."""

_BAND_PIXELS = 100_000
"""Pixels drawn in one call: temporary arrays then fit into the processor's cache, and the allocator reuses their
memory, whereas fresh memory from the operating system would cost more than the drawing itself."""


class PixelBuffer:
    """Device pixels that Qt draws without a copy, and the boxes of them that are out of date.

    A ring buffer in both directions: scrolling only moves the position in the array that stands for the top left
    corner of the canvas; what leaves on one side makes room for what appears on the other.
    """

    def __init__(self, width: int, height: int, *, opaque: bool) -> None:
        self.width, self.height = width, height
        self._pixels: PixelWords = np.zeros((height, width), np.uint32)
        # Shares the memory of the array; both have the lifetime of the buffer.
        self._image = wrap_words(self._pixels, opaque=opaque)
        self._whole = Box(0, 0, width, height)
        self._left = self._top = 0  # position of the canvas's corner in the array
        self._damaged = [self._whole]

    def damage(self, box: Box | None = None) -> None:
        """Mark the device pixels of `box` (all by default) as out of date."""
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
        """Redraw the damaged boxes until the deadline, a time of `time.perf_counter`; at least one band. Returns how
        many pixels were drawn."""
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
        """Redraw the damaged boxes from buffers that have always scrolled together with this one: `above` is drawn over
        `below`."""
        if self.is_up_to_date:
            return
        painter = QPainter(self._image)
        for place in (place for box in self._damaged for _, place in self._wrapped_parts(box)):
            for source in (below, above) if above else (below,):
                painter.drawImage(_rect(place), source._image, _rect(place))
        painter.end()
        self._damaged = []

    def scroll(self, dx: int, dy: int) -> None:
        """Scroll by device pixels; the strips that appear are damaged."""
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
        """Paint the pixels of `box`, each as a square of `step` device pixels; the painter counts device pixels."""
        for part, place in self._wrapped_parts(box):
            squares = Box(part.x0 * step, part.y0 * step, part.x1 * step, part.y1 * step)
            painter.drawImage(_rect(squares), self._image, _rect(place))

    def _wrapped_parts(self, box: Box) -> Iterator[tuple[Box, Box]]:
        """A box cut where the ring buffer wraps: each part, and its position in the array."""
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
