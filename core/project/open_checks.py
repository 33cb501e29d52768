"""What lies beside the project file before it is opened: a killed program's journal, or somebody else's.

SQLite takes any journal that is whole in itself for the file's own. Where a person has put a backup in place by hand
while the journal of a killed program lay there, that would ruin the backup or bring the old file back.
"""

from __future__ import annotations

import contextlib
import sqlite3
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from core.base.errors import ProjectError
from core.project.backup import BACKUP_FOLDER

# https://www.sqlite.org/fileformat2.html: the header of the file, and of its write-ahead log.
_USER_VERSION_OFFSET, _HEADER_SIZE = 60, 100
_WAL_HEADER_SIZE, _FRAME_HEADER_SIZE = 32, 24


def wal_path(path: Path) -> Path:
    """SQLite's write-ahead log of a file."""
    return path.with_name(path.name + "-wal")


def has_frames(journal: Path) -> bool:
    """Whether there is a journal that holds more than its header."""
    try:
        return journal.stat().st_size > _WAL_HEADER_SIZE
    except OSError:
        return False


def refuse_emptied_file(path: Path) -> None:
    """An empty file is a project that begins, unless there was one before: SQLite would silently start anew, and
    throw the journal away. Raises ProjectError.
    """
    if not path.exists() or path.stat().st_size:
        return
    if has_frames(wal_path(path)) or any((path.parent / BACKUP_FOLDER).glob("*.sqlite")):
        raise ProjectError(
            f"{path} has been emptied. Bring the newest backup back with: maskloop restore --project {path.parent}"
        )


def set_aside_foreign_wal(path: Path) -> str | None:
    """Before a writer opens `path`: a journal that is not its own steps aside. Returns a sentence for people then.

    It is strange when its first page carries another file's stamp, or when the file is whole without it but not
    with it.
    """
    journal = wal_path(path)
    if not path.exists() or not has_frames(journal):
        return None
    uri = path.absolute().as_uri()
    if not _has_other_file_id(path, journal) and (
        _is_sound(f"{uri}?mode=ro") or not _is_sound(f"{uri}?immutable=1")
    ):
        return None
    aside = journal.with_name(f"{journal.name}-{int(time.time())}")
    try:
        journal.replace(aside)
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
    except OSError as problem:
        raise ProjectError(
            f"{journal} belongs to another file and could not be put aside ({problem.strerror or problem}). "
            "Move it to another folder, then open the project again."
        ) from problem
    return (
        f"The journal beside {path.name} belongs to another file and was put aside as {aside.name}. "
        "Look whether your newest labels are there; maskloop check tells whether all is well."
    )


def _has_other_file_id(path: Path, journal: Path) -> bool:
    try:
        with path.open("rb") as file:
            own = _file_id(file.read(_HEADER_SIZE))
        # A file that is just being made has its stamp in the journal only.
        found = set(_file_ids_in(journal)) if own else set()
    except OSError:  # SQLite will say why
        return False
    return bool(found) and own not in found


def _file_ids_in(journal: Path) -> Iterator[int]:
    """Of every copy of the first page that the journal holds."""
    with journal.open("rb") as file:
        header = file.read(_WAL_HEADER_SIZE)
        (size,), salts = struct.unpack(">I", header[8:12]), header[16:24]
        if not 512 <= size <= 65536:
            return
        place = _WAL_HEADER_SIZE
        while len(frame := file.read(_FRAME_HEADER_SIZE + _HEADER_SIZE)) == _FRAME_HEADER_SIZE + _HEADER_SIZE:
            if frame[8:16] != salts:
                return  # left from before the journal was last begun anew
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
