"""Copies a project, or a backup of one, into a new folder: another project of the same pictures."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from core.base.errors import Cancelled, ProjectError
from core.base.progress import ProgressCallback
from core.project.backup import FREE_SPACE_RESERVE, copy_database, is_project_file
from core.project.files.home_check import check_home
from core.project.files.sqlite_defences import (
    OBJECTS_QUERY,
    OPENING_SECONDS,
    Deadline,
    defend,
    refuse_foreign_objects,
)
from core.project.folder_fsync import create_folder, fsync_folder
from core.project.project_files import HOME_FOLDER, PROJECT_FILE
from core.project.schema import VIEWS

_STEPS = 1000
"""The project file counts as so many files in the progress."""


def propose_copy_home(home: Path, pictures: Path, moment: datetime, what: str) -> Path:
    """A folder that does not exist yet, beside the pictures: “holiday (backup of 2026-12-01 14-30)”.

    Beside the home where that is not in the folder of the pictures. `moment`: local time.
    """
    near = pictures if home == pictures / HOME_FOLDER else home
    name = f"{near.name or 'project'} ({what} {moment:%Y-%m-%d %H-%M})"
    proposed, number = near.parent / name, 2
    while proposed.exists():
        proposed, number = near.parent / f"{name} {number}", number + 1
    return proposed


def copy_project(
    source: Path,
    home: Path,
    pictures: Path,
    target: Path,
    *,
    with_predictions: bool,
    should_stop: Callable[[], bool] = lambda: False,
    progress: ProgressCallback = lambda _done, _of: None,
) -> None:
    """Make `target`, which must not exist or be empty, the home of a project with what `source` holds.

    source: the project file of `home`, open elsewhere or not, or a backup of it; pictures: the folder of the pictures,
    which are not copied. Weights of its runs are copied from `home`; predictions only if wanted, as those beside a
    backup are newer than it. Raises ProjectError or Cancelled, and leaves nothing behind then.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ProjectError(f"{target} exists and is not an empty folder. Choose another name.")
    if target.is_relative_to(pictures) and not any(
        part.startswith(".") for part in target.relative_to(pictures).parts
    ):
        raise ProjectError(
            f"{target} is in the folder of the pictures, where its files would be taken for pictures. Choose a folder "
            "outside."
        )
    check_home(home, named=True)  # what is copied must not lead out of it
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        create_folder(target.parent)
        beside.mkdir()
        if shutil.disk_usage(beside).free < source.stat().st_size + FREE_SPACE_RESERVE:
            raise ProjectError(f"The disk of {target.parent} is almost full. Choose a folder on another one.")
        file = beside / PROJECT_FILE
        copy_database(
            source,
            file,
            should_stop=should_stop,
            progress=lambda d, of: progress(d * _STEPS // max(of, 1), _STEPS),
        )
        if not is_project_file(file):
            raise ProjectError(f"{source} is not a project of Maskloop. Choose another backup.")
        files = [*_weights(file, home), *(_predictions(file, home) if with_predictions else ())]
        for done, path in enumerate(files):
            if should_stop():
                raise Cancelled
            progress(_STEPS + done, _STEPS + len(files))
            copied = beside / path.relative_to(home)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copied, follow_symlinks=False)
        _adapt(file, beside, pictures, target)
        if target.exists():
            target.rmdir()  # it is empty
        beside.rename(target)
        fsync_folder(target.parent)
    except (OSError, sqlite3.Error) as problem:
        raise ProjectError(
            f"No copy of {source} could be made in {target}: {problem}. Choose another folder, or another backup."
        ) from problem
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _weights(file: Path, home: Path) -> list[Path]:
    """The files of all runs that the project file knows and whose weights are there."""
    found: list[Path] = []
    for run in _ids(file, "SELECT id FROM runs WHERE published > 0"):
        folder = home / "models" / str(run)
        found += sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return found


def _predictions(file: Path, home: Path) -> list[Path]:
    paths = (
        home / "cache" / "predictions" / f"{i}.png" for i in _ids(file, "SELECT picture_id FROM predictions")
    )
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def _ids(file: Path, query: str) -> list[int]:
    with _defended(file) as raw:
        return [number for (number,) in raw.execute(query) if isinstance(number, int)]


def _adapt(file: Path, beside: Path, pictures: Path, target: Path) -> None:
    """Point a copied project file to the pictures, and forget predictions whose files were not copied."""
    try:
        stored = Path(os.path.relpath(pictures, target)).as_posix()
    except ValueError:  # another drive on Windows
        stored = str(pictures)
    with _defended(file) as raw, raw:
        raw.execute("INSERT OR REPLACE INTO facts (name, value) VALUES ('pictures', ?)", (stored,))
        gone = [
            (i,)
            for (i,) in raw.execute("SELECT picture_id FROM predictions").fetchall()
            if not (beside / "cache" / "predictions" / f"{i}.png").is_file()
        ]
        raw.executemany("DELETE FROM predictions WHERE picture_id = ?", gone)


@contextlib.contextmanager
def _defended(file: Path) -> Iterator[sqlite3.Connection]:
    """The copy, of which a stranger may have made the original. Raises ProjectError for triggers and foreign views."""
    deadline = Deadline()
    with contextlib.closing(sqlite3.connect(file)) as raw, deadline.within(OPENING_SECONDS):
        raw.execute("PRAGMA trusted_schema = OFF")
        defend(raw, deadline)
        refuse_foreign_objects(file, raw.execute(OBJECTS_QUERY).fetchall(), VIEWS)
        yield raw
