"""Watches the folder of a project: new pictures, files that disappear or come back, and files that are replaced."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from core.images.file_age import FileAge, file_age
from core.images.file_kind import LINK_ADVICE, refusal_reason
from core.images.folder import list_folder, sorted_paths
from core.project.content.joins import MISSING, MISSING_MARK
from core.session.content.content_match import FolderReport
from core.session.loading.folder_scan import picture_filter
from core.session.picture_index import PictureIndex

log = logging.getLogger(__name__)

SCAN_SECONDS = 2.0
"""Between two scans. A scan asks each folder for its modification time and lists only folders that changed, so it costs
the same with 100,000 pictures as with one. This works on network drives, where file-system notifications do not."""
LOOK_SECONDS = 0.03
"""Of each scan, for the ages of known files: they are asked for in turn, so that a scan costs no more with 100,000."""
SETTLED_SECONDS = 10.0
"""A file that was written longer ago than this is complete; of any other the age must be the same in two scans."""


class FolderWatcher:
    """Scans on its own thread and reports on it.

    on_report: gets what is new, gone and back in the folder
    on_touched: gets the ids of pictures whose files have another age than before, or one that was not known
    recent: ids of the pictures in memory, such as the one on screen; their files are looked at in every scan
    """

    def __init__(
        self,
        folder: Path,
        index: PictureIndex,
        on_report: Callable[[FolderReport], object],
        on_touched: Callable[[list[int]], object] = lambda _ids: None,
        recent: Callable[[], Iterable[int]] = tuple,
        seconds: float = SCAN_SECONDS,
    ) -> None:
        self._folder, self._index, self._on_report, self._on_touched = folder, index, on_report, on_touched
        self._recent, self._seconds = recent, seconds
        self._stop = threading.Event()
        self._start_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        # By folder, relative, "" or ending in "/":
        self._modified: dict[str, int] = {}  # modification time, ns
        self._names: dict[str, frozenset[str]] = {}  # pictures in it
        self._rescan: set[str] = set()  # to list again at the next scan
        self._growing: dict[str, FileAge] = {}  # by new path its age at the last scan
        self._waits_for_new = False  # whether missing pictures were held back in the last scan
        self._ages: dict[int, FileAge] = {}  # by picture id
        self._unsettled: dict[int, FileAge] = {}  # of files that are being written
        self._turn: deque[int] = deque()  # ids of the pictures still to be looked at in this round

    def start(self, ages: dict[int, FileAge] | None = None) -> None:
        """Start scanning. Call it after the first scan of the whole folder.

        ages: the stored ages of files, by picture id
        """
        self._ages |= ages or {}
        with self._start_lock:  # `close` may be called at the same moment on another thread
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._watch, name="folder watcher", daemon=True)
                self._thread.start()

    def close(self) -> None:
        self._stop.set()
        with self._start_lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self.scan()
            except OSError as problem:
                log.info("the folder cannot be scanned now: %s", problem)
            except RuntimeError:
                return  # the lanes are closed
            self._stop.wait(self._seconds)

    def scan(self) -> None:
        """Scan once. Raises OSError when the folder itself is unreachable; then no picture is reported as missing."""
        os.stat(self._folder)  # noqa: PTH116  (a drive may be unplugged)
        rescan, self._rescan = self._rescan, set()
        changed = False
        pending = list(self._modified) or [""]
        while pending and not self._stop.is_set():
            folder = pending.pop()
            try:
                modified = os.stat(self._folder / folder).st_mtime_ns  # noqa: PTH116
                if modified == self._modified.get(folder) and folder not in rescan:
                    continue
                pending += self._list(folder)
            except OSError:
                self._forget(folder)
            else:
                if modified != self._modified.get(folder):
                    # A file that comes within the same clock tick leaves the time as it is: list once more.
                    self._rescan.add(folder)
                self._modified[folder] = modified
            changed = True
        if changed and not self._stop.is_set():
            self._compare()
        self._look_at_known_files()

    def _list(self, folder: str) -> list[str]:
        """List a folder. Returns its sub-folders that are new."""
        pictures, folders = list_folder(self._folder / folder, self._folder)
        self._names[folder] = frozenset(pictures)
        return [path for name in folders if (path := f"{folder}{name}/") not in self._modified]

    def _forget(self, folder: str) -> None:
        for known in [path for path in self._modified if path.startswith(folder)]:
            del self._modified[known]
            self._names.pop(known, None)
            self._rescan.discard(known)

    def _compare(self) -> None:
        """Compare the files that are there with the picture list, and report the differences."""
        present = {f"{folder}{name}" for folder, names in self._names.items() for name in names}
        is_picture = picture_filter(self._folder, self._index.excluded)
        records = [self._index.get(i) for i in self._index.ids()]
        known = {record.path for record in records}
        problems: dict[int, str | None] = {}
        for record in records:
            problem = None if record.path in present else absence_problem(self._folder, record.path)
            ours = record.problem is not None and (
                MISSING_MARK in record.problem or LINK_ADVICE in record.problem
            )
            if problem != record.problem and (problem is not None or ours):
                problems[record.id] = problem
        new = [path for path in present - known if is_picture(path) and self._is_complete(path)]
        if problems and self._growing and not self._waits_for_new:
            # A file that was renamed is both missing and new: both are reported together.
            self._waits_for_new = True
            self._rescan.add("")
            problems = {}
        else:
            self._waits_for_new = False
        if new or problems:
            self._on_report(FolderReport(sorted_paths(new), problems))

    def _is_complete(self, path: str) -> bool:
        """Whether a new file is written to its end."""
        with contextlib.suppress(OSError):
            age = file_age(self._folder / path)
            if self._growing.pop(path, None) == age or _is_old(age):
                return True
            self._growing[path] = age
            self._rescan.add(path.rpartition("/")[0] + "/" if "/" in path else "")
        return False

    def _look_at_known_files(self) -> None:
        """Report files whose age has changed. Those in memory and those being written come first."""
        until = time.monotonic() + LOOK_SECONDS
        first = dict.fromkeys((*self._recent(), *self._unsettled))
        touched = self._touched([*first])
        self._turn = self._turn or deque(self._index.ids())
        while self._turn and time.monotonic() < until and not self._stop.is_set():
            if (picture_id := self._turn.popleft()) not in first:
                touched += self._touched([picture_id])
        if touched and not self._stop.is_set():
            self._on_touched(list(dict.fromkeys(touched)))

    def _touched(self, picture_ids: Sequence[int]) -> list[int]:
        found = []
        for picture_id in picture_ids:
            before = self._unsettled.pop(picture_id, None)
            if not self._index.has(picture_id):
                continue
            try:
                age = file_age(self._folder / self._index.get(picture_id).path)
            except (OSError, ValueError):
                continue  # missing: `_compare` says so
            known = self._ages.get(picture_id)
            if known is not None and known.is_same(age):
                self._ages[picture_id] = age
            elif before == age or _is_old(age):
                self._ages[picture_id] = age
                found.append(picture_id)
            else:
                self._unsettled[picture_id] = age
        return found


def absence_problem(folder: Path, path: str) -> str | None:
    """Why the file of a picture is in no listing of the folder; None when it can be read, behind a link to a folder."""
    file = folder / path
    return refusal_reason(file, folder) or (None if file.is_file() else MISSING.format(path=path))


def _is_old(age: FileAge) -> bool:
    return time.time() - age.modified / 1e9 > SETTLED_SECONDS
