"""Pictures from elsewhere come into the project's folder: planned first, copied beside, renamed into place."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.base.errors import Cancelled, ImageError
from core.images.folder import scan_folder
from core.images.image_reader import PICTURE_SUFFIXES
from core.project.project import HOME_FOLDER
from core.session.transfer.file_names import shorten

PASTED_FOLDER = "pasted"
"""Sub-folder for pictures from the clipboard."""

ProgressCallback = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class DropPlan:
    """What would be copied: (file, relative path in the project's folder). inside: relative paths of pictures that lie
    in the folder already; others: how many files are no pictures."""

    folder: Path
    copies: tuple[tuple[Path, str], ...]
    inside: tuple[str, ...]
    others: int
    bytes: int


def plan_drop(folder: Path, paths: Iterable[Path]) -> DropPlan:
    """What dropped files and folders mean for a project. Takes a moment; raises ImageError for a folder that is locked.

    The pictures of a dropped folder keep their places below a folder of its name. Where a name is taken by another
    picture, a number is added; the same picture (same bytes) is not copied twice.
    """
    home = Path(os.path.realpath(folder))
    copies: list[tuple[Path, str]] = []
    inside: list[str] = []
    others = size = 0
    taken: set[str] = set()
    for path, wanted in _pictures_of(paths):
        if wanted is None:
            others += 1
            continue
        real = Path(os.path.realpath(path))
        if real.is_relative_to(home) and HOME_FOLDER not in real.relative_to(home).parts:
            inside.append(real.relative_to(home).as_posix())
            continue
        name = _free_name(folder, wanted, path, taken)
        if name is None:
            inside.append(wanted)
            continue
        taken.add(name.casefold())
        copies.append((path, name))
        size += path.stat().st_size
    return DropPlan(folder, tuple(copies), tuple(dict.fromkeys(inside)), others, size)


def copy_dropped(plan: DropPlan, progress: ProgressCallback, should_stop: Callable[[], bool]) -> list[str]:
    """Copy as planned. Returns the relative paths of all pictures meant, those that were there already included.

    Raises ImageError when a file cannot be read or written, and Cancelled; what was copied is taken away again then.
    All copies are hidden until the last one is whole, so that nobody who watches the folder takes in what may go again.
    """
    hidden: list[tuple[Path, Path]] = []
    shown: list[Path] = []
    try:
        for number, (source, name) in enumerate(plan.copies):
            progress(number, len(plan.copies))
            if should_stop():
                raise Cancelled
            target = plan.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            # A short name, however long the picture's own is.
            beside = target.with_name(f".{uuid.uuid4().hex}.part")
            hidden.append((beside, target))
            _copy(source, beside, should_stop)
        progress(len(plan.copies), len(plan.copies))
        for beside, target in hidden:
            _publish(beside, target)
            shown.append(target)
    except (Cancelled, OSError) as problem:
        for target in shown:
            with contextlib.suppress(OSError):
                target.unlink()
        if isinstance(problem, Cancelled):
            raise
        reason = problem.strerror or problem
        raise ImageError(
            f"“{problem.filename or plan.folder}” could not be copied ({reason}), so nothing was taken in. Check the "
            "free space and your rights, and try again."
        ) from problem
    finally:
        for beside, _ in hidden:
            with contextlib.suppress(OSError):  # gone when it has been shown
                beside.unlink()
    return [*(name for _, name in plan.copies), *plan.inside]


def store_pasted(folder: Path, picture: NDArray[np.uint8], at: datetime) -> str:
    """Write a picture from the clipboard, (H, W, 3) or (H, W, 4) uint8, as a new PNG. Returns its relative path.

    Raises ImageError.
    """
    stem = f"{PASTED_FOLDER}-{at:%Y%m%d-%H%M%S}"
    try:
        (folder / PASTED_FOLDER).mkdir(exist_ok=True)
        name, number = f"{PASTED_FOLDER}/{stem}.png", 2
        while (folder / name).exists():
            name, number = f"{PASTED_FOLDER}/{stem}-{number}.png", number + 1
        beside = folder / PASTED_FOLDER / f".{Path(name).name}.part"
        Image.fromarray(picture).save(beside, "PNG", compress_level=3)
        beside.replace(folder / name)
    except OSError as problem:
        raise ImageError(
            f"The pasted picture could not be written to {folder / PASTED_FOLDER} ({problem.strerror or problem}). Check the "
            "free space and your rights, and paste again."
        ) from problem
    return name


def _pictures_of(paths: Iterable[Path]) -> Iterable[tuple[Path, str | None]]:
    """Each file with the relative path that it should get; None for what is no picture."""
    for path in paths:
        if path.is_dir():
            for found in scan_folder(path):
                yield found, f"{path.name or 'pictures'}/{found.relative_to(path).as_posix()}"
        elif path.is_file():
            yield path, path.name if path.suffix.lower() in PICTURE_SUFFIXES else None


def _free_name(folder: Path, wanted: str, source: Path, taken: set[str]) -> str | None:
    """A name that nobody has, upper or lower case; None when the very same picture has the wanted one."""
    path, number, name = Path(wanted), 2, wanted
    while name.casefold() in taken or (folder / name).exists():
        if name.casefold() not in taken and _same_bytes(folder / name, source):
            return None
        name = path.with_name(f"{shorten(path.stem)}-{number}{path.suffix}").as_posix()
        number += 1
    return name


def _same_bytes(one: Path, other: Path) -> bool:
    try:
        if one.stat().st_size != other.stat().st_size:
            return False
        with one.open("rb") as first, other.open("rb") as second:
            while block := first.read(1 << 20):
                if block != second.read(1 << 20):
                    return False
    except OSError:
        return False
    return True


def _copy(source: Path, beside: Path, should_stop: Callable[[], bool]) -> None:
    with source.open("rb") as coming, beside.open("wb") as going:
        while block := coming.read(1 << 22):
            if should_stop():
                raise Cancelled
            going.write(block)
    shutil.copystat(source, beside)


def _publish(beside: Path, target: Path) -> None:
    if target.exists():  # somebody was quicker; nothing is ever overwritten
        raise FileExistsError(17, "a file of this name has just appeared", str(target))
    beside.replace(target)
