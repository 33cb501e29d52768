"""Keeps edits that the project file does not take, because it is gone, in a rescue file."""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from core.base.display_text import clean_name
from core.labels.class_list import ClassList
from core.labels.label_map import Edit
from core.project.files.picture_change import PictureChange
from core.project.files.rescue_file import SUFFIX, append_change, append_edit, write_head
from core.project.project import Project
from core.project.records import PictureRecord

log = logging.getLogger(__name__)

PictureEdit = tuple[int, Edit]
"""The id of a picture, and an edit of it."""


class RescueLog:
    """Used on the document lane. The file is beside the project's home, or else in the folder of the user's data."""

    def __init__(self, project: Project, picture: Callable[[int], PictureRecord]) -> None:
        """picture: the record of a picture, from memory, because the file may not be readable any more"""
        self._project = project
        self._picture = picture
        self._waiting: list[PictureEdit] = []
        self.changes: list[PictureChange] = []
        """Changes of status, split, note and tags that wait, oldest first."""
        self.path: Path | None = None
        """The rescue file, while edits are in it that are not stored."""
        self._earlier: list[Path] = []  # files of these edits that could not be continued, nor deleted yet

    def add(self, picture_id: int, edit: Edit, classes: ClassList) -> str:
        """Write an edit unless it is there already. Returns a sentence that says where it is."""
        if not any(edit is kept for _, kept in self._waiting):
            self._waiting.append((picture_id, edit))
            self._write(lambda path: self._append(path, picture_id, edit), classes)
        return self._place()

    def add_change(self, change: PictureChange, classes: ClassList) -> str:
        """Write a change of status, split, note or tags. Returns a sentence that says where it is."""
        self.changes.append(change)
        self._write(lambda path: append_change(path, self._picture(change.picture_id), change), classes)
        return self._place()

    def clear(self) -> None:
        """All of it is stored elsewhere: delete the rescue file."""
        self._waiting.clear()
        self.changes.clear()
        self._delete_if_empty()

    def forget_changes(self) -> None:
        """The changes are stored after all."""
        self.changes.clear()
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
            for picture_id, edit in edits:
                self._append(path, picture_id, edit)
            for change in self.changes:
                append_change(path, self._picture(change.picture_id), change)
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
