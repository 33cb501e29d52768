"""The destination of an export: other files are never overwritten, and a dataset is published whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from pathlib import Path

from core.base.destination import check_output_folder
from core.base.errors import FormatError, UserError
from core.formats.writers.base import MADE_BY, write_json
from core.project.project import Project

MARKER = "maskloop-export.json"
"""File in every export that lists what was written beside it, so that a later export knows what it may replace."""
_DESKTOP_FILES = {".DS_Store", "Thumbs.db", "desktop.ini"}
"""Written by file managers into any folder."""


def check_destination(out: Path, project: Project) -> None:
    """Raises FormatError when `out` is no folder, holds files that are not an export, or is in the project's folder or
    around it, also through links."""
    out = Path(os.path.normpath(out.absolute()))
    if project.folder.is_relative_to(out) or project.home.is_relative_to(out):
        raise FormatError(f"{out} contains the pictures of the project. Choose a new folder for the export.")
    if out.is_relative_to(project.folder) or out.is_relative_to(project.home):
        raise FormatError(
            f"{out} is inside the folder of the project, where exported pictures would be added to it. "
            "Choose a folder outside it."
        )
    try:
        check_output_folder(out, (project.folder, project.home))
    except UserError as problem:
        raise FormatError(str(problem)) from problem
    if not is_free(out):
        raise FormatError(
            f"{out} is not empty and contains more than an export of Maskloop. Choose a new folder."
        )


def is_free(out: Path) -> bool:
    """Whether an export can be written here: nothing is there, an empty folder, or nothing but an earlier export."""
    return not out.exists() or (out.is_dir() and (not any(out.iterdir()) or _is_own_export(out)))


def write_marker(folder: Path, format_name: str) -> None:
    """List what was written, so that a later export may replace exactly that."""
    names = sorted(path.name for path in folder.iterdir())
    content = {"made_by": MADE_BY, "format": format_name, "names": names}
    write_json(folder / MARKER, content)


def _is_own_export(folder: Path) -> bool:
    """Whether `folder` holds nothing but an export; a project created in it since then counts as something else."""
    try:
        marker = json.loads((folder / MARKER).read_text("utf-8"))
        ours = {MARKER, *map(str, marker["names"])} | _DESKTOP_FILES
        return marker["made_by"] == MADE_BY and {path.name for path in folder.iterdir()} <= ours
    except (OSError, ValueError, KeyError, TypeError):
        return False


def publish(finished: Path, out: Path) -> None:
    """Rename the finished dataset to `out`. An earlier export is renamed first and deleted last. Raises OSError."""
    if not out.exists():
        finished.rename(out)
        return
    old = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.old")
    out.rename(old)
    try:
        finished.rename(out)
    except OSError:
        old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)
