"""Pictures that are too large to be decoded whole: converted once, in a child process that can be given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.base.errors import Cancelled, ImageError
from core.base.geometry import Box
from core.images.image_reader import read_picture
from core.images.tiled_pyramid import TiledPyramid
from core.project.project import Project
from core.session.loading import picture_loader
from core.session.loading.picture_conversion import ConversionNeededError, PictureConverter
from core.session.session import Session
from tests.factories import picture, project_in

TIMEOUT = 120


@pytest.fixture
def converter(tmp_path: Path) -> Iterator[PictureConverter]:
    made = PictureConverter(tmp_path / "cache")
    yield made
    made.close()


def picture_file(path: Path, side: int = 1500) -> Path:
    Image.fromarray(picture(side, side)).save(path, compress_level=1)
    return path


def test_a_picture_is_converted_once_and_anew_when_it_changes(
    converter: PictureConverter, tmp_path: Path
) -> None:
    path, shares = picture_file(tmp_path / "a.png"), []
    assert converter.converted(1, path) is None
    made = converter.convert(1, lambda: path, shares.append).result(TIMEOUT)
    assert shares[-1] == 1.0 and converter.converted(1, path) == made
    shares.clear()
    assert converter.convert(1, lambda: path, shares.append).result(TIMEOUT) == made and shares == []
    picture_file(path, 900)
    assert converter.converted(1, path) is None
    again = converter.convert(1, lambda: path, shares.append).result(TIMEOUT)
    assert again != made and sorted(made.parent.iterdir()) == [again], "the old tiles are gone"


def test_a_conversion_is_given_up(converter: PictureConverter, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.tile(picture(500, 500), (10, 10, 1))).save(path, compress_level=1)
    has_begun = threading.Event()
    future = converter.convert(1, lambda: path, lambda _share: has_begun.set())
    waiting = converter.convert(2, lambda: path, lambda _share: None)
    assert has_begun.wait(TIMEOUT)
    converter.cancel(2)
    converter.cancel(1)
    for each in (future, waiting):
        with pytest.raises(Cancelled):
            each.result(TIMEOUT)
    assert list((tmp_path / "cache" / "tiled").iterdir()) == []
    assert converter.convert(1, lambda: path, lambda _share: None).result(TIMEOUT).is_file(), (
        "and begun again"
    )


def test_what_is_damaged_or_gone_is_a_sentence(converter: PictureConverter, tmp_path: Path) -> None:
    path = picture_file(tmp_path / "a.png")
    path.write_bytes(path.read_bytes()[:-90_000])
    with pytest.raises(ImageError, match=r"a\.png” cannot be opened"):
        converter.convert(1, lambda: path, lambda _share: None).result(TIMEOUT)
    path.unlink()
    with pytest.raises(ImageError, match="no longer exists"):
        converter.convert(1, lambda: path, lambda _share: None).result(TIMEOUT)
    (tmp_path / "cache" / "tiled").rmdir()
    (tmp_path / "cache" / "tiled").write_text("in the way")
    picture_file(path)
    with pytest.raises(ImageError, match="cannot be written"):
        converter.convert(1, lambda: path, lambda _share: None).result(TIMEOUT)


def test_a_session_opens_it_from_its_tiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "pictures"
    project_in(folder, 1).close()
    picture_file(folder / "p0.png")
    monkeypatch.setattr(picture_loader, "MAX_PIXELS", 1_000_000)
    mistakes: list[BaseException] = []
    session = Session(Project.open(folder), lambda _event: None, mistakes.append)
    try:
        with pytest.raises(ConversionNeededError):
            session.loader.load(1).result(TIMEOUT)
        assert session.pictures.get(1).problem is None, "it is no problem of the picture"
        tiles = session.loader.convert(1, lambda _share: None).result(TIMEOUT)
        pyramid = session.loader.load(1).result(TIMEOUT).pyramid
        assert isinstance(pyramid, TiledPyramid) and pyramid.size == (1500, 1500)
        whole = Box(0, 0, 1500, 1500)
        np.testing.assert_array_equal(pyramid._reader.read_region(0, whole), read_picture(folder / "p0.png"))
        assert session.loader.thumbnail(1, 100).result(TIMEOUT).shape == (100, 100, 3)
        assert tiles.is_relative_to(folder / ".maskloop" / "cache")
        session.loader._cache.clear()
        Image.new("RGB", (9, 9)).save(tiles)
        with pytest.raises(ConversionNeededError, match="damaged"):
            session.loader.load(1).result(TIMEOUT)
        assert not tiles.exists()
    finally:
        session.close()
    assert mistakes == []


def test_a_project_that_is_only_read_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(picture_loader, "MAX_PIXELS", 1_000_000)
    folder, cache = tmp_path / "pictures", tmp_path / "cache" / "maskloop" / "tiled"
    project_in(folder, 1).close()
    picture_file(folder / "p0.png")
    abandoned = cache / "999999999-gone"
    abandoned.mkdir(parents=True)
    before = content_of(folder)
    session = Session(Project.open_read_only(folder), lambda _event: None)
    try:
        tiles = session.loader.convert(1, lambda _share: None).result(TIMEOUT)
        assert tiles.is_relative_to(cache) and not abandoned.exists()
        assert isinstance(session.loader.load(1).result(TIMEOUT).pyramid, TiledPyramid)
        assert content_of(folder) == before
    finally:
        session.close()
    assert list(cache.iterdir()) == []


def test_damaged_tiles_of_a_project_that_is_only_read_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    path = picture_file(tmp_path / "a.png")
    writing = PictureConverter(tmp_path / "cache")
    made = writing.convert(1, lambda: path, lambda _share: None).result(TIMEOUT)
    writing.close()
    reading = PictureConverter(tmp_path / "cache", writing=False)
    assert reading.converted(1, path) == made
    reading.reject(made)
    assert reading.converted(1, path) is None and made.exists()
    again = reading.convert(1, lambda: path, lambda _share: None).result(TIMEOUT)
    assert reading.converted(1, path) == again != made
    reading.close()


def content_of(folder: Path) -> dict[Path, bytes]:
    """Of every file but those that SQLite makes to read beside a writer."""
    return {
        path: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def test_what_a_crash_has_left_is_deleted_when_the_project_opens(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    project_in(folder, 1).close()
    tiled = folder / ".maskloop" / "cache" / "tiled"
    tiled.mkdir(parents=True)
    for name in ("7-1-1.part", "7-1-1.upright.part", "7-1-1.tif"):
        (tiled / name).write_bytes(b"x")
    session = Session.open(folder, None, lambda _event: None)
    try:
        deadline = time.monotonic() + TIMEOUT
        while list(tiled.glob("*.part")) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert [path.name for path in tiled.iterdir()] == ["7-1-1.tif"]
    finally:
        session.close()


def test_the_file_is_looked_for_on_the_lane(converter: PictureConverter) -> None:
    threads: list[str] = []

    def find() -> Path:
        threads.append(threading.current_thread().name)
        raise ImageError("It leads out of the folder.")

    with pytest.raises(ImageError, match="leads out"):
        converter.convert(1, find, lambda _share: None).result(TIMEOUT)
    assert threads == ["conversion-0"]
