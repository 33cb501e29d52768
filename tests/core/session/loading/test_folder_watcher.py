"""The folder is watched: what comes is found, what goes is missed, and a folder at rest is not listed again."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from core.project.records import PictureRecord
from core.session.loading.folder_watcher import FolderWatcher
from core.session.picture_index import PictureIndex
from tests.factories import picture, picture_folder


class Desk:
    """A folder, what is known of it, and what watching it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = PictureIndex()
        self.found: list[str] = []
        self.marks: list[dict[int, str | None]] = []
        self.watching = FolderWatcher(folder, self.index, self._found, self._marked)

    def _found(self, paths: list[str]) -> None:
        self.found += paths
        self.index.extend(PictureRecord(len(self.index) + n + 1, path) for n, path in enumerate(paths))

    def _marked(self, marks: Mapping[int, str | None]) -> None:
        self.marks.append(dict(marks))
        for picture_id, problem in marks.items():
            self.index.update(PictureRecord(picture_id, self.index.get(picture_id).path, problem=problem))

    def looks(self, count: int = 3) -> None:
        for _ in range(count):
            self.watching.scan()


def save(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture()).save(path)


def test_new_pictures_are_found_also_in_new_folders(tmp_path: Path) -> None:
    desk = Desk(picture_folder(tmp_path, 2))
    desk.looks()
    assert desk.found == ["p0.png", "p1.png"]
    save(tmp_path / "p10.png")
    save(tmp_path / "later" / "deep" / "p2.png")
    save(tmp_path / ".hidden" / "p3.png")
    (tmp_path / "notes.txt").write_text("no picture")
    desk.looks()
    assert desk.found[2:] == ["later/deep/p2.png", "p10.png"]
    assert desk.marks == []


def test_a_file_that_still_grows_is_left_until_it_is_whole(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    whole = picture_folder(tmp_path.parent / "source", 1) / "p0.png"
    content = whole.read_bytes()
    path = tmp_path / "slow.png"
    for size in (100, 200, 300):
        path.write_bytes(content[:size])
        desk.looks(1)
    assert desk.found == []
    path.write_bytes(content)
    desk.looks(3)
    assert desk.found == ["slow.png"]


def test_what_vanishes_is_missed_and_welcomed_back(tmp_path: Path) -> None:
    desk = Desk(picture_folder(tmp_path / "mine", 2))
    save(tmp_path / "mine" / "sub" / "p5.png")
    desk.looks()
    shutil.move(tmp_path / "mine" / "p1.png", tmp_path / "p1.png")
    shutil.move(tmp_path / "mine" / "sub", tmp_path / "sub")
    desk.looks()
    said = {desk.index.get(i).path: sentence for marks in desk.marks for i, sentence in marks.items()}
    assert set(said) == {"p1.png", "sub/p5.png"}
    assert all(sentence and "not there any more" in sentence for sentence in said.values())
    desk.looks()
    shutil.move(tmp_path / "p1.png", tmp_path / "mine" / "p1.png")
    shutil.move(tmp_path / "sub", tmp_path / "mine" / "sub")
    count = len(desk.found)
    desk.looks()
    assert not any(desk.index.get(i).problem for i in desk.index.ids())
    assert len(desk.found) == count


def test_a_drive_that_is_unplugged_takes_no_picture_away(tmp_path: Path) -> None:
    desk = Desk(picture_folder(tmp_path / "mine", 2))
    desk.looks()
    shutil.move(tmp_path / "mine", tmp_path / "away")
    with pytest.raises(OSError, match="mine"):
        desk.watching.scan()
    assert desk.marks == []
    shutil.move(tmp_path / "away", tmp_path / "mine")
    desk.looks()
    assert desk.marks == []


def test_a_folder_at_rest_is_not_listed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(picture_folder(tmp_path, 3))
    desk.looks(4)
    listed: list[object] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (listed.append(path), scandir(path))[1])
    desk.looks(5)
    assert listed == []
    save(tmp_path / "p9.png")
    desk.looks(3)
    assert listed
    assert desk.found[-1] == "p9.png"


def test_a_session_may_be_closed_while_the_watch_begins(tmp_path: Path) -> None:
    picture_folder(tmp_path, 1)
    for _ in range(100):
        watching = FolderWatcher(tmp_path, PictureIndex(), lambda _paths: None, lambda _marks: None)
        beginner = threading.Thread(target=watching.start)
        beginner.start()
        watching.close()
        beginner.join()
        watching.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "watching"]
