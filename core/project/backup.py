"""Copies of the project file: made while it is open, thinned with age, and brought back beside what is there."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.errors import ProjectError

FOLDER = "backups"
EVERY = timedelta(minutes=30)
"""A copy is made at most this often while somebody works."""
_STAMP = "%Y%m%dT%H%M%SZ"
_PREFIX, _SUFFIX = "project-", ".sqlite"

# Newest copies all stay; then one an hour for a day, one a day for two weeks, one a week for half a year.
_NEWEST = 3
_STEPS = (
    (timedelta(days=1), timedelta(hours=1)),
    (timedelta(days=14), timedelta(days=1)),
    (timedelta(days=182), timedelta(days=7)),
)


def make_backup(project_file: Path, folder: Path, *, at: datetime | None = None, label: str = "") -> Path:
    """Copy an open (or closed) project file with SQLite's backup interface; returns the copy.

    Written beside and renamed; checked before it counts. Raises ProjectError when it cannot be made.
    """
    moment = (at or datetime.now(UTC)).strftime(_STAMP)
    target = folder / f"{_PREFIX}{moment}{f'-{label}' if label else ''}{_SUFFIX}"
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        copy_database(project_file, beside)
        beside.replace(target)
    except (OSError, sqlite3.Error) as problem:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise ProjectError(f"No backup of {project_file} could be made in {folder}: {problem}.") from problem
    return target


def copy_database(source: Path, target: Path) -> None:
    """A consistent copy of `source` as it is now, whoever is writing. Raises sqlite3.Error or OSError."""
    with (
        contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as there,
        contextlib.closing(sqlite3.connect(target)) as here,
    ):
        there.backup(here, pages=2000, sleep=0.001)
        here.execute("PRAGMA journal_mode = DELETE")  # one file, ready to be carried away
        verdict = here.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged: {verdict}")


def backups_in(folder: Path) -> list[tuple[datetime, Path]]:
    """All backups with their times, newest first. What is called otherwise is not ours."""
    found: list[tuple[datetime, Path]] = []
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        stamp = path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX).split("-")[0]
        with contextlib.suppress(ValueError):
            found.append((datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC), path))
    return sorted(found, reverse=True)


def is_due(folder: Path, now: datetime | None = None) -> bool:
    """Whether the newest copy is old enough. A clock that went backwards does not stop backups."""
    copies = backups_in(folder)
    return not copies or abs((now or datetime.now(UTC)) - copies[0][0]) >= EVERY


def to_thin(times: Sequence[datetime], now: datetime) -> list[datetime]:
    """Which backups may go: of each hour, day or week (by age) only the newest stays."""
    ordered = sorted(times, reverse=True)
    kept_slots: set[tuple[timedelta, int]] = set()
    gone: list[datetime] = []
    for place, moment in enumerate(ordered):
        age = now - moment
        step = next((step for limit, step in _STEPS if age <= limit), None)
        if place < _NEWEST:
            continue
        if step is None:
            gone.append(moment)
            continue
        slot = (step, int(moment.timestamp() // step.total_seconds()))
        if slot in kept_slots:
            gone.append(moment)
        kept_slots.add(slot)
    return gone


def thin(folder: Path, now: datetime | None = None) -> list[Path]:
    """Delete backups by the rule above; copies made before an upgrade always stay. Returns what went."""
    copies = [(moment, path) for moment, path in backups_in(folder) if "-before-" not in path.name]
    gone = set(to_thin([moment for moment, _ in copies], now or datetime.now(UTC)))
    removed = [path for moment, path in copies if moment in gone]
    for path in removed:
        with contextlib.suppress(OSError):
            path.unlink()
    return removed


def restore(project_file: Path, backup: Path) -> Path | None:
    """Put a backup in place of the project file; the caller holds the writer's guard and nobody has it open.

    What was there steps aside as `project-...-replaced.sqlite` in the backups' folder and is returned. Raises
    ProjectError, with everything as it was, when the backup is damaged or the disk refuses.
    """
    beside = project_file.with_name(f".{project_file.name}.{os.getpid()}.tmp")
    replaced: Path | None = None
    try:
        copy_database(backup, beside)
        if project_file.exists():
            moment = datetime.now(UTC).strftime(_STAMP)
            replaced = project_file.parent / FOLDER / f"{_PREFIX}{moment}-replaced{_SUFFIX}"
            replaced.parent.mkdir(exist_ok=True)
            try:
                copy_database(project_file, replaced)
            except sqlite3.Error:
                project_file.replace(replaced)  # too damaged to be read: kept as it lies
        # A journal left behind would be applied to the wrong file.
        for rest in ("-wal", "-shm"):
            project_file.with_name(project_file.name + rest).unlink(missing_ok=True)
        beside.replace(project_file)
    except (OSError, sqlite3.Error) as problem:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise ProjectError(f"The backup {backup} could not be restored: {problem}.") from problem
    return replaced
