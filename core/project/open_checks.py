"""Checks before SQLite opens a project file: an emptied file, and a write-ahead log (WAL) that belongs to another file.

SQLite applies any valid WAL beside a file, whether or not it belongs to it. When a user copies a backup over the
project file by hand while the WAL of a killed program is still there, that would corrupt the backup or bring the old
file back.
"""

from __future__ import annotations

import contextlib
import sqlite3
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from core.base.errors import ProjectError
from core.project.backup import BACKUP_FOLDER, wal_path

# https://www.sqlite.org/fileformat2.html: sizes and offsets in the headers of a database file and of its WAL.
_USER_VERSION_OFFSET, _HEADER_SIZE = 60, 100
_WAL_HEADER_SIZE, _FRAME_HEADER_SIZE = 32, 24


def has_frames(wal: Path) -> bool:
    """Whether the WAL exists and contains more than its header."""
    try:
        return wal.stat().st_size > _WAL_HEADER_SIZE
    except OSError:
        return False


def refuse_emptied_file(path: Path) -> None:
    """Raises ProjectError for an empty file that used to be a project, as a WAL or backups beside it show.

    SQLite would take it for a new database and delete the WAL. An empty file without these becomes a new project.
    """
    if not path.exists() or path.stat().st_size:
        return
    if has_frames(wal_path(path)) or any((path.parent / BACKUP_FOLDER).glob("*.sqlite")):
        raise ProjectError(
            f"{path} has been emptied. Bring the newest backup back with: maskloop restore --project {path.parent}"
        )


def set_aside_foreign_wal(path: Path) -> str | None:
    """Rename the WAL beside `path` if it belongs to another file; returns a sentence for the user in that case.

    It does when a copy of page 1 in it has another file id than the file (see `backup.new_file_id_sql`), or when the
    file passes a check without it but not with it. Raises ProjectError when it cannot be renamed.
    """
    wal = wal_path(path)
    if not path.exists() or not has_frames(wal):
        return None
    uri = path.absolute().as_uri()
    if not _has_other_file_id(path, wal) and (
        _is_sound(f"{uri}?mode=ro") or not _is_sound(f"{uri}?immutable=1")
    ):
        return None
    aside = wal.with_name(f"{wal.name}-{int(time.time())}")
    try:
        wal.replace(aside)
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
    except OSError as problem:
        raise ProjectError(
            f"{wal} belongs to another file and could not be renamed ({problem.strerror or problem}). "
            "Move it to another folder, then open the project again."
        ) from problem
    return (
        f"The write-ahead log next to {path.name} belongs to another file and was renamed to {aside.name}. "
        "Check that your newest labels are there, and run maskloop check to look for damage."
    )


def _has_other_file_id(path: Path, wal: Path) -> bool:
    try:
        with path.open("rb") as file:
            own = _file_id(file.read(_HEADER_SIZE))
        # A file that was just created has its id in the WAL only.
        found = set(_file_ids_in(wal)) if own else set()
    except OSError:  # opening the file will report it
        return False
    return bool(found) and own not in found


def _file_ids_in(wal: Path) -> Iterator[int]:
    """The file id in each copy of page 1 that the WAL holds."""
    with wal.open("rb") as file:
        header = file.read(_WAL_HEADER_SIZE)
        (size,), salts = struct.unpack(">I", header[8:12]), header[16:24]
        if not 512 <= size <= 65536:
            return
        place = _WAL_HEADER_SIZE
        while len(frame := file.read(_FRAME_HEADER_SIZE + _HEADER_SIZE)) == _FRAME_HEADER_SIZE + _HEADER_SIZE:
            if frame[8:16] != salts:
                return  # a frame from before the last checkpoint; the WAL is overwritten from its start
            if frame[:4] == b"\0\0\0\1":
                yield _file_id(frame[_FRAME_HEADER_SIZE:])
            place += _FRAME_HEADER_SIZE + size
            file.seek(place)


def _file_id(header: bytes) -> int:
    return int.from_bytes(header[_USER_VERSION_OFFSET : _USER_VERSION_OFFSET + 4], "big")


def _is_sound(uri: str) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as raw:
            return bool(raw.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.Error:
        return False
