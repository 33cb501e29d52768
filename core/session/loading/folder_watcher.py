"""Keeps an eye on the folder: new pictures join by themselves, those that vanish are told as missing."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from core.formats.mask_layout import MASKS, PREDICTIONS, is_mask_dataset
from core.images.folder import is_encodable_name, list_folder, natural_key
from core.session.picture_index import PictureIndex

log = logging.getLogger(__name__)

SCAN_SECONDS = 2.0
"""Between two looks. A look asks each folder when it was changed last; only one that was is listed again, so a look
at a hundred thousand pictures that rest costs as much as at one. Asking works on network drives too, where the
system's own notices do not."""
_MISSING = "is not there any more. Put it back; its label is kept."


class FolderWatcher:
    """A thread of its own that only looks; what it finds is handed to `found` (new paths) and `marked` (picture id to
    what is wrong with its file, None for one that came back)."""

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
        self._modified: dict[str, int] = {}
        self._names: dict[str, frozenset[str]] = {}
        self._rescan: set[str] = set()
        self._growing: dict[str, int] = {}

    def start(self) -> None:
        """Start to look, once the folder has been searched for the first time."""
        with self._start_lock:  # a session may be closed at the very moment at which its search ends
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._watch, name="watching", daemon=True)
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
                log.info("the folder cannot be looked at now: %s", problem)
            except RuntimeError:
                return  # the lanes are closed
            self._stop.wait(self._seconds)

    def scan(self) -> None:
        """One look. Raises OSError when the folder as a whole is out of reach: then nothing is called missing."""
        os.stat(self._folder)  # noqa: PTH116  (a drive that is unplugged takes no picture away)
        again, self._rescan = self._rescan, set()
        changed = False
        pending = list(self._modified) or [""]
        while pending and not self._stop.is_set():
            place = pending.pop()
            try:
                stamp = os.stat(self._folder / place).st_mtime_ns  # noqa: PTH116
                if stamp == self._modified.get(place) and place not in again:
                    continue
                pending += self._list(place)
            except OSError:
                self._forget(place)
            else:
                if stamp != self._modified.get(place):
                    # Once more at the next look: what comes within a tick of the clock leaves the stamp as it is.
                    self._rescan.add(place)
                self._modified[place] = stamp
            changed = True
        if changed and not self._stop.is_set():
            self._compare()

    def _list(self, place: str) -> list[str]:
        """Note what a sub-folder holds (`place` is relative, "" or ending in "/"). Returns folders not yet known."""
        pictures, folders = list_folder(self._folder / place)
        self._names[place] = frozenset(pictures)
        return [path for name in folders if (path := f"{place}{name}/") not in self._modified]

    def _forget(self, place: str) -> None:
        for known in [p for p in self._modified if p.startswith(place)]:
            del self._modified[known]
            self._names.pop(known, None)
            self._rescan.discard(known)

    def _compare(self) -> None:
        there = {f"{place}{name}" for place, names in self._names.items() for name in names}
        masks = (f"{MASKS}/", f"{PREDICTIONS}/") if is_mask_dataset(self._folder) else ()
        known: set[str] = set()
        marks: dict[int, str | None] = {}
        for picture_id in self._index.ids():
            record = self._index.get(picture_id)
            known.add(record.path)
            was_gone = bool(record.problem and record.problem.endswith(_MISSING))
            # Pictures behind a link are in no listing; they are asked for one by one.
            is_there = record.path in there or (self._folder / record.path).is_file()
            if is_there == was_gone:
                marks[picture_id] = None if is_there else f"{record.path} {_MISSING}"
        aside = self._index.excluded
        fresh = [
            p
            for p in there - known
            if not p.startswith(masks)
            and not aside.excludes(p)
            and is_encodable_name(p)
            and self._is_complete(p)
        ]
        if fresh:
            self._on_new(sorted(fresh, key=natural_key))
        if marks:
            self._on_problems(marks)

    def _is_complete(self, path: str) -> bool:
        """Whether a new file has stopped growing: it has the size that it had at the look before."""
        with contextlib.suppress(OSError):
            size = os.stat(self._folder / path).st_size  # noqa: PTH116
            if self._growing.pop(path, -1) == size:
                return True
            self._growing[path] = size
            self._rescan.add(path.rpartition("/")[0] + "/" if "/" in path else "")
        return False
