"""Deletes the files of a run: its weights, checkpoints and small pictures, in its folder in the home of the project."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from core.base.errors import ProjectError
from core.models.spec import WEIGHTS_FILE
from core.project.project import Project

WRITTEN_NAME = re.compile(
    rf"{re.escape(WEIGHTS_FILE)}|config\.json|run\.json|resume\.safetensors|log\.csv|log\.jsonl"
    r"|checkpoints\.jsonl|\d{1,12}-\d{1,12}\.png"  # of the epoch strip
    r"|events\.out\.tfevents\..+|\..+\.tmp"
)
"""Of files in the folder of a run that the program wrote."""


def run_bytes(project: Project, run_id: int) -> int:
    """Size of the files of a run on the disk; 0 without any. Links are not followed."""
    total = 0
    for folder, _, names in os.walk(project.run_folder(run_id)):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                total += Path(folder, name).lstat().st_size
    return total


def delete_run_files(project: Project, run_id: int) -> list[Path]:
    """Delete what the program wrote into the folder of a run, and the folders that are empty then. Returns files and
    links in it that it did not write; they stay.

    Raises ProjectError, and deletes nothing, where the folder is not a plain one in the home of the project; and where
    a file cannot be deleted.
    """
    folder = project.run_folder(run_id)
    if not os.path.lexists(folder):
        return []
    _check_inside(project.home, folder)
    kept = []
    try:
        for parent, folders, names in os.walk(folder, topdown=False):
            paths = [Path(parent, name) for name in (*names, *folders)]
            for path in paths:
                if path.is_symlink() or (path.is_file() and not WRITTEN_NAME.fullmatch(path.name)):
                    kept.append(path)
                elif path.is_file():
                    path.unlink()
            if next(Path(parent).iterdir(), None) is None:
                Path(parent).rmdir()
    except OSError as problem:
        raise ProjectError(
            f"{problem.filename or folder} could not be deleted ({problem.strerror}). Close what uses it, or delete "
            f"the folder {folder} by hand."
        ) from problem
    return kept


def _check_inside(home: Path, folder: Path) -> None:
    """Raises ProjectError for a folder that a link leads out of the project to."""
    expected = Path(os.path.realpath(home)) / folder.relative_to(home)
    if Path(os.path.realpath(folder)) != expected or not folder.is_dir():
        raise ProjectError(
            f"{folder} is not a folder of this project, but leads to {os.path.realpath(folder)}. Nothing was deleted. "
            "Delete the link by hand."
        )
