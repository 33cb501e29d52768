"""Pictures of one file name are told apart by their folders."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.project.records import PictureRecord
from core.session.picture_names import distinguishing_names


def named(*paths: str) -> dict[str, str]:
    names = distinguishing_names(PictureRecord(n, path) for n, path in enumerate(paths))
    return {paths[n]: name for n, name in names.items()}


def test_only_folders_that_tell_them_apart_are_named() -> None:
    assert named("Tile 1/images/a.jpg", "Tile 2/images/a.jpg", "Tile 2/images/b.jpg") == {
        "Tile 1/images/a.jpg": "Tile 1/a.jpg",
        "Tile 2/images/a.jpg": "Tile 2/a.jpg",
    }
    assert named("a.jpg", "x/a.jpg") == {"a.jpg": "a.jpg", "x/a.jpg": "x/a.jpg"}
    assert set(named("x/y/a.jpg", "y/x/a.jpg").values()) == {"x/y/a.jpg", "y/x/a.jpg"}


@given(st.sets(st.lists(st.sampled_from("xyz"), min_size=1, max_size=4).map("/".join), max_size=9))
def test_names_are_different(paths: set[str]) -> None:
    records = [PictureRecord(n, path) for n, path in enumerate(sorted(paths))]
    names = distinguishing_names(records)
    assert len({names.get(record.id, record.name) for record in records}) == len(records)
