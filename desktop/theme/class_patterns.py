"""Marks that tell classes apart without their colours: stripes, dots and crosses, by place in the list."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath

from core.base.geometry import Box
from core.labels.class_list import MAX_CLASS_VALUE, UNLABELLED

PATTERN_COUNT = 8
"""No marks, stripes in four directions, dots, crosses, rings; then from the start again."""
_PERIOD = 12
"""Logical pixels from mark to mark; each mark appears at least once in a region of this size."""
_STROKE_WIDTH = 1.6
_CONTRAST = 0.72
"""How far a mark is away from the colour it lies on, towards black or white."""


class RepeatedTile:
    """A square of device pixels repeated over the screen; it holds on to the picture while that moves."""

    def __init__(self, tile: NDArray[np.uint8]) -> None:
        """tile: (n, n) uint8."""
        self._period = len(tile)
        self._tile = tile

    def cover(self, box: Box, left: int, top: int) -> NDArray[np.uint8]:
        """The device pixels of `box` for a picture whose corner lies at (left, top)."""
        down, right = (box.y0 - top) % self._period, (box.x0 - left) % self._period
        repeats = (box.height // self._period + 2, box.width // self._period + 2)
        tiles = np.tile(self._tile, repeats)
        return tiles[down : down + box.height, right : right + box.width]


class ClassPatterns(RepeatedTile):
    """For each device pixel which kinds of marks cover it, as bits: kind k is bit k - 1."""

    def __init__(self, ratio: float) -> None:
        super().__init__(_pattern_tile(ratio))


def pattern_bits(order: Sequence[int]) -> NDArray[np.uint8]:
    """The bit of each class value, (256,) uint8, for class values in list order; 0 for what has no marks."""
    bits = np.zeros(256, np.uint8)
    for place, value in enumerate(order):
        if UNLABELLED < value <= MAX_CLASS_VALUE:
            bits[value] = _pattern_bit(place)
    return bits


def pattern_colours(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The colours of the marks on grounds of (n, 3) uint8 RGB: darker on light grounds, lighter on dark ones."""
    grounds = colours.astype(np.float64)
    light = grounds @ (0.299, 0.587, 0.114) > 110
    aims = np.where(light, 0.0, 255.0)[:, None]
    return np.asarray(np.rint(grounds + (aims - grounds) * _CONTRAST), np.uint8)


def draw_chip_pattern(painter: QPainter, area: QRectF, radius: float, colour: QColor, place: int) -> None:
    """Lay the marks of the class at this place of the list over a chip of its colour."""
    bit = _pattern_bit(place)
    if not bit:
        return
    ratio = painter.device().devicePixelRatioF()
    tile = _pattern_tile(ratio)
    size = round(max(area.width(), area.height()) * ratio)
    side = (np.arange(size) + (len(tile) - size) // 2) % len(tile)  # a mark in the middle is a whole one
    shade = pattern_colours(np.array([[colour.red(), colour.green(), colour.blue()]], np.uint8))[0].astype(
        np.uint32
    )
    word = np.uint32(0xFF000000) | shade[0] << np.uint32(16) | shade[1] << np.uint32(8) | shade[2]
    pixels = np.where(tile[np.ix_(side, side)] & bit, word, np.uint32(0)).astype(np.uint32)
    image = QImage(
        pixels.data, side.size, side.size, 4 * side.size, QImage.Format.Format_ARGB32_Premultiplied
    )
    inside = QPainterPath()
    inside.addRoundedRect(area, radius, radius)
    painter.save()
    painter.setClipPath(inside)
    painter.drawImage(QRectF(area.left(), area.top(), side.size / ratio, side.size / ratio), image)
    painter.restore()


def _pattern_bit(place: int) -> int:
    kind = place % PATTERN_COUNT
    return 1 << (kind - 1) if kind else 0


@lru_cache(maxsize=8)
def _pattern_tile(ratio: float) -> NDArray[np.uint8]:
    period = max(6, round(_PERIOD * ratio / 2) * 2)
    x = np.arange(period)[None, :] + 0.5
    y = x.T
    line = max(1.0, _STROKE_WIDTH * ratio)

    def stripe(along: NDArray[np.float64], every: float) -> NDArray[np.bool_]:
        return np.asarray(along % every < line, bool)

    half = period / 2
    far = np.hypot((x % half) - half / 2, (y % half) - half / 2)
    slant = line * 2**0.5
    cross_x, cross_y = np.abs(x - half), np.abs(y - half)
    forms = (
        ((x + y) % period) < slant,
        ((x - y) % period) < slant,
        np.broadcast_to(stripe(x, half), (period, period)),
        np.broadcast_to(stripe(y, half), (period, period)),
        far < 0.8 * line,
        (np.minimum(cross_x, cross_y) <= line / 2) & (np.maximum(cross_x, cross_y) < 0.36 * period),
        np.abs(np.hypot(x - half, y - half) - 0.28 * period) < line / 2,
    )
    tile = np.zeros((period, period), np.uint8)
    for number, form in enumerate(forms):
        tile |= np.where(form, np.uint8(1 << number), np.uint8(0))
    tile.flags.writeable = False
    return tile
