"""Huge JPEG and PNG files as tiled TIFFs: the same pixels as read whole, and sentences for what cannot be read."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.base.errors import DiskError, ImageError
from core.base.geometry import Box
from core.images import tiled_conversion
from core.images.image_reader import MAX_PIXELS, read_picture, read_size
from core.images.orientation import ORIENTATION_TAG
from core.images.thumbnail import read_thumbnail
from core.images.tiff_regions import TiffRegionReader
from core.images.tiled_conversion import check_convertible, convert, needs_conversion

WIDTH, HEIGHT = 700, 533


def scene() -> NDArray[np.uint8]:
    """(HEIGHT, WIDTH, 3) uint8: smooth, so that codecs that round differently differ little."""
    across, down = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
    waves = [np.sin(7 * across + 3 * down), np.cos(5 * down), across * down]
    return np.clip(np.stack(waves, axis=-1) * 110 + 128, 0, 255).astype(np.uint8)


def write(path: Path, kind: str) -> Path:
    picture, options = Image.fromarray(scene()), {}
    match kind:
        case "grey" | "1-bit":
            picture = picture.convert("L" if kind == "grey" else "1")
        case "transparent" | "grey with alpha":
            alpha = Image.fromarray(
                np.linspace(0, 255, WIDTH * HEIGHT).reshape(HEIGHT, WIDTH).astype(np.uint8)
            )
            picture = picture if kind == "transparent" else picture.convert("L")
            picture.putalpha(alpha)
        case "palette":
            picture = picture.quantize(64)
        case "turned":
            exif = Image.Exif()
            exif[ORIENTATION_TAG] = 6
            options["exif"] = exif
    picture.save(path, **options)
    return path


def converted(path: Path) -> NDArray[np.uint8]:
    """The pixels of the converted file, (H, W, 3) uint8."""
    target = path.with_suffix(".tif")
    shares: list[float] = []
    convert(path, target, shares.append)
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert [each.name for each in path.parent.iterdir() if "part" in each.name] == []
    reader = TiffRegionReader(target)
    assert reader.size == read_size(path) and reader.has_overview
    return reader.read_region(0, Box(0, 0, *reader.size))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jpg", "colour"),
        ("a.jpg", "grey"),
        ("a.jpg", "turned"),
        ("a.png", "colour"),
        ("a.png", "grey"),
        ("a.png", "1-bit"),
        ("a.png", "palette"),
        ("a.png", "transparent"),
        ("a.png", "grey with alpha"),
        ("a.png", "turned"),
    ],
)
def test_the_pixels_are_those_of_the_picture_read_whole(tmp_path: Path, name: str, kind: str) -> None:
    path = write(tmp_path / name, kind)
    whole, tiled = read_picture(path).astype(int), converted(path).astype(int)
    assert tiled.shape == whole.shape
    assert np.abs(tiled - whole).max() <= (3 if name == "a.jpg" else 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(tmp_path: Path, orientation: int) -> None:
    path, exif = tmp_path / "a.png", Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    Image.fromarray(scene()).save(path, exif=exif)
    np.testing.assert_array_equal(converted(path), read_picture(path))


def test_16_bits_are_shown_through_a_window(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    values = np.linspace(300, 4300, WIDTH * HEIGHT).reshape(HEIGHT, WIDTH).astype(np.uint16)
    Image.fromarray(values).save(path)
    shown = converted(path)[:, :, 0].astype(int)
    assert shown[0, 0] < 8 and shown[-1, -1] > 247
    assert np.abs(shown - read_picture(path)[:, :, 0].astype(int)).max() <= 4


def test_smaller_copies_are_averages(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", "colour")
    converted(path)
    half = TiffRegionReader(path.with_suffix(".tif")).read_region(1, Box(0, 0, WIDTH // 2, HEIGHT // 2))
    rows, columns = HEIGHT // 2 * 2, WIDTH // 2 * 2
    means = scene()[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2, 3).mean(axis=(1, 3))
    assert np.abs(half - means).max() <= 1


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_file_that_ends_too_early_is_said(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, "colour")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match=r"a\.(jpg|png)” cannot be opened: .*Copy it again"):
        convert(path, tmp_path / "a.tif", lambda _share: None)


def test_what_can_only_be_decoded_whole_is_said(tmp_path: Path) -> None:
    Image.fromarray(scene()).save(tmp_path / "a.jpg", progressive=True)
    with pytest.raises(ImageError, match="progressive JPEG, which can only be decoded as a whole"):
        check_convertible(tmp_path / "a.jpg")
    (tmp_path / "a.png").write_bytes(png_of(900, 900, interlace=1))
    with pytest.raises(ImageError, match="interlaced PNG"):
        check_convertible(tmp_path / "a.png")


def png_of(width: int, height: int, interlace: int = 0) -> bytes:
    """The file of a black picture of this size, almost all of whose rows are missing."""
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, interlace)),
        (b"IDAT", zlib.compress(bytes(99))),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )


def test_sizes_are_limited_before_anything_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of(60_000, 60_000))
    assert read_size(path) == (60_000, 60_000)
    assert needs_conversion(path, MAX_PIXELS)
    with pytest.raises(ImageError, match="too small to contain them"):
        check_convertible(path)
    small = read_thumbnail(path, 200)
    assert small.shape == (200, 200, 3) and (small == 128).all()
    path.write_bytes(png_of(70_000, 70_000))
    with pytest.raises(ImageError, match="at most 4,000 million"):
        read_size(path)
    Image.new("L", (20_000, 20_000)).save(tmp_path / "a.bmp")
    with pytest.raises(ImageError, match="at most 300 million"):
        read_size(tmp_path / "a.bmp")
    assert not needs_conversion(write(tmp_path / "a.png", "colour"), MAX_PIXELS)


def test_a_full_disk_is_said_before_the_conversion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.png", "colour")
    monkeypatch.setattr(tiled_conversion, "_BYTES_PER_PIXEL", 1e12)
    with pytest.raises(DiskError, match=r"a\.png.* has 0 million pixels and must be converted into tiles"):
        convert(path, tmp_path / "a.tif", lambda _share: None)
    assert not (tmp_path / "a.tif").exists()
