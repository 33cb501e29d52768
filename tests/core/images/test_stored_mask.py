"""Masks as they are stored: numbers of every width, palettes, colours under transparency, refusals with a value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from core.base.errors import ImageError
from core.images.stored_mask import read_stored_mask

NUMBERS = np.array([[0, 1, 2], [2, 1, 0]])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.uint32, np.int64, np.uint64, np.float32])
def test_whole_numbers_of_any_width_are_read(kind: type, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", NUMBERS.astype(kind))
    found = read_stored_mask(tmp_path / "a.tif")
    assert found.numbers is not None and found.numbers.dtype == np.uint8
    np.testing.assert_array_equal(found.numbers, NUMBERS)


def test_negative_numbers_are_kept(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", (NUMBERS - 9999).astype(np.int32))
    np.testing.assert_array_equal(read_stored_mask(tmp_path / "a.tif").numbers, NUMBERS - 9999)


@pytest.mark.parametrize("value", [0.25, np.nan, 1e12])
def test_a_number_that_is_no_class_is_named(value: float, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.array([[1, value]], np.float64))
    with pytest.raises(ImageError, match=r"a\.tif.*contains (0\.25|nan|1e\+12|1000000000000)"):
        read_stored_mask(tmp_path / "a.tif")


def test_a_palette_gives_numbers_and_colours(tmp_path: Path) -> None:
    image = Image.frombytes("P", (3, 2), NUMBERS.astype(np.uint8).tobytes())
    image.putpalette([9, 9, 9, 200, 0, 0, 0, 0, 200])
    image.save(tmp_path / "a.png", transparency=0)
    found = read_stored_mask(tmp_path / "a.png")
    np.testing.assert_array_equal(found.numbers, NUMBERS)
    assert found.as_colours()[0].tolist() == [[9, 9, 9], [200, 0, 0], [0, 0, 200]]
    assert found.is_transparent() is None


def test_colours_under_transparency_are_as_stored(tmp_path: Path) -> None:
    pixels = np.array([[[7, 8, 9, 0], [200, 0, 0, 120], [5, 5, 5, 255]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = read_stored_mask(tmp_path / "a.png")
    assert found.as_colours().tolist() == pixels[..., :3].tolist()
    clear = found.is_transparent()
    assert clear is not None and clear.tolist() == [[True, False, False]]
    assert found.as_numbers() is None
    pixels[..., 3] = 0
    Image.fromarray(pixels).save(tmp_path / "b.png")
    assert read_stored_mask(tmp_path / "b.png").is_transparent() is None


def test_three_equal_channels_are_a_number(tmp_path: Path) -> None:
    Image.fromarray(np.repeat(NUMBERS[..., None], 3, 2).astype(np.uint8)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_stored_mask(tmp_path / "a.png").as_numbers(), NUMBERS)
