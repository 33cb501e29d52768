"""Tests of adding the pictures of a folder, and of reporting files that disappear."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from core.base.changes import Changes, Notice
from core.base.lane import Lane
from core.project.project import Project
from core.session.content.service import ContentService
from core.session.loading.folder_sync import CHUNK, FIRST_CHUNK, FolderSync
from core.session.picture_index import PictureIndex
from core.session.transfer.excluded_masks import FACT
from tests.factories import picture, picture_folder

TIMEOUT = 10


class SyncHarness:
    """A project whose folder is kept in step, its lanes, and everything that was reported."""

    def __init__(self, folder: Path) -> None:
        self.project = Project.open(folder, purpose="a test")
        self.errors: list[BaseException] = []
        self.announced: list[Changes] = []
        self.added: list[int] = []
        self.notices: list[str] = []
        self.document = Lane("document", on_unexpected_error=self.errors.append)
        self.reading = Lane("reading", threads=2, on_unexpected_error=self.errors.append)
        self.index = PictureIndex(self.project.pictures.all())
        self.contents = ContentService(
            self.project, self.index, self.document, self._announce, self._on_notice
        )
        self.sync = FolderSync(
            self.project,
            self.index,
            self.document,
            self.reading,
            self._on_changes,
            self.contents,
            self._on_added,
            self._on_notice,
        )

    def scan(self) -> list[str]:
        """Scan the folder. Returns the picture list."""
        self.sync.scan_folder().result(TIMEOUT)
        return [self.index.at(row).path for row in range(len(self.index))]

    def watch(self, scans: int = 3) -> None:
        """Let the folder watcher scan several times, and wait until its reports are stored."""
        for _ in range(scans):
            self.sync._watcher.scan()
            self.contents._lane.submit(lambda: None).result(TIMEOUT)
        self.document.submit(lambda: None).result(TIMEOUT)

    def close(self) -> None:
        self.sync.close()
        self.contents.close()
        self.reading.shutdown(cancel_futures=True)
        self.document.shutdown()
        self.project.close()
        assert self.errors == []

    def _announce(self, changes: Changes) -> None:
        if self.document.owns_current_thread():
            self._on_changes(changes)
        else:
            self.document.submit(self._on_changes, changes)

    def _on_changes(self, changes: Changes) -> None:
        assert self.document.owns_current_thread()
        self.announced.append(changes)
        for picture_id in changes.pictures:
            self.index.update(self.project.pictures.get(picture_id))

    def _on_added(self, picture_ids: Iterable[int]) -> None:
        assert self.document.owns_current_thread()
        self.added += picture_ids

    def _on_notice(self, notice: Notice) -> None:
        self.notices.append(notice.message)


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[SyncHarness]:
    started = SyncHarness(picture_folder(tmp_path / "pictures"))
    yield started
    started.close()


def save(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed=5)).save(path)


def test_second_scan_adds_nothing(harness: SyncHarness) -> None:
    assert harness.scan() == ["p0.png", "p1.png", "p2.png"]
    assert [changes.picture_list for changes in harness.announced] == [True]
    save(harness.project.folder / "a-new-one.png")
    assert harness.scan() == ["a-new-one.png", "p0.png", "p1.png", "p2.png"]  # by name
    assert [r.path for r in harness.project.pictures.all()][-1] == "a-new-one.png"
    harness.scan()
    assert harness.announced == [Changes(picture_list=True)] * 2


def test_large_folder_is_added_in_chunks(tmp_path: Path) -> None:
    count = FIRST_CHUNK + CHUNK + 1
    for number in range(count):
        (tmp_path / f"{number}.png").touch()
    harness = SyncHarness(tmp_path)
    try:
        assert harness.scan() == [f"{number}.png" for number in range(count)]
        assert len(harness.announced) == 3
    finally:
        harness.close()


def test_masks_of_earlier_imports_are_not_added(harness: SyncHarness) -> None:
    save(harness.project.folder / "masks" / "p0.png")
    harness.project.set_fact(FACT, json.dumps({"folders": ["masks"], "files": ["p1.png"]}))
    assert harness.scan() == ["p0.png", "p2.png"]
    assert harness.index.excluded.excludes("masks/p0.png")


def test_added_pictures_have_the_ids_of_their_paths(harness: SyncHarness) -> None:
    harness.scan()
    save(harness.project.folder / "new.png")
    ids = harness.sync.add_pictures(["p2.png", "new.png", "p0.png"]).result(TIMEOUT)
    assert [harness.index.get(i).path for i in ids] == ["p2.png", "new.png", "p0.png"]
    assert harness.added == ids  # files that were known too: another file may have had the name before
    assert harness.announced[-1] == Changes(picture_list=True)


def test_new_file_is_added_once_the_folder_is_watched(harness: SyncHarness) -> None:
    harness.scan()
    save(harness.project.folder / "later" / "new.png")
    harness.watch()
    assert harness.index.at(0).path == "later/new.png"
    assert harness.index.get(4).path == "later/new.png"


def test_missing_picture_is_reported_until_it_is_back(harness: SyncHarness, tmp_path: Path) -> None:
    harness.scan()
    harness.watch()
    (harness.project.folder / "p1.png").rename(tmp_path / "p1.png")
    harness.watch()
    problem = harness.index.get(2).problem
    assert problem is not None and "Put it back" in problem
    assert harness.notices == [problem]
    assert Changes(pictures=frozenset([2])) in harness.announced
    assert harness.project.pictures.get(2).problem == problem
    (tmp_path / "p1.png").rename(harness.project.folder / "p1.png")
    harness.watch()
    assert harness.project.pictures.get(2).problem is None
    assert len(harness.notices) == 1


def test_several_missing_pictures_share_a_notice(harness: SyncHarness) -> None:
    harness.scan()
    harness.watch()
    for name in ("p0.png", "p2.png"):
        (harness.project.folder / name).unlink()
    harness.watch()
    assert harness.notices == [
        "2 pictures are missing. Put them back, under any names; their labels are kept."
    ]
    assert [bool(harness.index.get(i).problem) for i in harness.index.ids()] == [True, False, True]


def test_watching_begins_after_the_first_scan(harness: SyncHarness) -> None:
    harness.sync.start()
    end = time.monotonic() + TIMEOUT
    while not any(thread.name == "folder watcher" for thread in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert len(harness.index) == 3


def test_closed_sync_adds_nothing(harness: SyncHarness) -> None:
    harness.sync.close()
    assert harness.scan() == []
