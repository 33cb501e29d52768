"""The writer lock: only one process writes to a project at a time; any number may read."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from core.base.errors import ProjectLockedError

LOCK_FILE, NOTE_FILE = "writer.lock", "writer.json"
_PROBE_SECONDS = 0.3


class WriterLock:
    """The lock that is held while a project is open for writing.

    It is a lock of the operating system, which releases it when the process crashes; `writer.json` beside it only names
    the holder to users. Raises ProjectLockedError, naming the holder, when another process holds it, and OSError when
    the folder cannot be written to.
    """

    def __init__(self, home: Path, purpose: str) -> None:
        self._note = home / NOTE_FILE
        self._lock = FileLock(home / LOCK_FILE, thread_local=False)
        try:
            # Not at once: `is_being_written` holds the lock for a moment.
            self._lock.acquire(timeout=_PROBE_SECONDS, poll_interval=0.02)
        except Timeout as taken:
            raise ProjectLockedError(self._locked_message(home)) from taken
        note = {
            "purpose": purpose,
            "process": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now().astimezone().isoformat(timespec="seconds"),
        }
        with contextlib.suppress(OSError):
            self._note.unlink(missing_ok=True)
            # A new file, never one that a link leads to.
            with self._note.open("x", encoding="utf-8") as file:
                json.dump(note, file)

    def release(self) -> None:
        """Release the lock. May be called twice."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                self._note.unlink(missing_ok=True)
            self._lock.release()

    def _locked_message(self, home: Path) -> str:
        try:
            note = json.loads(self._note.read_text("utf-8"))
            since = datetime.fromisoformat(note["since"]).astimezone().strftime("%Y-%m-%d %H:%M")
            return (
                f"The project in {home} is already open for writing: {note['purpose']} (process "
                f"{int(note['process'])} on {note['host']}, since {since}). Close it there, then try again."
            )
        except (OSError, ValueError, KeyError, TypeError):
            return (
                f"The project in {home} is already open for writing in another Maskloop. Close it there, then try "
                "again."
            )


def is_being_written(home: Path) -> bool:
    """Whether a process has the project open for writing. Takes its lock for a moment, which a crash releases."""
    lock = home / LOCK_FILE
    if not lock.is_file():
        return False
    probe = FileLock(lock, thread_local=False)
    try:
        probe.acquire(blocking=False)
    except Timeout:
        return True
    except OSError:  # a read-only medium: nobody writes there
        return False
    probe.release()
    return False
