"""Lists the files of a dataset folder: regular files only, and none that a link leads out of the folder to."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.base.errors import FormatError

MAX_FILES = 2_000_000
MAX_REFUSED = 10_000
"""Refused entries that are kept with their reason."""
OUTSIDE = "it is a link to something outside the folder; copy it into the folder"
_KINDS = (
    (stat.S_ISFIFO, "it is a pipe, not a file"),
    (stat.S_ISSOCK, "it is a socket, not a file"),
    (stat.S_ISCHR, "it is a device, not a file"),
    (stat.S_ISBLK, "it is a device, not a file"),
)


@dataclass(slots=True)
class FolderFiles:
    """files: names relative to the folder, with forward slashes, in no order; refused: (name, reason)."""

    files: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def refuse(self, name: str, reason: str) -> None:
        if len(self.refused) < MAX_REFUSED:
            self.refused.append((name.encode("utf-8", "backslashreplace").decode(), reason))


def list_files(root: Path) -> FolderFiles:
    """All files below `root` but hidden ones. A folder is listed once, under its own name rather than that of a link.

    Raises FormatError for more than MAX_FILES files.
    """
    found = FolderFiles()
    real_root = os.path.realpath(root)
    seen: set[tuple[int, int]] = set()
    folders, linked = [""], list[str]()
    while folders or linked:
        folder = folders.pop() if folders else linked.pop(0)
        try:
            status = (root / folder).stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(root / folder) as entries:
                listed = list(entries)
        except (OSError, ValueError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else None
            found.refuse(folder or ".", f"the folder cannot be opened ({reason or 'its name is not valid'})")
            continue
        for name, is_folder, is_link in _usable(listed, f"{folder}/" if folder else "", real_root, found):
            if is_folder:
                (linked if is_link else folders).append(name)
            else:
                found.files.append(name)
        if len(found.files) > MAX_FILES:
            raise FormatError(
                f"{root} contains more than {MAX_FILES:,} files. Choose a folder closer to the dataset."
            )
    return found


def _usable(
    entries: list[os.DirEntry[str]], lead: str, real_root: str, found: FolderFiles
) -> Iterator[tuple[str, bool, bool]]:
    """(name, whether it is a folder, whether it is a link) of the entries that are not refused."""
    for entry in entries:
        name = lead + entry.name
        if entry.name.startswith("."):
            continue
        try:
            is_link = entry.is_symlink()
            if is_link and not _is_inside(os.path.realpath(entry.path, strict=True), real_root):
                found.refuse(name, OUTSIDE)
                continue
            mode = entry.stat().st_mode
        except OSError as problem:
            reason = "it is a link that leads nowhere" if entry.is_symlink() else _cause(problem)
            found.refuse(name, reason)
            continue
        is_folder = stat.S_ISDIR(mode)
        if is_folder and entry.name.startswith("__MACOSX"):
            continue
        if not is_folder and not stat.S_ISREG(mode):
            found.refuse(name, next((said for is_kind, said in _KINDS if is_kind(mode)), "it is not a file"))
        elif not _is_text(entry.name):
            found.refuse(name, "its name is not valid text; rename it")
        else:
            yield name, is_folder, is_link


def _cause(problem: OSError) -> str:
    return f"it cannot be opened ({problem.strerror or 'unknown reason'})"


def _is_inside(path: str, real_root: str) -> bool:
    return path == real_root or path.startswith(real_root.rstrip(os.sep) + os.sep)


def _is_text(name: str) -> bool:
    """Whether a name can be stored: not bytes that are no UTF-8, which Python lists as lone surrogates."""
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)
