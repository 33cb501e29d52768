"""Pictures too large for memory: coarse first, and in the end the same pixels as an in-memory pyramid."""

from __future__ import annotations

import gc
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from core.base.errors import ImageError
from core.base.geometry import Box
from core.base.lane import Lane
from core.images import thumbnail
from core.images.error_messages import PictureTooLargeError
from core.images.image_reader import needs_tiled_reading, read_picture, read_size
from core.images.pyramid import Pyramid
from core.images.thumbnail import read_thumbnail
from core.images.tiff_regions import TiffRegionReader
from core.images.tiled_pyramid import TiledPyramid

WIDTH, HEIGHT = 2309, 1571
TIMEOUT = 60


def hills(kind: type = np.uint8, channels: int = 3) -> NDArray[np.generic]:
    """Smooth, so that a copy reduced in another way differs little."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    waves = [np.sin(x / (90 + 40 * n)) + np.cos(y / (70 + 30 * n)) for n in range(channels)]
    scaled = (np.stack(waves, 2) + 2) / 4
    return (scaled * (1 if kind == np.float32 else np.iinfo(kind).max)).astype(kind)


@pytest.fixture
def lane() -> Iterator[Lane]:
    made = Lane("test", threads=2)
    yield made
    made.shutdown()


class Watched:
    """A tiled pyramid with a listener."""

    def __init__(self, path: Path, lane: Lane) -> None:
        self.boxes: list[Box] = []
        self.problems: list[str] = []
        self._news = threading.Condition()
        self.giant = TiledPyramid(
            TiffRegionReader(path),
            lane.submit,
            lane.submit_first,
            self.problems.append,
            resident_pixels=300_000,
        )
        self.giant.on_tile_loaded = self._hear

    def _hear(self, box: Box) -> None:
        with self._news:
            self.boxes.append(box)
            self._news.notify_all()

    def level(self, number: int) -> NDArray[np.uint8]:
        return self.giant.part(number, Box(0, 0, *self.giant.level_size(number)))

    def until(self, number: int, expected: NDArray[np.uint8], most: int) -> None:
        """Request a whole level until it is as expected."""
        with self._news:
            assert self._news.wait_for(lambda: self._off(number, expected) <= most, TIMEOUT), (
                f"level {number} stays {self._off(number, expected)} off"
            )

    def _off(self, number: int, expected: NDArray[np.uint8]) -> int:
        return int(np.abs(self.level(number).astype(np.int16) - expected).max())


LAYOUTS = {
    "tiles": {"tile": (256, 256), "compression": "zlib", "photometric": "rgb"},
    "odd tiles": {"tile": (304, 176), "photometric": "rgb", "bigtiff": True},
    "strips": {"rowsperstrip": 100, "photometric": "rgb"},
    "planes": {"tile": (256, 256), "photometric": "rgb", "planarconfig": "separate"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_level_ends_up_equal_to_an_in_memory_pyramid(tmp_path: Path, lane: Lane, layout: str) -> None:
    path = tmp_path / "giant.tif"
    picture = hills()
    stored = np.moveaxis(picture, 2, 0) if layout == "planes" else picture
    tifffile.imwrite(path, stored, **LAYOUTS[layout])  # type: ignore[arg-type]
    watched = Watched(path, lane)
    levels = Pyramid.build(picture).levels
    assert (watched.giant.size, watched.giant.level_count) == ((WIDTH, HEIGHT), len(levels))
    for number in reversed(range(len(levels))):
        assert watched.giant.level_size(number) == levels[number].shape[1::-1]
        watched.until(number, levels[number], most=0)
    assert watched.problems == []


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_16_bit_tiles_share_one_window(tmp_path: Path, lane: Lane, kind: type) -> None:
    path = tmp_path / "deep.tif"
    deep = hills(kind, channels=1)[:, :, 0]
    tifffile.imwrite(path, deep, tile=(256, 256), photometric="minisblack", compression="zlib")
    watched = Watched(path, lane)
    levels = Pyramid.build(read_picture(path)).levels
    for number in (len(levels) - 1, 0):
        watched.until(number, levels[number], most=6)  # its window comes from some of the tiles


def test_overviews_are_used(tmp_path: Path, lane: Lane) -> None:
    path = tmp_path / "pyramid.tif"
    picture = hills()
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        options = {"tile": (256, 256), "photometric": "rgb", "compression": "lzw"}
        tiff.write(picture, subifds=2, **options)  # type: ignore[arg-type]
        for number in (1, 2):  # negatives, told apart from what would be computed
            copy = 255 - Pyramid.build(picture).levels[number]
            tiff.write(copy, subfiletype=1, **options)  # type: ignore[arg-type]
    watched = Watched(path, lane)
    levels = Pyramid.build(picture).levels
    for number in reversed(range(len(levels))):
        watched.until(number, 255 - levels[number] if number else levels[0], most=2)


def test_regions_of_jpeg_tiles_equal_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, hills(), tile=(256, 256), photometric="rgb", compression="jpeg")
    whole = tifffile.imread(path)
    box = Box(200, 700, 1300, 1571)
    np.testing.assert_array_equal(TiffRegionReader(path).read_region(0, box), whole[box.slices])


def test_missing_tiles_are_shown_coarsely_at_once(tmp_path: Path, lane: Lane) -> None:
    path = tmp_path / "giant.tif"
    picture = hills()
    tifffile.imwrite(path, picture, tile=(256, 256), photometric="rgb")
    watched = Watched(path, lane)
    coarsest = watched.giant.level_count - 1
    watched.until(coarsest, Pyramid.build(picture).levels[coarsest], most=0)
    hold = threading.Event()
    for _ in range(2):
        lane.submit_first(hold.wait, TIMEOUT)  # nothing can be read now
    box = Box(700, 300, 1400, 900)
    blurred = watched.giant.part(0, box).astype(np.int16)
    off = np.abs(blurred - picture[box.slices])
    assert 0 < off.max() < 24
    before = len(watched.boxes)
    hold.set()
    watched.until(0, picture, most=0)
    fresh = watched.boxes[before:]
    assert all(b.width <= 512 and b.height <= 512 for b in fresh)


def test_tools_read_cached_tiles(tmp_path: Path, lane: Lane) -> None:
    path = tmp_path / "giant.tif"
    picture = hills()
    height, width = picture.shape[:2]
    tifffile.imwrite(path, picture, tile=(256, 256), photometric="rgb")
    watched = Watched(path, lane)
    coarsest = watched.giant.level_count - 1
    watched.until(coarsest, Pyramid.build(picture).levels[coarsest], most=0)
    whole = watched.giant.full_image()
    assert whole.shape == picture.shape and whole is watched.giant.full_image()
    cut = whole[300:900, 700:1400]
    assert cut.shape == (600, 700, 3) and 0 < np.abs(cut.astype(int) - picture[300:900, 700:1400]).max() < 24
    before = len(watched.boxes)
    lane.submit(lambda: None).result()
    assert len(watched.boxes) == before, "nothing is read for a tool"
    watched.until(0, picture, most=0)
    sharp = watched.giant.full_image()
    assert sharp is not whole, "who keeps what was found in it hears that it is another one"
    for cut, same in (
        (sharp[300:900, 700:1400], picture[300:900, 700:1400]),
        (sharp[height - 9 : height + 50, width - 5 : width + 50], picture[-9:, -5:]),
        (sharp[5:6, 7:8], picture[5:6, 7:8]),
        (sharp[900:300, 0:5], picture[900:300, 0:5]),
    ):
        np.testing.assert_array_equal(cut, same)
    thin = sharp[3:height:5, 2:width:5]
    assert thin.shape == picture[3::5, 2::5].shape
    assert np.abs(thin.astype(int) - picture[3::5, 2::5]).max() < 24
    del watched
    gc.collect()
    assert (whole[0:5, 0:5] == 128).all(), "the picture is gone"


def test_nothing_is_read_without_a_listener(tmp_path: Path, lane: Lane) -> None:
    path = tmp_path / "giant.tif"
    tifffile.imwrite(path, hills(), tile=(256, 256), photometric="rgb")
    watched = Watched(path, lane)
    watched.giant.on_tile_loaded = None
    assert np.all(watched.level(watched.giant.level_count - 1) == 128)
    lane.submit(lambda: None).result()
    lane.submit(lambda: None).result()
    assert np.all(watched.level(watched.giant.level_count - 1) == 128)


def test_a_damaged_tile_is_reported_once_and_the_rest_is_shown(tmp_path: Path, lane: Lane) -> None:
    path = tmp_path / "giant.tif"
    picture = hills()
    tifffile.imwrite(path, picture, tile=(256, 256), photometric="rgb", compression="zlib")
    with tifffile.TiffFile(path) as tiff:
        offsets = tiff.pages.first.dataoffsets
    content = bytearray(path.read_bytes())
    for number in (0, 1):
        content[offsets[number] : offsets[number] + 40] = bytes(40)
    path.write_bytes(content)
    watched = Watched(path, lane)
    watched.level(0)
    expected = picture.copy()
    expected[:512, :512] = 0  # the tile of the screen in which the damaged ones lie
    seen = np.zeros_like(picture)

    def rest_is_there() -> bool:
        np.copyto(seen, watched.level(0))
        seen[:512, :512] = 0
        return np.array_equal(seen, expected)

    with watched._news:
        assert watched._news.wait_for(rest_is_there, TIMEOUT)
    assert len(watched.problems) == 1
    assert "giant.tif" in watched.problems[0]


def test_files_that_cannot_be_read_by_region_are_rejected(tmp_path: Path) -> None:
    turned = tmp_path / "turned.tif"
    tag = (274, 3, 1, 6, True)
    tifffile.imwrite(turned, hills(), tile=(256, 256), photometric="rgb", extratags=[tag])
    with pytest.raises(ImageError, match=r"turned\.tif.* stored rotated"):
        TiffRegionReader(turned)


def test_the_size_of_a_huge_picture_is_read_without_decoding(tmp_path: Path) -> None:
    path = tmp_path / "sparse.tif"
    _sparse(path, 40_000, 30_000)
    assert read_size(path) == (40_000, 30_000)
    assert needs_tiled_reading(path, max_pixels=200_000_000)
    with pytest.raises(ImageError, match="claims to be"):
        read_picture(path)
    part = TiffRegionReader(path).read_region(0, Box(39_000, 29_000, 40_000, 30_000))
    assert part.shape == (1000, 1000, 3)
    _sparse(path, 400_000, 300_000)
    with pytest.raises(ImageError, match="at most 4,000 million"):
        read_size(path)


def test_a_huge_picture_has_a_thumbnail_of_its_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sparse.tif"
    _sparse(path, 40_000, 30_000)
    small = read_thumbnail(path, 200)
    assert small.shape == (150, 200, 3) and (small == 128).all()
    (tmp_path / "bomb.png").write_bytes(_PNG_OF_60_000)
    assert (read_thumbnail(tmp_path / "bomb.png", 200) == np.full((200, 200, 3), 128)).all()
    picture = hills()
    with tifffile.TiffWriter(path) as tiff:
        options = {"tile": (256, 256), "photometric": "rgb"}
        tiff.write(picture, subifds=1, **options)  # type: ignore[arg-type]
        tiff.write(255 - Pyramid.build(picture).levels[2], subfiletype=1, **options)  # type: ignore[arg-type]

    def too_large(path: Path, **_: object) -> None:
        raise PictureTooLargeError(f"{path} is too large")

    monkeypatch.setattr(thumbnail, "read_picture", too_large)
    small = read_thumbnail(path, 200)
    assert small.shape == (136, 200, 3)
    expected = cv2.resize(255 - picture, (200, 136), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(small - expected).mean() < 4, "it was made from the copy in the file"


_PNG_OF_60_000 = b"\x89PNG\r\n\x1a\n" + b"".join(
    struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    for kind, body in (
        (b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(99))),
        (b"IEND", b""),
    )
)


def _sparse(path: Path, width: int, height: int) -> None:
    """A tiled file without any tiles."""
    side = 4096
    count = -(-width // side) * -(-height // side)
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1),
        (322, 3, 1, side), (323, 3, 1, side), (324, 4, count, 0), (325, 4, count, 0),
    ]  # fmt: skip
    tables = 8 + 2 + 12 * len(entries) + 4
    content = bytearray(b"II*\0" + (8).to_bytes(4, "little") + len(entries).to_bytes(2, "little"))
    for tag, kind, many, number in entries:
        value = tables + (tag - 324) * 4 * count if tag in (324, 325) else number
        content += tag.to_bytes(2, "little") + kind.to_bytes(2, "little")
        content += many.to_bytes(4, "little") + value.to_bytes(4, "little")
    path.write_bytes(content + bytes(4) + bytes(8 * count))
