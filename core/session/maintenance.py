"""Keeps the document safe while a window is open: a copy now and then, and a journal that does not grow for ever."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable

from core.base.changes import Notice
from core.base.errors import Cancelled, ProjectError
from core.base.lane import Lane
from core.project.backup import BACKUP_FOLDER, BACKUP_INTERVAL, is_backup_due, make_backup, thin_backups
from core.project.project import Project

log = logging.getLogger(__name__)

CHECK_SECONDS = 60.0
"""How often it is looked whether a copy is due, while somebody works."""


class MaintenanceService:
    """Copies are made on a lane of its own: strokes never wait for them. `changed` belongs to the document lane."""

    def __init__(
        self,
        project: Project,
        document: Lane,
        notify: Callable[[Notice], None],
        on_mistake: Callable[[BaseException], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = project.store.path
        self._folder = project.home / BACKUP_FOLDER
        self._project = project
        self._document = document
        self._notify = notify
        self._clock = clock
        self._lane = Lane("backups", on_unexpected_error=on_mistake)
        self._next_check = clock()
        self._failed = False
        self._closing = False

    def start(self) -> None:
        """The project has just been opened: say what had to be put in order, and make room if need be."""
        if self._project.store.notice:
            self._notify(Notice(self._project.store.notice))
        self._document.submit(self._thin_journal)

    def on_changed(self) -> None:
        """Document lane: something has been stored. The clock here cannot go backwards."""
        now = self._clock()
        if now < self._next_check or self._closing:
            return
        self._next_check = now + CHECK_SECONDS
        if is_backup_due(self._folder):
            self._next_check = now + BACKUP_INTERVAL.total_seconds()
            with contextlib.suppress(RuntimeError):  # closed just now
                self._lane.submit(self._copy)

    def close(self) -> None:
        """A copy that is being made is given up; it leaves nothing behind."""
        self._closing = True
        self._lane.shutdown(cancel_futures=True)

    def _copy(self) -> None:
        try:
            make_backup(self._file, self._folder, should_stop=lambda: self._closing)
            thin_backups(self._folder)
        except Cancelled:
            return
        except ProjectError as problem:
            log.warning("no backup: %s", problem)
            if not self._failed:  # said once, not every half hour
                self._notify(Notice(str(problem)))
            self._failed = True
        else:
            self._failed = False

    def _thin_journal(self) -> None:
        try:
            gone = self._project.journal.thin()
        except ProjectError as problem:
            self._notify(Notice(str(problem)))
            return
        if gone.edits:
            self._notify(
                Notice(
                    f"{gone.edits} of the oldest steps can no longer be undone: the journal had grown too large. "
                    f"Letting go of them gave {gone.bytes / 2**20:.0f} MB back for new ones; no label has changed."
                )
            )
