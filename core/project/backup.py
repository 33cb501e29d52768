"""Backups of the project file: made while it is open, thinned by age, and restored."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.base.errors import Cancelled, ProjectError
from core.base.progress import ProgressCallback
from core.project.folder_fsync import fsync_folder

BACKUP_FOLDER = "backups"
BACKUP_INTERVAL = timedelta(minutes=30)
"""Least time between two automatic backups."""
FREE_SPACE_RESERVE = 64 << 20
"""Bytes that a backup leaves free on the disk, so that edits can still be stored."""
_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_PREFIX, _SUFFIX, _REPLACED = "project-", ".sqlite", "replaced"
_OWN_NAME = re.compile(r"project-(\d{8}T\d{6}Z)(-[\w.-]+)?\.sqlite")
_OWN_TEMP_NAME = re.compile(r"\.project-[\w.-]+\.sqlite\.\d+\.tmp(-journal)?")
_VALUE_LINE = re.compile(r"(CHECK constraint failed in|[A-Z]+ value in|non-\w+ value in) ")
_STALE_TEMP_SECONDS = 86400.0
_CLOCK_TOLERANCE = timedelta(hours=1)
"""A backup that is further in the future was made while the clock was wrong."""
PAGES_PER_STEP = 2000
"""Pages of 4 KB that are copied before the backup checks whether to stop."""

# The newest backups are kept; then one an hour for a day, one a day for two weeks, one a week for half a year.
_ALWAYS_KEPT = 3
_RETENTION = (
    (timedelta(days=1), timedelta(hours=1)),
    (timedelta(days=14), timedelta(days=1)),
    (timedelta(days=182), timedelta(days=7)),
)
# Whatever the clock says, of the latest 24 hours, 14 days and 26 weeks that have any, the newest of each is kept:
# a clock that once was ten years ahead would otherwise delete nearly all of them.
_LEAST_KEPT = ((timedelta(hours=1), 24), (timedelta(days=1), 14), (timedelta(days=7), 26))


def _never_stop() -> bool:
    return False


def _ignore_progress(_done: int, _of: int) -> None:
    pass


def make_backup(
    project_file: Path,
    folder: Path,
    *,
    at: datetime | None = None,
    label: str = "",
    should_stop: Callable[[], bool] = _never_stop,
    progress: ProgressCallback = _ignore_progress,
) -> Path:
    """Copy a project file, open or not, into `folder` under a name with the time `at`; returns the path of the copy.

    Raises ProjectError when it cannot be made and Cancelled when `should_stop` returns True; no partial copy is left.
    """
    target = _unused_name(folder, at or datetime.now(UTC), label)
    write_backup(project_file, target, should_stop=should_stop, progress=progress)
    return target


def write_backup(
    project_file: Path,
    target: Path,
    *,
    should_stop: Callable[[], bool] = _never_stop,
    progress: ProgressCallback = _ignore_progress,
) -> None:
    """Copy a project file to `target`: written to a temporary file, checked, then renamed.

    Raises ProjectError or Cancelled; no partial copy is left.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        size = sum(path.stat().st_size for path in (project_file, wal_path(project_file)) if path.exists())
        if shutil.disk_usage(target.parent).free < size + FREE_SPACE_RESERVE:
            raise ProjectError(
                f"No backup of {project_file} was made: the disk of {target.parent} is almost full. "
                f"Free {(size + FREE_SPACE_RESERVE) >> 20} MB there."
            )
        copy_database(project_file, temporary, should_stop=should_stop, progress=progress)
        temporary.replace(target)
        fsync_folder(target.parent)
    except (OSError, sqlite3.Error) as problem:
        raise ProjectError(
            f"No backup of {project_file} could be made in {target.parent}: {problem}. "
            "Check that disk, or copy the project's folder to another one."
        ) from problem
    finally:
        for rest in ("", "-journal"):
            with contextlib.suppress(OSError):
                temporary.with_name(temporary.name + rest).unlink(missing_ok=True)


