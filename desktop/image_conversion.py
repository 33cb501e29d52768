"""The one place where numpy arrays become QImages and QImages become arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

_FORMATS = {
    1: QImage.Format.Format_Grayscale8,
    3: QImage.Format.Format_RGB888,
    4: QImage.Format.Format_RGBA8888,
}


def to_qimage(pixels: NDArray[np.uint8]) -> QImage:
    """An image that owns its memory, from uint8 pixels: (h, w) grey, (h, w, 3) RGB or (h, w, 4) RGBA, not
    premultiplied."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    return _wrap(np.ascontiguousarray(pixels), channels, _FORMATS[channels]).copy()


def words_to_qimage(words: NDArray[np.uint32], *, opaque: bool = False) -> QImage:
    """An image that owns its memory, from (h, w) uint32 premultiplied 0xAARRGGBB; `opaque`: alpha is ignored."""
    return wrap_words(np.ascontiguousarray(words), opaque=opaque).copy()


def wrap_words(words: NDArray[np.uint32], *, opaque: bool) -> QImage:
    """An image that shares the memory of a contiguous (h, w) uint32 array, whose owner must outlive it. Drawing into
    the array shows in the image and the other way round."""
    return _wrap(
        words, 4, QImage.Format.Format_RGB32 if opaque else QImage.Format.Format_ARGB32_Premultiplied
    )


def to_array(image: QImage) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB; (h, w, 4) RGBA, not premultiplied, where at least one pixel is not opaque."""
    has_alpha = image.hasAlphaChannel()
    channels = 4 if has_alpha else 3
    plain = image.convertToFormat(_FORMATS[channels])
    rows = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.bytesPerLine())
    pixels = rows[:, : plain.width() * channels].reshape(plain.height(), plain.width(), channels).copy()
    return pixels[:, :, :3].copy() if has_alpha and bool((pixels[:, :, 3] == 255).all()) else pixels


def _wrap(pixels: NDArray[Any], bytes_per_pixel: int, image_format: QImage.Format) -> QImage:
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, bytes_per_pixel * width, image_format)
