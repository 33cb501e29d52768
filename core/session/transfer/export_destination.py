"""Where an export goes: never over anybody's files, and never half."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from pathlib import Path

from core.base.errors import FormatError
from core.formats.writers.base import MADE_BY, write_json
from core.project.project import Project

MARKER = "maskloop-export.json"
"""Lies in every export and lists what was written beside it, so that a later export knows what it may replace."""
_DESKTOP_FILES = {".DS_Store", "Thumbs.db", "desktop.ini"}
"""Left by desktops everywhere."""


def check_destination(out: Path, project: Project) -> None:
    out = Path(os.path.normpath(out.absolute()))
    if project.folder.is_relative_to(out) or project.home.is_relative_to(out):
        raise FormatError(f"{out} holds the pictures of the project. Choose a new folder for the export.")
    if out.is_relative_to(project.folder) or out.is_relative_to(project.home):
        raise FormatError(
            f"{out} lies among the pictures of the project, where what is exported would be taken for new ones. "
            "Choose a folder outside."
        )
    if out.is_file():
        raise FormatError(f"{out} is a file. Choose a folder for the export.")
    if out.is_dir() and any(out.iterdir()) and not _is_own_export(out):
        raise FormatError(
            f"{out} is not empty and holds more than an export of Maskloop. Choose a new folder."
        )


def write_marker(folder: Path, format_name: str) -> None:
    """Note what was written, so that exactly this may be replaced."""
    names = sorted(path.name for path in folder.iterdir())
    content = {"made_by": MADE_BY, "format": format_name, "names": names}
    write_json(folder / MARKER, content)


def _is_own_export(folder: Path) -> bool:
    """Whether all in `folder` is ours to replace; a project made in an export since then is not."""
    try:
        marker = json.loads((folder / MARKER).read_text("utf-8"))
        ours = {MARKER, *map(str, marker["names"])} | _DESKTOP_FILES
        return marker["made_by"] == MADE_BY and {path.name for path in folder.iterdir()} <= ours
    except (OSError, ValueError, KeyError, TypeError):
        return False


def publish(finished: Path, out: Path) -> None:
    """Rename; an earlier export steps aside first and is only deleted once the new one stands."""
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
