"""Thumbnails: size, aspect ratio and orientation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.images.thumbnail import read_thumbnail


@pytest.mark.parametrize(
    ("size", "expected"),
    [((400, 100), (64, 16)), ((100, 400), (16, 64)), ((16000, 4), (64, 1)), ((9, 5), (9, 5))],
)
@pytest.mark.parametrize("name", ["t.jpg", "t.png"])
def test_thumbnails_keep_the_aspect_ratio(
    tmp_path: Path, size: tuple[int, int], expected: tuple[int, int], name: str
) -> None:
    Image.new("RGB", size, (200, 40, 90)).save(tmp_path / name, quality=95)
    thumbnail = read_thumbnail(tmp_path / name, 64)
    assert thumbnail.shape[1::-1] == expected
    assert np.abs(thumbnail.astype(int) - (200, 40, 90)).max() <= 4


def test_thumbnails_are_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    halves = np.zeros((200, 400, 3), np.uint8)
    halves[:, 200:] = 255
    Image.fromarray(halves).save(tmp_path / "turned.jpg", exif=exif)
    thumbnail = read_thumbnail(tmp_path / "turned.jpg", 50)
    assert thumbnail.shape == (50, 25, 3)
    assert thumbnail[:20].mean() < 10
    assert thumbnail[30:].mean() > 245
