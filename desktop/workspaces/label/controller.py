"""The hand's journey: the picture on screen, what is painted on it, and what is accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QAction

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.base.geometry import Box, tile_box
from core.labels.deferred_edit import DeferredEdit, EditRequest
from core.labels.label_map import Edit, LabelMap
from core.labels.prediction import PredictedMask
from core.project.records import Status, UndoNames
from core.session.loading.picture_loader import LoadedPicture
from core.session.session import Session
from core.tools.deferred import MAX_IMMEDIATE_PIXELS
from desktop.canvas.rendering.offscreen_frame import RenderedFrame
from desktop.connections import ConnectionGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.widgets.status_bar import StatusBar
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.background_work import BackgroundWork
from desktop.workspaces.label.classes.operations import ClassOperations
from desktop.workspaces.label.classes.visibility import ClassVisibility
from desktop.workspaces.label.copy_labels_controller import CopyLabelsController
from desktop.workspaces.label.correction_report import CorrectionReport
from desktop.workspaces.label.edit_queue import EditQueue
from desktop.workspaces.label.history_controller import HistoryController
from desktop.workspaces.label.metadata_controller import PictureMetadataController
from desktop.workspaces.label.navigation import PictureNavigator
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.pixel_readout import PixelReadout
from desktop.workspaces.label.prediction_controller import PredictionController
from desktop.workspaces.label.prefetch import PicturePrefetcher
from desktop.workspaces.label.region_controller import RegionController
from desktop.workspaces.label.tool_controller import ToolController
from desktop.workspaces.label.tool_state import ToolState
from desktop.workspaces.label.undo_controller import UndoController
from desktop.workspaces.label.visibility_guard import CanvasVisibleGuard

PREFETCH_DELAY_MS = 15
"""Between a picture and reading those that come next: until it is painted it has the machine to itself."""


class LabelController(QObject):
    """Brings the Label workspace to life for one session. Lives on the GUI thread.

    `saved` carries state and reason for the saved mark; `message` a sentence for people.
    """

    save_state_changed = Signal(str, str)
    message = Signal(str)

    def __init__(
        self,
        session: Session,
        bridge: MainThreadDispatcher,
        page: LabelPage,
        status: StatusBar,
        actions: Mapping[str, QAction],
        keep_view: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._canvas = session, bridge, page.canvas
        self._keep_view = keep_view
        self.picture = ActivePicture()
        self._requested: int | None = None
        self._asked = 0
        self._announced_after = 0
        self._strokes = 0
        self._reload_when_stored = False
        self._prefetch_timer = QTimer(self, singleShot=True, interval=PREFETCH_DELAY_MS)
        self._prefetch_timer.timeout.connect(self._prefetch)
        self._prefetcher = PicturePrefetcher(session, bridge, self._canvas, keep_view)
        editing = session.editing
        self.edit_queue = EditQueue(editing, bridge, self)
        self._undo = UndoController(editing, bridge, page, self.picture, self.edit_queue)
        self._tools = ToolController(editing, bridge, page, actions, self.picture)
        self._class_operations = ClassOperations(editing, bridge, page, self.picture, self._tools)
        self._class_visibility = ClassVisibility(session, bridge, page, self._tools)
        self._tool_state = ToolState(session, bridge, self._tools)
        self._navigator = PictureNavigator(session, bridge, page)
        self._pixel_readout = PixelReadout(session, bridge, page, status, self.picture)
        self._metadata = PictureMetadataController(session, bridge, page, actions, self.picture)
        self._history = HistoryController(editing, bridge, page, actions, self.picture, self._undo)
        self._background_work = BackgroundWork(bridge, self._canvas)
        self._regions = RegionController(editing, page, self.picture, self._tools)
        self._corrections = CorrectionReport(session, bridge, self.picture)
        self._copy_labels = CopyLabelsController(
            session.label_copier, bridge, self._canvas, self.picture, self._apply
        )
        self._predictions = PredictionController(
            session, bridge, self._canvas, self.picture, self._tools, self._apply
        )
        self._guard = CanvasVisibleGuard(self._canvas, actions, self._tools)
        self._wires = ConnectionGroup()
        join = self._wires.connect
        join(self._canvas.edit_finished, self._commit)
        join(self._canvas.deferred_edit_requested, self._edit_announced)
        join(self._canvas.before_edit, self._undo.wait_for_pending)
        join(self._undo.label_changed, self._pixel_readout.refresh)
        join(self._undo.label_changed, self._regions.refresh)
        join(self._undo.reload_needed, self.reload)
        join(self._navigator.picture_requested, self.show_picture)
        join(self._prefetcher.outdated, self.reload)
        join(self._metadata.marked_done, self._corrections.picture_done)
        join(self._predictions.prediction_changed, self._corrections.prediction_shown)
        join(self._predictions.accepted_all, self._mark_done_and_continue)
        speakers = (
            self._tools,
            self._class_operations,
            self._class_visibility,
            self._navigator,
            self._metadata,
        )
        for part in (
            self._undo,
            self._regions,
            *speakers,
            self._background_work,
            self._copy_labels,
            self._predictions,
            self._corrections,
            self._guard,
        ):
            join(part.message, self.message.emit)
        join(self.edit_queue.state_changed, self.save_state_changed.emit)
        join(self.edit_queue.stored, self._edit_stored)
        join(self.edit_queue.lost, self._edit_lost)

    def start(self) -> None:
        """Fill the page for a session that has just been opened."""
        self._canvas.show_loading("Looking for pictures")
        self._undo.show_names(UndoNames())
        self._metadata.refresh()
        self.on_changes(Changes(picture_list=True))

    def can_close(self) -> bool:
        """Whether the session may end: all that was drawn is an edit now, and the disk refuses none of them."""
        self._canvas.finish_all()
        self.edit_queue.flush()
        return not self.edit_queue.is_blocked

    def close(self) -> None:
        """The session ends: whatever is under the pen becomes an edit first."""
        self._canvas.finish_all()
        self._prefetch_timer.stop()
        self._prefetcher.close()
        self._metadata.close()
        self._tool_state.close()
        self.edit_queue.close()
        self._wires.disconnect_all()
        rooms = (
            self._tools,
            self._class_operations,
            self._class_visibility,
            self._navigator,
            self._pixel_readout,
        )
        for part in (*rooms, self._history, self._background_work):
            part.close()
        self._canvas.clear()
        # Answers that are still on their way find nobody whom they concern.
        self._requested = self.picture.id = self.picture.labels = self.picture.prediction = None

    def filter_pictures(self, key: str, title: str, found: frozenset[int] = frozenset()) -> None:
        """Let the filmstrip show only what passes a filter; see `PictureNavigator.set_filter`."""
        self._navigator.set_filter(key, title, found)

    def finish_stroke(self) -> None:
        """Make a stroke whose button is still down an edit."""
        self._canvas.finish_edit()

    def on_changes(self, changes: Changes) -> None:
        """Something changed: look again at what it touches."""
        shown = self.picture.id
        self._navigator.on_changes(changes)
        self._prefetcher.discard_outdated()
        self._regions.on_changes(changes)
        if changes.classes:
            self._tools.classes_changed()
            self._class_visibility.classes_changed()
        if shown in changes.pictures:
            self._metadata.refresh()
        if shown in changes.pictures or changes.classes:
            self._undo.query_names()
            self._history.refresh()
        if changes.classes and self._requested in changes.labels:
            self.reload()  # a class was merged, deleted or renumbered, or that was undone
        elif changes.classes or shown in changes.predictions:
            self._predictions.fetch()

    def actions(self) -> dict[str, Callable[[], object]]:
        """What each action of this workspace does."""
        canvas, travelling = self._canvas, self._navigator
        acts: dict[str, Callable[[], object]] = {
            **self._tools.actions(),
            **self._class_operations.actions(),
            **self._class_visibility.actions(),
            **self._history.actions(),
            **self._metadata.actions(),
            **self._regions.actions(),
            **self._copy_labels.actions(),
            **self._predictions.actions(),
            **self._undo.actions(),
            "next_picture": lambda: travelling.go(1),
            "previous_picture": lambda: travelling.go(-1),
            "next_open": lambda: travelling.go(1, "open"),
            "previous_open": lambda: travelling.go(-1, "open"),
            "next_uncertain": travelling.go_uncertain,
            "fit": canvas.fit,
            "actual_size": canvas.actual_size,
            "zoom_in": lambda: canvas.zoom_by(1.25),
            "zoom_out": lambda: canvas.zoom_by(0.8),
        }
        return self._guard.guard(acts)

    def choose_class(self, value: int) -> None:
        """Paint with this class from now on."""
        self._tools.choose_class(value)

    # The picture on screen --------------------------------------------------------------------

    def show_picture(self, picture_id: int) -> None:
        """Ask for a picture; the one on screen stays until the new one is there."""
        self._canvas.finish_stroke()
        self._requested = picture_id
        self._navigator.set_current(picture_id)
        if picture_id != self.picture.id:
            ready = self._prefetcher.take(picture_id)
            if ready is None:
                self._load(picture_id)
                return
            self._asked += 1  # what was asked for before is wanted no more
            self._show_loaded(ready.loaded, ready.labels, ready.frame)

    def reload(self) -> None:
        """The label was changed by something else than the hand, such as an import or a class that was merged:
        read it again. What is painted meanwhile stays."""
        if self._requested is not None:
            self._canvas.finish_edit()
            self._load(self._requested)

    def _load(self, picture_id: int) -> None:
        self._asked += 1  # only the answer to the newest question counts
        self._bridge.when_done(
            self._session.loader.load(picture_id),
            partial(self._loaded, picture_id, self._asked, self._edit_counts()),
            partial(self._load_failed, picture_id, self._asked),
        )

    def _edit_counts(self) -> tuple[int, int]:
        """Changes by the hand so far: a label read before one of them is out of date."""
        return self._strokes, self._undo.request_count

    def _loaded(self, picture_id: int, asked: int, moves: tuple[int, int], opened: LoadedPicture) -> None:
        if picture_id != self._requested or asked != self._asked:
            return  # something else is wanted by now
        held = self.picture.labels
        if picture_id == self.picture.id and held is not None and held.values.shape == opened.labels.shape:
            self._update_label(held, moves, opened)
            return
        self._show_loaded(opened, LabelMap(opened.labels))

    def _show_loaded(
        self, opened: LoadedPicture, labels: LabelMap, drawn: RenderedFrame | None = None
    ) -> None:
        """Put another picture under the hand."""
        self._canvas.finish_all()  # a polygon under way belongs to the picture that leaves
        self._set_picture(opened.record.id, labels, opened.prediction)
        self._canvas.show_picture(opened.pyramid, labels, opened.prediction, self._keep_view(), drawn)
        self._undo.show_names(opened.journal)
        if opened.history_trimmed:
            self.message.emit(
                f"{opened.record.name} has another size than before; what was taken back then cannot be done again."
            )
        if opened.frames > 1:
            name = opened.record.name
            self.message.emit(
                f"{name} holds {opened.frames} frames or pages; the first is shown and labelled."
            )

    def _update_label(self, labels: LabelMap, moves: tuple[int, int], opened: LoadedPicture) -> None:
        """Put a label that was read again under the hand, in place: zoom and place stay."""
        self._canvas.finish_edit()
        if self.edit_queue.is_blocked:
            self._reload_when_stored = True  # what waits for the disk is in no reading yet
            return
        if labels.is_editing or moves != self._edit_counts():
            self.reload()  # a stroke was made meanwhile, which only a newer reading knows
            return
        changed = {}
        for key in Box(0, 0, labels.width, labels.height).tiles():
            place = tile_box(key, labels.width, labels.height).slices
            if not np.array_equal(labels.values[place], opened.labels[place]):
                changed[key] = opened.labels[place]
        self._canvas.refresh(labels.replace_tiles(changed))
        self.picture.prediction = opened.prediction
        self._canvas.set_prediction(opened.prediction)
        self._undo.show_names(opened.journal)
        self._pixel_readout.refresh()
        self._regions.refresh()

    def _load_failed(self, picture_id: int, asked: int, problem: MaskloopError) -> None:
        if picture_id != self._requested or asked != self._asked:
            return
        self._canvas.finish_all()
        self._set_picture(picture_id, None, None)
        self._canvas.clear("This picture cannot be shown", str(problem))
        self._undo.show_names(UndoNames())

    def _set_picture(
        self, picture_id: int, labels: LabelMap | None, prediction: PredictedMask | None
    ) -> None:
        self.picture.id, self.picture.labels, self.picture.prediction = picture_id, labels, prediction
        self._undo.drop_pending()
        self._corrections.prediction_shown()
        self._session.set_fact("shown", str(picture_id))
        self._tool_state.save()
        self._prefetch_timer.start()
        self._metadata.refresh()
        self._history.picture_changed()

    def _prefetch(self) -> None:
        """The picture is on screen: read what comes next, and have it predicted."""
        if self.picture.id is not None:
            ahead = self._navigator.upcoming()
            self._prefetcher.prefetch(ahead[0] if ahead else None)
            self._session.loader.warm_cache(ahead[1:])
            self._session.training.on_picture_shown(self.picture.id, ahead)

    def _mark_done_and_continue(self) -> None:
        """This picture is done: on to the next that is not. Not before whatever made an end of a painting has had its
        way: a press that came meanwhile is meant for this picture."""
        self._metadata.set_status(Status.DONE)
        self._bridge.post(partial(self._show_next_open, self.picture.id))

    def _show_next_open(self, picture_id: int | None) -> None:
        """Unless somebody has asked for another picture meanwhile, or works on this one."""
        if picture_id == self.picture.id == self._requested and not self._canvas.is_stroking:
            self._navigator.go(1, "open")

    # Edits -------------------------------------------------------------------------------------

    def _edit_announced(self, painting: DeferredEdit | None) -> None:
        """An edit is on its way that can be taken back already; None: it is there, or Esc has thrown it away."""
        if painting is not None:
            self._announced_after = self._strokes
            self._undo.show_names(UndoNames(painting.title))
        elif self._announced_after == self._strokes:
            self._undo.query_names()

    def _commit(self, edit: Edit) -> None:
        if self.picture.id is not None:
            self._strokes += 1
            self.edit_queue.commit(self.picture.id, edit)
            # A hand may undo before the disk has answered; the undo then comes behind the stroke, in order.
            self._undo.show_names(UndoNames(edit.name))

    def _apply(
        self, labels: LabelMap, prepared: EditRequest, on_finished: Callable[[Edit | None], object]
    ) -> None:
        """An edit that no tool makes: what is under way comes first, and may have led to another picture; then nothing
        happens. `then` is called once the edit is shown and on its way to the disk, or has changed nothing (None);
        never when Esc has thrown it away."""
        self._canvas.finish_edit()
        self._undo.wait_for_pending()
        if labels is not self.picture.labels:
            return
        prepared.begin_edit(labels)
        painting = DeferredEdit(labels, prepared.name, partial(prepared.paint, labels))
        self._canvas.deferred_edit.start(painting, on_done=partial(self._applied, on_finished))
        if prepared.pixels <= MAX_IMMEDIATE_PIXELS:
            self._canvas.deferred_edit.finish_now()

    def _applied(self, on_finished: Callable[[Edit | None], object], painting: DeferredEdit) -> None:
        self._pixel_readout.refresh()
        if not painting.is_cancelled:
            on_finished(painting.edit)

    def _edit_lost(self, picture_id: int, sentence: str) -> None:
        """An edit can never be stored: the screen must not go on showing it."""
        self.message.emit(sentence)
        self._session.editing.acknowledge_loss(picture_id)
        if picture_id == self.picture.id:
            self.reload()

    def _edit_stored(self, picture_id: int, journal: UndoNames) -> None:
        if self._reload_when_stored and not self.edit_queue.is_blocked:
            self._reload_when_stored = False
            self.reload()
        elif picture_id == self.picture.id:
            self._undo.show_names(journal)
