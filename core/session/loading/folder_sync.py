"""Keeps the picture list in step with the folder: the first scan, pictures that are added, files that disappear."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future

from core.base.changes import Changes, Notice
from core.base.lane import Lane
from core.project.project import Project
from core.session.change_writer import ChangeWriter
from core.session.loading.folder_scan import list_pictures
from core.session.loading.folder_watcher import FolderWatcher
from core.session.picture_index import PictureIndex
from core.session.transfer.excluded_masks import read_excluded

FIRST_CHUNK, CHUNK = 64, 2000
"""Pictures are added in chunks: a small one first, so that something is on screen at once."""


class FolderSync:
    """Scans the folder once, then watches it. Called from any thread; pictures are added on the document lane.

    `on_added` gets the ids of pictures whose files have just appeared, on the document lane.
    """

    def __init__(
        self,
        project: Project,
        index: PictureIndex,
        document: Lane,
        reading: Lane,
        announce: Callable[[Changes], None],
        on_added: Callable[[Iterable[int]], None],
        on_notice: Callable[[Notice], None] = lambda _: None,
    ) -> None:
        self._project = project
        self._index = index
        self._document = document
        self._reading = reading
        self._writer = ChangeWriter(document, announce)
        self._on_added = on_added
        self._on_notice = on_notice
        self._watcher = FolderWatcher(project.folder, index, self.add_pictures, self._on_file_problems)
        self._closing = False

    def start(self) -> None:
        """Scan the folder; once that has ended, watch it."""
        self.scan_folder().add_done_callback(lambda _: self._start_watching())

    def scan_folder(self) -> Future[None]:
        """Add pictures that are new in the folder, chunk by chunk. The future ends with the scan."""
        # On a lane of one thread the scan would delay the first picture; the reading lane has two.
        return self._reading.submit(self._scan_folder)

    def add_pictures(self, paths: Sequence[str]) -> Future[list[int]]:
        """Add pictures whose files are new, by relative path. Returns the ids of all `paths`, in order."""
        return self._document.submit(self._add_pictures, list(paths))

    def close(self) -> None:
        """Stop watching, and give up a scan under way."""
        self._closing = True
        self._watcher.close()

    def _scan_folder(self) -> None:
        excluded = self._index.excluded = self._document.submit(read_excluded, self._project).result()
        refused: list[str] = []
        found = list_pictures(self._project.folder, excluded, refused.append)
        size = FIRST_CHUNK
        while not self._closing:
            chunk = list(itertools.islice(found, size))
            if not chunk:
                if refused:
                    more = f" {len(refused) - 1:,} more are alike." if len(refused) > 1 else ""
                    self._on_notice(Notice(refused[0] + more))
                return
            size = CHUNK
            # One chunk at a time, so that the person's edits never queue behind a whole folder.
            self._writer.write(self._add, chunk)

    def _add(self, chunk: list[str]) -> Changes:
        added = self._project.pictures.add(chunk)
        self._index.extend(added)
        return Changes(picture_list=bool(added))

    def _add_pictures(self, paths: list[str]) -> list[int]:
        for start in range(0, len(paths), CHUNK):
            self._writer.write(self._add, paths[start : start + CHUNK])
        ids = [self._project.pictures.by_path(path).id for path in paths]
        self._on_added(ids)
        return ids

    def _start_watching(self) -> None:
        with contextlib.suppress(RuntimeError):  # the session has been closed
            self._document.submit(self._watcher.start)

    def _on_file_problems(self, problems: Mapping[int, str | None]) -> None:
        self._document.submit(self._store_file_problems, problems)

    def _store_file_problems(self, problems: Mapping[int, str | None]) -> None:
        # While this lane is busy the watcher may scan again, and report the same.
        problems = {i: message for i, message in problems.items() if self._index.get(i).problem != message}
        if not problems:
            return
        self._writer.write(self._project.pictures.set_problems, problems)
        missing = [message for message in problems.values() if message]
        if len(missing) == 1:
            self._on_notice(Notice(missing[0]))
        elif missing:
            self._on_notice(
                Notice(f"{len(missing):,} pictures are missing. Put them back; their labels are kept.")
            )
