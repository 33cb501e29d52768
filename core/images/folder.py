"""Finds the pictures of a folder and its sub-folders, in natural order, without opening a file."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

from core.base.errors import ImageError
from core.images.image_reader import PICTURE_SUFFIXES

log = logging.getLogger(__name__)

_NUMBER = re.compile(r"([0-9]+)")
_ENDINGS = frozenset(suffix[1:] for suffix in PICTURE_SUFFIXES)
_NO_DIGITS = str.maketrans("123456789", "000000000")


def scan_folder(folder: Path) -> Iterator[Path]:
    """Every picture below `folder`, as `folder / ..`, in natural order of the relative path.

    Lazy: a directory is listed and sorted when it is reached, no file is opened or asked for its size. Hidden
    files and folders (`.maskloop` is one) are left out. A link to a folder is followed once and only out of
    `folder`, for what lies inside is found under its own name. Sub-folders that may not be read are passed
    over; if `folder` itself may not, the first step raises ImageError.
    """
    try:
        pending = [iter(_listed(folder))]
        root = os.path.realpath(folder)
        seen = {_identity(folder)}
    except OSError as error:
        raise ImageError(
            f"The folder “{folder}” cannot be read ({error.strerror or error}). "
            "Check that it is there and that you may open it."
        ) from error
    while pending:
        entry = next(pending[-1], None)
        if entry is None:
            pending.pop()
        elif not _is_folder(entry):
            yield Path(entry.path)
        elif (inside := _entered(entry, root, seen)) is not None:
            pending.append(iter(inside))


def has_pictures(folder: Path) -> bool:
    """Whether `scan` would find any, without putting a large folder in order. Raises ImageError as it does."""
    try:
        with os.scandir(folder) as entries:
            if any(_is_picture(e.name) and e.name[0] != "." and not _is_folder(e) for e in entries):
                return True
    except OSError:
        pass  # scan says it better
    return next(scan_folder(folder), None) is not None


def list_folder(folder: Path) -> tuple[list[str], list[str]]:
    """Names of the pictures and of the sub-folders that are no links, not hidden, in no order. Raises OSError."""
    pictures, folders = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name[0] == ".":
                continue
            if _is_picture(entry.name) and not _is_folder(entry):
                pictures.append(entry.name)
            elif entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
    return pictures, folders


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Sorts names as people do: img2 before img10, upper beside lower case; the name itself decides ties."""
    parts: list[str | int] = [*_NUMBER.split(name.casefold())]
    parts[1::2] = map(int, parts[1::2])
    return parts, name


def _listed(folder: str | Path) -> list[os.DirEntry[str]]:
    """Sub-folders and pictures of one directory, not hidden, in natural order. Raises OSError."""
    with os.scandir(folder) as entries:
        found = [e for e in entries if (name := e.name)[0] != "." and (_is_picture(name) or _is_folder(e))]
    return _in_order(found)


def _in_order(entries: list[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
    """In natural order. Names that differ in their digits alone, as those of a camera, are in it as plain text,
    which is ten times faster for a hundred thousand of them."""
    names = [entry.name for entry in entries]
    # All at once, as one text: no name holds a slash.
    shape = names[0].translate(_NO_DIGITS) if names else ""
    if "/".join(names).translate(_NO_DIGITS) == "/".join([shape] * len(names)):
        return sorted(entries, key=attrgetter("name"))
    return sorted(entries, key=lambda entry: natural_key(entry.name))


def _is_picture(name: str) -> bool:
    # For a hundred thousand names; a Path for each would take ten times as long.
    _, dot, ending = name.rpartition(".")
    return ending.lower() in _ENDINGS and dot == "."


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is one or a link to one. A link that leads round or to where nobody may look is none: one bad link
    must not hide what lies beside it."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _entered(
    folder: os.DirEntry[str], root: str, seen: set[tuple[int, int]]
) -> list[os.DirEntry[str]] | None:
    """The sub-folder's entries; None when it was seen before, lies elsewhere in the tree or is locked."""
    try:
        if folder.is_symlink() and _related(os.path.realpath(folder.path), root):
            return None
        identity = _identity(folder.path)
        if identity in seen:
            return None
        seen.add(identity)
        return _listed(folder.path)
    except OSError:
        return None


def _related(target: str, root: str) -> bool:
    """Whether `target` is inside `root` (found there anyway) or around it (would list the tree again)."""
    try:
        return os.path.commonpath((target, root)) in (target, root)
    except ValueError:  # two drives on Windows
        return False


def _identity(folder: str | Path) -> tuple[int, int]:
    status = Path(folder).stat()
    return status.st_dev, status.st_ino


def is_encodable_name(name: str) -> bool:
    """Whether a file's name is text that can be stored. On Linux a name may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        log.warning("left out, its name is not text: %r", name)
        return False
    return True
