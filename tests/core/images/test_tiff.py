"""Pictures of more than 8 bits or three channels: what is displayed, what a network gets, what is rejected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from core.base.errors import ImageError
from core.images.image_reader import read_model_input, read_picture, read_raster, read_size
from core.images.orientation import turn_upright
from core.images.raster import Raster, Window

HEIGHT, WIDTH = 40, 60


def ramp(channels: int = 0, kind: type = np.uint16, most: float = 60_000) -> NDArray[np.generic]:
    """Increasing from left to right; further channels decrease or increase more slowly."""
    rows = np.tile(np.linspace(0, most, WIDTH), (HEIGHT, 1))
    if not channels:
        return rows.astype(kind)
    return np.stack([rows[:, ::-1] / n if n % 2 else rows / n for n in range(1, channels + 1)], 2).astype(
        kind
    )


def written(path: Path, pixels: NDArray[np.generic], **options: object) -> Path:
    tifffile.imwrite(path, pixels, **options)  # type: ignore[arg-type]
    return path


GREY = {"photometric": "minisblack"}
COLOUR = {"photometric": "rgb"}


@pytest.mark.parametrize(
    ("pixels", "options"),
    [
        (ramp(), GREY),
        (ramp(), GREY | {"bigtiff": True}),
        (ramp(), GREY | {"tile": (16, 32), "compression": "zlib"}),
        (ramp(), GREY | {"compression": "lzw", "predictor": True}),
        (ramp(), GREY | {"compression": "zstd"}),
        (ramp(), GREY | {"byteorder": ">"}),
        (ramp(kind=np.float32, most=0.25), GREY),
        (ramp(kind=np.float32, most=0.25), GREY | {"compression": "zlib", "predictor": True}),
        (ramp(kind=np.float64, most=1e12), GREY),
        (ramp(kind=np.float16, most=8), GREY),
        (ramp(kind=np.uint32, most=4e9), GREY),
        (ramp(kind=np.int16, most=30_000) - np.int16(9000), GREY),
        (ramp(kind=np.int8, most=100), GREY),
        (ramp(kind=np.int32, most=100), GREY),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, np.ndarray) else "-".join(map(str, value)),
)
def test_grey_of_every_bit_depth_spans_black_to_white(
    tmp_path: Path, pixels: NDArray[np.generic], options: dict[str, object]
) -> None:
    path = written(tmp_path / "grey.tif", pixels, **options)
    assert read_size(path) == (WIDTH, HEIGHT)
    shown = read_picture(path)
    numbers = pixels.astype(float)
    expected = (numbers - numbers.min()) * (255 / np.ptp(numbers))
    assert np.abs(shown - expected[:, :, None]).max() <= 1.6
    np.testing.assert_array_equal(shown, read_model_input(path, 3))


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_16_bit_colours_keep_their_hues(tmp_path: Path, planar: str, kind: type) -> None:
    pixels = ramp(3, kind, 50_000)
    stored = pixels if planar == "contig" else np.moveaxis(pixels, 2, 0)
    path = written(tmp_path / "deep.tif", stored, planarconfig=planar, **COLOUR)
    expected = pixels.astype(float) * (255 / 50_000)
    assert np.abs(read_picture(path) - expected).max() <= 1.6
    assert len(set(read_raster(path).windows)) == 1


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [4, 5, 7])
def test_all_channels_are_read(tmp_path: Path, kind: type, channels: int) -> None:
    pixels = ramp(channels, kind, 200)
    path = written(
        tmp_path / "many.tif", pixels, planarconfig="contig", extrasamples=[0] * (channels - 1), **GREY
    )
    raster = read_raster(path)
    assert raster.values.shape == (HEIGHT, WIDTH, channels)
    np.testing.assert_allclose(raster.offset + raster.step * raster.values.astype(float), pixels, atol=0.01)
    assert raster.to_rgb().shape == (HEIGHT, WIDTH, 3)
    fed = read_model_input(path, channels)
    assert fed.dtype == np.uint8
    np.testing.assert_array_equal(fed[:, :, :3], raster.to_rgb())
    with pytest.raises(ImageError, match=rf"many\.tif.* has {channels} channels.* has 3 input channels"):
        read_model_input(path, 3)


def test_rgb_with_infrared_has_four_channels_but_alpha_is_blended(tmp_path: Path) -> None:
    four = ramp(4, np.uint8, 250)
    infrared = written(tmp_path / "nir.tif", four, extrasamples=[0], **COLOUR)
    assert read_model_input(infrared, 4).shape == (HEIGHT, WIDTH, 4)
    np.testing.assert_array_equal(read_picture(infrared), four[:, :, :3])
    glass = four.copy()
    glass[:, :, 3] = 0
    alpha = written(tmp_path / "alpha.tif", glass, extrasamples=[2], **COLOUR)
    assert np.all(read_model_input(alpha, 3) == 128)
    deep = written(tmp_path / "deep_alpha.tif", ramp(4) // 2, extrasamples=[2], **COLOUR)
    assert read_model_input(deep, 3).shape == (HEIGHT, WIDTH, 3)


def test_pages_of_a_microscopy_file_are_channels(tmp_path: Path) -> None:
    stack = np.moveaxis(ramp(5), 2, 0)
    path = tmp_path / "cells.ome.tif"
    tifffile.imwrite(path, stack, metadata={"axes": "CYX"}, photometric="minisblack")
    np.testing.assert_array_equal(read_raster(path).values, ramp(5))
    time = np.stack([np.moveaxis(ramp(2), 2, 0), np.zeros((2, HEIGHT, WIDTH), np.uint16)])
    tifffile.imwrite(path, time, metadata={"axes": "TCYX"}, photometric="minisblack")
    np.testing.assert_array_equal(read_raster(path).values, ramp(2))


def test_the_first_of_several_pages_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(ramp(), **GREY)  # type: ignore[arg-type]
        tiff.write(np.full((5, 7), 9, np.uint16), **GREY)  # type: ignore[arg-type]
    assert read_size(path) == (WIDTH, HEIGHT)
    assert read_picture(path).shape == (HEIGHT, WIDTH, 3)


def test_too_many_channels_are_rejected(tmp_path: Path) -> None:
    path = written(tmp_path / "spectrum.tif", ramp(40), planarconfig="contig", extrasamples=[0] * 39, **GREY)
    with pytest.raises(ImageError, match=r"spectrum\.tif.* 40 channels.* up to 16"):
        read_picture(path)


@settings(max_examples=24, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(orientation=st.integers(1, 8), deep=st.booleans(), channels=st.sampled_from([0, 3, 5]))
def test_tiff_orientation_is_applied_once(
    tmp_path: Path, orientation: int, deep: bool, channels: int
) -> None:
    pixels = ramp(channels, np.uint16 if deep else np.uint8, 250)
    extra = {"extrasamples": [0] * 4, "planarconfig": "contig"} if channels == 5 else {}
    photometric = COLOUR if channels == 3 else GREY
    path = tmp_path / "turned.tif"
    tifffile.imwrite(path, pixels, extratags=[(274, 3, 1, orientation, True)], **photometric, **extra)  # type: ignore[arg-type]
    straight = written(tmp_path / "straight.tif", pixels, **photometric, **extra)
    expected = turn_upright(read_picture(straight), orientation)
    np.testing.assert_array_equal(read_picture(path), expected)
    assert read_size(path) == expected.shape[1::-1]


def test_outliers_and_nodata_do_not_flatten_the_contrast(tmp_path: Path) -> None:
    large = np.tile(np.linspace(1000, 2000, 400).astype(np.uint16), (400, 1))
    large[5, 5], large[6, 6] = 65_535, 0
    path = written(tmp_path / "hot.tif", large, **GREY)
    window = read_raster(path).windows[0]
    assert 1000 <= window.low <= 1010
    assert 1990 <= window.high <= 2000
    holes = ramp(kind=np.float32, most=1)
    holes[:20] = -9999
    path = written(tmp_path / "holes.tif", holes, extratags=[(42113, "s", 6, "-9999", True)], **GREY)
    shown = read_picture(path)
    assert shown[:20].max() == 0
    assert np.ptp(shown[20:]) == 255


def test_nan_is_black_and_infinities_are_the_ends(tmp_path: Path) -> None:
    pixels = ramp(kind=np.float32, most=1)
    pixels[0, :3] = np.nan, np.inf, -np.inf
    shown = read_picture(written(tmp_path / "odd.tif", pixels, **GREY))
    assert shown[0, :3, 0].tolist() == [0, 255, 0]
    assert np.ptp(shown[1:]) == 255
    for nothing in (np.nan, np.inf, 3.5):
        even = np.full((4, 5), nothing, np.float32)
        assert read_picture(written(tmp_path / "even.tif", even, **GREY)).shape == (4, 5, 3)


def test_white_is_zero(tmp_path: Path) -> None:
    path = written(tmp_path / "negative.tif", ramp(), photometric="miniswhite")
    assert read_picture(path)[0, 0].tolist() == [255, 255, 255]
    assert read_picture(path)[0, -1].tolist() == [0, 0, 0]


def test_a_16_bit_png_and_tiff_look_the_same(tmp_path: Path) -> None:
    Image.fromarray(ramp()).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(
        read_picture(tmp_path / "grey.png"), read_picture(written(tmp_path / "grey.tif", ramp(), **GREY))
    )


MODES = {
    "png": ("1", "L", "LA", "P", "RGB", "RGBA"),
    "tif": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"),
    "gif": ("1", "L", "P", "RGB"),
    "jpg": ("1", "L", "RGB", "CMYK", "YCbCr"),
}


@pytest.mark.parametrize(("ending", "mode"), [(e, mode) for e, modes in MODES.items() for mode in modes])
def test_every_mode_agrees_with_pillow(tmp_path: Path, mode: str, ending: str) -> None:
    colours = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    image = Image.fromarray(colours)
    image = Image.frombytes("LAB", image.size, image.tobytes()) if mode == "LAB" else image.convert(mode)
    path = tmp_path / f"picture.{ending}"
    image.save(path)
    with Image.open(path) as stored:
        expected = np.asarray(stored.convert("RGB"), np.int16)
    assert np.abs(read_picture(path) - expected).max() <= (3 if ending == "jpg" else 0)


def test_the_window_of_a_large_picture_is_sampled_reproducibly() -> None:
    chance = np.random.default_rng(0)
    large = chance.integers(100, 4000, (1500, 1500), np.uint16)
    first, again = (Raster.from_values(large, one_window=True).windows[0] for _ in range(2))
    assert first == again
    assert 100 <= first.low < 110
    assert 3990 < first.high < 4000
    assert Raster.from_values(large[:, :, None].astype(np.uint8), one_window=True).windows[0] == Window(
        0, 255
    )


def test_a_damaged_16_bit_file_is_named(tmp_path: Path) -> None:
    path = written(
        tmp_path / "cut.tif", ramp(5, np.float32), extrasamples=[0] * 4, planarconfig="contig", **GREY
    )
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ImageError, match=r"cut\.tif"):
        read_picture(path)
    path.write_bytes(b"II+\0" + bytes(40))
    with pytest.raises(ImageError, match=r"cut\.tif"):
        read_size(path)


def test_a_sparse_file_larger_than_memory_is_rejected(tmp_path: Path) -> None:
    path, shape = tmp_path / "hollow.tif", (8192, 8192, 16)
    tiles = iter([np.zeros((256, 256, 16)), *[None] * 1023])
    how = GREY | {"tile": (256, 256), "bigtiff": True, "compression": "zlib", "planarconfig": "contig"}
    tifffile.imwrite(path, tiles, shape=shape, dtype="float64", **how)  # type: ignore[arg-type]
    assert path.stat().st_size < 100_000
    assert read_size(path) == (8192, 8192)
    with pytest.raises(ImageError, match=r"would take 8\.6 GB of memory"):
        read_raster(path)


def test_running_out_of_memory_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "many.tif", ramp(16, np.float64), **GREY)

    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(tifffile.TiffPage, "asarray", full)
    with pytest.raises(ImageError, match="does not fit into the free memory"):
        read_raster(path)
