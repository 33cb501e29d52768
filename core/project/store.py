"""The SQLite file: one connection, transactions that we begin ourselves, and its upgrade to the newest form."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, create_engine, text
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.pool import StaticPool

from core.base.errors import DiskError, ProjectError, ProjectTooNewError
from core.project.backup import FOLDER, make_backup, new_stamp
from core.project.open_checks import has_pages, journal_of, put_strange_journal_aside, refuse_emptied
from core.project.schema import NEWEST
from core.project.schema_script import newest_form

BUSY_SECONDS = 10.0
_MIGRATIONS = Path(__file__).parent / "migrations"


class Store:
    """An open project.sqlite. Lives on one thread at a time (the document lane, or a command's only thread).

    WAL lets any number of readers look while the one writer writes. synchronous=FULL: a commit returns once the disk
    says that it has it, so it survives a killed program and a power cut alike. What the program can find out again
    (`writing(lasting=False)`) and the single steps of a long act (`together`) do not wait: a power cut may take the
    newest of them back, in order and whole, and never anything that came before a commit that waited. docs/adr/0008.
    """

    def __init__(self, path: Path, *, writing: bool) -> None:
        """Open `path`; it must exist unless writing. Raises ProjectError when it is no database.

        `notice` is a sentence for people when something had to be put in order first.
        """
        self.path = path
        refuse_emptied(path)
        self.notice = put_strange_journal_aside(path) if writing else None
        self._waits = True  # as _engine opens it
        self._is_together = False
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
    def writing(self, *, lasting: bool = True) -> Iterator[Connection]:
        """One named operation, all or nothing. Raises DiskError when the disk refuses, ProjectError when the operation
        does not fit what is stored; nothing is changed then.

        When it returns, a power cut no longer takes it back; unless it is not to be `lasting`, because the program
        can find it out again (a size, a score): then it is whole and in order, but the disk is not waited for.
        """
        self._wait_for_disk(lasting and not self._is_together)
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Many operations that somebody waits for as one, such as an import: the disk is waited for at the end.

        Each is still a transaction of its own; what was done before an error stays. Raises ProjectError.
        """
        self._is_together = True
        try:
            yield
        finally:
            self._is_together = False
            with self.writing() as connection:
                # A commit that waits takes all before it along, but only one that writes: a row comes and goes.
                connection.exec_driver_sql("INSERT OR REPLACE INTO facts (name, value) VALUES ('stored', '')")
                connection.exec_driver_sql("DELETE FROM facts WHERE name = 'stored'")

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
        if version == NEWEST or (version is None and self._made_new()):
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
                if not connection.exec_driver_sql("PRAGMA user_version").scalar_one():
                    # A file that has its mark keeps it: with another, the journal that holds this upgrade and all
                    # that comes after it would be taken for another file's, should the program be killed now.
                    connection.exec_driver_sql(new_stamp())
                orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                if orphans is not None:
                    raise ProjectError(
                        f"{self.path} could not be upgraded: rows of {orphans[0]} point nowhere."
                    )
        finally:
            self._pragma("foreign_keys = ON")

    def _made_new(self) -> bool:
        """Make an empty file in the newest form at once. False when only the migrations know that form."""
        statements = newest_form()
        if not statements:
            return False
        with self.writing() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(new_stamp())
        return True

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

    def _wait_for_disk(self, waits: bool) -> None:
        if waits != self._waits:
            self._pragma(f"synchronous = {'FULL' if waits else 'NORMAL'}")
            self._waits = waits

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        try:
            # SQLAlchemy's own begin sends nothing to SQLite; the words that SQLite hears are ours.
            with self._connection.begin():
                self._connection.exec_driver_sql(begin)
                yield self._connection
        except DatabaseError as problem:
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
    uri = path.absolute().as_uri()

    def connect() -> sqlite3.Connection:
        # A reader opens read-only altogether: as the last to close, it would otherwise write the journal of a
        # killed writer into the file.
        raw = _connected(f"{uri}?mode={'rwc' if writing else 'ro'}")
        try:
            if writing:
                raw.execute("PRAGMA journal_mode = WAL")
                raw.execute("PRAGMA synchronous = FULL")
                raw.execute(
                    "PRAGMA fullfsync = ON"
                )  # macOS: otherwise only the drive's own memory is reached
            else:
                raw.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()  # SQLite opens lazily
        except sqlite3.OperationalError as problem:
            raw.close()
            locked_out = any(sign in str(problem) for sign in ("readonly", "unable to open"))
            if writing or not locked_out or not path.exists() or has_pages(journal_of(path)):
                raise
            # A read-only medium: nobody can be writing, so the file may be read as it lies.
            raw = _connected(f"{uri}?immutable=1")
        except sqlite3.DatabaseError:
            raw.close()
            raise
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("PRAGMA cache_size = -16000")
        return raw

    return create_engine("sqlite://", creator=connect, poolclass=StaticPool)


def _connected(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(
        uri,
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # we say BEGIN ourselves: a rolled-back CREATE TABLE must not stay
        check_same_thread=False,  # opened by one thread, then owned by the document lane
    )


_REASONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("not a database", "malformed"),
        "{path} is damaged ({reason}). Bring the newest backup back with: maskloop restore --project {home}",
    ),
    (("full",), "The disk is full, so {path} could not be written. Free some space and try again."),
    (
        ("locked", "busy"),
        "{path} is busy: another program keeps it locked. Close that program and try again.",
    ),
    (
        ("I/O error",),
        "The disk refused to read or write {path} ({reason}); what was stored before is still there. "
        "Check the disk and its free space, then try again.",
    ),
    (
        ("readonly", "read-only", "unable to open"),
        "{path} could not be used: {reason}. Check that the folder can be written to, or copy it to a place "
        "where it can.",
    ),
)


def _explained(path: Path, problem: DatabaseError) -> ProjectError:
    reason = str(problem.orig or problem)
    if isinstance(problem, IntegrityError):  # not the disk's fault: however often it is asked, it stays so
        return ProjectError(f"It does not fit what is stored in {path} ({reason}).")
    otherwise = "{path} could not be used: {reason}. Check that the folder can be written to."
    sentence = next((words for signs, words in _REASONS if any(s in reason for s in signs)), otherwise)
    return DiskError(sentence.format(path=path, reason=reason, home=path.parent))
