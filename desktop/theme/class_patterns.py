"""Patterns that tell classes apart without colour: stripes, dots and crosses, by position in the class list."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPainterPath

from core.labels.class_list import MAX_CLASS_VALUE, UNLABELLED
from desktop.image_conversion import wrap_words

PATTERN_COUNT = 8
"""None, stripes in four directions, dots, crosses, rings; then from the start again."""
_PERIOD = 12
"""Logical pixels after which a pattern repeats; it is visible in every region of this size."""
_STROKE_WIDTH = 1.6
_CONTRAST = 0.72
"""How far the colour of a pattern is moved from the fill below towards black or white, 0..1."""


def pattern_bits(order: Sequence[int]) -> NDArray[np.uint8]:
    """The bit of each class value in `pattern_tile`, (256,) uint8; `order`: class values as listed. 0: no pattern."""
    bits = np.zeros(256, np.uint8)
    for position, value in enumerate(order):
        if UNLABELLED < value <= MAX_CLASS_VALUE:
            bits[value] = _pattern_bit(position)
    return bits


def pattern_colours(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pattern colours (n, 3) uint8 RGB for fills (n, 3) uint8 RGB: darker on light fills, lighter on dark ones."""
    fills = colours.astype(np.float64)
    light = fills @ (0.299, 0.587, 0.114) > 110
    extremes = np.where(light, 0.0, 255.0)[:, None]
    return np.asarray(np.rint(fills + (extremes - fills) * _CONTRAST), np.uint8)


def draw_chip_pattern(painter: QPainter, area: QRectF, radius: float, colour: QColor, position: int) -> None:
    """Draw the pattern of the class at this position of the list over a chip of its colour."""
    bit = _pattern_bit(position)
    if not bit:
        return
    ratio = painter.device().devicePixelRatioF()
    tile = pattern_tile(ratio)
    size = round(max(area.width(), area.height()) * ratio)
    side = (np.arange(size) + (len(tile) - size) // 2) % len(
        tile
    )  # centred, so that a dot or cross is not cut
    shade = pattern_colours(np.array([[colour.red(), colour.green(), colour.blue()]], np.uint8))[0].astype(
        np.uint32
    )
    word = np.uint32(0xFF000000) | shade[0] << np.uint32(16) | shade[1] << np.uint32(8) | shade[2]
    pixels = np.where(tile[np.ix_(side, side)] & bit, word, np.uint32(0)).astype(np.uint32)
    image = wrap_words(pixels, opaque=False)
    inside = QPainterPath()
    inside.addRoundedRect(area, radius, radius)
    painter.save()
    painter.setClipPath(inside)
    painter.drawImage(QRectF(area.left(), area.top(), side.size / ratio, side.size / ratio), image)
    painter.restore()


@lru_cache(maxsize=8)
def pattern_tile(ratio: float) -> NDArray[np.uint8]:
    """All patterns in one square that repeats, (n, n) uint8, read only: pattern k covers the pixels whose bit k - 1
    is set. ratio: device pixels per logical pixel."""
    period = max(6, round(_PERIOD * ratio / 2) * 2)
    x = np.arange(period)[None, :] + 0.5
    y = x.T
    line = max(1.0, _STROKE_WIDTH * ratio)

    def stripe(along: NDArray[np.floating], every: float) -> NDArray[np.bool_]:
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


def _pattern_bit(position: int) -> int:
    kind = position % PATTERN_COUNT
    return 1 << (kind - 1) if kind else 0
