"""The document of the user: a folder of pictures, and the home folder with the project file, weights and caches."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from core.base.display_text import quoted
from core.base.errors import DiskError, ImageError, ProjectError, ProjectFolderError
from core.images.file_kind import check_picture_file
from core.project.class_repository import ClassRepository
from core.project.files.home_check import check_home, check_stored_folder, is_file
from core.project.files.sqlite_defences import OPENING_SECONDS
from core.project.folder_fsync import create_folder
from core.project.integrity.row_types import READ_WHEN_OPENED, wrong_values
from core.project.journal import JournalRepository
from core.project.label_repository import LabelRepository
from core.project.locks.writer_lock import WriterLock
from core.project.picture_repository import PictureRepository
from core.project.picture_work.work_repository import WorkRepository
from core.project.project_files import HOME_FOLDER, PROJECT_FILE
from core.project.records import now
from core.project.run_repository import RunRepository
from core.project.schema import facts
from core.project.store import Store
from core.project.verdicts.kept_labels import KeptLabelRepository

__all__ = ["HOME_FOLDER", "PROJECT_FILE", "Project", "find_home", "run_class_mapping"]


class Project:
    """An open project. Used by one thread at a time: the document lane, or the only thread of a command.

    folder: the pictures; the program writes nothing there but the `home` folder
    home: project.sqlite, backups/, models/ and cache/; `.maskloop` in `folder` unless the user chose another place
    """

    def __init__(self, folder: Path, home: Path, store: Store, lock: WriterLock | None) -> None:
        self.folder = folder
        self.home = home
        self._store = store
        self._lock = lock
        self.pictures = PictureRepository(store)
        self.labels = LabelRepository(store)
        self.journal = JournalRepository(store)
        self.classes = ClassRepository(store)
        self.runs = RunRepository(store)
        self.kept_labels = KeptLabelRepository(store)
        self.work = WorkRepository(store, self.classes.mapping_since)

    @classmethod
    def open(
        cls,
        folder: Path,
        home: Path | None = None,
        purpose: str = "a Maskloop command",
        *,
        to_repair: bool = False,
        take_over: bool = False,
    ) -> Project:
        """Open for writing; creates the project if there is none. `folder` may also be the home of a project.

        purpose: what the project is open for, told to others that try to open it; to_repair: also with values that
        cannot be read; take_over: as in WriterLock. Raises ProjectError with a sentence for the user: the folder does
        not exist or cannot be written (ProjectFolderError), the file is damaged or was made by a newer version, or
        another process has the project open for writing (ProjectLockedError).
        """
        folder, named = _normalized(folder), home is not None
        if home is None and is_file(folder / PROJECT_FILE):
            check_home(folder, named=True)
            home, folder, named = folder, stored_pictures_folder(folder), True
        home = _normalized(home or folder / HOME_FOLDER)
        check_home(home, named=named)
        if not folder.is_dir():
            raise ProjectError(f"There is no folder {folder}. Check the name, or create it first.")
        try:
            create_folder(home)
            lock = WriterLock(home, purpose, take_over=take_over)
        except OSError as problem:
            raise ProjectFolderError(
                f"{home} cannot be written ({problem.strerror or problem}), so labels cannot be saved there. "
                "Choose another folder for the project (on the command line: --project DIR)."
            ) from problem
        try:
            store = _open_store(home / PROJECT_FILE, lock)
            try:
                store.upgrade()
                if not to_repair:
                    _check_rows(store)
                project = cls(folder, home, store, lock)
                project.store_folder()
                project.runs.close_interrupted()
            except BaseException:
                store.close()
                raise
        except BaseException:
            lock.release()
            raise
        return project

    @classmethod
    def open_read_only(cls, where: Path, *, is_checked: bool = False, to_repair: bool = False) -> Project:
        """Open for reading, also while another process writes. `where` is the folder of the pictures or the home.

        is_checked: this process has it open already, so its files need not be checked again; to_repair: as in `open`.
        Raises ProjectError when there is no project or its file has another schema.
        """
        home = find_home(where, deep=not is_checked)
        store = Store(home / PROJECT_FILE, writing=False)
        try:
            store.require_current_schema()
            if not is_checked and not to_repair:
                _check_rows(store)
            project = cls(_normalized(where), home, store, None)
            if home == project.folder:
                project.folder = project._stored_folder()
        except BaseException:
            store.close()
            raise
        return project

    @property
    def name(self) -> str:
        """The name of the folder of the pictures."""
        return self.folder.name or str(self.folder)

    @property
    def models_folder(self) -> Path:
        """Holds a folder of weights for each run."""
        return self.home / "models"

    @property
    def cache_folder(self) -> Path:
        """Holds what can be computed again: predictions, training snapshots."""
        return self.home / "cache"

    @property
    def store(self) -> Store:
        """Direct access to the file, for code outside the repositories such as check, repair and bulk insert."""
        return self._store

    @property
    def is_writing(self) -> bool:
        return self._lock is not None

    def picture_path(self, relative: str) -> Path:
        """The file of a picture, which may be read; it may not exist. Asks the disk: not for the GUI thread.

        Raises ImageError when the stored path, or a link on it, leads out of the folder, and for a pipe or a device.
        """
        path = self.folder / relative
        if not Path(os.path.normpath(path)).is_relative_to(self.folder):
            raise ImageError(
                f"The project names a picture outside its folder: {quoted(relative)}. It was not read."
            )
        check_picture_file(path, self.folder)
        return path

    def prediction_path(self, picture_id: int) -> Path:
        """The file of a picture's newest prediction; it may not exist."""
        return self.cache_folder / "predictions" / f"{picture_id}.png"

    def run_folder(self, run_id: int) -> Path:
        """The folder of a run's weights; it may not exist."""
        return self.models_folder / str(run_id)

    def fact(self, name: str) -> str | None:
        """A value of the table `facts`, such as the picture shown last; None where it is not set."""
        with self._store.read_transaction() as connection:
            found = connection.execute(select(facts.c.value).where(facts.c.name == name)).scalar()
        return found if isinstance(found, str) else None

    def set_fact(self, name: str, value: str) -> None:
        """Store a fact under a name. Raises ProjectError when the disk refuses."""
        with self._store.write_transaction() as connection:
            statement = insert(facts).values(name=name, value=value)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_={"value": value})
            )

    def remove_fact(self, name: str) -> None:
        """Remove a fact, if it is there. Raises ProjectError when the disk refuses."""
        if self.fact(name) is not None:
            with self._store.write_transaction() as connection:
                connection.execute(delete(facts).where(facts.c.name == name))

    def close(self) -> None:
        """Close the file and release the writer lock. May be called twice."""
        self._store.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def store_folder(self) -> None:
        """Store where the pictures are."""
        try:
            # Relative where possible, so that pictures and project can be moved together.
            stored = Path(os.path.relpath(self.folder, self.home)).as_posix()
        except ValueError:  # another drive on Windows
            stored = str(self.folder)
        if self.fact("pictures") != stored:
            self.set_fact("pictures", stored)
        if self.fact("made_at") is None:
            self.set_fact("made_at", now())

    def _stored_folder(self) -> Path:
        folder = Path(os.path.normpath(self.home / (self.fact("pictures") or "..")))
        check_stored_folder(folder)
        return folder


