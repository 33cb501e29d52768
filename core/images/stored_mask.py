"""Reads a mask file as it is stored: numbers, palette, colours and transparency, without deciding what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.base.errors import ImageError
from core.images.image_reader import (
    MAX_PIXELS,
    UnusualTiffError,
    load_pixels,
    open_image,
    raw_mode_of,
    stored_orientation,
)
from core.images.orientation import turn_upright
from core.images.tiff import read_tiff_values

_LOSSY_FORMATS = ("JPEG", "MPO", "AVIF", "JPEG2000")
_GREY_STEPS = {"L;2": 85, "L;4": 17}
"""Pillow spreads the greys of few bits over 0..255; in a mask three steps of grey mean 1, 2 and 3."""
_MIN_VALUE, _MAX_VALUE = -(1 << 31), (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class StoredMask:
    """A mask, upright; either `numbers` or `colours` is None.

    numbers: (H, W) uint8, uint16 or int32 of a grey or palette file; colours: (H, W, 3) uint8 RGB
    alpha: (H, W) uint8, 0 is transparent, None without it; palette: (n, 3) uint8 RGB of a palette file
    is_lossy: whether the file format blurs values
    """

    numbers: NDArray[Any] | None
    colours: NDArray[np.uint8] | None
    alpha: NDArray[np.uint8] | None = None
    palette: NDArray[np.uint8] | None = None
    is_lossy: bool = False

    def as_numbers(self) -> NDArray[Any] | None:
        """(H, W) numbers, also of a colour file whose three channels are equal; None for colours."""
        if self.colours is None:
            return self.numbers
        first = self.colours[..., 0]
        shown = True if self.alpha is None else self.alpha > 0
        equal = (first == self.colours[..., 1]) & (first == self.colours[..., 2])
        return first if bool(np.all(equal | ~np.asarray(shown))) else None

    def as_colours(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB: colours, the palette's colours, or grey."""
        if self.colours is not None:
            return self.colours
        numbers = np.asarray(self.numbers)
        if self.palette is not None and len(self.palette):
            return np.asarray(self.palette[np.minimum(numbers, len(self.palette) - 1)], np.uint8)
        grey = np.clip(numbers, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)

    def is_transparent(self) -> NDArray[np.bool_] | None:
        """(H, W) bool; None if no pixel is transparent, or all are, so that transparency says nothing."""
        if self.alpha is None:
            return None
        clear = self.alpha == 0
        return clear if clear.any() and not clear.all() else None


def read_stored_mask(path: Path, *, max_pixels: int = MAX_PIXELS) -> StoredMask:
    """Raises ImageError for an unreadable file, and for numbers that are not whole or beyond 32 bits.

    Transparency of a palette is ignored: programs mark the first class with it.
    """
    try:
        with open_image(path, max_pixels) as image:
            return _read(image, path)
    except UnusualTiffError:
        return _from_channels(read_tiff_values(path, max_pixels), path)


def _read(image: Image.Image, path: Path) -> StoredMask:
    raw_mode = raw_mode_of(image)  # gone once the pixels are decoded
    is_lossy = image.format in _LOSSY_FORMATS
    load_pixels(image)
    orientation = stored_orientation(image)
    mode = image.mode
    if mode.startswith(("I", "F")):
        return StoredMask(turn_upright(_whole(np.asarray(image), path), orientation), None)
    if mode in ("1", "L", "P"):
        palette = None
        if mode == "P":
            palette = np.asarray(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        numbers = np.asarray(image).astype(np.uint8) // _GREY_STEPS.get(raw_mode[:3], 1)
        return StoredMask(turn_upright(numbers, orientation), None, None, palette, is_lossy)
    has_alpha = mode in ("LA", "La", "PA", "RGBA", "RGBa")
    alpha = (
        turn_upright(np.asarray(image.getchannel("A" if "A" in mode else "a")), orientation)
        if has_alpha
        else None
    )
    if mode in ("LA", "La", "PA"):
        return StoredMask(turn_upright(np.asarray(image.getchannel(0)), orientation), None, alpha)
    # Not `convert` from RGBA: the colours of transparent pixels stay as they are stored.
    colours = np.asarray(image)[..., :3] if mode == "RGBA" else np.asarray(image.convert("RGB"))
    return StoredMask(None, turn_upright(colours, orientation), alpha, None, is_lossy)


def _from_channels(values: NDArray[Any], path: Path) -> StoredMask:
    """values: (H, W, C) of any type."""
    if values.shape[2] == 1:
        return StoredMask(_whole(values[..., 0], path), None)
    if values.shape[2] in (3, 4) and values.dtype == np.uint8:
        alpha = values[..., 3] if values.shape[2] == 4 else None
        return StoredMask(None, np.ascontiguousarray(values[..., :3]), alpha)
    raise ImageError(
        f"“{path}” cannot be used as a mask: it has {values.shape[2]} channels of {values.dtype}. "
        "Save it again as an 8-bit or 16-bit PNG of class values."
    )


def _whole(values: NDArray[Any], path: Path) -> NDArray[Any]:
    """The smallest of uint8, uint16 and int32 that holds the numbers. Raises ImageError naming one that none holds."""
    if values.size == 0:
        raise ImageError(f"“{path}” cannot be used as a mask: it has no pixels.")
    bad = np.zeros(values.shape, bool)
    if values.dtype.kind == "f":
        bad = ~np.isfinite(values) | (values != np.floor(values))
    bad |= (values < _MIN_VALUE) | (values > _MAX_VALUE)
    if bad.any():
        raise ImageError(
            f"“{path}” cannot be used as a mask: it contains {values[bad].flat[0]}, and class values are whole numbers "
            "of at most 32 bits. Save it again as an 8-bit or 16-bit PNG of class values."
        )
    low, high = int(values.min()), int(values.max())
    kind = np.uint8 if low >= 0 and high <= 255 else np.uint16 if low >= 0 and high <= 65535 else np.int32
    return values.astype(kind)
