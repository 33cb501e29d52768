"""Reading pictures and masks: orientation, bit depth, exact values, and messages for unreadable files."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image, ImageOps

from core.base.errors import ImageError
from core.images import image_reader
from core.images.image_reader import ColourMaskError, count_frames, read_mask, read_picture, read_size

ODD = Path(__file__).parents[4] / "shared" / "data" / "odd-images"
sides = st.integers(1, 9)
same_folder = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def grey_png(path: Path, values: NDArray[np.uint8], bits: int) -> None:
    """A greyscale PNG of 1, 2 or 4 bits, which Pillow cannot write."""
    height, width = values.shape
    padded = np.zeros((height, -(-width * bits // 8) * 8 // bits), np.uint8)
    padded[:, :width] = values
    single = (padded[:, :, None] >> np.arange(bits)[::-1]) & 1
    rows = np.packbits(single.reshape(height, -1), axis=1)
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def speckled(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@same_folder
@given(
    pixels=st.tuples(sides, sides).flatmap(lambda s: arrays(np.uint8, (*s, 3))),
    orientation=st.integers(0, 9),
)
def test_exif_orientation_is_applied_once(
    tmp_path: Path, pixels: NDArray[np.uint8], orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind, save in (("png", {}), ("webp", {"lossless": True}), ("tif", {})):
        path = tmp_path / f"turned.{kind}"
        Image.fromarray(pixels).save(path, exif=exif, **save)
        with Image.open(path) as image:
            expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        assert np.array_equal(read_picture(path), expected)
        assert read_size(path) == expected.shape[1::-1]


@same_folder
@given(values=st.tuples(sides, sides).flatmap(lambda s: arrays(np.uint8, s)), orientation=st.integers(1, 8))
def test_mask_values_are_read_as_stored(tmp_path: Path, values: NDArray[np.uint8], orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(Image.fromarray(values)))
    palette = Image.fromarray(values).convert("P")
    palette.putdata(values.ravel().tolist())
    palette.putpalette(speckled(16, 16).tobytes())
    for name, image in (
        ("grey.png", Image.fromarray(values)),
        ("palette.png", palette),
        ("palette.tif", palette),
    ):
        image.save(tmp_path / name)
        assert np.array_equal(read_mask(tmp_path / name), values)
    turned = tmp_path / "turned.png"
    palette.save(turned, exif=exif, transparency=0)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(turned)))
    assert np.array_equal(read_mask(turned), expected)
    assert upright.shape == values.shape


@same_folder
@given(st.data())
def test_masks_of_few_bits_are_not_scaled(tmp_path: Path, data: st.DataObject) -> None:
    bits = data.draw(st.sampled_from([1, 2, 4]))
    shape = data.draw(st.tuples(sides, sides))
    values = data.draw(arrays(np.uint8, shape, elements=st.integers(0, 2**bits - 1)))
    grey_png(tmp_path / "few.png", values, bits)
    assert np.array_equal(read_mask(tmp_path / "few.png"), values)


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_masks_of_16_bits_keep_them(tmp_path: Path, name: str) -> None:
    values = np.array([[0, 7, 255], [256, 26_001, 65_535]], np.uint16)
    Image.fromarray(values).save(tmp_path / name)
    mask = read_mask(tmp_path / name)
    assert mask.dtype == np.uint16
    assert np.array_equal(mask, values)


def test_a_gif_mask_gives_its_indices(tmp_path: Path) -> None:
    values = np.array([[0, 1, 2], [3, 3, 0]], np.uint8)
    image = Image.fromarray(values, mode=None).convert("P")
    image.putdata(values.ravel().tolist())
    image.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0, 0, 0, 200])
    image.save(tmp_path / "mask.gif", optimize=False)
    with Image.open(tmp_path / "mask.gif") as stored:
        assert np.array_equal(read_mask(tmp_path / "mask.gif"), np.asarray(stored))


def test_a_colour_mask_raises_colour_mask_error(tmp_path: Path) -> None:
    path = tmp_path / "colours.png"
    Image.fromarray(speckled(4, 5)).save(path)
    with pytest.raises(ColourMaskError, match=r"colours\.png.* is a colour mask"):
        read_mask(path)


def test_a_mask_of_floats_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "probability.tif"
    Image.fromarray(np.array([[0.25, 1.0]], np.float32)).save(path)
    with pytest.raises(ImageError, match="whole numbers"):
        read_mask(path)


def test_16_bit_and_float_pictures_are_scaled_to_their_range(tmp_path: Path) -> None:
    deep, decimal = tmp_path / "deep.tif", tmp_path / "decimal.tif"
    Image.fromarray(np.array([[100, 200], [150, 305]], np.uint16)).save(deep)
    Image.fromarray(np.array([[-1.0, 0.5], [np.nan, 1.0]], np.float32)).save(decimal)
    assert read_picture(deep)[:, :, 0].tolist() == [[0, 124], [62, 255]]
    assert read_picture(decimal)[:, :, 2].tolist() == [[0, 191], [0, 255]]


def test_a_16_bit_picture_of_one_value_does_not_divide_by_zero(tmp_path: Path) -> None:
    path = tmp_path / "even.png"
    Image.fromarray(np.full((3, 2), 4000, np.uint16)).save(path)
    assert read_picture(path).shape == (3, 2, 3)


def test_transparency_is_blended_with_grey(tmp_path: Path) -> None:
    path = tmp_path / "glass.png"
    rgba = np.array([[(255, 0, 0, 255), (255, 0, 0, 0), (0, 0, 0, 128)]], np.uint8)
    Image.fromarray(rgba).save(path)
    red, nothing, half = read_picture(path)[0].tolist()
    assert red == [255, 0, 0]
    assert nothing == [128, 128, 128]
    assert half == pytest.approx([64, 64, 64], abs=1)


def test_cmyk_is_not_inverted(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(path, quality=95)
    red, green, blue = read_picture(path)[8, 8]
    assert red > 200
    assert max(green, blue) < 60


def test_only_the_first_frame_is_read(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert count_frames(path) == 2
    # A smaller copy of the same picture is no page of its own.
    pyramid, pages = tmp_path / "pyramid.tif", tmp_path / "pages.tif"
    for file, kind in ((pyramid, 1), (pages, 2)):
        with tifffile.TiffWriter(file) as writer:
            writer.write(speckled(64, 64))
            writer.write(speckled(32, 32), subfiletype=kind)
    assert count_frames(pyramid) == 1
    assert count_frames(pages) == 2
    assert read_picture(path)[0, 0].tolist() == [255, 0, 0]


def test_a_jpeg_reads_the_same_as_with_pillow(tmp_path: Path) -> None:
    path = tmp_path / "ünï 图 #1 100%.JPG"
    smooth = np.asarray(Image.fromarray(speckled(12, 16)).resize((161, 120)))
    Image.fromarray(smooth).save(path, quality=90)
    with Image.open(path) as image:
        expected = np.asarray(image).astype(int)
    assert np.abs(read_picture(path).astype(int) - expected).max() <= 3


def test_a_large_jpeg_has_the_same_pixels_from_the_other_decoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(jpeg(speckled(301, 203)))
    small = read_picture(path)
    monkeypatch.setattr(image_reader, "LARGE_JPEG_PIXELS", 1000)
    np.testing.assert_array_equal(read_picture(path), small)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + b"\xff\xd9")  # the end is there, much before it is not
    with contextlib.suppress(ImageError):
        assert read_picture(path).shape == small.shape
    path.write_bytes(whole[:100] + b"\xff" * 400 + whole[500:])
    with contextlib.suppress(ImageError):
        assert read_picture(path).shape == small.shape


def test_a_reduced_jpeg_is_never_smaller_than_min_side(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.fromarray(speckled(240, 320)).save(path)
    assert read_picture(path, min_side=50).shape == (60, 80, 3)
    assert read_picture(path, min_side=300).shape == (240, 320, 3)


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "jpeg")
    return buffer.getvalue()


def png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


GIANT = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"just some words", "format"),
        (jpeg(speckled(64, 64))[:2500], "ends too early"),
        (png(speckled(64, 64))[:6000], "ends too early"),
        (GIANT + chunk(b"IDAT", zlib.compress(b"\0")), "larger"),
        (png(speckled(4, 4)).replace(b"IDAT", b"IDOT"), "damaged"),
    ],
)
def test_an_unreadable_file_is_named_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "bad one.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=reason) as caught:
        read_picture(path)
    assert "bad one.jpg" in str(caught.value)
    assert str(caught.value).endswith(".")
    with pytest.raises(ImageError):
        read_mask(path)


def test_a_missing_file_and_a_folder_have_different_messages(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no longer exists"):
        read_size(tmp_path / "gone.png")
    with pytest.raises(ImageError, match=r"folder|not allowed"):  # Windows calls it a lack of rights
        read_picture(tmp_path)


def test_the_limit_is_checked_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    path.write_bytes(png(speckled(20, 30))[:60])  # the header alone: decoding it would be another error
    with pytest.raises(ImageError, match=r"30 x 20"):
        read_picture(path, max_pixels=599)


def test_a_png_without_its_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    path.write_bytes(png(speckled(9, 7))[:-8])
    assert np.array_equal(read_picture(path), speckled(9, 7))
    assert read_size(path) == (7, 9)


def test_warnings_of_pillow_are_suppressed_in_every_thread(tmp_path: Path) -> None:
    path = tmp_path / "odd.png"
    no_frames = chunk(b"acTL", bytes(8))  # says that it is animated, with no pictures
    sound = png(speckled(8, 8))
    path.write_bytes(sound[:33] + no_frames + sound[33:])  # 33: right behind the header
    with pytest.warns(UserWarning), Image.open(path):
        pass  # Pillow does complain about this file
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(read_picture, [path] * 40))
    assert all(np.array_equal(picture, speckled(8, 8)) for picture in pictures)
    assert list(warnings.filters) == before


DEFECT = {
    "header-60000x60000.png", "text-renamed.jpg", "zero-byte.png", "truncated_jpeg.jpg", "truncated_image.png",
    "broken.png", "shortfile.bmp", "reallybig.bmp", "decompression_bomb.gif", "zero_width.gif", "negative_size.ppm",
    "crash-0c7e0e8e11ce787078f00b5b0ca409a167f070e0.tif", "crash-2020-10-test.tif",
}  # fmt: skip
odd_files = sorted(p for p in ODD.rglob("*") if p.is_file() and p.suffix != ".md") if ODD.is_dir() else []


@pytest.mark.parametrize("path", odd_files, ids=lambda path: path.name)
def test_unusual_files(path: Path) -> None:
    if path.name in DEFECT:
        with pytest.raises(ImageError) as caught:
            read_picture(path)
        assert path.name in str(caught.value)
    else:
        picture = read_picture(path)
        assert picture.dtype == np.uint8
        assert picture.shape == (*read_size(path)[::-1], 3)
        assert np.ptp(picture) > 0 or picture.size <= 4 * 16_000 * 3
