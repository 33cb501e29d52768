"""Keeps edits that the project file does not take, because it is gone, in a rescue file."""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from core.base.changes import Changes
from core.base.display_text import clean_name
from core.labels.class_list import ClassList
from core.labels.label_map import Edit
from core.project.files.rescue_file import (
    SUFFIX,
    RescuedClasses,
    RescuedLine,
    append_edit,
    append_line,
    write_head,
)
from core.project.project import Project
from core.project.records import PictureRecord

log = logging.getLogger(__name__)

PictureEdit = tuple[int, Edit]
"""The id of a picture, and an edit of it."""


@dataclass(frozen=True, slots=True)
class WaitingChange:
    """A change without pixels that the disk refused. `store` stores it in a project; line: what a rescue file says;
    classes: the class list with it, when it changes that."""

    store: Callable[[Project], Changes]
    line: RescuedLine
    classes: ClassList | None = None


class RescueLog:
    """Used on the document lane. The file is beside the project's home, or else in the folder of the user's data."""

    def __init__(self, project: Project, picture: Callable[[int], PictureRecord]) -> None:
        """picture: the record of a picture, from memory, because the file may not be readable any more"""
        self._project = project
        self._picture = picture
        self._waiting: list[PictureEdit] = []
        self.changes: list[WaitingChange] = []
        """Changes without pixels that wait, oldest first."""
        self.path: Path | None = None
        """The rescue file, while edits are in it that are not stored."""
        self._earlier: list[Path] = []  # files of these edits that could not be continued, nor deleted yet

    @property
    def classes(self) -> ClassList | None:
        """The class list with the changes that wait; None when none of them changes it."""
        return next((each.classes for each in reversed(self.changes) if each.classes is not None), None)

    def add(self, picture_id: int, edit: Edit, classes: ClassList) -> str:
        """Write an edit unless it is there already. Returns a sentence that says where it is.

        classes: the list as it is stored; what changes it is a line of its own
        """
        if not any(edit is kept for _, kept in self._waiting):
            self._waiting.append((picture_id, edit))
            self._write(lambda path: self._append(path, picture_id, edit), classes)
        return self._place()

    def add_change(self, change: WaitingChange, classes: ClassList, *, is_file_gone: bool) -> str:
        """Keep a change without pixels, also in the rescue file if the project file is gone. Returns a sentence that
        says where it is."""
        self.changes.append(change)
        if is_file_gone:
            self._write(lambda path: append_line(path, change.line), classes)
        return self._place()

    def clear(self) -> None:
        """All of it is stored elsewhere: delete the rescue file."""
        self._waiting.clear()
        self.changes.clear()
        self._delete_if_empty()

    def forget_change(self, change: WaitingChange) -> None:
        """The change is stored after all."""
        self.changes.remove(change)
        self._delete_if_empty()

    def _write(self, append: Callable[[Path], None], classes: ClassList) -> None:
        try:
            if self.path is None:
                raise FileNotFoundError
            append(self.path)
        except OSError:
            self._start_again(classes)

    def _place(self) -> str:
        if self.path is None:
            return "Your edits since then are kept in memory; leave the window open until they are saved."
        return (
            f"Your edits since then are kept in {self.path}. They are stored as soon as the file is back; bring them "
            f"into another project with: maskloop rescue {self.path}"
        )

    def forget(self, edit: Edit) -> None:
        """The edit is stored after all. Deletes the rescue file with the last one."""
        self._waiting = [(i, kept) for i, kept in self._waiting if kept is not edit]
        self._delete_if_empty()

    def _delete_if_empty(self) -> None:
        if not self._waiting and not self.changes and self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
            self.path = None
            self._delete_earlier()

    def _delete_earlier(self) -> None:
        """What they hold is in the file of now, or stored; one on a drive that is away is deleted later."""
        for path in list(self._earlier):
            with contextlib.suppress(OSError):
                path.unlink()
                self._earlier.remove(path)

    def write_to(self, path: Path, edits: Sequence[PictureEdit], classes: ClassList) -> Path:
        """Write edits to a new rescue file where the user wants it. Returns its path, which has a number where there
        was a file already. Raises OSError."""
        path = self._create(path, classes)
        try:
            for change in sorted(self.changes, key=lambda each: not isinstance(each.line, RescuedClasses)):
                append_line(path, change.line)  # classes first: edits may have one that was added
            for picture_id, edit in edits:
                self._append(path, picture_id, edit)
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        return path

    def _create(self, path: Path, classes: ClassList) -> Path:
        """Under another name where there is such a file: it may hold edits that are nowhere else."""
        stem = path.with_suffix("") if path.suffix == SUFFIX else path
        for number in itertools.count(1):
            free = stem.with_name(f"{stem.name}{f'-{number}' if number > 1 else ''}{SUFFIX}")
            with contextlib.suppress(FileExistsError):
                write_head(free, self._project.name, classes)
                break
        return free

    def _start_again(self, classes: ClassList) -> None:
        """A new file in the first folder that takes all that waits."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        data = platformdirs.user_data_path("maskloop", appauthor=False) / "rescue"
        if self.path is not None:
            self._earlier.append(self.path)
        self.path = None
        for folder in (self._project.home.parent, data):
            try:
                if folder == data:
                    folder.mkdir(parents=True, exist_ok=True)
                path = folder / f"{clean_name(self._project.name)[:80]}-{stamp}{SUFFIX}"
                self.path = self.write_to(path, self._waiting, classes)
                self._delete_earlier()
                return
            except OSError as problem:
                log.warning("no rescue file in %s: %s", folder, problem)

    def _append(self, path: Path, picture_id: int, edit: Edit) -> None:
        record = self._picture(picture_id)
        size = (record.width or 0, record.height or 0)
        append_edit(path, record, size, edit)
