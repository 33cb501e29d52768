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
from core.session.copy_labels import LabelCopier
from core.session.dataset.service import DatasetService
from core.session.editing import EditingService
from core.session.loading.first_picture import FirstPicture
from core.session.loading.folder_watcher import FolderWatcher
from core.session.loading.picture_loader import PictureLoader, check_folder
from core.session.maintenance import MaintenanceService
from core.session.models.augmentation_previewer import AugmentationPreviewer
from core.session.models.model_exporter import ModelExporter
from core.session.models.network_summaries import NetworkSummaryService
from core.session.picture_index import PictureIndex
from core.session.review import ReviewService
from core.session.training.corrections import CorrectionCounter
from core.session.training.curves import CurveService
from core.session.training.service import TrainingPreferences, TrainingService, TrainingState
from core.session.transfer.drop import DropPlan, copy_dropped, plan_drop, store_pasted
from core.session.transfer.excluded_masks import read_excluded
from core.session.transfer.export_service import ExportService
from core.session.transfer.import_service import ImportService

R = TypeVar("R")

SessionEvent = Changes | TrainingState | Notice


class Session:
    """Holds the lanes and the journeys. Made and closed by any one thread, then called from the GUI thread.

    `listen` hears Changes, TrainingState and Notice, on whatever thread they happen; it must hand over and return.
    `on_mistake` hears errors that are our own.
    """

    def __init__(
        self,
        project: Project,
        on_event: Callable[[SessionEvent], None],
        on_unexpected_error: Callable[[BaseException], None] | None = None,
        preferences: TrainingPreferences | None = None,
        first_picture: FirstPicture | None = None,
    ) -> None:
        self._project = project
        self._on_event = on_event
        self._closing = False
        self._document = Lane("document", on_unexpected_error=on_unexpected_error)
        self._reading = Lane("reading", threads=2, on_unexpected_error=on_unexpected_error)
        self.pictures = PictureIndex(project.pictures.all())
        self.editing = EditingService(project, self._document, self._announce)
        self.corrections = CorrectionCounter(project, self._document)
        self.label_copier = LabelCopier(project, self.pictures, self._document)
        self.loader = PictureLoader(
            project, self.pictures, self._document, self._reading, self._announce, first_picture
        )
        self.training = TrainingService(
            project, self._document, self._announce, on_event, preferences or TrainingPreferences()
        )
        self.exports = ExportService(project.home)
        self.model_exporter = ModelExporter(project.home)
        self.augmentation_previewer = AugmentationPreviewer(self.pictures, project.picture_path)
        self.network_summaries = NetworkSummaryService()
        self.dataset = DatasetService(project, self.pictures, self._document, self._announce)
        self.review = ReviewService(project, self.pictures, self._document, self._announce)
        self.charts = CurveService(project)
        self.imports = ImportService(project, self._document, self._on_imported)
        self.maintenance = MaintenanceService(project, self._document, on_event, on_unexpected_error)
        self._drop_lane = Lane("intake", on_unexpected_error=on_unexpected_error)
        self._watcher = FolderWatcher(
            project.folder, self.pictures, self.loader.add_pictures, self._on_file_problems
        )

    @classmethod
    def open(
        cls,
        folder: Path,
        home: Path | None,
        on_event: Callable[[SessionEvent], None],
        on_unexpected_error: Callable[[BaseException], None] | None = None,
        preferences: TrainingPreferences | None = None,
        first_picture: FirstPicture | None = None,
    ) -> Session:
        """Open or make the project of a folder and start looking for its pictures, one of which may have been `seen`.

        Takes a moment: call it off the GUI thread. Raises ImageError or ProjectError; nothing is made then.
        """
        if home is None:
            check_folder(folder)
        project = Project.open(folder, home, "the Maskloop window")
        try:
            session = cls(project, on_event, on_unexpected_error, preferences, first_picture)
        except BaseException:
            project.close()
            raise
        # The folder is watched once all that was there from the start is known.
        searched = session.loader.scan_folder()
        searched.add_done_callback(lambda _: session._start_watching())
        session.training.start_if_due()
        session.maintenance.start()
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

    def _on_imported(self, records: list[PictureRecord]) -> None:
        """Document lane: pictures that an import brought or labelled; classes may be new."""
        self.editing.classes = self._project.classes.read()
        self.pictures.excluded = read_excluded(self._project)
        self.pictures.extend(r for r in records if not self.pictures.has(r.id))
        ids = frozenset(r.id for r in records)
        self._announce(Changes(pictures=ids, labels=ids, picture_list=True, classes=True))

    def plan_drop(self, paths: Sequence[Path]) -> Future[DropPlan]:
        """What dropped files and folders mean. The future raises ImageError."""
        return self._drop_lane.submit(plan_drop, self.folder, paths)

    def add_dropped(
        self, plan: DropPlan, progress: Callable[[int, int], None], should_stop: Callable[[], bool]
    ) -> Future[list[int]]:
        """Copy pictures into the folder. Returns their ids; the future raises ImageError or Cancelled."""

        def work() -> list[int]:
            def stop() -> bool:
                return self._closing or should_stop()

            return self.loader.add_pictures(copy_dropped(plan, progress, stop)).result()

        return self._drop_lane.submit(work)

    def add_pasted(self, picture: NDArray[np.uint8]) -> Future[list[int]]:
        """Keep a picture from the clipboard, (H, W, 3) or (H, W, 4) uint8, as a new file. Returns its id."""

        def work() -> list[int]:
            return self.loader.add_pictures([store_pasted(self.folder, picture, datetime.now())]).result()

        return self._drop_lane.submit(work)

    def runs(self) -> Future[list[RunRecord]]:
        """All runs, newest first."""
        return self._document.submit(self._project.runs.all)

    def set_fact(self, name: str, value: str) -> None:
        """Keep a fact with the project, such as the picture shown last."""
        self._document.submit(self._project.set_fact, name, value)

    def fact(self, name: str) -> Future[str | None]:
        return self._document.submit(self._project.fact, name)

    def wait_until_saved(self) -> None:
        """Wait until everything asked of the document so far is durable."""
        self._document.submit(lambda: None).result()

    def close(self) -> None:
        """End everything in order: nothing that was painted is lost. Blocks for at most a few seconds."""
        self._closing = True
        self._watcher.close()
        self._drop_lane.shutdown(cancel_futures=True)
        self.loader.stop()
        self.exports.close()
        self.model_exporter.close()
        self.augmentation_previewer.close()
        self.network_summaries.close()
        self.dataset.close()
        self.review.close()
        self.charts.close()
        self.imports.close()
        self.training.close()
        self._reading.shutdown(cancel_futures=True)
        self.maintenance.close()
        self._document.shutdown()
        self._project.close()
        self.loader.clear()

    def _start_watching(self) -> None:
        with contextlib.suppress(RuntimeError):  # closed meanwhile
            self._document.submit(self._watcher.start)

    def _on_file_problems(self, problems: Mapping[int, str | None]) -> None:
        self._document.submit(self._store_file_problems, problems)

    def _store_file_problems(self, problems: Mapping[int, str | None]) -> None:
        self._refresh(self._project.pictures.set_problems(problems))
        gone = [sentence for sentence in problems.values() if sentence]
        if len(gone) == 1:
            self._on_event(Notice(gone[0]))
        elif gone:
            self._on_event(
                Notice(f"{len(gone)} pictures are not there any more. Put them back; their labels are kept.")
            )

    def _announce(self, changes: Changes) -> None:
        """Called by whoever changed something, on its own lane; the index is refreshed on the document lane."""
        if self._document.owns_current_thread():
            self._refresh(changes)
        else:
            self._document.submit(self._refresh, changes)

    def _refresh(self, changes: Changes) -> None:
        self.loader.on_changes(changes)
        # An id the index has not met yet comes with the listing.
        for record in self._project.pictures.get_many(filter(self.pictures.has, changes.pictures)):
            self.pictures.update(record)
        if changes:
            self._on_event(changes)
            self.maintenance.on_changed()
        self.dataset.on_labels_changed(changes.labels)
        for picture_id in changes.labels:
            self.training.on_label_changed(picture_id)
