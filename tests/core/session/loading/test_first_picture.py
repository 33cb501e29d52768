"""Tests of reading the first picture of a folder before its project is open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.images.image_reader import read_picture
from core.project.project_files import HOME_FOLDER, PROJECT_FILE, first_picture_path
from core.session.loading.first_picture import prefetch_first_picture, read_first_picture
from core.session.session import Session
from tests.factories import picture_folder, project_in


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a project in which the second picture was shown last."""
    with project_in(tmp_path / "pictures") as project:
        project.set_fact("shown", str(project.pictures.by_path("p1.png").id))
    return tmp_path / "pictures"


def test_new_folder_gives_first_in_natural_order(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures", 11)
    (folder / "p0.png").unlink()
    (folder / "p1.png").unlink()
    seen = read_first_picture(folder)
    assert seen is not None
    assert seen.path == folder / "p2.png"  # and not p10.png
    np.testing.assert_array_equal(seen.pyramid.levels[0], read_picture(folder / "p2.png"))
    assert not (folder / HOME_FOLDER).exists()


def test_project_gives_picture_shown_last(folder: Path, tmp_path: Path) -> None:
    seen = read_first_picture(folder)
    assert seen is not None
    assert seen.path == folder / "p1.png"
    elsewhere = (folder / HOME_FOLDER).rename(tmp_path / "kept elsewhere, 100 %")
    again = read_first_picture(folder, elsewhere)
    assert again is not None
    assert again.path == folder / "p1.png"


def test_project_never_shown_gives_first_picture(tmp_path: Path) -> None:
    project_in(tmp_path / "pictures").close()
    seen = read_first_picture(tmp_path / "pictures")
    assert seen is not None
    assert seen.path == tmp_path / "pictures" / "p0.png"


def test_project_files_do_not_change(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in (folder / HOME_FOLDER).iterdir() if path.is_file()}
    assert first_picture_path(folder / HOME_FOLDER) == "p1.png"
    after = {path.name: path.read_bytes() for path in (folder / HOME_FOLDER).iterdir() if path.is_file()}
    assert after == before


def test_none_when_the_project_is_needed(folder: Path) -> None:
    (folder / HOME_FOLDER / f"{PROJECT_FILE}-wal").touch()  # somebody has it open, or was killed
    assert read_first_picture(folder) is None


@pytest.mark.parametrize("name", ["p1.png", f"{HOME_FOLDER}/{PROJECT_FILE}"], ids=["picture", "project"])
def test_none_for_damaged_files(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"no such thing" * 100)
    assert read_first_picture(folder) is None
    assert prefetch_first_picture(folder).result(10) is None


def test_none_for_a_missing_picture(folder: Path) -> None:
    (folder / "p1.png").unlink()
    assert read_first_picture(folder) is None


def test_masks_of_a_dataset_are_not_pictures(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures")
    (folder / "classes.json").write_text("{}")
    assert read_first_picture(folder) is None


def test_loader_does_not_read_it_again(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures")
    seen = prefetch_first_picture(folder).result(10)
    assert seen is not None
    session = Session.open(folder, None, lambda _news: None, first_picture=seen)
    try:
        while not len(session.pictures):
            session.wait_until_saved()
        ids = {session.pictures.get(i).path: i for i in session.pictures.ids()}
        assert session.loader.load(ids["p0.png"]).result(10).pyramid is seen.pyramid
        assert session.loader.load(ids["p1.png"]).result(10).pyramid is not seen.pyramid
    finally:
        session.close()
