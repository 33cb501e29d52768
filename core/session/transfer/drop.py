"""Copies dropped and pasted pictures into the project's folder: planned first, then copied, then renamed into place."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.base.errors import Cancelled, ImageError
from core.base.lane import Lane
from core.base.progress import ProgressCallback
from core.images.file_kind import check_picture_file
from core.images.folder import scan_folder
from core.images.image_reader import PICTURE_SUFFIXES
from core.project.project import HOME_FOLDER
from core.session.transfer.file_names import shorten

PASTED_FOLDER = "pasted"
"""Sub-folder for pictures from the clipboard."""


@dataclass(frozen=True, slots=True)
class DropPlan:
    """What a drop would do.

    copies: (file, relative path in the project's folder); inside: relative paths of pictures that are in the folder
    already; others: number of files that are not pictures; bytes: to be copied
    """

    folder: Path
    copies: tuple[tuple[Path, str], ...]
    inside: tuple[str, ...]
    others: int
    bytes: int


class DropService:
    """Called from the GUI thread; copies on its own lane. `add_pictures` puts new files into the picture list."""

    def __init__(
        self,
        folder: Path,
        add_pictures: Callable[[Sequence[str]], Future[list[int]]],
        on_unexpected_error: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._folder, self._add_pictures = folder, add_pictures
        self._lane = Lane("drop", on_unexpected_error=on_unexpected_error)
        self._closing = threading.Event()

    def plan(self, paths: Sequence[Path]) -> Future[DropPlan]:
        """What dropping these files and folders would do. The future raises ImageError."""
        return self._lane.submit(plan_drop, self._folder, paths)

    def copy(
        self, plan: DropPlan, progress: ProgressCallback, should_stop: Callable[[], bool]
    ) -> Future[list[int]]:
        """Copy as planned and add the pictures. Returns their ids; the future raises ImageError or Cancelled."""

        def work() -> list[int]:
            paths = copy_dropped(plan, progress, lambda: self._closing.is_set() or should_stop())
            return self._add_pictures(paths).result()

        return self._lane.submit(work)

    def paste(self, picture: NDArray[np.uint8]) -> Future[list[int]]:
        """Store a picture from the clipboard, (H, W, 3) or (H, W, 4) uint8, as a new file. Returns its id in a list.

        The future raises ImageError.
        """

        def work() -> list[int]:
            return self._add_pictures([store_pasted(self._folder, picture, datetime.now())]).result()

        return self._lane.submit(work)

    def close(self) -> None:
        """Cancel a copy under way and end the lane."""
        self._closing.set()
        self._lane.shutdown(cancel_futures=True)


def plan_drop(folder: Path, paths: Iterable[Path]) -> DropPlan:
    """What dropping these files and folders would do. Reads files; raises ImageError for an unreadable folder.

    Pictures of a dropped folder keep their relative paths below a folder of its name. Where another picture has the
    name, a number is added; a picture with the same bytes is not copied again.
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
    """Copy as planned. Returns the relative paths of all pictures, including those that were there already.

    Raises ImageError when a file cannot be read or written, and Cancelled; the copies are deleted again then. All
    copies have hidden names until the last one is complete, so that the folder watcher adds none that may be deleted.
    """
    hidden: list[tuple[Path, Path]] = []
    shown: list[Path] = []
    try:
        for number, (source, name) in enumerate(plan.copies):
            progress(number, len(plan.copies))
            if should_stop():
                raise Cancelled
            target = plan.folder / name
            check_picture_file(target, plan.folder)  # nothing is written through a link that leads out
            target.parent.mkdir(parents=True, exist_ok=True)
            # Short, because the picture's own name may be as long as the disk allows.
            partial = target.with_name(f".{uuid.uuid4().hex}.part")
            hidden.append((partial, target))
            _copy(source, partial, should_stop)
        progress(len(plan.copies), len(plan.copies))
        for partial, target in hidden:
            _publish(partial, target)
            shown.append(target)
    except (Cancelled, OSError) as problem:
        for target in shown:
            with contextlib.suppress(OSError):
                target.unlink()
        if isinstance(problem, Cancelled):
            raise
        reason = problem.strerror or problem
        raise ImageError(
            f"“{problem.filename or plan.folder}” could not be copied ({reason}), so nothing was added. "
            "Check the free space and the permissions, and try again."
        ) from problem
    finally:
        for partial, _ in hidden:
            with contextlib.suppress(OSError):  # renamed already
                partial.unlink()
    return [*(name for _, name in plan.copies), *plan.inside]


def store_pasted(folder: Path, picture: NDArray[np.uint8], at: datetime) -> str:
    """Write a picture, (H, W, 3) or (H, W, 4) uint8, as a new PNG named after the time `at`. Returns its relative path.

    Raises ImageError.
    """
    stem = f"{PASTED_FOLDER}-{at:%Y%m%d-%H%M%S}"
    check_picture_file(folder / PASTED_FOLDER, folder)  # nothing is written through a link that leads out
    try:
        (folder / PASTED_FOLDER).mkdir(exist_ok=True)
        name, number = f"{PASTED_FOLDER}/{stem}.png", 2
        while (folder / name).exists():
            name, number = f"{PASTED_FOLDER}/{stem}-{number}.png", number + 1
        partial = folder / PASTED_FOLDER / f".{Path(name).name}.part"
        Image.fromarray(picture).save(partial, "PNG", compress_level=3)
        partial.replace(folder / name)
    except OSError as problem:
        raise ImageError(
            f"The pasted picture could not be written to {folder / PASTED_FOLDER} "
            f"({problem.strerror or problem}). Check the free space and the permissions, and paste again."
        ) from problem
    return name


def _pictures_of(paths: Iterable[Path]) -> Iterable[tuple[Path, str | None]]:
    """Each file with the relative path that it should get; None for a file that is not a picture."""
    for path in paths:
        if path.is_dir():
            for found in scan_folder(path):
                yield found, f"{path.name or 'pictures'}/{found.relative_to(path).as_posix()}"
        elif path.is_file():
            yield path, path.name if path.suffix.lower() in PICTURE_SUFFIXES else None


def _free_name(folder: Path, wanted: str, source: Path, taken: set[str]) -> str | None:
    """A relative path that is free, whatever its case; None when the same picture has the wanted one already."""
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


def _copy(source: Path, target: Path, should_stop: Callable[[], bool]) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        while block := reader.read(1 << 22):
            if should_stop():
                raise Cancelled
            writer.write(block)
    shutil.copystat(source, target)


def _publish(partial: Path, target: Path) -> None:
    if target.exists():  # created by another program meanwhile; nothing is ever overwritten
        raise FileExistsError(17, "a file of this name has just appeared", str(target))
    partial.replace(target)
