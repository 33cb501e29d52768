"""The Label workspace of an open project: makes its controllers and connects them with each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction

from core.base.settings import Settings
from core.labels.deferred_edit import DeferredEdit, EditRequest
from core.labels.label_map import Edit, LabelMap
from core.project.records import Status, UndoNames
from core.session.session import Session
from core.tools.deferred import MAX_IMMEDIATE_PIXELS
from desktop.controller import Actions, ControllerGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.widgets.status_bar import StatusBar
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.background_work import BackgroundWork
from desktop.workspaces.label.canvas_action_guard import CanvasVisibleGuard
from desktop.workspaces.label.classes.controller import ClassController
from desktop.workspaces.label.classes.operations import ClassOperations
from desktop.workspaces.label.classes.visibility import ClassVisibility
from desktop.workspaces.label.copy_labels_controller import CopyLabelsController
from desktop.workspaces.label.drafts.draft_controller import DraftController
from desktop.workspaces.label.edit_queue import EditQueue
from desktop.workspaces.label.files.file_controller import FileController
from desktop.workspaces.label.history_controller import HistoryController
from desktop.workspaces.label.live.live_controller import LiveController
from desktop.workspaces.label.live.similar_places_controller import SimilarPlacesController
from desktop.workspaces.label.metadata_controller import PictureMetadataController
from desktop.workspaces.label.navigation import PictureNavigator
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.picture_controller import PictureController
from desktop.workspaces.label.pixel_readout import PixelReadout
from desktop.workspaces.label.prediction_controller import PredictionController
from desktop.workspaces.label.queue.queue_controller import QueueController
from desktop.workspaces.label.region_controller import RegionController
from desktop.workspaces.label.rescue_controller import RescueController
from desktop.workspaces.label.tool_controller import ToolController
from desktop.workspaces.label.tool_state import ToolState
from desktop.workspaces.label.undo_controller import UndoController
from desktop.workspaces.label.view.conversion_controller import ConversionController
from desktop.workspaces.label.walk.walk_controller import WalkController
from desktop.workspaces.label.work_controller import WorkController


class LabelController(ControllerGroup):
    """The group of all controllers of the Label workspace. Lives on the GUI thread.

    `save_state_changed` carries state ("saved", "saving", "failed") and reason for the mark in the top bar.
    """

    save_state_changed = Signal(str, str)

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        page: LabelPage,
        status: StatusBar,
        actions: Mapping[str, QAction],
        settings: Settings,
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._canvas = session, dispatcher, page.canvas
        editing = session.editing
        self.picture = ActivePicture()
        self.edit_queue = EditQueue(editing, dispatcher)
        self._undo = UndoController(editing, dispatcher, page, self.picture, self.edit_queue)
        self._tools = ToolController(page, actions)
        self._classes = ClassController(editing, dispatcher, page, self.picture, self._tools)
        self._class_operations = ClassOperations(editing, dispatcher, page, self.picture, self._classes)
        self._class_visibility = ClassVisibility(session, dispatcher, page, self._classes)
        self._tool_state = ToolState(session, dispatcher, self._tools, self._classes)
        self._navigator = PictureNavigator(session, dispatcher, page)
        self._pixel_readout = PixelReadout(session, dispatcher, page, status, self.picture)
        self._metadata = PictureMetadataController(session, dispatcher, page, actions, self.picture)
        self._history = HistoryController(editing, dispatcher, page, actions, self.picture, self._undo)
        self._background_work = BackgroundWork(dispatcher, self._canvas)
        self._regions = RegionController(editing, page, self.picture, self._tools)
        self._copy_labels = CopyLabelsController(
            session.label_copier, dispatcher, self._canvas, self.picture, self._apply
        )
        self._predictions = PredictionController(
            session, self._canvas, self.picture, self._tools, self._classes, self._apply
        )
        self._work = WorkController(session, dispatcher, self.picture)
        self._live = LiveController(
            session, dispatcher, self._canvas, self.picture, settings, actions["live_prediction"]
        )
        self._similar_places = SimilarPlacesController(
            session, dispatcher, self._canvas, page.similar_places, self.picture, self._apply
        )
        self._walk = WalkController(session, dispatcher, page, self.picture, actions, self._apply)
        self._classes.takes_class = self._walk.takes_class
        self._live.confine = self._walk.confine
        self._queue = QueueController(session, dispatcher, page, self.picture, self._navigator, actions)
        self._pictures = PictureController(
            session,
            dispatcher,
            self._canvas,
            lambda: bool(settings.get("keep_view")),
            self.picture,
            self._navigator,
            self._undo,
            self.edit_queue,
        )
        self._conversions = ConversionController(session, dispatcher, page, self.picture)
        self._drafts = DraftController(
            session, dispatcher, page, self.picture, self._tools, self._classes, settings
        )
        self.rescue = RescueController(session, dispatcher, self.edit_queue, page)
        self._files = FileController(session, dispatcher, page, self.picture)
        self._guard = CanvasVisibleGuard(self._canvas, actions, self._tools)
        self.set_members(
            (
                self._navigator,
                self._classes,  # before all that read the palette and the class list
                self._class_operations,
                self._class_visibility,
                self._tools,
                self._tool_state,
                self._metadata,
                self.edit_queue,
                self._undo,
                self._history,
                self._regions,
                self._pixel_readout,
                self._background_work,
                self._copy_labels,
                self._predictions,
                self._work,
                self._live,
                self._similar_places,
                self._walk,
                self._queue,
                self._drafts,
                self._conversions,
                self._pictures,
                self._files,
                self.rescue,
                self._guard,
            )
        )
        self._connect_members()

    def _connect_members(self) -> None:
        connect, canvas, pictures = self.connections.connect, self._canvas, self._pictures
        connect(canvas.tools.edit_finished, self._commit)
        connect(canvas.tools.edit_finished, self._live.edit_finished)
        connect(canvas.tools.deferred_edit_requested, self._undo.on_deferred_edit)
        connect(canvas.tools.before_edit, self._undo.wait_for_pending)
        # The slots of one signal run in the order of these lines.
        connect(pictures.picture_changed, self._live.picture_changed)
        connect(pictures.picture_changed, self._similar_places.picture_changed)
        connect(pictures.picture_changed, self._walk.leave)
        connect(pictures.picture_changed, self._queue.picture_changed)
        connect(pictures.picture_changed, self._undo.drop_pending)
        connect(pictures.picture_changed, self._drafts.picture_changed)
        connect(pictures.picture_changed, self._conversions.picture_changed)
        connect(pictures.conversion_needed, self._conversions.picture_needs_conversion)
        connect(self._conversions.converted, pictures.retry)
        connect(self._conversions.failed, pictures.show_problem)
        connect(pictures.picture_changed, self._classes.picture_changed)
        connect(pictures.picture_changed, self._work.picture_changed)
        connect(pictures.picture_changed, self._tool_state.save)
        connect(pictures.picture_changed, self._metadata.refresh)
        connect(pictures.picture_changed, self._files.refresh)
        connect(pictures.picture_changed, self._history.picture_changed)
        for label_changed in (pictures.label_reloaded, self._undo.label_changed):
            connect(label_changed, self._pixel_readout.refresh)
            connect(label_changed, self._regions.refresh)
            connect(label_changed, self._live.label_changed)
            connect(label_changed, self._walk.search_again)
            connect(label_changed, self._queue.regions.content_changed)
        connect(self._undo.label_changed, self._similar_places.clear)
        connect(self._live.places_found, self._similar_places.places_found)
        connect(self._similar_places.picture_requested, pictures.show)
        connect(self._similar_places.stored, self.reload_pictures)
        connect(self._undo.reload_needed, pictures.reload)
        connect(self._navigator.picture_requested, pictures.show)
        connect(self._queue.picture_requested, pictures.show)
        connect(self._metadata.marked_done, self._work.picture_done)
        connect(pictures.prediction_changed, self._live.network_prediction_shown)
        connect(self._live.prediction_changed, self._pixel_readout.refresh)
        connect(self._walk.region_left, self._live.show_again)
        for uncertainty_changed in (
            canvas.tools.edit_finished,
            pictures.prediction_changed,
            self._live.prediction_changed,
        ):
            connect(uncertainty_changed, self._walk.search_again)
            connect(uncertainty_changed, self._queue.regions.content_changed)
        connect(self._predictions.accepted_all, self._mark_done_and_continue)
        connect(self.edit_queue.state_changed, self.save_state_changed.emit)
        connect(self.rescue.state_changed, self.save_state_changed.emit)
        connect(self.edit_queue.lost, self._edit_lost)

    def start(self) -> None:
        self._canvas.show_loading("Looking for pictures")
        super().start()

    def can_close(self) -> bool:
        """Finish and store everything that is under way. False when the disk refuses an edit."""
        self._canvas.finish_all()
        self.edit_queue.flush()
        return not self.edit_queue.is_blocked and not self._session.editing.waiting

    def close(self) -> None:
        self._canvas.finish_all()  # what is being drawn becomes an edit while the queue still takes it
        super().close()
        self._canvas.clear()
        self.picture.clear()

    def actions(self) -> Actions:
        canvas = self._canvas
        view: Actions = {
            "fit": canvas.fit,
            "actual_size": canvas.actual_size,
            "zoom_in": lambda: canvas.zoom_by(1.25),
            "zoom_out": lambda: canvas.zoom_by(0.8),
        }
        return self._guard.guard(super().actions() | view)

    # For the rest of the window ----------------------------------------------------------------

    def show_picture(self, picture_id: int) -> None:
        """Load a picture and show it; the one on screen stays until the new one is there."""
        self._pictures.show(picture_id)

    def reload(self) -> None:
        """Read label and prediction of the picture on screen again: something other than the canvas changed them."""
        self._pictures.reload()

    def reload_pictures(self, picture_ids: frozenset[int]) -> None:
        """As `reload`, if the picture on screen is one of these."""
        if self._pictures.requested in picture_ids:
            self._pictures.reload()

    def filter_pictures(self, key: str, title: str, found: frozenset[int] = frozenset()) -> None:
        """Let the filmstrip show only what passes a filter; see `PictureNavigator.set_filter`."""
        self._navigator.set_filter(key, title, found)

    def settings_changed(self) -> None:
        """A setting was changed in the dialog."""
        self._live.settings_changed()

    def finish_stroke(self) -> None:
        """Make a stroke whose button is still down an edit."""
        self._canvas.finish_edit()

    def set_view_only(self, reason: str) -> None:
        """The project is open for reading alone."""
        self._tools.set_view_only(reason)
        self._undo.set_view_only()

    def choose_class(self, value: int) -> None:
        """Paint with this class from now on."""
        self._classes.choose_class(value)

    # Edits -------------------------------------------------------------------------------------

    def _commit(self, edit: Edit) -> None:
        if self.picture.id is not None:
            self._work.before_edit()
            self.edit_queue.commit(self.picture.id, edit)
            # Known before it is stored: a new edit is what undo takes next, and leaves nothing to redo.
            self._undo.show_names(UndoNames(edit.name))

    def _apply(
        self, labels: LabelMap, request: EditRequest, on_finished: Callable[[Edit | None], object]
    ) -> None:
        """Make an edit that no tool makes. Nothing happens when finishing what is under way leads to another picture.

        `on_finished` is called once the edit is shown and queued, or with None when it changed no pixel; never when
        Esc cancelled it.
        """
        self._canvas.finish_edit()
        self._undo.wait_for_pending()
        if labels is not self.picture.labels:
            return
        request.begin_edit(labels)
        deferred = DeferredEdit(labels, request.name, partial(request.paint, labels))
        self._canvas.tools.pending_edit.start(deferred, on_done=partial(self._applied, on_finished))
        if request.pixels <= MAX_IMMEDIATE_PIXELS:
            self._canvas.tools.pending_edit.finish_now()

    def _applied(self, on_finished: Callable[[Edit | None], object], deferred: DeferredEdit) -> None:
        self._pixel_readout.refresh()
        if not deferred.is_cancelled:
            on_finished(deferred.edit)

    def _edit_lost(self, picture_id: int, reason: str) -> None:
        """An edit can never be stored, so it must leave the screen too."""
        self.message.emit(reason)
        self._session.editing.acknowledge_loss(picture_id)
        if picture_id == self.picture.id:
            self._pictures.reload()

    # Accept and continue -----------------------------------------------------------------------

    def _mark_done_and_continue(self) -> None:
        """Mark the picture done and show the next open one.

        Posted, not called: the deferred edit that led here still has callbacks to run, and a press that arrives
        meanwhile is meant for this picture.
        """
        self._metadata.set_status(Status.DONE)
        self._dispatcher.post(partial(self._show_next_open, self.picture.id))

    def _show_next_open(self, picture_id: int | None) -> None:
        if self._pictures.is_settled_on(picture_id) and not self._canvas.is_stroking:
            self._navigator.go(1, "open")
