"""The open project as the window sees it: its services, its lanes and one stream of events."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from core.base.changes import Changes, Notice
from core.base.lane import Lane
from core.project.content.joins import PictureJoins
from core.project.files.home_check import is_file
from core.project.files.rescue_import import RescueReport, bring_back
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.project.records import PictureRecord, RunRecord
from core.session.access import READ_ONLY, Access
from core.session.acquisition.queue_service import QueueService
from core.session.content.service import ContentService
from core.session.copy_labels import LabelCopier
from core.session.dataset.service import DatasetService
from core.session.draft_service import DraftService
from core.session.editing import EditingService
from core.session.label_check import LabelCheckService
from core.session.live.live_prediction import LivePredictionService
from core.session.loading.first_picture import FirstPicture
from core.session.loading.folder_scan import check_folder
from core.session.loading.folder_sync import FolderSync
from core.session.loading.picture_loader import PictureLoader
from core.session.maintenance import MaintenanceService
from core.session.models.augmentation_previewer import AugmentationPreviewer
from core.session.models.epoch_strips import EpochStripService
from core.session.models.evaluator import Evaluator
from core.session.models.model_exporter import ModelExporter
from core.session.models.network_summaries import NetworkSummaryService
from core.session.models.report_writer import ReportWriter
from core.session.picture_index import PictureIndex
from core.session.project_file import ProjectFileService
from core.session.review import ReviewService
from core.session.run_book import RunBook
from core.session.training.curves import CurveService
from core.session.training.service import TrainingService
from core.session.training.training_state import TrainingPreferences, TrainingState
from core.session.transfer.drop import DropService
from core.session.transfer.excluded_masks import read_excluded
from core.session.transfer.export_service import ExportService
from core.session.transfer.import_service import ImportService
from core.session.work_log import WorkLog

SessionEvent = Changes | TrainingState | Notice


class Session:
    """Owns the services and their lanes. Opened and closed by any one thread, otherwise called from the GUI thread.

    `on_event` gets every SessionEvent on the thread where it happens, and must return at once.
    `on_unexpected_error` gets errors that are bugs.
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
        self._document = document = Lane("document", on_unexpected_error=on_unexpected_error)
        """The only thread that writes to the project."""
        self._reading = Lane("reading", threads=2, on_unexpected_error=on_unexpected_error)
        """Reads picture files."""

        # Pictures
        self._joins = PictureJoins(project.store)
        self.pictures = index = PictureIndex(project.pictures.all(), self._joins.successors())
        self.contents = ContentService(
            project, index, document, self._announce, on_event, self._on_contents_changed
        )
        self.loader = PictureLoader(
            project, index, document, self._reading, self._announce, first_picture, self.contents.store
        )
        self.folder_sync = FolderSync(
            project,
            index,
            document,
            self._reading,
            self._announce,
            self.contents,
            self.loader.on_files_added,
            on_event,
            self.loader.recent_ids,
        )
        self.drops = DropService(project.folder, self.folder_sync.add_pictures, on_unexpected_error)
        # Labels
        self.editing = EditingService(project, document, self._announce, index.get, index.current_id)
        self.drafts = DraftService(project, document)
        self.label_copier = LabelCopier(project, index, document)
        self.work_log = WorkLog(project, index, document, self._announce)
        self.review = ReviewService(project, index, document, self._announce)
        self.label_check = LabelCheckService(project, index, document, self._announce)
        self.dataset = DatasetService(project, index, document, self._announce)
        self.queue = QueueService(project, index, self.editing)
        # Training and models
        self.training = TrainingService(
            project, document, self._announce, on_event, preferences or TrainingPreferences()
        )
        self.run_book = RunBook(project, document, self._announce)
        self.live = LivePredictionService(project, lambda on: self.training.hold(on=on))
        self.charts = CurveService(project.home)
        self.network_summaries = NetworkSummaryService()
        self.augmentation_previewer = AugmentationPreviewer(index, project.picture_path)
        self.model_exporter = ModelExporter(project.home)
        self.report_writer = ReportWriter(project.home)
        self.epoch_strips = EpochStripService(project.home)
        self.evaluator = Evaluator(project.home, project.cache_folder)
        # Datasets in and out
        self.imports = ImportService(project, document, self._on_imported)
        self.exports = ExportService(project.home)
        # Backups
        self.maintenance = MaintenanceService(project, document, on_event, on_unexpected_error)
        self.project_file = ProjectFileService(project, document, self._on_repaired)

    @classmethod
    def open(
        cls,
        folder: Path,
        home: Path | None,
        on_event: Callable[[SessionEvent], None],
        on_unexpected_error: Callable[[BaseException], None] | None = None,
        preferences: TrainingPreferences | None = None,
        first_picture: FirstPicture | None = None,
        access: Access = Access.WRITE,
    ) -> Session:
        """Open or create the project of a folder, and start to scan the folder.

        access: READ changes nothing, also not the list of pictures; TAKE_OVER as in WriterLock
        first_picture: decoded already, by `read_first_picture`. Takes a moment: call it off the GUI thread. Raises
        ImageError or ProjectError; nothing is created then.
        """
        if home is None and not is_file(folder / PROJECT_FILE):
            check_folder(folder)
        if access == Access.READ:
            project = Project.open_read_only(home or folder)
        else:
            project = Project.open(folder, home, "the Maskloop window", take_over=access == Access.TAKE_OVER)
        try:
            session = cls(project, on_event, on_unexpected_error, preferences, first_picture)
        except BaseException:
            project.close()
            raise
        if project.is_writing:
            session.folder_sync.start()
            session.training.start_if_due()
            session.maintenance.start()
            session.work_log.start()
            session.loader.remove_leftovers()
        return session

    @property
    def name(self) -> str:
        """The folder of the pictures; that of the project where it is stored elsewhere."""
        own = self._project.home != self._project.folder / HOME_FOLDER
        return self._project.home.name if own else self._project.name

    @property
    def read_only_reason(self) -> str:
        """Why nothing can be changed; "" when the project is open for writing."""
        return "" if self._project.is_writing else READ_ONLY

    @property
    def folder(self) -> Path:
        """Where the pictures are."""
        return self._project.folder

    @property
    def home(self) -> Path:
        """Where the project is stored, `.maskloop` by default."""
        return self._project.home

    def runs(self) -> Future[list[RunRecord]]:
        """All training runs, newest first."""
        return self._document.submit(self._project.runs.all)

    def run_in_use(self) -> Future[RunRecord | None]:
        """The run whose weights predict."""
        return self._document.submit(self._project.runs.in_use)

    def set_fact(self, name: str, value: str) -> None:
        """Store a named text with the project, such as the picture shown last."""
        self._document.submit(self._project.set_fact, name, value)

    def fact(self, name: str) -> Future[str | None]:
        """A text that `set_fact` stored."""
        return self._document.submit(self._project.fact, name)

    def bring_back_edits(self, path: Path) -> Future[RescueReport]:
        """Store the edits of a rescue file in this project. The future raises ProjectError."""
        return self._document.submit(self._bring_back_edits, path)

    def wait_until_saved(self) -> None:
        """Wait until everything submitted to the document lane so far is stored."""
        self._document.submit(lambda: None).result()

    def close(self) -> None:
        """Stop all services in order; every submitted edit is stored. Blocks for at most a few seconds."""
        self.folder_sync.close()
        self.drops.close()
        self.contents.close()
        self.loader.stop()
        for close in (
            self.exports.close,
            self.model_exporter.close,
            self.report_writer.close,
            self.evaluator.close,
            self.epoch_strips.close,
            self.run_book.close,
            self.augmentation_previewer.close,
            self.network_summaries.close,
            self.dataset.close,
            self.queue.close,
            self.review.close,
            self.work_log.close,
            self.label_check.close,
            self.charts.close,
            self.imports.close,
            self.project_file.close,
            self.live.close,
            self.training.close,
        ):
            close()
        self._reading.shutdown(cancel_futures=True)
        self.maintenance.close()
        self._document.shutdown()
        self._project.close()
        self.loader.clear()

    def _bring_back_edits(self, path: Path) -> RescueReport:
        self._project.store.write_waiting()  # before the class list is read
        report = bring_back(self._project, path)
        self._on_imported(list(report.pictures))
        return report

    def _on_imported(self, records: list[PictureRecord]) -> None:
        """Document lane: an import added or labelled these pictures, perhaps with new classes."""
        self.editing.reload_classes()
        self.pictures.excluded = read_excluded(self._project)
        self.pictures.extend(record for record in records if not self.pictures.has(record.id))
        ids = frozenset(record.id for record in records)
        self._announce(Changes(pictures=ids, labels=ids, picture_list=True, classes=True))

    def _on_repaired(self, changes: Changes) -> None:
        """Document lane: repairs changed what is stored; pictures that are gone leave the list."""
        self.editing.reload_classes()
        self._announce(changes | Changes(pictures=frozenset(self.pictures.ids())))

    def _on_contents_changed(self, picture_ids: frozenset[int]) -> None:
        """Document lane: these files have other content than before."""
        self.loader.drop(picture_ids)
        for picture_id in picture_ids:
            self.training.on_content_changed(picture_id)

    def _announce(self, changes: Changes) -> None:
        """Called on any lane after a change was stored; passed on from the document lane."""
        if self._document.owns_current_thread():
            self._on_changes(changes)
        else:
            self._document.submit(self._on_changes, changes)

    def _on_changes(self, changes: Changes) -> None:
        """Document lane: update the picture index, then tell the window and the services."""
        self.loader.on_changes(changes)
        # Ids that the index does not have yet come with the change of the picture list.
        ids = changes.pictures if changes.picture_list else {*filter(self.pictures.has, changes.pictures)}
        successors = self._joins.successors() if changes.picture_list and changes.files else None
        self.pictures.synchronize(ids, self._project.pictures.get_many(ids), successors)
        if changes:
            self._on_event(changes)
            self.maintenance.on_changed()
        self.work_log.on_changes(changes)
        self.dataset.on_labels_changed(changes.labels)
        self.queue.on_changes(changes)
        moved = {i for i in changes.files if self.pictures.has(i) and self.pictures.get(i).is_labelled}
        for picture_id in changes.labels | moved:
            self.training.on_label_changed(picture_id)
