"""Tests of the folder watcher: new and missing pictures, and folders that do not change."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest
from PIL import Image

from core.project.records import PictureRecord
from core.session.content.content_match import FolderReport
from core.session.loading.folder_watcher import FolderWatcher
from core.session.picture_index import PictureIndex
from tests.factories import picture, picture_folder


class WatcherHarness:
    """A folder, its picture index, and everything that the watcher reported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = PictureIndex()
        self.found: list[str] = []
        self.problems: list[dict[int, str | None]] = []
        self.touched: list[int] = []
        self.recent: list[int] = []
        self.watcher = FolderWatcher(
            folder, self.index, self._on_report, self.touched.extend, lambda: self.recent
        )

    def _on_report(self, report: FolderReport) -> None:
        self.found += report.new
        self.index.extend(PictureRecord(len(self.index) + n + 1, path) for n, path in enumerate(report.new))
        if report.problems:
            self.problems.append(dict(report.problems))
        for picture_id, problem in report.problems.items():
            self.index.update(PictureRecord(picture_id, self.index.get(picture_id).path, problem=problem))

    def scan(self, count: int = 3) -> None:
        for _ in range(count):
            self.watcher.scan()


def save(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture()).save(path)


def test_finds_new_pictures_in_old_and_new_folders(tmp_path: Path) -> None:
    harness = WatcherHarness(picture_folder(tmp_path, 2))
    harness.scan()
    assert harness.found == ["p0.png", "p1.png"]
    save(tmp_path / "p10.png")
    save(tmp_path / "later" / "deep" / "p2.png")
    save(tmp_path / ".hidden" / "p3.png")
    (tmp_path / "notes.txt").write_text("no picture")
    harness.scan()
    assert harness.found[2:] == ["later/deep/p2.png", "p10.png"]
    assert harness.problems == []


def test_waits_until_a_growing_file_is_complete(tmp_path: Path) -> None:
    harness = WatcherHarness(tmp_path)
    whole = picture_folder(tmp_path.parent / "source", 1) / "p0.png"
    content = whole.read_bytes()
    path = tmp_path / "slow.png"
    for size in (100, 200, 300):
        path.write_bytes(content[:size])
        harness.scan(1)
    assert harness.found == []
    path.write_bytes(content)
    harness.scan(3)
    assert harness.found == ["slow.png"]


def test_reports_missing_and_returning_pictures(tmp_path: Path) -> None:
    harness = WatcherHarness(picture_folder(tmp_path / "mine", 2))
    save(tmp_path / "mine" / "sub" / "p5.png")
    harness.scan()
    shutil.move(tmp_path / "mine" / "p1.png", tmp_path / "p1.png")
    shutil.move(tmp_path / "mine" / "sub", tmp_path / "sub")
    harness.scan()
    messages = {
        harness.index.get(i).path: sentence
        for reported in harness.problems
        for i, sentence in reported.items()
    }
    assert set(messages) == {"p1.png", "sub/p5.png"}
    assert all(sentence and "not there any more" in sentence for sentence in messages.values())
    harness.scan()
    shutil.move(tmp_path / "p1.png", tmp_path / "mine" / "p1.png")
    shutil.move(tmp_path / "sub", tmp_path / "mine" / "sub")
    count = len(harness.found)
    harness.scan()
    assert not any(harness.index.get(i).problem for i in harness.index.ids())
    assert len(harness.found) == count


def test_unreachable_folder_reports_nothing_missing(tmp_path: Path) -> None:
    harness = WatcherHarness(picture_folder(tmp_path / "mine", 2))
    harness.scan()
    shutil.move(tmp_path / "mine", tmp_path / "away")
    with pytest.raises(OSError, match="mine"):
        harness.watcher.scan()
    assert harness.problems == []
    shutil.move(tmp_path / "away", tmp_path / "mine")
    harness.scan()
    assert harness.problems == []


def test_unchanged_folder_is_not_listed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = WatcherHarness(picture_folder(tmp_path, 3))
    harness.scan(4)
    listed: list[object] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (listed.append(path), scandir(path))[1])
    harness.scan(5)
    assert listed == []
    save(tmp_path / "p9.png")
    harness.scan(3)
    assert listed
    assert harness.found[-1] == "p9.png"


def test_close_while_starting_leaves_no_thread(tmp_path: Path) -> None:
    picture_folder(tmp_path, 1)
    for _ in range(100):
        watcher = FolderWatcher(tmp_path, PictureIndex(), lambda _report: None)
        starter = threading.Thread(target=watcher.start)
        starter.start()
        watcher.close()
        starter.join()
        watcher.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "folder watcher"]


def test_reports_files_with_another_age_once_they_are_settled(tmp_path: Path) -> None:
    harness = WatcherHarness(picture_folder(tmp_path, 3))
    harness.scan()
    assert sorted(harness.touched) == [1, 2, 3]  # ages that were never stored
    harness.touched.clear()
    harness.scan()
    assert harness.touched == []
    path = tmp_path / harness.index.get(2).path
    path.write_bytes(path.read_bytes() + b"more")
    harness.scan(1)
    assert harness.touched == []  # it may be written further
    path.write_bytes(path.read_bytes() + b"and more")
    harness.scan(1)
    assert harness.touched == []
    harness.scan(1)
    assert harness.touched == [2]


def test_pictures_in_memory_are_looked_at_in_every_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = WatcherHarness(picture_folder(tmp_path, 3))
    harness.scan()
    harness.touched.clear()
    monkeypatch.setattr("core.session.loading.folder_watcher.LOOK_SECONDS", -1.0)  # no time for the others
    for picture_id in (1, 3):
        os.utime(tmp_path / harness.index.get(picture_id).path, (1e9, 1e9))
    harness.recent = [3]
    harness.scan()
    assert harness.touched == [3]


def test_renamed_file_is_reported_as_new_and_missing_together(tmp_path: Path) -> None:
    harness = WatcherHarness(picture_folder(tmp_path, 2))
    harness.scan()
    reports: list[FolderReport] = []
    harness.watcher._on_report = reports.append
    (tmp_path / "p0.png").rename(tmp_path / "q0.png")
    harness.scan()
    assert (list(reports[0].new), list(reports[0].problems)) == (["q0.png"], [1])
