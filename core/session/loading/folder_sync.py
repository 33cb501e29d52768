"""Keeps the picture list in step with the folder: the first scan, pictures that are added, files that disappear."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, Future

from core.base.changes import Changes, Notice
from core.base.lane import Lane
from core.images.file_age import FileAge
from core.images.folder import sorted_paths
from core.project.content.joins import MISSING_MARK
from core.project.project import Project
from core.session.change_writer import ChangeWriter
from core.session.content.content_match import FolderReport
from core.session.content.service import ContentService
from core.session.loading.folder_scan import list_pictures
from core.session.loading.folder_watcher import FolderWatcher, absence_problem
from core.session.picture_index import PictureIndex
from core.session.transfer.excluded_masks import read_excluded

FIRST_CHUNK, CHUNK = 64, 2000
"""Pictures are added in chunks: a small one first, so that something is on screen at once."""


class FolderSync:
    """Scans the folder once, then watches it. Called from any thread; pictures are added on the document lane.

    contents: joins missing pictures with new files of the same content; on_added: gets the ids of pictures whose files
    have just appeared, on the document lane; recent: ids of the pictures in memory
    """

    def __init__(
        self,
        project: Project,
        index: PictureIndex,
        document: Lane,
        reading: Lane,
        announce: Callable[[Changes], None],
        contents: ContentService,
        on_added: Callable[[Iterable[int]], None],
        on_notice: Callable[[Notice], None] = lambda _: None,
        recent: Callable[[], Iterable[int]] = tuple,
    ) -> None:
        self._project = project
        self._index = index
        self._document = document
        self._reading = reading
        self._writer = ChangeWriter(document, announce)
        self._contents = contents
        self._on_added = on_added
        self._on_notice = on_notice
        self._watcher = FolderWatcher(project.folder, index, contents.settle, contents.look_at, recent)
        self._closing = False

    def start(self) -> None:
        """Scan the folder; once that has ended, watch it."""
        self.scan_folder().add_done_callback(lambda _: self._start_watching())

    def scan_folder(self) -> Future[None]:
        """Add pictures that are new in the folder, chunk by chunk. The future ends with the scan."""
        # On a lane of one thread the scan would delay the first picture; the reading lane has two.
        return self._reading.submit(self._scan_folder)

    def add_pictures(self, paths: Sequence[str]) -> Future[list[int]]:
        """Add pictures whose files are new, by relative path. Returns the ids of all `paths`, in order.

        A file with the content of a missing picture becomes that picture again.
        """
        wanted = list(paths)
        added: Future[list[int]] = Future()

        def settled(done: Future[None]) -> None:
            error = None if done.cancelled() else done.exception()
            if error is not None:
                added.set_exception(error)
                return
            if done.cancelled():
                added.cancel()
                return
            self._document.submit(self._ids_of, wanted).add_done_callback(
                lambda found: _pass_on(found, added)
            )

        self._contents.settle(FolderReport(sorted_paths(wanted))).add_done_callback(settled)
        return added

    def close(self) -> None:
        """Stop watching, and give up a scan under way."""
        self._closing = True
        self._watcher.close()

    def _scan_folder(self) -> None:
        excluded = self._index.excluded = self._document.submit(read_excluded, self._project).result()
        refused: list[str] = []
        found = list_pictures(self._project.folder, excluded, refused.append)
        if len(self._index):
            self._compare_folder(found)
        else:
            self._add_in_chunks(found)
        if refused and not self._closing:
            more = f" {len(refused) - 1:,} more are alike." if len(refused) > 1 else ""
            self._on_notice(Notice(refused[0] + more))

    def _add_in_chunks(self, found: Iterable[str]) -> None:
        size, rest = FIRST_CHUNK, iter(found)
        while not self._closing and (chunk := list(itertools.islice(rest, size))):
            size = CHUNK
            # One chunk at a time, so that the person's edits never queue behind a whole folder.
            self._writer.write(self._add, chunk)

    def _compare_folder(self, found: Iterable[str]) -> None:
        """Files that are new since the project was open last may be those of pictures that are missing now."""
        records = {record.path: record for i in self._index.ids() for record in (self._index.get(i),)}
        new: list[str] = []
        for path in found:
            if self._closing:
                return
            if records.pop(path, None) is None:
                new.append(path)
        problems = {}
        for record in records.values():  # those that the scan did not come across
            problem = absence_problem(self._project.folder, record.path)
            if (
                problem is not None
                and problem != record.problem
                and MISSING_MARK not in (record.problem or "")
            ):
                problems[record.id] = problem
        if new or problems:
            with contextlib.suppress(RuntimeError, CancelledError):  # the session has been closed
                self._contents.settle(FolderReport(new, problems)).result()

    def _add(self, chunk: list[str]) -> Changes:
        added = self._project.pictures.add(chunk)
        self._index.extend(added)
        return Changes(picture_list=bool(added))

    def _ids_of(self, paths: list[str]) -> list[int]:
        ids = [self._project.pictures.by_path(path).id for path in paths]
        self._on_added(ids)
        return ids

    def _start_watching(self) -> None:
        if self._closing:
            return

        def begin(ages: dict[int, FileAge]) -> None:
            self._watcher.start(ages)

        self._contents.start(begin)


def _pass_on(done: Future[list[int]], to: Future[list[int]]) -> None:
    error = None if done.cancelled() else done.exception()
    if error is not None:
        to.set_exception(error)
    elif done.cancelled():
        to.cancel()
    else:
        to.set_result(done.result())