def run_class_mapping(project: Project, run_id: int) -> NDArray[np.uint8]:
    """(256,) uint8: the present class value of each value that a run predicts; the identity for an unknown run."""
    try:
        remap_id = project.runs.get(run_id).after_move_id
    except KeyError:
        return np.arange(256, dtype=np.uint8)
    return project.classes.mapping_since(remap_id)


def find_home(where: Path, *, deep: bool = True) -> Path:
    """The home of a project, given that folder or the folder of its pictures. Raises ProjectError when there is none,
    or when there are links in it; `deep=False` does not look for these."""
    where = _normalized(where)
    for home in (where / HOME_FOLDER, where):
        if is_file(home / PROJECT_FILE):
            if deep:
                check_home(home, named=home == where)
            return home
    _refuse_forbidden(where)
    raise ProjectError(f"There is no Maskloop project in {where}. Create one with: maskloop init {where}")


def _refuse_forbidden(where: Path) -> None:
    """Raises ProjectError when a folder may not be entered, so that nobody knows whether there is a project in it."""
    for folder in (where, where / HOME_FOLDER):
        try:
            (folder / PROJECT_FILE).stat()
        except PermissionError as problem:
            raise ProjectError(
                f"{folder} cannot be read: {problem.strerror}. Give yourself the right to read and write it."
            ) from problem
        except OSError:
            continue


def _check_rows(store: Store) -> None:
    """Raises ProjectError for a value that the program could not read: types are checked here, and nowhere later."""
    try:
        with store.read_transaction(seconds=OPENING_SECONDS) as connection:
            found = next(wrong_values(connection, READ_WHEN_OPENED), None)
    except DiskError as problem:
        if "malformed" not in str(problem.__cause__):
            raise
        return  # what is not damaged can still be read, and `maskloop check` says more
    if found is not None:
        table, column, row = found
        raise ProjectError(
            f"{store.path} has a value that cannot be read (table {table}, row {row}, {column}). Repair it with: "
            f"maskloop check --repair --project {store.path.parent}"
        )


def _normalized(path: Path) -> Path:
    """An absolute path without "..", so that paths can be compared by their parts."""
    return Path(os.path.normpath(path.absolute()))


def _open_store(path: Path, lock: WriterLock) -> Store:
    """The project file, opened for writing as long as the lock is ours. Raises ProjectError."""
    is_new = not path.exists()
    try:
        store = Store(path, writing=True)
    except DiskError as problem:
        if not lock.is_note_alone:
            raise
        if is_new:
            path.unlink(missing_ok=True)
        raise ProjectFolderError(
            f"{path.parent} is in a folder without file locks, as some shared folders are, and SQLite cannot store a "
            "project there. Choose another folder for the project (on the command line: --project DIR)."
        ) from problem
    store.may_write = lock.check
    store.notice = " ".join(filter(None, (lock.notice, store.notice))) or None
    return store


def stored_pictures_folder(home: Path) -> Path:
    """The folder of the pictures, read from a project file of any revision: it is needed before the migration."""
    store = Store(home / PROJECT_FILE, writing=False)
    with Project(home, home, store, None) as project:
        # An empty file has no facts; `version` raises for a database that is no project.
        return project._stored_folder() if store.version() else home.parent
