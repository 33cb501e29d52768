"""Writes an open project to another place, also when its file is gone from the disk.

SQLite can still read what it has open: everything that was ever stored, not only what was stored since.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from core.base.display_text import clean_name
from core.base.errors import ProjectError
from core.labels.label_map import Edit
from core.project.folder_fsync import create_folder, fsync_folder
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.project.store import Store


def choose_home(project: Project, folder: Path) -> Path:
    """Where a project that is saved in `folder` has its home: `.maskloop` in the folder of the pictures, a folder of
    its own in any other."""
    with_pictures = folder == project.folder or any(
        (folder / record.path).is_file() for record in project.pictures.all()[:20]
    )
    return folder / (HOME_FOLDER if with_pictures else f"{clean_name(project.name)[:80]} (project)")


def save_open_project(
    project: Project,
    home: Path,
    edits: Sequence[tuple[int, Edit]] = (),
    changes: Iterable[Callable[[Project], object]] = (),
) -> None:
    """Make `home` the home of a project with all that `project` holds, and store what waits: `changes`, which get the
    new project, then edits by picture id.

    Raises ProjectError, with `home` as it was, when there is a project already, the disk refuses, or the drive of the
    old one was removed.
    """
    home = Path(os.path.normpath(home.absolute()))
    target, temporary = home / PROJECT_FILE, home / f".{PROJECT_FILE}.{os.getpid()}.tmp"
    if target.exists():
        raise ProjectError(f"There is a project in {home} already. Choose another folder.")
    folder = home.parent if home.name == HOME_FOLDER else project.folder
    try:
        create_folder(home)
        project.store.copy_to(temporary)
        with contextlib.closing(Store(temporary, writing=True)) as store:
            copy = Project(folder, home, store, None)
            for store_change in changes:  # first: edits may have a class that was added
                store_change(copy)
            for picture_id, edit in edits:
                copy.journal.commit(picture_id, edit)
            copy.store_folder()
        temporary.replace(target)
        fsync_folder(home)
    except (OSError, sqlite3.Error) as problem:
        raise ProjectError(
            f"The project could not be saved in {home}: {problem}. Choose another folder."
        ) from problem
    finally:
        for rest in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                temporary.with_name(temporary.name + rest).unlink(missing_ok=True)
