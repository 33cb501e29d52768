"""Copies of the project file: made while it is open, thinned with age, and brought back beside what is there."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.base.errors import Cancelled, ProjectError
from core.project.folder_sync import sync_folder

BACKUP_FOLDER = "backups"
BACKUP_INTERVAL = timedelta(minutes=30)
"""A copy is made at most this often while somebody works."""
FREE_SPACE_RESERVE = 64 << 20
"""Bytes that a backup leaves free on the disk: strokes come before copies."""
_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_PREFIX, _SUFFIX, _REPLACED = "project-", ".sqlite", "replaced"
_STALE_TEMP_SECONDS = 86400.0
PAGES_PER_STEP = 2000
"""Copied at a step: 8 MB."""

# Newest copies all stay; then one an hour for a day, one a day for two weeks, one a week for half a year.
_ALWAYS_KEPT = 3
_RETENTION = (
    (timedelta(days=1), timedelta(hours=1)),
    (timedelta(days=14), timedelta(days=1)),
    (timedelta(days=182), timedelta(days=7)),
)


def _never_stop() -> bool:
    return False


def make_backup(
    project_file: Path,
    folder: Path,
    *,
    at: datetime | None = None,
    label: str = "",
    should_stop: Callable[[], bool] = _never_stop,
) -> Path:
    """Copy an open (or closed) project file into `folder`, named by its time; returns the copy.

    Raises ProjectError when it cannot be made, and Cancelled when `should_stop` says so; nothing is left then.
    """
    target = _unused_name(folder, at or datetime.now(UTC), label)
    write_backup(project_file, target, should_stop=should_stop)
    return target


def write_backup(project_file: Path, target: Path, *, should_stop: Callable[[], bool] = _never_stop) -> None:
    """Copy a project file to `target`: written beside and renamed, checked before it counts.

    Raises ProjectError or Cancelled, and leaves nothing then.
    """
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        size = sum(path.stat().st_size for path in (project_file, _wal_path(project_file)) if path.exists())
        if shutil.disk_usage(target.parent).free < size + FREE_SPACE_RESERVE:
            raise ProjectError(
                f"No backup of {project_file} was made: the disk of {target.parent} is almost full. "
                f"Free {(size + FREE_SPACE_RESERVE) >> 20} MB there."
            )
        copy_database(project_file, beside, should_stop=should_stop)
        beside.replace(target)
        sync_folder(target.parent)
    except (OSError, sqlite3.Error) as problem:
        raise ProjectError(
            f"No backup of {project_file} could be made in {target.parent}: {problem}. "
            "Check that disk, or copy the project's folder to another one."
        ) from problem
    finally:
        for rest in ("", "-journal"):
            with contextlib.suppress(OSError):
                beside.with_name(beside.name + rest).unlink(missing_ok=True)


def copy_database(source: Path, target: Path, *, should_stop: Callable[[], bool] = _never_stop) -> None:
    """A consistent copy of `source` as it is now, whoever is writing. Raises sqlite3.Error, OSError or Cancelled."""

    def look(*_: int) -> None:
        if should_stop():
            raise Cancelled

    with (
        contextlib.closing(
            sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        ) as there,
        contextlib.closing(sqlite3.connect(target)) as here,
    ):
        # Within a transaction of our own the source stands still for us: without it, every stroke that is stored
        # meanwhile makes SQLite begin again, and a large project would never be copied while somebody paints.
        there.execute("BEGIN")
        there.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        there.backup(here, pages=PAGES_PER_STEP, progress=look, sleep=0.001)
        here.execute("PRAGMA journal_mode = DELETE")  # one file, ready to be carried away
        here.execute(new_file_id_sql())
        here.set_progress_handler(should_stop, 100_000)
        try:
            verdict = here.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.OperationalError:
            look()
            raise
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged: {' '.join(verdict.split())}")


def new_file_id_sql() -> str:
    """SQL that marks a file as itself and no other: a journal that a killed program leaves carries the same mark.

    SQLite keeps this number for programs to use as they like, in the header of the file.
    """
    return f"PRAGMA user_version = {random.randrange(1, 1 << 31)}"


def list_backups(folder: Path) -> list[tuple[datetime, Path]]:
    """All backups with their times, newest first. What is called otherwise is not ours."""
    found: list[tuple[datetime, Path]] = []
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(ValueError):
            found.append(
                (datetime.strptime(_stem(path).split("-")[0], _TIME_FORMAT).replace(tzinfo=UTC), path)
            )
    return sorted(found, reverse=True)


def latest_backup(folder: Path) -> Path | None:
    """The copy to go back to: the newest one, but never what a restore has put aside."""
    copies = (path for _, path in list_backups(folder) if not _stem(path).endswith(f"-{_REPLACED}"))
    return next(copies, None)


def is_backup_due(folder: Path, now: datetime | None = None) -> bool:
    """Whether the newest copy is old enough. Copies from the future (the clock went backwards) do not count."""
    now = now or datetime.now(UTC)
    newest = next((moment for moment, _ in list_backups(folder) if moment <= now), None)
    return newest is None or now - newest >= BACKUP_INTERVAL


def expired_backups(times: Sequence[datetime], now: datetime) -> list[datetime]:
    """Which backups may go: of each hour, day or week (by age) only the newest stays."""
    ordered = sorted(times, reverse=True)
    kept_slots: set[tuple[timedelta, int]] = set()
    gone: list[datetime] = []
    for place, moment in enumerate(ordered):
        age = now - moment
        step = next((step for limit, step in _RETENTION if age <= limit), None)
        if place < _ALWAYS_KEPT:
            continue
        if step is None:
            gone.append(moment)
            continue
        slot = (step, int(moment.timestamp() // step.total_seconds()))
        if slot in kept_slots:
            gone.append(moment)
        kept_slots.add(slot)
    return gone


def thin_backups(folder: Path, now: datetime | None = None) -> list[Path]:
    """Delete backups by the rule above; returns what went.

    Those with a word in their name were made for a reason (before an upgrade or a repair, replaced by a restore)
    and stay until a person deletes them.
    """
    copies = [(moment, path) for moment, path in list_backups(folder) if "-" not in _stem(path)]
    gone = set(expired_backups([moment for moment, _ in copies], now or datetime.now(UTC)))
    removed: list[Path] = []
    for path in (path for moment, path in copies if moment in gone):
        with contextlib.suppress(OSError):
            path.unlink()
            removed.append(path)
    for path in folder.glob(f".{_PREFIX}*.tmp*"):  # begun by a process that was killed
        with contextlib.suppress(OSError):
            if abs(time.time() - path.stat().st_mtime) > _STALE_TEMP_SECONDS:
                path.unlink()
    return removed


def restore_backup(project_file: Path, backup: Path) -> Path | None:
    """Put a backup in place of the project file; the caller holds the writer's guard and nobody has it open.

    What was there steps aside as `project-...-replaced.sqlite` in the backups' folder and is returned. Raises
    ProjectError, with everything as it was, when the backup is damaged or no project, somebody reads, or the disk
    refuses.
    """
    beside = project_file.with_name(f".{project_file.name}.{os.getpid()}.tmp")
    try:
        copy_database(backup, beside)
        _require_project_file(beside)
        replaced = _keep_replaced(project_file) if project_file.exists() else None
        # A journal left behind would be applied to the wrong file.
        for rest in ("-wal", "-shm"):
            project_file.with_name(project_file.name + rest).unlink(missing_ok=True)
        beside.replace(project_file)
        sync_folder(project_file.parent)
    except (OSError, sqlite3.Error) as problem:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise ProjectError(
            f"The backup {backup} could not be restored: {problem}. The project was left as it was; "
            "close every Maskloop that has it open, or choose another backup with: maskloop restore --list"
        ) from problem
    return replaced


def _keep_replaced(project_file: Path) -> Path:
    replaced = _unused_name(project_file.parent / BACKUP_FOLDER, datetime.now(UTC), _REPLACED)
    replaced.parent.mkdir(exist_ok=True)
    if _wal_path(project_file).exists():  # SQLite drops the journal of a file that it cannot read
        shutil.copyfile(_wal_path(project_file), _wal_path(replaced))
    try:
        with contextlib.closing(sqlite3.connect(project_file, timeout=1.0)) as there:
            # Takes the journal into the file; refused while anybody has it open.
            there.execute("PRAGMA journal_mode = DELETE")
        copy_database(project_file, replaced)
        _wal_path(replaced).unlink(missing_ok=True)
    except sqlite3.DatabaseError as problem:
        replaced.unlink(missing_ok=True)
        if isinstance(problem, sqlite3.OperationalError) and "locked" in str(problem):
            _wal_path(replaced).unlink(missing_ok=True)
            raise
        shutil.copyfile(project_file, replaced)  # too damaged to be read: kept as it lies, with its journal
    return replaced


def _require_project_file(copy: Path) -> None:
    with contextlib.closing(sqlite3.connect(copy)) as raw:
        if raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone() is None:
            raise sqlite3.DatabaseError("it is not a project of Maskloop")


def _unused_name(folder: Path, moment: datetime, label: str) -> Path:
    """Two copies within a second get two names."""
    while True:
        name = f"{_PREFIX}{moment.strftime(_TIME_FORMAT)}{f'-{label}' if label else ''}{_SUFFIX}"
        if not (folder / name).exists():
            return folder / name
        moment += timedelta(seconds=1)


def _stem(path: Path) -> str:
    return path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)


def _wal_path(path: Path) -> Path:
    return path.with_name(path.name + "-wal")
