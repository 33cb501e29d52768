"""The SQLite file of a project: one connection, explicit transactions, and the upgrade to the current schema."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, create_engine, text
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.pool import StaticPool

from core.base.errors import (
    DiskError,
    ProjectError,
    ProjectFileGoneError,
    ProjectReadOnlyError,
    ProjectTooNewError,
)
from core.project.backup import (
    BACKUP_FOLDER,
    PAGES_PER_STEP,
    damage_in,
    make_backup,
    new_file_id_sql,
    wal_path,
)
from core.project.files.file_presence import FilePresence
from core.project.files.sqlite_defences import (
    OBJECTS_QUERY,
    OPENING_SECONDS,
    READ_SECONDS,
    REVISION_FORM,
    Deadline,
    defend,
    refuse_foreign_objects,
)
from core.project.open_checks import has_frames, refuse_emptied_file, set_aside_foreign_wal
from core.project.schema import CURRENT_REVISION, VIEWS
from core.project.schema_script import schema_statements

BUSY_SECONDS = 10.0
_MIGRATIONS = Path(__file__).parent / "migrations"


class Store:
    """An open project.sqlite. Used by one thread at a time (the document lane, or the only thread of a command).

    In WAL mode any number of readers can read while the one writer writes. With synchronous=FULL a commit returns after
    the disk has confirmed it, so it survives a killed process and a power cut. Transactions with `durable=False` and
    those within `deferred_sync` do not wait: a power cut may undo the newest of them, each as a whole and in order,
    but nothing from before the last commit that waited. See docs/adr/0008.
    """

    def __init__(self, path: Path, *, writing: bool) -> None:
        """Open `path`; it must exist unless writing. Raises ProjectError when it is not a database.

        `notice` is a sentence for the user when the files had to be repaired first, else None.
        """
        self.path = path
        refuse_emptied_file(path)
        self.notice = set_aside_foreign_wal(path) if writing else None
        self.may_write: Callable[[], None] = (lambda: None) if writing else _refuse_to_write
        """Raises ProjectError when nothing may be written any more; asked before every write."""
        self.write_first: Callable[[], None] | None = None
        """Writes what the disk refused before, if anything; called before every write, which may build on it."""
        self._is_synchronous = True  # as _engine opens it
        self._defers_sync = False
        self._deadline = Deadline()
        self._engine = _engine(path, self._deadline, writing=writing)
        try:
            self._connection = self._engine.connect()
            self._presence = FilePresence(path)
            self._check_objects()
        except (DatabaseError, UnicodeDecodeError) as problem:
            self._engine.dispose()
            raise _project_error(path, problem) from problem
        except BaseException:
            self._engine.dispose()
            raise

    @contextlib.contextmanager
    def read_transaction(self, *, seconds: float | None = READ_SECONDS) -> Iterator[Connection]:
        """A consistent view of the file, whatever is written meanwhile. Raises ProjectError, also when a query takes
        longer than `seconds` (None: no limit): a file from a stranger may ask for what never ends."""
        with self._deadline.within(seconds), self._transaction("BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def write_transaction(self, *, durable: bool = True) -> Iterator[Connection]:
        """One operation, all or nothing. Raises DiskError when the disk refuses, ProjectError when the operation does
        not fit what is stored; nothing is changed in either case.

        Raises ProjectFileGoneError, a DiskError, when the file is no longer the one on the disk. If that happened while
        the disk confirmed the transaction, it is stored in the file that is gone.

        `durable`: a power cut cannot undo it once this returns. Turn it off for what the program can compute again (the
        size of a picture, a score): the transaction is still atomic and in order, but does not wait for the disk.
        """
        self.may_write()
        try:
            self._presence.check()
            self.write_waiting()
            self._set_synchronous(durable and not self._defers_sync)
            with self._transaction("BEGIN IMMEDIATE") as connection:
                yield connection
                self._presence.check()  # so that nothing is written that would have to be written again
            self._presence.check()
        except ProjectFileGoneError:
            if self._presence.is_file_there:
                # Only its log was deleted. What that holds is still readable here: bring it into the file.
                with contextlib.suppress(DatabaseError):
                    self._connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").all()
                    self._connection.commit()
            raise

    def write_waiting(self) -> None:
        """Write what the disk refused before. Raises ProjectError."""
        first, self.write_first = self.write_first, None  # it calls this again
        try:
            if first is not None:
                first()
        finally:
            self.write_first = first

    @contextlib.contextmanager
    def deferred_sync(self) -> Iterator[None]:
        """Many transactions that the user waits for as one, such as an import: waits for the disk once, at the end.

        Each is still a transaction of its own; those committed before an error stay. Raises ProjectError.
        """
        self._defers_sync = True
        try:
            yield
        finally:
            self._defers_sync = False
            with self.write_transaction() as connection:
                # A durable commit also makes all earlier ones durable, but SQLite only syncs if the transaction wrote a
                # page: so a row is inserted and deleted again.
                connection.exec_driver_sql("INSERT OR REPLACE INTO facts (name, value) VALUES ('stored', '')")
                connection.exec_driver_sql("DELETE FROM facts WHERE name = 'stored'")

    def version(self) -> str | None:
        """The schema revision of the file, None for an empty file. Raises ProjectError when it is no project file."""
        with self.read_transaction() as connection:
            names = {str(n) for (n,) in connection.execute(text("SELECT name FROM sqlite_master"))}
            if not names:
                return None
            if "alembic_version" not in names:
                raise ProjectError(f"{self.path} is a database, but not a project of Maskloop.")
            found = connection.execute(text("SELECT version_num FROM alembic_version LIMIT 2")).all()
        if len(found) != 1 or not isinstance(found[0][0], str) or not REVISION_FORM.fullmatch(found[0][0]):
            raise ProjectError(
                f"{self.path} does not say of which version it is (its table alembic_version is damaged). Bring the "
                f"newest backup back with: maskloop restore --project {self.path.parent}"
            )
        return str(found[0][0])

    def _check_objects(self) -> None:
        """Refuse views, triggers and virtual tables that are not ours, before any query could run them."""
        with self.read_transaction(seconds=OPENING_SECONDS) as connection:
            rows = connection.exec_driver_sql(OBJECTS_QUERY).all()
        refuse_foreign_objects(self.path, rows, VIEWS)

    def upgrade(self) -> None:
        """Migrate the file to the current schema, after a backup. Raises ProjectTooNewError, with the file untouched,
        when its schema is newer."""
        version = self.version()
        if version == CURRENT_REVISION or (version is None and self._create_current()):
            return
        # Imported only when there is something to migrate: it takes a third of a second.
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
            raise too_new_error(self.path) from unknown
        if version is not None:
            make_backup(self.path, self.path.parent / BACKUP_FOLDER, label=f"before-{CURRENT_REVISION}")
        # A migration that rebuilds a table drops the old one, which would cascade to the rows that refer to it.
        self._pragma("foreign_keys = OFF")
        try:
            with self.write_transaction() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, CURRENT_REVISION)
                if not connection.exec_driver_sql("PRAGMA user_version").scalar_one():
                    # A file that has an id keeps it. The upgrade is in the WAL first: if the program were killed now,
                    # a WAL with another id than the file's would be taken for that of another file and set aside.
                    connection.exec_driver_sql(new_file_id_sql())
                orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                if orphans is not None:
                    raise ProjectError(
                        f"{self.path} could not be upgraded: rows of the table {orphans[0]} refer to missing rows. "
                        "The file was left as it was."
                    )
        finally:
            self._pragma("foreign_keys = ON")

    def _create_current(self) -> bool:
        """Create the current schema in an empty file. False when schema.sql is out of date and migrations are
        needed."""
        statements = schema_statements()
        if not statements:
            return False
        with self.write_transaction() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(new_file_id_sql())
        return True

    def require_current_schema(self) -> None:
        """For readers, which cannot migrate. Raises ProjectError when the file has another schema."""
        version = self.version()
        if version is None or version < CURRENT_REVISION:
            raise ProjectError(
                f"{self.path} was made by an older version of Maskloop. "
                "Open it once in the Maskloop window to upgrade it."
            )
        if version > CURRENT_REVISION:
            raise too_new_error(self.path)

    def copy_to(self, target: Path) -> None:
        """Write all that is stored to a new file, also when the one that is open is gone from the disk.

        Raises sqlite3.Error, also when what is open can no longer be read, and OSError.
        """
        raw = self._connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        with contextlib.closing(sqlite3.connect(target)) as copy:
            raw.backup(copy, pages=PAGES_PER_STEP)
            copy.execute("PRAGMA journal_mode = DELETE")
            copy.execute(new_file_id_sql())
            damage = damage_in(str(line) for (line,) in copy.execute("PRAGMA quick_check(100)"))
        if damage:
            raise sqlite3.DatabaseError(f"the copy is damaged: {damage[0]}")

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()

    def _pragma(self, statement: str) -> None:
        """Execute a PRAGMA outside of a transaction: SQLite ignores most of them inside one."""
        self._connection.exec_driver_sql(f"PRAGMA {statement}")
        self._connection.commit()

    def _set_synchronous(self, full: bool) -> None:
        if full != self._is_synchronous:
            self._pragma(f"synchronous = {'FULL' if full else 'NORMAL'}")
            self._is_synchronous = full

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        try:
            # With isolation_level=None SQLAlchemy's begin sends nothing to SQLite, so BEGIN is sent here.
            with self._connection.begin():
                self._connection.exec_driver_sql(begin)
                yield self._connection
        except (DatabaseError, UnicodeDecodeError) as problem:
            raise _project_error(self.path, problem) from problem


def inserted_id(result: CursorResult[Any]) -> int:
    """The id of the row that an INSERT just made."""
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("not an INSERT of one row")
    return int(key[0])


def too_new_error(path: Path) -> ProjectTooNewError:
    """The error for a file with a newer schema."""
    return ProjectTooNewError(
        f"{path} was made by a newer Maskloop and was left untouched. Update Maskloop, then open it again."
    )


def _engine(path: Path, deadline: Deadline, *, writing: bool) -> Engine:
    uri = path.absolute().as_uri()

    def connect() -> sqlite3.Connection:
        # Readers open the file read-only: the last connection to close would otherwise checkpoint the WAL of a killed
        # writer into the file.
        raw = _connect(f"{uri}?mode={'rwc' if writing else 'ro'}")
        try:
            if writing:
                raw.execute("PRAGMA journal_mode = WAL")
                raw.execute("PRAGMA synchronous = FULL")
                # On macOS fsync alone leaves the data in the drive's cache.
                raw.execute("PRAGMA fullfsync = ON")
            else:
                raw.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()  # SQLite opens files lazily
        except sqlite3.OperationalError as problem:
            raw.close()
            locked_out = any(sign in str(problem) for sign in ("readonly", "unable to open"))
            if writing or not locked_out or not path.exists() or has_frames(wal_path(path)):
                raise
            # A read-only medium: nobody can be writing, so the file can be opened without locks and WAL.
            raw = _connect(f"{uri}?immutable=1")
        except sqlite3.DatabaseError:
            raw.close()
            raise
        defend(raw, deadline)
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("PRAGMA cache_size = -16000")
        return raw

    return create_engine("sqlite://", creator=connect, poolclass=StaticPool)


def _connect(uri: str) -> sqlite3.Connection:
    raw = sqlite3.connect(
        uri,
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # explicit BEGIN: sqlite3 would commit before DDL, and a failed migration would stay
        check_same_thread=False,  # opened by one thread, then used by the document lane
    )
    # Before anything is read: functions with side effects must not run because a file says so.
    raw.execute("PRAGMA trusted_schema = OFF")
    return raw


def _refuse_to_write() -> None:
    raise ProjectReadOnlyError("This project is open read-only, so nothing can be changed.")


_SQLITE_MESSAGES: tuple[tuple[tuple[str, ...], str], ...] = (
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
        ("interrupted",),
        "Reading {path} took too long and was stopped. Look for damage with: maskloop check --project {home}",
    ),
    (
        ("readonly", "read-only", "unable to open"),
        "{path} could not be used: {reason}. Check that the folder can be written to, or copy it to a "
        "folder that can be written.",
    ),
)


def _project_error(path: Path, problem: DatabaseError | UnicodeDecodeError) -> ProjectError:
    # sqlite3 cannot even say what is wrong when a damaged name is part of the message.
    reason = "malformed text" if isinstance(problem, UnicodeDecodeError) else str(problem.orig or problem)
    if isinstance(problem, IntegrityError):  # not the disk's fault, and trying again would not help
        return ProjectError(f"The change does not fit what is stored in {path} ({reason}).")
    otherwise = "{path} could not be used: {reason}. Check that the folder can be written to."
    sentence = next(
        (words for signs, words in _SQLITE_MESSAGES if any(s in reason for s in signs)), otherwise
    )
    return DiskError(sentence.format(path=path, reason=reason, home=path.parent))
