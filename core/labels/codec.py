"""Encodes label tiles as bytes and decodes them."""

from __future__ import annotations

import zlib
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.base.errors import ProjectError

_FLAT = b"F"
_ZLIB = b"Z"
_DAMAGED = "A label tile is damaged ({}). Close the project and repair it with: maskloop check --repair"
_WRONG_SIZE = (
    "A label tile is damaged (its size is not that of the picture). "
    "Close the project and repair it with: maskloop check --repair"
)

Scalar = TypeVar("Scalar", bound=np.generic)


def encode(tile: NDArray[Any]) -> bytes:
    """Compress an (h, w) tile of integers. A tile of one value, as most are, takes a few bytes.

    Other tiles are zlib level 1 of the little-endian rows, which the standard library of any language can read.
    """
    values = tile.ravel()
    little_endian = values.astype(values.dtype.newbyteorder("<"), copy=False)
    if values.size and (values == values[0]).all():
        return _FLAT + little_endian[:1].tobytes()
    return _ZLIB + zlib.compress(little_endian.tobytes(), 1)


def decode(blob: bytes, height: int, width: int, dtype: type[Scalar]) -> NDArray[Scalar]:
    """The (height, width) tile, writable. Raises ProjectError when the bytes are not a tile of this size."""
    if not isinstance(blob, bytes):  # the file may be a stranger's
        raise ProjectError(_WRONG_SIZE)
    kind, body = blob[:1], blob[1:]
    little_endian = np.dtype(dtype).newbyteorder("<")
    if kind == _FLAT and len(body) == little_endian.itemsize:
        return np.full((height, width), np.frombuffer(body, little_endian)[0], dtype)
    if kind == _ZLIB:
        size = height * width * little_endian.itemsize
        decompressor = zlib.decompressobj()
        try:
            # One byte more than fits detects an overlong tile without decompressing a bomb.
            pixels = decompressor.decompress(body, size + 1)
        except zlib.error as problem:
            raise ProjectError(_DAMAGED.format(problem)) from problem
        if len(pixels) == size and decompressor.eof:  # the checksum comes last
            return np.frombuffer(pixels, little_endian).reshape(height, width).astype(dtype)
    raise ProjectError(_WRONG_SIZE)


def contains_value(blob: bytes, value: int) -> bool:
    """Whether an encoded uint8 tile has a pixel of this value, without making an array. Raises ProjectError."""
    kind, body = blob[:1], blob[1:]
    try:
        return bytes([value]) in (zlib.decompress(body) if kind == _ZLIB else body)
    except zlib.error as problem:
        raise ProjectError(_DAMAGED.format(problem)) from problem
