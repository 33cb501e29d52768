"""Where a project lies, and the one thing wanted of it before it is open: which picture comes first."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

HOME_FOLDER = ".maskloop"
PROJECT_FILE = "project.sqlite"

_FIRST_PICTURE = """
    SELECT path FROM pictures WHERE id = COALESCE(
        (SELECT pictures.id FROM facts JOIN pictures ON pictures.id = CAST(facts.value AS INTEGER)
         WHERE facts.name = 'shown'),
        (SELECT MIN(id) FROM pictures))
"""


def first_picture_path(home: Path) -> str | None:
    """The relative path of the picture that was on screen last, else of the first; None when that cannot be told.

    Asks SQLite itself, because loading what opens a project takes longer than all else before the first picture. The
    file is read as it lies, without locks and without making a journal: who opens it for writing finds it untouched.
    """
    file = home / PROJECT_FILE
    if not file.is_file() or file.with_name(f"{PROJECT_FILE}-wal").exists():
        return None  # in use, or left by a killed program: the newest may be in the journal alone
    with contextlib.suppress(sqlite3.Error):
        where = f"{file.absolute().as_uri()}?immutable=1"
        with contextlib.closing(sqlite3.connect(where, uri=True)) as connection:
            found = connection.execute(_FIRST_PICTURE).fetchone()
        return None if found is None else str(found[0])
    return None
