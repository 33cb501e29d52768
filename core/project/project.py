"""The user's document: a folder of pictures and the .maskloop folder that holds all that was said about them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from core.base.errors import ProjectError
from core.project.class_repository import ClassDrawer
from core.project.folder_sync import make_folder
from core.project.journal import JournalDrawer
from core.project.label_repository import LabelDrawer
from core.project.layout import FILE, HOME
from core.project.picture_repository import PictureDrawer
from core.project.records import now
from core.project.run_repository import RunDrawer
from core.project.schema import facts
from core.project.store import Store
from core.project.writer_lock import WriterGuard

__all__ = ["FILE", "HOME", "Project", "home_of", "mapping_of"]


class Project:
    """One open document. Lives on one thread at a time: the document lane, or a command's only thread.

    `folder` holds the pictures and is never written to; `home` holds project.sqlite, models/ and cache/.
    """

    def __init__(self, folder: Path, home: Path, store: Store, guard: WriterGuard | None) -> None:
        self.folder = folder
        self.home = home
        self._store = store
        self._guard = guard
        self.pictures = PictureDrawer(store)
        self.labels = LabelDrawer(store)
        self.journal = JournalDrawer(store)
        self.classes = ClassDrawer(store)
        self.runs = RunDrawer(store)

    @classmethod
    def write(cls, folder: Path, home: Path | None = None, purpose: str = "a Maskloop command") -> Project:
        """Open for writing; a project that is not there yet is made.

        Raises ProjectError with a sentence for people: no such folder, cannot be written, damaged, made by a
        newer Maskloop, or already open for writing elsewhere (which is then named).
        """
        folder = _plain(folder)
        if home is None and (folder / FILE).is_file():
            home, folder = folder, _pictures_folder(folder)
        home = _plain(home or folder / HOME)
        if not folder.is_dir():
            raise ProjectError(f"There is no folder {folder}. Check the name, or make it first.")
        try:
            make_folder(home)
            guard = WriterGuard(home, purpose)
        except OSError as problem:
            raise ProjectError(
                f"{home} cannot be written ({problem.strerror or problem}), so labels cannot be kept there. "
                "Choose another place for the project with --project DIR."
            ) from problem
        try:
            store = Store(home / FILE, writing=True)
            try:
                store.upgrade()
                project = cls(folder, home, store, guard)
                project._remember_folder()
                project.runs.end_orphans()
            except BaseException:
                store.close()
                raise
        except BaseException:
            guard.release()
            raise
        return project

    @classmethod
    def read(cls, where: Path) -> Project:
        """Open for reading, also while a window writes. `where` is the pictures' folder or the project's own.

        Raises ProjectError when there is no project, or its file is not of this program's form.
        """
        home = home_of(where)
        store = Store(home / FILE, writing=False)
        try:
            store.refuse_other_form()
            project = cls(_plain(where), home, store, None)
            project.folder = project._stored_folder()
        except BaseException:
            store.close()
            raise
        return project

    @property
    def name(self) -> str:
        return self.folder.name or str(self.folder)

    @property
    def models(self) -> Path:
        return self.home / "models"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def store(self) -> Store:
        """The file itself, for what no drawer does: checking and repairing."""
        return self._store

    @property
    def is_writing(self) -> bool:
        return self._guard is not None

    def picture_path(self, relative: str) -> Path:
        """Where a picture lies. Raises ProjectError when the stored path climbs out of the folder."""
        path = self.folder / relative
        if not Path(os.path.normpath(path)).is_relative_to(self.folder):
            raise ProjectError(
                f"The project names a picture outside its folder: {relative}. It was not read."
            )
        return path

    def prediction_path(self, picture_id: int) -> Path:
        return self.cache / "predictions" / f"{picture_id}.png"

    def run_folder(self, run_id: int) -> Path:
        return self.models / str(run_id)

    def fact(self, name: str) -> str | None:
        """A stored fact about the project, such as the picture shown last."""
        with self._store.reading() as connection:
            return connection.execute(select(facts.c.value).where(facts.c.name == name)).scalar()

    def set_fact(self, name: str, value: str) -> None:
        with self._store.writing() as connection:
            statement = insert(facts).values(name=name, value=value)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_={"value": value})
            )

    def close(self) -> None:
        """Give file and guard back. May be called twice."""
        self._store.close()
        if self._guard is not None:
            self._guard.release()

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _remember_folder(self) -> None:
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


def mapping_of(project: Project, run_id: int) -> NDArray[np.uint8]:
    """(256,) uint8: what the pixel values that a run predicts are called now; as they are for an unknown run."""
    try:
        began = project.runs.get(run_id).after_move_id
    except KeyError:
        return np.arange(256, dtype=np.uint8)
    return project.classes.mapping_since(began)


def home_of(where: Path) -> Path:
    """The folder of the project file that `where` means. Raises ProjectError when there is none."""
    where = _plain(where)
    for home in (where / HOME, where):
        if (home / FILE).is_file():
            return home
    raise ProjectError(f"There is no Maskloop project in {where}. Make one with: maskloop init {where}")


def _plain(path: Path) -> Path:
    """Absolute and without "..", so that paths can be compared by their parts."""
    return Path(os.path.normpath(path.absolute()))


def _pictures_folder(home: Path) -> Path:
    """Of a project of any form: it is upgraded only once it is known where its pictures are."""
    store = Store(home / FILE, writing=False)
    with Project(home, home, store, None) as project:
        # A file without tables knows of no folder, and what is no project is refused in words.
        return project._stored_folder() if store.version() else home.parent
