"""Encoding of tiles: round trips, and damaged bytes never become a label."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.base.errors import ProjectError
from core.labels.codec import decode, encode

kinds = st.sampled_from([np.uint8, np.uint16])
sides = st.tuples(st.integers(1, 23), st.integers(1, 23))
tiles = kinds.flatmap(lambda kind: arrays.arrays(kind, sides))


@given(tiles)
def test_round_trip(tile: np.ndarray) -> None:
    found = decode(encode(tile), *tile.shape, tile.dtype.type)
    assert found.dtype == tile.dtype
    np.testing.assert_array_equal(found, tile)
    found[:] = 1  # the receiver's own


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize(("height", "width"), [(256, 256), (1, 256), (255, 7)])
def test_round_trip_of_whole_tiles(kind: type, height: int, width: int) -> None:
    tile = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (height, width)).astype(kind)
    np.testing.assert_array_equal(decode(encode(tile), height, width, kind), tile)


def test_one_value_takes_a_few_bytes() -> None:
    assert len(encode(np.full((256, 256), 7, np.uint8))) == 2
    assert len(encode(np.full((256, 256), 700, np.uint16))) == 3


def test_the_bytes_are_plain_zlib_over_little_endian_rows() -> None:
    tile = np.array([[1, 2, 3], [256, 5, 6]], ">u2")
    blob = encode(tile)
    assert blob[:1] == b"Z"
    assert zlib.decompress(blob[1:]) == tile.astype("<u2").tobytes()
    np.testing.assert_array_equal(decode(blob, 2, 3, np.uint16), tile)


def test_a_view_is_encoded_by_its_values() -> None:
    whole = np.arange(64, dtype=np.uint8).reshape(8, 8)
    np.testing.assert_array_equal(decode(encode(whole[1::2, 6:1:-2]), 4, 3, np.uint8), whole[1::2, 6:1:-2])


@given(tiles, st.data())
def test_a_truncated_tile_is_damaged(tile: np.ndarray, data: st.DataObject) -> None:
    blob = encode(tile)
    cut = data.draw(st.integers(0, len(blob) - 1))
    with pytest.raises(ProjectError, match="damaged"):
        decode(blob[:cut], *tile.shape, tile.dtype.type)


@given(tiles, st.data())
def test_a_tile_with_a_changed_byte_is_damaged_or_the_same(tile: np.ndarray, data: st.DataObject) -> None:
    blob = bytearray(encode(tile))
    place = data.draw(st.integers(1, len(blob) - 1))
    blob[place] ^= data.draw(st.integers(1, 255))
    try:
        found = decode(bytes(blob), *tile.shape, tile.dtype.type)
    except ProjectError:
        return
    # A tile of one value has no checksum; of the others only a change that means nothing goes through.
    assert blob[:1] == b"F" or np.array_equal(found, tile)


@given(st.binary(max_size=60), kinds)
def test_any_bytes_are_a_tile_or_damaged(blob: bytes, kind: type) -> None:
    try:
        assert decode(blob, 3, 5, kind).shape == (3, 5)
    except ProjectError as problem:
        assert "damaged" in str(problem)


@pytest.mark.parametrize(("height", "width"), [(9, 8), (8, 9), (7, 8), (16, 16)])
def test_a_tile_of_another_size_is_damaged(height: int, width: int) -> None:
    blob = encode(np.arange(64, dtype=np.uint8).reshape(8, 8))
    with pytest.raises(ProjectError, match="size"):
        decode(blob, height, width, np.uint8)


def test_a_decompression_bomb_is_not_expanded() -> None:
    bomb = b"Z" + zlib.compress(bytes(50_000_000), 9)
    with pytest.raises(ProjectError, match="size"):
        decode(bomb, 8, 8, np.uint8)
