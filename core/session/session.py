"""The open project as the window knows it: four journeys over the same document, and one stream of news."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.base.changes import Changes, Notice
from core.base.lane import Lane
from core.project.project import Project
from core.project.records import PictureRecord, RunRecord
from core.session.copy_labels import Copying
from core.session.dataset.service import Caring
from core.session.editing import Editing
from core.session.loading.first_picture import Glimpse
from core.session.loading.folder_watcher import Watching
from core.session.loading.picture_loader import Opening, check_folder
from core.session.maintenance import Keeping
from core.session.models.augmentation_previewer import Previewing
from core.session.models.model_exporter import Delivering
from core.session.models.network_summaries import Describing
from core.session.picture_index import PictureIndex
from core.session.review import Reviewing
from core.session.training.corrections import Correcting
from core.session.training.curves import Charting
from core.session.training.service import Retraining, TrainingState, TrainingWishes
from core.session.transfer.drop import Intake, plan_intake, run_intake, store_pasted
from core.session.transfer.excluded_masks import aside_of
from core.session.transfer.export_service import Exporting
from core.session.transfer.import_service import Importing

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
        seen: Glimpse | None = None,
    ) -> None:
        self._project = project
        self._listen = listen
        self._closing = False
        self._document = Lane("document", on_mistake=on_mistake)
        self._reading = Lane("reading", threads=2, on_mistake=on_mistake)
        self.pictures = PictureIndex(project.pictures.all())
        self.editing = Editing(project, self._document, self._announce)
        self.correcting = Correcting(project, self._document)
        self.copying = Copying(project, self.pictures, self._document)
        self.opening = Opening(project, self.pictures, self._document, self._reading, self._announce, seen)
        self.retraining = Retraining(
            project, self._document, self._announce, listen, wishes or TrainingWishes()
        )
        self.exporting = Exporting(project.home)
        self.delivering = Delivering(project.home)
        self.previewing = Previewing(self.pictures, project.picture_path)
        self.describing = Describing()
        self.caring = Caring(project, self.pictures, self._document, self._announce)
        self.reviewing = Reviewing(project, self.pictures, self._document, self._announce)
        self.charting = Charting(project)
        self.importing = Importing(project, self._document, self._came)
        self.keeping = Keeping(project, self._document, listen, on_mistake)
        self._intake = Lane("intake", on_mistake=on_mistake)
        self._watching = Watching(project.folder, self.pictures, self.opening.take_in, self._marked)

    @classmethod
    def open(
        cls,
        folder: Path,
        home: Path | None,
        listen: Callable[[News], None],
        on_mistake: Callable[[BaseException], None] | None = None,
        wishes: TrainingWishes | None = None,
        seen: Glimpse | None = None,
    ) -> Session:
        """Open or make the project of a folder and start looking for its pictures, one of which may have been `seen`.

        Takes a moment: call it off the GUI thread. Raises ImageError or ProjectError; nothing is made then.
        """
        if home is None:
            check_folder(folder)
        project = Project.write(folder, home, "the Maskloop window")
        try:
            session = cls(project, listen, on_mistake, wishes, seen)
        except BaseException:
            project.close()
            raise
        # The folder is watched once all that was there from the start is known.
        searched = session.opening.find_pictures()
        searched.add_done_callback(lambda _: session._watch())
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
        self.pictures.aside = aside_of(self._project)
        self.pictures.extend(r for r in records if not self.pictures.knows(r.id))
        ids = frozenset(r.id for r in records)
        self._announce(Changes(pictures=ids, labels=ids, listing=True, classes=True))

    def plan_intake(self, paths: Sequence[Path]) -> Future[Intake]:
        """What dropped files and folders mean. The future raises ImageError."""
        return self._intake.submit(plan_intake, self.folder, paths)

    def take_in(
        self, intake: Intake, progress: Callable[[int, int], None], should_stop: Callable[[], bool]
    ) -> Future[list[int]]:
        """Copy pictures into the folder. Returns their ids; the future raises ImageError or Cancelled."""

        def work() -> list[int]:
            def stop() -> bool:
                return self._closing or should_stop()

            return self.opening.take_in(run_intake(intake, progress, stop)).result()

        return self._intake.submit(work)

    def paste(self, picture: NDArray[np.uint8]) -> Future[list[int]]:
        """Keep a picture from the clipboard, (H, W, 3) or (H, W, 4) uint8, as a new file. Returns its id."""

        def work() -> list[int]:
            return self.opening.take_in([store_pasted(self.folder, picture, datetime.now())]).result()

        return self._intake.submit(work)

    def runs(self) -> Future[list[RunRecord]]:
        """All runs, newest first."""
        return self._document.submit(self._project.runs.all)

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
        self._closing = True
        self._watching.close()
        self._intake.close(drop_waiting=True)
        self.opening.stop()
        self.exporting.close()
        self.delivering.close()
        self.previewing.close()
        self.describing.close()
        self.caring.close()
        self.reviewing.close()
        self.charting.close()
        self.importing.close()
        self.retraining.close()
        self._reading.close(drop_waiting=True)
        self.keeping.close()
        self._document.close()
        self._project.close()
        self.opening.forget()

    def _watch(self) -> None:
        with contextlib.suppress(RuntimeError):  # closed meanwhile
            self._document.submit(self._watching.begin)

    def _marked(self, problems: Mapping[int, str | None]) -> None:
        self._document.submit(self._mark, problems)

    def _mark(self, problems: Mapping[int, str | None]) -> None:
        self._refresh(self._project.pictures.set_problems(problems))
        gone = [sentence for sentence in problems.values() if sentence]
        if len(gone) == 1:
            self._listen(Notice(gone[0]))
        elif gone:
            self._listen(
                Notice(f"{len(gone)} pictures are not there any more. Put them back; their labels are kept.")
            )

    def _announce(self, changes: Changes) -> None:
        """Called by whoever changed something, on its own lane; the index is refreshed on the document lane."""
        if self._document.is_here():
            self._refresh(changes)
        else:
            self._document.submit(self._refresh, changes)

    def _refresh(self, changes: Changes) -> None:
        self.opening.hear(changes)
        # An id the index has not met yet comes with the listing.
        for record in self._project.pictures.some(filter(self.pictures.knows, changes.pictures)):
            self.pictures.update(record)
        if changes:
            self._listen(changes)
            self.keeping.changed()
        self.caring.labels_changed(changes.labels)
        for picture_id in changes.labels:
            self.retraining.label_changed(picture_id)
