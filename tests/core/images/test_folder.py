"""Finding the pictures of a folder."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import ImageError
from core.images.folder import has_pictures, list_folder, natural_key, scan_folder


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in scan_folder(folder)]


def test_natural_order_with_sub_folders(tmp_path: Path) -> None:
    touch(tmp_path, "img10.png", "img2.png", "Img1.JPG", "day10/a.tif", "day9/b.webp", "notes.txt", "z.gif")
    assert found(tmp_path) == ["day9/b.webp", "day10/a.tif", "Img1.JPG", "img2.png", "img10.png", "z.gif"]


def test_hidden_entries_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, ".maskloop/cache/t.png", ".hidden.png", "._a.jpg", "a.jpg", ".git/b.png")
    assert found(tmp_path) == ["a.jpg"]


def test_a_folder_may_be_named_like_a_picture(tmp_path: Path) -> None:
    touch(tmp_path, "tiles.png/1.png", "tiles.png/2.png")
    assert found(tmp_path) == ["tiles.png/1.png", "tiles.png/2.png"]


def test_the_suffix_decides(tmp_path: Path) -> None:
    for name in ("jpg", "photo.", "notes.txt", "a.JPG", "b.tar.png", "c.png.bak"):
        (tmp_path / name).touch()
    assert [path.name for path in scan_folder(tmp_path)] == ["a.JPG", "b.tar.png"]


@given(st.lists(st.from_regex(r"[aB]{0,1}[0-9]{1,3}", fullmatch=True), unique=True, max_size=8))
def test_the_fast_sort_gives_the_same_order(stems: list[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        made = [f"{stem}.png" for stem in stems]
        for name in made:
            (Path(scratch) / name).touch()
        assert [path.name for path in scan_folder(Path(scratch))] == sorted(made, key=natural_key)


def test_directories_are_listed_lazily(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/1.png")
    paths = scan_folder(tmp_path)
    assert next(paths) == tmp_path / "a" / "1.png"
    touch(tmp_path, "b/2.png")
    assert [p.name for p in paths] == ["1.png", "2.png"]


def test_links_out_of_the_folder_are_refused_and_said(tmp_path: Path) -> None:
    """A folder may come from a stranger: a link in it may lead to `/`, to `/proc`, or to anybody's pictures."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    touch(tmp_path, "inside/real/1.png", "outside/2.png")
    try:
        (inside / "again").symlink_to(inside / "real", target_is_directory=True)
        (inside / "loop").symlink_to(tmp_path, target_is_directory=True)
        (inside / "more").symlink_to(outside, target_is_directory=True)
        (inside / "root").symlink_to("/", target_is_directory=True)
        (inside / "one.png").symlink_to(outside / "2.png")
        (inside / "same.png").symlink_to(inside / "real" / "1.png")
        (tmp_path / "alias").symlink_to(inside, target_is_directory=True)
    except OSError:
        pytest.skip("this system does not let us make links")
    said: list[str] = []
    paths = [path.relative_to(inside).as_posix() for path in scan_folder(inside, said.append)]
    assert paths == ["real/1.png", "same.png"]
    assert len(said) == 4
    assert all("is a link to" in sentence and "not followed" in sentence for sentence in said)
    pictures, folders = list_folder(inside)
    assert (pictures, folders) == (["same.png"], ["real"])
    assert list_folder(inside / "real", inside) == (["1.png"], [])
    # The folder that the person names may be a link itself.
    assert found(tmp_path / "alias") == ["real/1.png", "same.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_pipes_sockets_and_devices_are_left_out_and_said(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "inner.png").symlink_to("pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.png"))
        said: list[str] = []
        assert [path.name for path in scan_folder(tmp_path, said.append)] == ["a.png"]
        assert list_folder(tmp_path) == (["a.png"], [])
    assert sorted(word for word in ("a pipe", "a socket", "a link to") if word in " ".join(said)) == [
        "a link to",
        "a pipe",
        "a socket",
    ]
    assert len(said) == 4
    (tmp_path / "a.png").unlink()
    assert not has_pictures(tmp_path)


def test_a_broken_link_does_not_hide_its_siblings(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "sub/b.png", "sub/c.png")
    try:
        for name in ("n.png", "loop", "sub/old", "sub/m.png"):
            (tmp_path / name).symlink_to(Path(name).name)  # to itself
    except OSError:
        pytest.skip("this system does not let us make links")
    assert found(tmp_path) == ["a.png", "n.png", "sub/b.png", "sub/c.png", "sub/m.png"]
    assert has_pictures(tmp_path)
    pictures, folders = list_folder(tmp_path)
    assert (sorted(pictures), folders) == (["a.png", "n.png"], ["sub"])


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="gone"):
        next(scan_folder(tmp_path / "gone"))


names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12)


@given(st.lists(names, unique=True))
def test_natural_order_is_one_order_for_all_names(some: list[str]) -> None:
    shuffled = some[::-1]
    assert sorted(shuffled, key=natural_key) == sorted(some, key=natural_key)


@given(names, st.integers(0, 10**6), st.integers(0, 10**6))
def test_numbers_count_by_value(stem: str, a: int, b: int) -> None:
    first, second = natural_key(f"{stem}x{a}.png"), natural_key(f"{stem}x{b}.png")
    assert (first < second) == (a < b)
