"""Checks where something is about to be written, before anything is."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from core.base.display_text import quoted
from core.base.errors import UserError


def check_output_folder(out: Path, keep: Iterable[Path] = ()) -> None:
    """Raises UserError unless `out` is a folder, or nothing yet, and apart from the folders to `keep`.

    Links are resolved before they are compared. A link as `out` itself is refused: it would be replaced by a folder.
    The caller checks what is in the folder.
    """
    found = _status_of(out)
    if found is not None and stat.S_ISLNK(found.st_mode):
        raise UserError(f"{out} is a link to {os.path.realpath(out)}. Name the folder itself.")
    if found is not None and not stat.S_ISDIR(found.st_mode):
        raise UserError(f"{out} is {_kind_of(found.st_mode)}. Choose a folder.")
    resolved = Path(os.path.realpath(out))
    for folder in keep:
        kept = Path(os.path.realpath(folder))
        direct = Path(os.path.normpath(out.absolute())) == resolved
        shown = str(out) if direct else f"{out} leads to {resolved}, which"
        if resolved.is_relative_to(kept):
            raise UserError(
                f"{shown} is inside the folder of the project, where files would be added to it. "
                "Choose a folder outside the project."
            )
        if kept.is_relative_to(resolved):
            raise UserError(
                f"{shown} contains the folder of the project. Choose a folder outside the project."
            )


def check_output_file(out: Path) -> None:
    """Raises UserError unless `out` is a file, or nothing yet; a device or a pipe would be replaced by a file."""
    found = _status_of(out)
    if found is not None and not stat.S_ISREG(found.st_mode):
        raise UserError(f"{out} is {_kind_of(found.st_mode)}. Choose the name of a file.")


def _status_of(path: Path) -> os.stat_result | None:
    """Of the path itself, not of what a link leads to; None when there is nothing."""
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        if problem.errno == errno.ENAMETOOLONG:
            raise UserError(
                f"The name {quoted(path.name)} is too long for a file. Choose a shorter one."
            ) from problem
        raise UserError(
            f"{quoted(str(path))} cannot be used: {problem.strerror}. Choose another place."
        ) from problem
    except ValueError as problem:  # NUL in a name
        raise UserError(f"{quoted(str(path))} is not the name of a file. Choose another one.") from problem


def _kind_of(mode: int) -> str:
    kinds = (
        (stat.S_ISLNK, "a link"),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISREG, "a file"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
    )
    return next((words for is_kind, words in kinds if is_kind(mode)), "a device")
