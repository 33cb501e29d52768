"""Deletes the files of a run: its weights, checkpoints and small pictures, in its folder in the home of the project."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from core.base.errors import ProjectError
from core.project.project import Project


def run_bytes(project: Project, run_id: int) -> int:
    """Size of the files of a run on the disk; 0 without any. Links are not followed."""
    return sum(
        Path(folder, name).lstat().st_size
        for folder, _, names in os.walk(project.run_folder(run_id))
        for name in names
    )


def delete_run_files(project: Project, run_id: int) -> None:
    """Raises ProjectError, and deletes nothing, where the folder is not a plain one in the home of the project; and
    where a file cannot be deleted."""
    folder = project.run_folder(run_id)
    if not os.path.lexists(folder):
        return
    _check_inside(project.home, folder)
    try:
        shutil.rmtree(folder)  # links in it are removed, not followed
    except OSError as problem:
        raise ProjectError(
            f"{problem.filename or folder} could not be deleted ({problem.strerror}). Close what uses it, or delete "
            f"the folder {folder} by hand."
        ) from problem


def _check_inside(home: Path, folder: Path) -> None:
    """Raises ProjectError for a folder that a link leads out of the project to."""
    expected = Path(os.path.realpath(home)) / folder.relative_to(home)
    if Path(os.path.realpath(folder)) != expected or not folder.is_dir():
        raise ProjectError(
            f"{folder} is not a folder of this project, but leads to {os.path.realpath(folder)}. Nothing was deleted. "
            "Delete the link by hand."
        )
