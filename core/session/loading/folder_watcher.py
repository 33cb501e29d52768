"""Keeps an eye on the folder: new pictures join by themselves, those that vanish are told as missing."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from core.formats.readers.masks import MASKS, PREDICTIONS, is_dataset
from core.images.folder import is_text, list_folder, natural_key
from core.session.picture_index import PictureIndex

log = logging.getLogger(__name__)

SECONDS = 2.0
"""Between two looks. A look asks each folder when it was changed last; only one that was is listed again, so a look
at a hundred thousand pictures that rest costs as much as at one. Asking works on network drives too, where the
system's own notices do not."""
_GONE = "is not there any more. Put it back; its label is kept."


class Watching:
    """A thread of its own that only looks; what it finds is handed to `found` (new paths) and `marked` (picture id to
    what is wrong with its file, None for one that came back)."""

    def __init__(
        self,
        folder: Path,
        index: PictureIndex,
        found: Callable[[list[str]], object],
        marked: Callable[[Mapping[int, str | None]], object],
        seconds: float = SECONDS,
    ) -> None:
        self._folder, self._index, self._found, self._marked = folder, index, found, marked
        self._seconds = seconds
        self._stop = threading.Event()
        self._beginning = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stamps: dict[str, int] = {}
        self._names: dict[str, frozenset[str]] = {}
        self._again: set[str] = set()
        self._growing: dict[str, int] = {}

    def begin(self) -> None:
        """Start to look, once the folder has been searched for the first time."""
        with self._beginning:  # a session may be closed at the very moment at which its search ends
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._watch, name="watching", daemon=True)
                self._thread.start()

    def close(self) -> None:
        self._stop.set()
        with self._beginning:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except OSError as problem:
                log.info("the folder cannot be looked at now: %s", problem)
            except RuntimeError:
                return  # the lanes are closed
            self._stop.wait(self._seconds)

    def look(self) -> None:
        """One look. Raises OSError when the folder as a whole is out of reach: then nothing is called missing."""
        os.stat(self._folder)  # noqa: PTH116  (a drive that is unplugged takes no picture away)
        again, self._again = self._again, set()
        changed = False
        pending = list(self._stamps) or [""]
        while pending and not self._stop.is_set():
            place = pending.pop()
            try:
                stamp = os.stat(self._folder / place).st_mtime_ns  # noqa: PTH116
                if stamp == self._stamps.get(place) and place not in again:
                    continue
                pending += self._list(place)
            except OSError:
                self._forget(place)
            else:
                if stamp != self._stamps.get(place):
                    # Once more at the next look: what comes within a tick of the clock leaves the stamp as it is.
                    self._again.add(place)
                self._stamps[place] = stamp
            changed = True
        if changed and not self._stop.is_set():
            self._compare()

    def _list(self, place: str) -> list[str]:
        """Note what a sub-folder holds (`place` is relative, "" or ending in "/"). Returns folders not yet known."""
        pictures, folders = list_folder(self._folder / place)
        self._names[place] = frozenset(pictures)
        return [path for name in folders if (path := f"{place}{name}/") not in self._stamps]

    def _forget(self, place: str) -> None:
        for known in [p for p in self._stamps if p.startswith(place)]:
            del self._stamps[known]
            self._names.pop(known, None)
            self._again.discard(known)

    def _compare(self) -> None:
        there = {f"{place}{name}" for place, names in self._names.items() for name in names}
        masks = (f"{MASKS}/", f"{PREDICTIONS}/") if is_dataset(self._folder) else ()
        known: set[str] = set()
        marks: dict[int, str | None] = {}
        for picture_id in self._index.ids():
            record = self._index.get(picture_id)
            known.add(record.path)
            was_gone = bool(record.problem and record.problem.endswith(_GONE))
            # Pictures behind a link are in no listing; they are asked for one by one.
            is_there = record.path in there or (self._folder / record.path).is_file()
            if is_there == was_gone:
                marks[picture_id] = None if is_there else f"{record.path} {_GONE}"
        aside = self._index.aside
        fresh = [
            p
            for p in there - known
            if not p.startswith(masks) and not aside.holds(p) and is_text(p) and self._is_whole(p)
        ]
        if fresh:
            self._found(sorted(fresh, key=natural_key))
        if marks:
            self._marked(marks)

    def _is_whole(self, path: str) -> bool:
        """Whether a new file has stopped growing: it has the size that it had at the look before."""
        with contextlib.suppress(OSError):
            size = os.stat(self._folder / path).st_size  # noqa: PTH116
            if self._growing.pop(path, -1) == size:
                return True
            self._growing[path] = size
            self._again.add(path.rpartition("/")[0] + "/" if "/" in path else "")
        return False
