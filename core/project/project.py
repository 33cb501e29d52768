"""The user's document: a folder of pictures and the .maskloop folder that holds all that was said about them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from core.base.errors import ProjectError
from core.project.class_repository import ClassRepository
from core.project.folder_sync import create_folder
from core.project.journal import JournalRepository
from core.project.label_repository import LabelRepository
from core.project.layout import HOME_FOLDER, PROJECT_FILE
from core.project.picture_repository import PictureRepository
from core.project.records import now
from core.project.run_repository import RunRepository
from core.project.schema import facts
from core.project.store import Store
from core.project.writer_lock import WriterLock

__all__ = ["HOME_FOLDER", "PROJECT_FILE", "Project", "find_home", "run_class_mapping"]


class Project:
    """One open document. Lives on one thread at a time: the document lane, or a command's only thread.

    `folder` holds the pictures and is never written to; `home` holds project.sqlite, models/ and cache/.
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

    @classmethod
    def open(cls, folder: Path, home: Path | None = None, purpose: str = "a Maskloop command") -> Project:
        """Open for writing; a project that is not there yet is made.

        Raises ProjectError with a sentence for people: no such folder, cannot be written, damaged, made by a
        newer Maskloop, or already open for writing elsewhere (which is then named).
        """
        folder = _normalized(folder)
        if home is None and (folder / PROJECT_FILE).is_file():
            home, folder = folder, _read_pictures_folder(folder)
        home = _normalized(home or folder / HOME_FOLDER)
        if not folder.is_dir():
            raise ProjectError(f"There is no folder {folder}. Check the name, or make it first.")
        try:
            create_folder(home)
            guard = WriterLock(home, purpose)
        except OSError as problem:
            raise ProjectError(
                f"{home} cannot be written ({problem.strerror or problem}), so labels cannot be kept there. "
                "Choose another place for the project with --project DIR."
            ) from problem
        try:
            store = Store(home / PROJECT_FILE, writing=True)
            try:
                store.upgrade()
                project = cls(folder, home, store, guard)
                project._store_folder()
                project.runs.close_interrupted()
            except BaseException:
                store.close()
                raise
        except BaseException:
            guard.release()
            raise
        return project

    @classmethod
    def open_read_only(cls, where: Path) -> Project:
        """Open for reading, also while a window writes. `where` is the pictures' folder or the project's own.

        Raises ProjectError when there is no project, or its file is not of this program's form.
        """
        home = find_home(where)
        store = Store(home / PROJECT_FILE, writing=False)
        try:
            store.require_current_schema()
            project = cls(_normalized(where), home, store, None)
            project.folder = project._stored_folder()
        except BaseException:
            store.close()
            raise
        return project

    @property
    def name(self) -> str:
        return self.folder.name or str(self.folder)

    @property
    def models_folder(self) -> Path:
        return self.home / "models"

    @property
    def cache_folder(self) -> Path:
        return self.home / "cache"

    @property
    def store(self) -> Store:
        """The file itself, for what no drawer does: checking and repairing."""
        return self._store

    @property
    def is_writing(self) -> bool:
        return self._lock is not None

    def picture_path(self, relative: str) -> Path:
        """Where a picture lies. Raises ProjectError when the stored path climbs out of the folder."""
        path = self.folder / relative
        if not Path(os.path.normpath(path)).is_relative_to(self.folder):
            raise ProjectError(
                f"The project names a picture outside its folder: {relative}. It was not read."
            )
        return path

    def prediction_path(self, picture_id: int) -> Path:
        return self.cache_folder / "predictions" / f"{picture_id}.png"

    def run_folder(self, run_id: int) -> Path:
        return self.models_folder / str(run_id)

    def fact(self, name: str) -> str | None:
        """A stored fact about the project, such as the picture shown last."""
        with self._store.read_transaction() as connection:
            return connection.execute(select(facts.c.value).where(facts.c.name == name)).scalar()

    def set_fact(self, name: str, value: str) -> None:
        with self._store.write_transaction() as connection:
            statement = insert(facts).values(name=name, value=value)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_={"value": value})
            )

    def close(self) -> None:
        """Give file and guard back. May be called twice."""
        self._store.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _store_folder(self) -> None:
        try:
            # Relative where possible: pictures and project may move together.
            stored = Path(os.path.relpath(self.folder, self.home)).as_posix()
        except ValueError:  # another drive on Windows
            stored = str(self.folder)
        if self.fact("pictures") != stored:
            self.set_fact("pictures", stored)
        if self.fact("made_at") is None:
            self.set_fact("made_at", now())

    def _stored_folder(self) -> Path:
        return Path(os.path.normpath(self.home / (self.fact("pictures") or "..")))


def run_class_mapping(project: Project, run_id: int) -> NDArray[np.uint8]:
    """(256,) uint8: what the pixel values that a run predicts are called now; as they are for an unknown run."""
    try:
        began = project.runs.get(run_id).after_move_id
    except KeyError:
        return np.arange(256, dtype=np.uint8)
    return project.classes.mapping_since(began)


def find_home(where: Path) -> Path:
    """The folder of the project file that `where` means. Raises ProjectError when there is none."""
    where = _normalized(where)
    for home in (where / HOME_FOLDER, where):
        if (home / PROJECT_FILE).is_file():
            return home
    raise ProjectError(f"There is no Maskloop project in {where}. Make one with: maskloop init {where}")


def _normalized(path: Path) -> Path:
    """Absolute and without "..", so that paths can be compared by their parts."""
    return Path(os.path.normpath(path.absolute()))


def _read_pictures_folder(home: Path) -> Path:
    """Of a project of any form: it is upgraded only once it is known where its pictures are."""
    store = Store(home / PROJECT_FILE, writing=False)
    with Project(home, home, store, None) as project:
        # A file without tables knows of no folder, and what is no project is refused in words.
        return project._stored_folder() if store.version() else home.parent
