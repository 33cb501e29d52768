"""What protects the program from the content of a project file that a stranger made.

See https://www.sqlite.org/security.html. A file cannot run code, but its views and triggers run inside our queries: one
called `pictures` could be endless, and a trigger could change labels with every stroke.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from core.base.display_text import quoted
from core.base.errors import ProjectError

OPENING_SECONDS = 20.0
"""The longest that a query may take while a project is being opened."""
READ_SECONDS = 300.0
"""The longest that a query may take later; the slowest of a project of 100,000 pictures takes seconds."""
REVISION_FORM = re.compile(r"[0-9]{4}")
OBJECTS_QUERY = "SELECT type, name, sql FROM sqlite_master LIMIT 1000"
_LONGEST_VALUE = 1 << 28
"""Bytes of a value or a row; a tile takes at most 0.2 MB."""
_STEPS_BETWEEN_LOOKS = 200_000
"""Instructions of SQLite, some milliseconds, after which it looks at the clock."""


class Deadline:
    """When the query under way must have ended. Set by the thread that uses the connection."""

    def __init__(self) -> None:
        self._ends_at: float | None = None

    @contextlib.contextmanager
    def within(self, seconds: float | None) -> Iterator[None]:
        """Stop a query after `seconds`; None: do not. Inside another `within` the earlier one goes on to count."""
        before = self._ends_at
        if before is None and seconds is not None:
            self._ends_at = time.monotonic() + seconds
        try:
            yield
        finally:
            self._ends_at = before

    def has_passed(self) -> bool:
        """SQLite asks this every few milliseconds, and stops with “interrupted” when it is true."""
        return self._ends_at is not None and time.monotonic() > self._ends_at


def defend(raw: sqlite3.Connection, deadline: Deadline) -> None:
    """Limit what a file can make a connection do."""
    raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    raw.set_progress_handler(deadline.has_passed, _STEPS_BETWEEN_LOOKS)


def refuse_foreign_objects(path: Path, rows: Sequence[Any], views: Collection[str]) -> None:
    """Raises ProjectError for a view, trigger or virtual table that Maskloop did not make.

    rows: those of OBJECTS_QUERY; views: the names of ours
    """
    for kind, name, sql in rows:
        if kind == "trigger" or (kind == "view" and name not in views):
            what = str(kind)
        elif kind == "table" and str(sql or "").lstrip().upper().startswith("CREATE VIRTUAL"):
            what = "virtual table"
        else:
            continue
        raise ProjectError(
            f"{path} has a {what} that Maskloop did not make: {quoted(str(name))}. It could change or block what is "
            "stored, so the project was not opened. Delete it with an SQLite tool, or bring a backup back with: "
            "maskloop restore"
        )
