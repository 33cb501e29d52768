"""Backs up the open project regularly and keeps its undo journal from growing without limit."""

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
"""Least time between two checks whether a backup is due."""


class MaintenanceService:
    """Makes backups on its own lane, so that strokes never wait for them. `clock` returns monotonic seconds."""

    def __init__(
        self,
        project: Project,
        document: Lane,
        notify: Callable[[Notice], None],
        on_unexpected_error: Callable[[BaseException], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = project.store.path
        self._folder = project.home / BACKUP_FOLDER
        self._project = project
        self._document = document
        self._notify = notify
        self._clock = clock
        self._lane = Lane("backups", on_unexpected_error=on_unexpected_error)
        self._next_check = clock()
        self._failed = False
        self._closing = False

    def start(self) -> None:
        """Report what was repaired when the project was opened, and thin the journal if it is too large."""
        if self._project.store.notice:
            self._notify(Notice(self._project.store.notice))
        self._document.submit(self._thin_journal)

    def on_changed(self) -> None:
        """Document lane: something has been stored."""
        now = self._clock()
        if now < self._next_check or self._closing:
            return
        self._next_check = now + CHECK_SECONDS
        if is_backup_due(self._folder):
            self._next_check = now + BACKUP_INTERVAL.total_seconds()
            with contextlib.suppress(RuntimeError):  # the session has been closed
                self._lane.submit(self._back_up)

    def close(self) -> None:
        """Cancel a backup under way; it leaves no file behind."""
        self._closing = True
        self._lane.shutdown(cancel_futures=True)

    def _back_up(self) -> None:
        try:
            make_backup(self._file, self._folder, should_stop=lambda: self._closing)
            thin_backups(self._folder)
        except Cancelled:
            return
        except ProjectError as problem:
            log.warning("backup failed: %s", problem)
            if not self._failed:  # once, not at every attempt
                self._notify(Notice(str(problem)))
            self._failed = True
        else:
            self._failed = False

    def _thin_journal(self) -> None:
        try:
            thinned = self._project.journal.thin()
        except ProjectError as problem:
            self._notify(Notice(str(problem)))
            return
        if thinned.edits:
            self._notify(
                Notice(
                    f"The {thinned.edits:,} oldest steps can no longer be undone, because the undo journal was too "
                    f"large. That freed {thinned.bytes / 2**20:.0f} MB; no label has changed."
                )
            )
