"""The SQLite file: one connection, transactions that we begin ourselves, and its upgrade to the newest form."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, create_engine, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import StaticPool

from core.errors import ProjectError, ProjectTooNewError
from core.project.backup import FOLDER, make_backup
from core.project.tables import NEWEST

BUSY_SECONDS = 10.0
_MIGRATIONS = Path(__file__).parent / "migrations"


class Store:
    """An open project.sqlite. Lives on one thread at a time (the document lane, or a command's only thread).

    WAL lets any number of readers look while the one writer writes. synchronous=NORMAL: a commit survives the
    death of the process at once, and the death of the machine from the next checkpoint on without ever being torn.
    """

    def __init__(self, path: Path, *, writing: bool) -> None:
        """Open `path`; it must exist unless writing. Raises ProjectError when it is no database."""
        self.path = path
        self._engine = _engine(path, writing=writing)
        try:
            self._connection = self._engine.connect()
        except DatabaseError as problem:
            self._engine.dispose()
            raise _explained(path, problem) from problem

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent look at the file."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """One named operation, all or nothing. Raises ProjectError when the disk refuses; nothing is changed then."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def version(self) -> str | None:
        """The revision of the file, None for an empty one. Raises ProjectError when it is not one of ours."""
        with self.reading() as connection:
            names = {str(n) for (n,) in connection.execute(text("SELECT name FROM sqlite_master"))}
            if not names:
                return None
            if "alembic_version" not in names:
                raise ProjectError(f"{self.path} is a database, but not a project of Maskloop.")
            return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())

    def upgrade(self) -> None:
        """Bring the file to the newest form. Raises ProjectTooNewError, with the file untouched, if it is newer."""
        version = self.version()
        if version == NEWEST:
            return
        # Alembic is imported only when there is something to do: it costs a third of a second.
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", _MIGRATIONS.as_posix().replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        try:
            if version is not None:
                ScriptDirectory.from_config(config).get_revision(version)
        except CommandError as unknown:
            raise too_new(self.path) from unknown
        if version is not None:
            # The old form stays beside the new one, whatever happens now.
            make_backup(self.path, self.path.parent / FOLDER, label=f"before-{NEWEST}")
        # Rebuilding a table drops the old one, which would delete the rows that point to it.
        self._pragma("foreign_keys = OFF")
        try:
            with self.writing() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, NEWEST)
                orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                if orphans is not None:
                    raise ProjectError(
                        f"{self.path} could not be upgraded: rows of {orphans[0]} point nowhere."
                    )
        finally:
            self._pragma("foreign_keys = ON")

    def refuse_other_form(self) -> None:
        """For readers, which cannot upgrade. Raises ProjectError when the file is not of the newest form."""
        version = self.version()
        if version is None or version < NEWEST:
            raise ProjectError(f"{self.path} is of an older form. Open it once in the Maskloop window.")
        if version > NEWEST:
            raise too_new(self.path)

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()

    def _pragma(self, words: str) -> None:
        """Outside of a transaction: inside, SQLite ignores most of them."""
        self._connection.exec_driver_sql(f"PRAGMA {words}")
        self._connection.commit()

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        try:
            # SQLAlchemy's own begin sends nothing to SQLite; the words that SQLite hears are ours.
            with self._connection.begin():
                self._connection.exec_driver_sql(begin)
                yield self._connection
        except (OperationalError, DatabaseError) as problem:
            raise _explained(self.path, problem) from problem


def new_id(result: CursorResult[Any]) -> int:
    """The id of the row that an INSERT just made."""
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("not an INSERT of one row")
    return int(key[0])


def too_new(path: Path) -> ProjectTooNewError:
    """The sentence for a file that a newer program made."""
    return ProjectTooNewError(
        f"{path} was made by a newer Maskloop and was left untouched. Update Maskloop, then open it again."
    )


def _engine(path: Path, *, writing: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        mode = "rwc" if writing else "rw"
        try:
            raw = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,  # we say BEGIN ourselves: a rolled-back CREATE TABLE must not stay
                check_same_thread=False,  # opened by one thread, then owned by the document lane
            )
            if writing:
                raw.execute("PRAGMA journal_mode = WAL")
                raw.execute("PRAGMA synchronous = NORMAL")
            else:
                raw.execute("PRAGMA query_only = ON")
        except sqlite3.OperationalError:
            if writing or not path.exists():
                raise
            # A read-only medium: nobody can be writing, so the file may be read as it lies.
            raw = sqlite3.connect(
                f"{path.absolute().as_uri()}?immutable=1", uri=True, check_same_thread=False
            )
            raw.isolation_level = None
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("PRAGMA cache_size = -16000")
        return raw

    return create_engine("sqlite://", creator=connect, poolclass=StaticPool)


def _explained(path: Path, problem: DatabaseError) -> ProjectError:
    reason = str(problem.orig or problem)
    if "not a database" in reason or "malformed" in reason:
        return ProjectError(
            f"{path} is damaged ({reason}). Restore a copy from the backups folder beside it."
        )
    if "full" in reason:
        return ProjectError(
            f"The disk is full, so {path} could not be written. Free some space and try again."
        )
    if "locked" in reason or "busy" in reason:
        return ProjectError(
            f"{path} is busy: another program keeps it locked. Close that program and try again."
        )
    return ProjectError(f"{path} could not be used: {reason}. Check that the folder can be written to.")
