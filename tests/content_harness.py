"""An open project with its lanes, picture list, folder watcher, loader and content service, and all that was said."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from core.base.changes import Changes, Notice
from core.base.lane import Lane
from core.labels.class_list import ClassList
from core.labels.label_map import LabelMap
from core.project.content.joins import PictureJoins
from core.project.project import Project
from core.project.records import PictureRecord
from core.session.content.service import ContentService
from core.session.loading.folder_sync import FolderSync
from core.session.loading.folder_watcher import FolderWatcher
from core.session.loading.picture_loader import LoadedPicture, PictureLoader
from core.session.picture_index import PictureIndex
from tests.factories import picture, stroke

TIMEOUT = 60


class ContentHarness:
    """Scans when told to, so that a test decides what happens between two looks at the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open()

    def reopen(self, change: Callable[[], object] = lambda: None) -> None:
        """Close the project, change something, and open it again."""
        self.close()
        change()
        self._open()

    def _open(self) -> None:
        self.project = Project.open(self.folder, purpose="a test")
        if not len(self.project.classes.read()):
            self.project.classes.save(ClassList().with_class("grass").with_class("roof"))
        self.errors: list[BaseException] = []
        self.announced: list[Changes] = []
        self.notices: list[Notice] = []
        self.changed: set[int] = set()
        self.document = Lane("document", on_unexpected_error=self.errors.append)
        self.reading = Lane("reading", threads=2, on_unexpected_error=self.errors.append)
        self.joins = PictureJoins(self.project.store)
        self.index = PictureIndex(self.project.pictures.all(), self.joins.successors())
        shared = self.project, self.index, self.document
        self.contents = ContentService(*shared, self._announce, self.notices.append, self._on_changed)
        self.loader = PictureLoader(*shared, self.reading, self._announce, observe=self.contents.store)
        self.sync = FolderSync(
            *shared,
            self.reading,
            self._announce,
            self.contents,
            self.loader.on_files_added,
            self.notices.append,
            self.loader.recent_ids,
        )
        self.sync.scan_folder().result(TIMEOUT)
        self.contents.start(self.watcher._ages.update)
        self.watch()

    @property
    def watcher(self) -> FolderWatcher:
        return self.sync._watcher

    @property
    def paths(self) -> list[str]:
        return [self.index.at(row).path for row in range(len(self.index))]

    @property
    def said(self) -> str:
        return "\n".join(notice.message for notice in self.notices)

    def id_of(self, path: str) -> int:
        return next(i for i in self.index.ids() if self.index.get(i).path == path)

    def record(self, path: str) -> PictureRecord:
        return self.index.get(self.id_of(path))

    def watch(self, scans: int = 3) -> None:
        """Let the folder watcher scan several times, and wait until all that follows is stored."""
        for _ in range(scans):
            self.watcher.scan()
            self.settle()

    def settle(self) -> None:
        self.contents._lane.submit(lambda: None).result(TIMEOUT)
        while self.contents._to_hash:
            time.sleep(0.01)
        self.contents._lane.submit(lambda: None).result(TIMEOUT)
        self.document.submit(lambda: None).result(TIMEOUT)

    def load(self, path: str) -> LoadedPicture:
        """Show a picture, as the canvas does before it is labelled."""
        found = self.loader.load(self.id_of(path)).result(TIMEOUT)
        self.settle()
        return found

    def label(self, path: str, value: int = 1, start: tuple[float, float] = (10, 10)) -> None:
        """Show a picture and paint a stroke into its label."""
        loaded = self.load(path)
        labels = LabelMap(loaded.labels)
        edit = stroke(labels, value, start, (start[0] + 30, start[1] + 20))
        picture_id = self.id_of(path)
        self.document.submit(self.project.journal.commit, picture_id, edit).result(TIMEOUT)
        self.document.submit(
            self._announce, Changes(pictures=frozenset([picture_id]), labels=frozenset([picture_id]))
        ).result(TIMEOUT)

    def values(self, path: str) -> np.ndarray:
        """The stored label."""
        record = self.record(path)
        assert record.width and record.height
        read = self.project.labels.read
        return self.document.submit(read, record.id, record.width, record.height).result(TIMEOUT)

    def close(self) -> None:
        self.sync.close()
        self.contents.close()
        self.loader.stop()
        self.reading.shutdown(cancel_futures=True)
        self.document.shutdown()
        self.project.close()
        assert self.errors == []

    def _announce(self, changes: Changes) -> None:
        if not self.document.owns_current_thread():
            self.document.submit(self._announce, changes)
            return
        self.announced.append(changes)
        self.loader.on_changes(changes)
        ids = changes.pictures if changes.picture_list else {*filter(self.index.has, changes.pictures)}
        self.index.synchronize(ids, self.project.pictures.get_many(ids), self.joins.successors())

    def _on_changed(self, picture_ids: frozenset[int]) -> None:
        self.changed |= picture_ids
        self.loader.drop(picture_ids)


def save(path: Path, seed: int = 5, *, age: float = 60.0, **size: int) -> None:
    """Write a picture, as if it had been there for `age` seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed=seed, **size)).save(path)
    grow_old(path, age)


def grow_old(path: Path, age: float = 60.0) -> None:
    """Give a file, or all files of a folder, a time of `age` seconds ago, so that nobody waits for them to settle."""
    for file in path.rglob("*.png") if path.is_dir() else [path]:
        then = time.time() - age
        os.utime(file, (then, then))
