"""File names of a project, and a quick look-up of the picture to show first, before the project is open."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from core.project.files.sqlite_defences import Deadline, defend

HOME_FOLDER = ".maskloop"
PROJECT_FILE = "project.sqlite"

_SECONDS = 1.0
"""The longest that the look-up may take: the window waits for it."""
_REAL_TABLES = """
    SELECT COUNT(*) = 2 AND MIN(type) = 'table' AND MAX(type) = 'table'
    FROM sqlite_master WHERE lower(name) IN ('pictures', 'facts')
"""
_FIRST_PICTURE = """
    SELECT path FROM pictures WHERE id = COALESCE(
        (SELECT pictures.id FROM facts JOIN pictures ON pictures.id = CAST(facts.value AS INTEGER)
         WHERE facts.name = 'shown'),
        (SELECT MIN(id) FROM pictures))
"""


def first_picture_path(home: Path) -> str | None:
    """The relative path of the picture shown last, else of the first picture; None when it is not known.

    Uses sqlite3 directly, because importing the modules that open a project takes longer than everything else before
    the first picture. The file is read without locks and without creating a WAL, so it stays as it is.
    """
    file = home / PROJECT_FILE
    if home.is_symlink() or file.is_symlink() or not file.is_file():
        return None  # opening the project says why
    if file.with_name(f"{PROJECT_FILE}-wal").exists():
        return None  # open elsewhere, or left by a killed program: the newest state may be in the WAL only
    with contextlib.suppress(sqlite3.Error):
        where = f"{file.absolute().as_uri()}?immutable=1"
        deadline = Deadline()
        with contextlib.closing(sqlite3.connect(where, uri=True)) as connection, deadline.within(_SECONDS):
            connection.execute("PRAGMA trusted_schema = OFF")
            defend(connection, deadline)
            if not connection.execute(_REAL_TABLES).fetchone()[0]:
                return None  # a view by that name could be endless
            found = connection.execute(_FIRST_PICTURE).fetchone()
        return None if found is None else str(found[0])
    return None
