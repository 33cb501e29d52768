"""Tiles become bytes and back."""

from __future__ import annotations

import zlib
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.base.errors import ProjectError

_FLAT = b"F"
_ZLIB = b"Z"
_DAMAGED = "A label tile is damaged ({}). Close the project and mend it with: maskloop check --repair"

Scalar = TypeVar("Scalar", bound=np.generic)


def encode(tile: NDArray[Any]) -> bytes:
    """Compress an (h, w) tile of whole numbers. One value throughout takes a few bytes: most tiles of most labels.

    The rest is zlib at level 1 over the little-endian rows: any language's standard library can read it.
    """
    flat = tile.ravel()
    little = flat.astype(flat.dtype.newbyteorder("<"), copy=False)
    if flat.size and (flat == flat[0]).all():
        return _FLAT + little[:1].tobytes()
    return _ZLIB + zlib.compress(little.tobytes(), 1)


def decode(blob: bytes, height: int, width: int, dtype: type[Scalar]) -> NDArray[Scalar]:
    """The (height, width) tile, writable. Raises ProjectError when the bytes are not such a tile."""
    kind, body = blob[:1], blob[1:]
    little = np.dtype(dtype).newbyteorder("<")
    if kind == _FLAT and len(body) == little.itemsize:
        return np.full((height, width), np.frombuffer(body, little)[0], dtype)
    if kind == _ZLIB:
        room = height * width * little.itemsize
        unpacked = zlib.decompressobj()
        try:
            # One byte more than fits shows an overlong tile without unpacking a bomb.
            pixels = unpacked.decompress(body, room + 1)
        except zlib.error as problem:
            raise ProjectError(_DAMAGED.format(problem)) from problem
        if len(pixels) == room and unpacked.eof:  # the checksum comes last
            return np.frombuffer(pixels, little).reshape(height, width).astype(dtype)
    raise ProjectError(_DAMAGED.format("its size is not that of the picture"))


def contains_value(blob: bytes, value: int) -> bool:
    """Whether a tile of uint8 has a pixel of this value, without making an array of it."""
    kind, body = blob[:1], blob[1:]
    try:
        return bytes([value]) in (zlib.decompress(body) if kind == _ZLIB else body)
    except zlib.error as problem:
        raise ProjectError(_DAMAGED.format(problem)) from problem
