"""Tests of the name index: it finds what a search of every name finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.project.records import PictureRecord
from desktop.command_palette.name_index import NameIndex

names = st.lists(st.text("abC/ß\nİ.", min_size=1, max_size=6), max_size=20)


@given(names, st.text("abC/ßi. ", max_size=3), st.integers(1, 5))
def test_finds_what_a_search_of_every_name_finds(paths: list[str], part: str, most: int) -> None:
    index = NameIndex(PictureRecord(10 + n, path) for n, path in enumerate(paths))
    wanted = part.casefold().strip()
    plain = [path.casefold().replace("\n", " ") for path in paths]
    expected = [10 + n for n, path in enumerate(plain) if wanted and wanted in path]
    assert index.find(part, most) == expected[:most]


def test_match_never_spans_two_pictures() -> None:
    index = NameIndex(PictureRecord(n, path) for n, path in enumerate(("ab.png", "cd.png")))
    assert index.find("png\ncd", 5) == index.find("pngcd", 5) == []
    assert index.find("png", 5) == [0, 1]
    assert NameIndex(()).find("a", 5) == []
