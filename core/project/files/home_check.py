"""Refuses links and special files in the home of a project.

A project may come from a stranger: in an archive, or on a shared drive. A link in it would let a command overwrite or
delete files anywhere; a named pipe or a device would make it wait for ever. Whoever may change the folder while the
program runs is not kept out: see docs/security.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from core.base.errors import ProjectError

_OWN_NAMES = ("project.sqlite", ".project", "writer.", "backups", "cache", "models", "truth")
"""What the program makes in a home begins with one of these. A home may also hold pictures, and links among them."""
_SYSTEM_FOLDERS = (Path("/proc"), Path("/sys"), Path("/dev"))
_MEMORY_DISK = Path("/dev/shm")


def check_home(home: Path, *, named: bool) -> None:
    """Raises ProjectError when anything below `home` is neither a plain file nor a folder.

    named: the user gave this very path, which may then be a link itself; a `.maskloop` found in a folder of pictures
    may not. A home that does not exist yet passes. Only folders are read: 100,000 files take a tenth of a second.
    """
    if not named and home.is_symlink():
        target = os.path.realpath(home)
        raise ProjectError(
            f"{home} is a link to {target}, and was not followed. If that is where your project is, open it with: "
            f"--project {target}"
        )
    for path, is_link in _strangers(home):
        if is_link:
            raise ProjectError(
                f"{path} is a link to {os.path.realpath(path)}. A project may not lead out of its folder, so nothing "
                "was opened or changed. Delete the link, or put what it leads to in its place."
            )
        raise ProjectError(
            f"{path} is neither a file nor a folder, but a device, a pipe or a socket. Nothing was opened or changed. "
            "Delete it, then try again."
        )


def check_stored_folder(folder: Path) -> None:
    """Raises ProjectError when the folder of pictures that a project file names is a whole disk or of the system."""
    parts = {folder, folder.resolve()}
    if any(path == Path(path.anchor) or _is_of_the_system(path) for path in parts):
        raise ProjectError(
            f"The project says that its pictures are in {folder}, which is not a folder of pictures. Name the right "
            "one: maskloop FOLDER --project HOME"
        )


def _is_of_the_system(path: Path) -> bool:
    return any(map(path.is_relative_to, _SYSTEM_FOLDERS)) and not path.is_relative_to(_MEMORY_DISK)


def is_file(path: Path) -> bool:
    """Whether `path` is a file; False, unlike `Path.is_file`, also in a folder that may not be entered."""
    try:
        return path.is_file()
    except OSError:
        return False


def _strangers(home: Path) -> Iterator[tuple[Path, bool]]:
    """What is neither a file nor a folder below `home`, and whether it is a link. Links are not followed."""
    waiting, top = [str(home)], True
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if top and not entry.name.startswith(_OWN_NAMES):
                        continue
                    if entry.is_symlink() or _is_junction(entry):
                        yield Path(entry.path), True
                    elif entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif not entry.is_file(follow_symlinks=False):
                        yield Path(entry.path), False
        except OSError:  # not there yet, or not readable: then nothing in it can be opened either
            pass
        top = False


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """Whether a folder is a junction, the link to a folder of Windows (known to Python since 3.12)."""
    ask = getattr(entry, "is_junction", None)
    return bool(ask is not None and ask())