def copy_database(
    source: Path,
    target: Path,
    *,
    should_stop: Callable[[], bool] = _never_stop,
    progress: ProgressCallback = _ignore_progress,
) -> None:
    """Copy the present state of `source`, consistently even while others write, and check the copy.

    `progress` gets pages. Raises sqlite3.Error, OSError or Cancelled.
    """

    def check_cancelled() -> None:
        if should_stop():
            raise Cancelled

    def on_pages(_status: int, remaining: int, total: int) -> None:
        check_cancelled()
        progress(total - remaining, total)

    with (
        contextlib.closing(
            sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        ) as original,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        # A read transaction fixes the state that is copied. Without it SQLite restarts the backup at every write, and a
        # large project would never be copied while the user paints.
        original.execute("BEGIN")
        original.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        original.backup(copy, pages=PAGES_PER_STEP, progress=on_pages, sleep=0.001)
        copy.execute("PRAGMA journal_mode = DELETE")  # a single file, without a WAL beside it
        copy.execute(new_file_id_sql())
        copy.set_progress_handler(should_stop, 100_000)
        try:
            verdict = damage_in(str(line) for (line,) in copy.execute("PRAGMA quick_check(100)"))
        except sqlite3.OperationalError:
            check_cancelled()
            raise
        if verdict:
            raise sqlite3.DatabaseError(f"the copy is damaged: {verdict[0]}")
    check_cancelled()


def damage_in(lines: Iterable[str]) -> list[str]:
    """What SQLite's integrity check says of the file itself, without values that do not belong in their column.

    `maskloop check` finds and repairs those, after a backup.
    """
    whole = (" ".join(line.split()) for line in lines)
    return [line for line in whole if line != "ok" and not _VALUE_LINE.match(line)]


def new_file_id_sql() -> str:
    """SQL that gives a file a random id, which its write-ahead log then repeats: so a WAL is known to be of this file.

    `user_version` is a number in the file's header that SQLite leaves to applications.
    """
    return f"PRAGMA user_version = {random.randrange(1, 1 << 31)}"


def list_backups(folder: Path) -> list[tuple[datetime, Path]]:
    """All backups in a folder with their times, newest first; files with other names are ignored."""
    found: list[tuple[datetime, Path]] = []
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        if (name := _OWN_NAME.fullmatch(path.name)) and not path.is_symlink():
            with contextlib.suppress(ValueError):
                found.append((datetime.strptime(name[1], _TIME_FORMAT).replace(tzinfo=UTC), path))
    return sorted(found, reverse=True)


def backup_time(path: Path) -> datetime | None:
    """When a backup was made, as its name says."""
    return next((moment for moment, found in list_backups(path.parent) if found == path), None)


def backup_reason(path: Path) -> str:
    """Why a backup was made, as its name says: "before-repair", "before-0004", "replaced"; "" for an ordinary one."""
    name = _OWN_NAME.fullmatch(path.name)
    return (name[2] or "").removeprefix("-") if name else ""


def latest_backup(folder: Path, now: datetime | None = None) -> Path | None:
    """The backup to restore by default: the newest one that is not a file replaced by an earlier restore.

    One from the future, made while the clock was wrong, is chosen only when there is no other.
    """
    limit = (now or datetime.now(UTC)) + _CLOCK_TOLERANCE
    copies = [(at, path) for at, path in list_backups(folder) if not _stem(path).endswith(f"-{_REPLACED}")]
    credible = [path for at, path in copies if at <= limit]
    return next(iter(credible or [path for _, path in copies]), None)


def is_backup_due(folder: Path, now: datetime | None = None) -> bool:
    """Whether the newest backup is older than BACKUP_INTERVAL. Backups from the future (after the clock was set back)
    are ignored."""
    now = now or datetime.now(UTC)
    newest = next((moment for moment, _ in list_backups(folder) if moment <= now), None)
    return newest is None or now - newest >= BACKUP_INTERVAL


def expired_backups(times: Sequence[datetime], now: datetime) -> list[datetime]:
    """The times of the backups to delete: of each hour, day or week (by age) only the newest is kept.

    `now` may be wrong: see _LEAST_KEPT.
    """
    ordered = sorted(times, reverse=True)
    least = {moment for period, count in _LEAST_KEPT for moment in _newest_of_each(ordered, period)[:count]}
    kept_slots: set[tuple[timedelta, int]] = set()
    expired: list[datetime] = []
    for index, moment in enumerate(ordered):
        age = now - moment
        period = next((period for limit, period in _RETENTION if age <= limit), None)
        if index < _ALWAYS_KEPT:
            continue
        if period is not None:
            slot = (period, int(moment.timestamp() // period.total_seconds()))
            if slot not in kept_slots:
                kept_slots.add(slot)
                continue
        if moment not in least:
            expired.append(moment)
    return expired


def _newest_of_each(ordered: Sequence[datetime], period: timedelta) -> list[datetime]:
    """The newest time of each period in which there is one, newest first. `ordered`: newest first."""
    newest: dict[int, datetime] = {}
    for moment in ordered:
        newest.setdefault(int(moment.timestamp() // period.total_seconds()), moment)
    return list(newest.values())


def thin_backups(folder: Path, now: datetime | None = None) -> list[Path]:
    """Delete the backups that `expired_backups` selects; returns their paths.

    Backups with a label (made before an upgrade or a repair, replaced by a restore) are never deleted.
    """
    backups = [(moment, path) for moment, path in list_backups(folder) if "-" not in _stem(path)]
    expired = set(expired_backups([moment for moment, _ in backups], now or datetime.now(UTC)))
    removed: list[Path] = []
    for path in (path for moment, path in backups if moment in expired):
        with contextlib.suppress(OSError):
            path.unlink()
            removed.append(path)
    for path in folder.glob(f".{_PREFIX}*.tmp*"):  # of processes that were killed during a backup
        with contextlib.suppress(OSError):
            is_ours = _OWN_TEMP_NAME.fullmatch(path.name) is not None
            if is_ours and abs(time.time() - path.stat().st_mtime) > _STALE_TEMP_SECONDS:
                path.unlink()
    return removed


def restore_backup(project_file: Path, backup: Path) -> Path | None:
    """Replace the project file by a backup. The caller holds the writer lock, and nobody has the file open.

    The replaced file is kept as `project-...-replaced.sqlite` in the backup folder; returns its path. Raises
    ProjectError, with everything as it was, when the backup is damaged or not a project, another process reads the
    project, or the disk refuses.
    """
    temporary = project_file.with_name(f".{project_file.name}.{os.getpid()}.tmp")
    try:
        copy_database(backup, temporary)
        if not is_project_file(temporary):
            raise ProjectError(
                f"The backup {backup} could not be restored: it is not a project of Maskloop. The project was left as "
                "it was; choose another backup with: maskloop restore --list"
            )
        replaced = _keep_replaced(project_file) if project_file.exists() else None
        # SQLite would apply the WAL of the replaced file to the restored one.
        for rest in ("-wal", "-shm"):
            project_file.with_name(project_file.name + rest).unlink(missing_ok=True)
        temporary.replace(project_file)
        fsync_folder(project_file.parent)
    except (OSError, sqlite3.Error) as problem:
        raise ProjectError(
            f"The backup {backup} could not be restored: {problem}. The project was left as it was; "
            "close every Maskloop that has it open, or choose another backup with: maskloop restore --list"
        ) from problem
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return replaced


def _keep_replaced(project_file: Path) -> Path:
    replaced = _unused_name(project_file.parent / BACKUP_FOLDER, datetime.now(UTC), _REPLACED)
    replaced.parent.mkdir(exist_ok=True)
    if wal_path(project_file).exists():  # SQLite deletes the WAL of a file that it cannot read
        shutil.copyfile(wal_path(project_file), wal_path(replaced))
    try:
        with contextlib.closing(sqlite3.connect(project_file, timeout=1.0)) as connection:
            # Writes the WAL into the file; fails with "locked" while another process has it open.
            connection.execute("PRAGMA journal_mode = DELETE")
        copy_database(project_file, replaced)
        wal_path(replaced).unlink(missing_ok=True)
    except sqlite3.DatabaseError as problem:
        replaced.unlink(missing_ok=True)
        if isinstance(problem, sqlite3.OperationalError) and "locked" in str(problem):
            wal_path(replaced).unlink(missing_ok=True)
            raise
        shutil.copyfile(project_file, replaced)  # too damaged to be read: copied as it is, beside its WAL
    return replaced


def is_project_file(path: Path) -> bool:
    """Whether an SQLite file is one of Maskloop. Raises sqlite3.Error."""
    with contextlib.closing(sqlite3.connect(path)) as raw:
        return (
            raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone() is not None
        )


def _unused_name(folder: Path, moment: datetime, label: str) -> Path:
    """The name for a backup of this moment, or of the next second that has none, so that the order is that of time."""
    while any(folder.glob(f"{_PREFIX}{moment.strftime(_TIME_FORMAT)}*{_SUFFIX}")):
        moment += timedelta(seconds=1)
    return folder / f"{_PREFIX}{moment.strftime(_TIME_FORMAT)}{f'-{label}' if label else ''}{_SUFFIX}"


def _stem(path: Path) -> str:
    return path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)


def wal_path(path: Path) -> Path:
    """SQLite's write-ahead log of a database file."""
    return path.with_name(path.name + "-wal")
