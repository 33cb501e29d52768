"""Keeps the document safe while a window is open: a copy now and then, and a journal that does not grow for ever."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable

from core.base.changes import Notice
from core.base.errors import Cancelled, ProjectError
from core.base.lane import Lane
from core.project.backup import EVERY, FOLDER, is_due, make_backup, thin
from core.project.project import Project

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
"""How often it is looked whether a copy is due, while somebody works."""


class Keeping:
    """Copies are made on a lane of its own: strokes never wait for them. `changed` belongs to the document lane."""

    def __init__(
        self,
        project: Project,
        document: Lane,
        tell: Callable[[Notice], None],
        on_mistake: Callable[[BaseException], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = project.store.path
        self._folder = project.home / FOLDER
        self._project = project
        self._document = document
        self._tell = tell
        self._clock = clock
        self._lane = Lane("backups", on_mistake=on_mistake)
        self._look_again = clock()
        self._failed = False
        self._closing = False

    def begin(self) -> None:
        """The project has just been opened: say what had to be put in order, and make room if need be."""
        if self._project.store.notice:
            self._tell(Notice(self._project.store.notice))
        self._document.submit(self._make_room)

    def changed(self) -> None:
        """Document lane: something has been stored. The clock here cannot go backwards."""
        now = self._clock()
        if now < self._look_again or self._closing:
            return
        self._look_again = now + LOOK_SECONDS
        if is_due(self._folder):
            self._look_again = now + EVERY.total_seconds()
            with contextlib.suppress(RuntimeError):  # closed just now
                self._lane.submit(self._copy)

    def close(self) -> None:
        """A copy that is being made is given up; it leaves nothing behind."""
        self._closing = True
        self._lane.close(drop_waiting=True)

    def _copy(self) -> None:
        try:
            make_backup(self._file, self._folder, should_stop=lambda: self._closing)
            thin(self._folder)
        except Cancelled:
            return
        except ProjectError as problem:
            log.warning("no backup: %s", problem)
            if not self._failed:  # said once, not every half hour
                self._tell(Notice(str(problem)))
            self._failed = True
        else:
            self._failed = False

    def _make_room(self) -> None:
        try:
            gone = self._project.journal.thin()
        except ProjectError as problem:
            self._tell(Notice(str(problem)))
            return
        if gone.edits:
            self._tell(
                Notice(
                    f"{gone.edits} of the oldest steps can no longer be undone: the journal had grown too large. "
                    f"Letting go of them gave {gone.bytes / 2**20:.0f} MB back for new ones; no label has changed."
                )
            )
