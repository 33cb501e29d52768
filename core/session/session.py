"""The open project as the window knows it: four journeys over the same document, and one stream of news."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from core.changes import Changes
from core.lanes import Lane
from core.project.project import Project
from core.project.records import Counts, Measurement, PictureRecord, RunRecord
from core.session.editing import Editing
from core.session.exporting import Exporting
from core.session.keeping import Keeping, Notice
from core.session.opening import Opening, check_folder
from core.session.pictures import PictureIndex
from core.session.retraining import Retraining, TrainingState, TrainingWishes
from core.session.taking_in import Importing

R = TypeVar("R")

News = Changes | TrainingState | Notice


class Session:
    """Holds the lanes and the journeys. Made and closed by any one thread, then called from the GUI thread.

    `listen` hears Changes, TrainingState and Notice, on whatever thread they happen; it must hand over and return.
    `on_mistake` hears errors that are our own.
    """

    def __init__(
        self,
        project: Project,
        listen: Callable[[News], None],
        on_mistake: Callable[[BaseException], None] | None = None,
        wishes: TrainingWishes | None = None,
    ) -> None:
        self._project = project
        self._listen = listen
        self._document = Lane("document", on_mistake=on_mistake)
        self._reading = Lane("reading", threads=2, on_mistake=on_mistake)
        self.pictures = PictureIndex(project.pictures.all())
        self.editing = Editing(project, self._document, self._announce)
        self.opening = Opening(project, self.pictures, self._document, self._reading, self._announce)
        self.retraining = Retraining(
            project, self._document, self._announce, listen, wishes or TrainingWishes()
        )
        self.exporting = Exporting(project.home)
        self.importing = Importing(project, self._document, self._came)
        self.keeping = Keeping(project, self._document, listen, on_mistake)

    @classmethod
    def open(
        cls,
        folder: Path,
        home: Path | None,
        listen: Callable[[News], None],
        on_mistake: Callable[[BaseException], None] | None = None,
        wishes: TrainingWishes | None = None,
    ) -> Session:
        """Open or make the project of a folder and start looking for its pictures.

        Takes a moment: call it off the GUI thread. Raises ImageError or ProjectError; nothing is made then.
        """
        if home is None:
            check_folder(folder)
        project = Project.write(folder, home, "the Maskloop window")
        try:
            session = cls(project, listen, on_mistake, wishes)
        except BaseException:
            project.close()
            raise
        session.opening.find_pictures()
        session.retraining.consider()
        session.keeping.begin()
        return session

    @property
    def name(self) -> str:
        return self._project.name

    @property
    def folder(self) -> Path:
        return self._project.folder

    @property
    def home(self) -> Path:
        return self._project.home

    def _came(self, records: list[PictureRecord]) -> None:
        """Document lane: pictures that an import brought or labelled; classes may be new."""
        self.editing.classes = self._project.classes.read()
        known = set(self.pictures.ids())
        self.pictures.extend(r for r in records if r.id not in known)
        ids = frozenset(r.id for r in records)
        self._announce(Changes(pictures=ids, labels=ids, listing=True, classes=True))

    def counts(self) -> Future[Counts]:
        """The project in numbers."""
        return self._document.submit(self._project.pictures.counts)

    def runs(self) -> Future[list[RunRecord]]:
        """All runs, newest first."""
        return self._document.submit(self._project.runs.all)

    def measurements(self) -> Future[list[Measurement]]:
        """All points of the charts, of every run."""
        return self._document.submit(self._project.runs.measurements)

    def remember(self, name: str, value: str) -> None:
        """Keep a fact with the project, such as the picture shown last."""
        self._document.submit(self._project.set_fact, name, value)

    def remembered(self, name: str) -> Future[str | None]:
        return self._document.submit(self._project.fact, name)

    def settle(self) -> None:
        """Wait until everything asked of the document so far is durable."""
        self._document.submit(lambda: None).result()

    def close(self) -> None:
        """End everything in order: nothing that was painted is lost. Blocks for at most a few seconds."""
        self.opening.stop()
        self.exporting.close()
        self.importing.close()
        self.retraining.close()
        self._reading.close(drop_waiting=True)
        self.keeping.close()
        self._document.close()
        self._project.close()

    def _announce(self, changes: Changes) -> None:
        """Called by whoever changed something, on its own lane; the index is refreshed on the document lane."""
        if self._document.is_here():
            self._refresh(changes)
        else:
            self._document.submit(self._refresh, changes)

    def _refresh(self, changes: Changes) -> None:
        for picture_id in changes.pictures:
            with contextlib.suppress(KeyError):  # an id the index has not met yet comes with the listing
                self.pictures.update(self._project.pictures.get(picture_id))
        if changes:
            self._listen(changes)
            self.keeping.changed()
        for picture_id in changes.labels:
            self.retraining.label_changed(picture_id)
