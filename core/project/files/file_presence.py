"""Tells whether an open project file is still the one on the disk.

SQLite goes on writing to a file that was deleted or replaced, and every commit succeeds: nobody would notice before the
project is opened the next time, without the work since.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from core.base.errors import ProjectFileGoneError
from core.project.backup import wal_path

_Identity = tuple[int, int]
"""Device and inode."""


@dataclass(slots=True)
class FilePresence:
    """The identity of a database file and its write-ahead log, as they were when the database was opened.

    The log exists from the first write on; it is remembered when it is first seen. Asking takes a few microseconds.
    Nothing is opened: closing a second handle of a file would drop the locks that SQLite holds on it.
    """

    path: Path
    _file: _Identity | None = field(init=False)
    _wal: _Identity | None = field(init=False, default=None)
    _wal_path: str = field(init=False)

    def __post_init__(self) -> None:
        self._file = _identity_of(self.path)
        self._wal_path = str(wal_path(self.path))

    @property
    def is_file_there(self) -> bool:
        """Whether the database file itself, log or not, is still the one that was opened."""
        return self._file is not None and _identity_of(self.path) == self._file

    def check(self) -> None:
        """Raises ProjectFileGoneError when the file or its log is no longer the one on the disk."""
        if not self.is_file_there:
            raise ProjectFileGoneError(
                f"The project file is gone: {self.path} was deleted, moved or replaced, or its drive "
                "was removed. Put it back under this name."
            )
        found = _identity_of(self._wal_path)
        if self._wal is None:
            self._wal = found
        elif found != self._wal:
            raise ProjectFileGoneError(
                f"{self._wal_path} was deleted or replaced while the project was open. Close the project and open it "
                "again."
            )


def _identity_of(path: Path | str) -> _Identity | None:
    try:
        found = os.stat(path, follow_symlinks=False)  # noqa: PTH116  (faster than a Path: asked three times a stroke)
    except OSError:
        return None
    return found.st_dev, found.st_ino
