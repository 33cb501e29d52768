"""Tells files that may be read as pictures from pipes, devices, sockets, and links out of the folder.

Opening a pipe waits for ever for somebody to write, a device may never end, and a link in a folder from a stranger may
lead to anything on the disk.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from core.base.display_text import printable
from core.base.errors import ImageError

_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
LINK_ADVICE = "Put a copy of the file there, or open the folder that the link leads to."


def check_regular_file(path: Path) -> None:
    """Raises ImageError for a pipe, a socket or a device, also behind a link. What is not there passes.

    `open` then says why it cannot be opened.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    kind = next((words for is_kind, words in _KINDS if is_kind(mode)), None)
    if kind is not None:
        raise ImageError(f"“{printable(str(path))}” is {kind}, not a picture; it was not opened. Delete it.")


def check_picture_file(path: Path, folder: Path) -> None:
    """Raises ImageError as `check_regular_file`, and for a path below `folder` that leads out of it through a link, or
    that no file can have."""
    try:
        target = os.path.realpath(path)
    except ValueError as problem:  # a zero byte, in a project from a stranger
        raise ImageError(
            f"“{printable(str(path))}” cannot be the name of a file; it was not opened."
        ) from problem
    if not is_within(target, os.path.realpath(folder)):
        raise ImageError(
            f"“{printable(str(path))}” is a link to “{printable(target)}”, outside the folder of the pictures; "
            f"it was not followed. {LINK_ADVICE}"
        )
    check_regular_file(path)


def refusal_reason(path: Path, folder: Path) -> str | None:
    """The sentence of `check_picture_file`; None for a file that may be read."""
    try:
        check_picture_file(path, folder)
    except ImageError as problem:
        return str(problem)
    return None


def is_within(target: str, root: str) -> bool:
    """Whether a resolved path is `root` or inside it."""
    try:
        return os.path.commonpath((target, root)) == root
    except ValueError:  # two drives on Windows
        return False
