"""Watches the folder of a project: reports new pictures, and those whose files disappear or come back."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from core.images.file_kind import LINK_ADVICE, refusal_reason
from core.images.folder import list_folder, natural_key
from core.session.loading.folder_scan import picture_filter
from core.session.picture_index import PictureIndex

log = logging.getLogger(__name__)

SCAN_SECONDS = 2.0
"""Between two scans. A scan asks each folder for its modification time and lists only folders that changed, so it costs
the same with 100,000 pictures as with one. This works on network drives, where file-system notifications do not."""
_MISSING = "{path} is not there any more. Put it back; its label is kept."
"""Stored with the picture; by this sentence a file that comes back is recognized."""


class FolderWatcher:
    """Scans on its own thread and reports on it.

    on_new: gets relative paths of new pictures, in natural order
    on_problems: gets by picture id what is wrong with its file, None for a file that came back
    """

    def __init__(
        self,
        folder: Path,
        index: PictureIndex,
        on_new: Callable[[list[str]], object],
        on_problems: Callable[[Mapping[int, str | None]], object],
        seconds: float = SCAN_SECONDS,
    ) -> None:
        self._folder, self._index, self._on_new, self._on_problems = folder, index, on_new, on_problems
        self._seconds = seconds
        self._stop = threading.Event()
        self._start_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        # By folder, relative, "" or ending in "/":
        self._modified: dict[str, int] = {}  # modification time, ns
        self._names: dict[str, frozenset[str]] = {}  # pictures in it
        self._rescan: set[str] = set()  # to list again at the next scan
        self._growing: dict[str, int] = {}  # by new path its size at the last scan

    def start(self) -> None:
        """Start scanning. Call it after the first scan of the whole folder."""
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
        known: set[str] = set()
        problems: dict[int, str | None] = {}
        for picture_id in self._index.ids():
            record = self._index.get(picture_id)
            known.add(record.path)
            missing = _MISSING.format(path=record.path)
            problem = None
            if record.path not in present:
                # In no listing, and yet there: behind a link to a folder, or something that is not read.
                path = self._folder / record.path
                problem = refusal_reason(path, self._folder) or (None if path.is_file() else missing)
            ours = record.problem is not None and (record.problem == missing or LINK_ADVICE in record.problem)
            if problem != record.problem and (problem is not None or ours):
                problems[picture_id] = problem
        new = [path for path in present - known if is_picture(path) and self._is_complete(path)]
        if new:
            self._on_new(sorted(new, key=natural_key))
        if problems:
            self._on_problems(problems)

    def _is_complete(self, path: str) -> bool:
        """Whether a new file is written to its end: its size is the same as at the last scan."""
        with contextlib.suppress(OSError):
            size = os.stat(self._folder / path).st_size  # noqa: PTH116
            if self._growing.pop(path, -1) == size:
                return True
            self._growing[path] = size
            self._rescan.add(path.rpartition("/")[0] + "/" if "/" in path else "")
        return False
