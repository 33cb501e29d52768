"""A mask that was not turned along with its picture is turned; another size is refused with both sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.formats.mask_fit import fit_mask
from core.images.image_reader import read_size
from core.images.orientation import turn_upright


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_mask_is_turned_as_its_picture(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (24, 16)).save(tmp_path / "a.jpg", exif=exif)
    stored = np.arange(24 * 16, dtype=np.uint8).reshape(16, 24)
    fitted = fit_mask(stored, tmp_path / "a.jpg", read_size(tmp_path / "a.jpg"))
    np.testing.assert_array_equal(fitted.values, turn_upright(stored, orientation))
    assert "EXIF" in fitted.note
    upright = turn_upright(stored, orientation)
    assert fit_mask(upright, tmp_path / "a.jpg", read_size(tmp_path / "a.jpg")).note == ""


def test_another_size_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (24, 16)).save(tmp_path / "a.jpg")
    fitted = fit_mask(np.zeros((24, 16), np.uint8), tmp_path / "a.jpg", (24, 16))
    assert fitted.values is None
    assert fitted.reason.startswith("it is 16 x 24 pixels, the picture 24 x 16")
