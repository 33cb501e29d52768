"""Loads pictures and shows them on the canvas; reads their labels and predictions again when others change them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from PySide6.QtCore import QTimer, Signal

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.base.geometry import Box, tile_box
from core.images.file_age import FileAge
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from core.project.records import UndoNames
from core.session.loading.picture_conversion import ConversionNeededError
from core.session.loading.picture_loader import LoadedPicture
from core.session.session import Session
from desktop.canvas.canvas import Canvas
from desktop.canvas.rendering.offscreen_frame import RenderedFrame
from desktop.controller import Controller
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.edit_queue import EditQueue
from desktop.workspaces.label.navigation import PictureNavigator
from desktop.workspaces.label.prefetch import PicturePrefetcher
from desktop.workspaces.label.undo_controller import UndoController

PREFETCH_DELAY_MS = 15
"""Prefetching starts this long after a picture is shown: painting it must not compete for the processor."""


class PictureController(Controller):
    """Writes the `ActivePicture`. Lives on the GUI thread.

    `picture_changed`: another picture is active, and its label is not on the canvas yet. `label_reloaded`: the label
    of the same picture was read again. `prediction_changed`: a newer prediction of the same picture is shown.
    """

    picture_changed = Signal()
    label_reloaded = Signal()
    prediction_changed = Signal()
    conversion_needed = Signal(int)
    """The picture with this id is active, but cannot be loaded before it is converted."""

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        canvas: Canvas,
        keep_view: Callable[[], bool],
        picture: ActivePicture,
        navigator: PictureNavigator,
        undo: UndoController,
        edit_queue: EditQueue,
    ) -> None:
        super().__init__()
        self._session, self._canvas, self._keep_view = session, canvas, keep_view
        self._picture, self._navigator, self._undo, self._edit_queue = picture, navigator, undo, edit_queue
        self._requested: int | None = None
        self._request = LatestRequest(dispatcher)
        self._prediction_request = LatestRequest(dispatcher)
        self._reload_when_stored = False
        self._age: FileAge | None = None  # of the file whose pixels are shown
        self._prefetcher = PicturePrefetcher(session.loader, dispatcher, canvas, keep_view)
        self._prefetch_timer = QTimer(self, singleShot=True, interval=PREFETCH_DELAY_MS)
        self._prefetch_timer.timeout.connect(self._prefetch)
        self.connections.connect(self._prefetcher.outdated, self.reload)
        self.connections.connect(edit_queue.stored, self._edit_stored)

    def close(self) -> None:
        super().close()
        self._prefetch_timer.stop()
        self._prefetcher.close()
        self._request.cancel()
        self._prediction_request.cancel()
        self._requested = None

    def on_changes(self, changes: Changes) -> None:
        self._prefetcher.discard_outdated()
        requested, index = self._requested, self._session.pictures
        if requested is not None and changes.picture_list and not index.has(requested):
            if index.has(index.current_id(requested)):
                self.show(index.current_id(requested))  # that has its file now
        elif requested in changes.files:
            self._age = None
            self.reload()
        elif changes.classes and self._requested in changes.labels:
            self.reload()  # a class was merged, deleted or renumbered, or that was undone
        elif changes.classes or self._picture.id in changes.predictions:
            self._load_prediction()

    def is_settled_on(self, picture_id: int | None) -> bool:
        """Whether this picture is shown and no other one is requested."""
        return picture_id == self._picture.id == self._requested

    def show(self, picture_id: int) -> None:
        """Load a picture and show it; the one on screen stays until the new one is there."""
        self._canvas.leave_stroke()
        if picture_id != self._requested:
            self._request.cancel()
        self._requested = picture_id
        self._navigator.set_current(picture_id)
        if picture_id != self._picture.id:
            ready = self._prefetcher.take(picture_id)
            if ready is None:
                self._load(picture_id)
                return
            self._request.cancel()
            self._show_loaded(ready.loaded, ready.labels, ready.frame)

    @property
    def requested(self) -> int | None:
        """The picture on screen, or the one that is loaded for it."""
        return self._requested

    def reload(self) -> None:
        """Read label and prediction again: something other than the canvas changed them, such as an import or a class
        that was merged. Edits made meanwhile stay."""
        if self._requested is not None:
            self._canvas.finish_edit()
            self._load(self._requested)

    def retry(self, picture_id: int) -> None:
        """A picture that could not be loaded can be now."""
        if picture_id == self._requested:
            self._load(picture_id)

    def show_problem(self, picture_id: int, reason: str) -> None:
        """Say why a picture cannot be shown, if it is to be shown."""
        if picture_id == self._requested:
            self._canvas.clear("This picture cannot be shown", reason)

    def _load(self, picture_id: int) -> None:
        self._request.send(
            self._session.loader.load(picture_id),
            partial(self._loaded, self._edit_counts()),
            partial(self._load_failed, picture_id),
        )

    def _edit_counts(self) -> tuple[int, int]:
        """Edits and undo steps made here so far: a label that was read before one of them is out of date."""
        return self._edit_queue.commit_count, self._undo.request_count

    def _loaded(self, counts: tuple[int, int], loaded: LoadedPicture) -> None:
        labels = self._picture.labels
        is_same = loaded.record.id == self._picture.id
        if not is_same or labels is None or labels.values.shape != loaded.labels.shape:
            self._show_loaded(loaded, LabelMap(loaded.labels))
        elif self._age == loaded.age:
            self._update_label(labels, counts, loaded)
        elif self._edit_queue.is_blocked:
            self._reload_when_stored = True
        elif labels.is_editing or counts != self._edit_counts():
            self.reload()
        else:
            self._show_loaded(loaded, LabelMap(loaded.labels), keep_view=True)

    def _show_loaded(
        self,
        loaded: LoadedPicture,
        labels: LabelMap,
        frame: RenderedFrame | None = None,
        *,
        keep_view: bool = False,
    ) -> None:
        self._age = loaded.age
        self._canvas.finish_all()  # a shape that is being drawn belongs to the picture before
        self._set_picture(loaded.record.id, labels, loaded.prediction)
        keep_view = keep_view or self._keep_view()
        self._canvas.show_picture(loaded.pyramid, labels, loaded.prediction, keep_view, frame)
        self._undo.show_stored_names(loaded.journal)
        name = loaded.record.name
        if loaded.history_trimmed:
            self.message.emit(
                f"{name} has another size than before, so what was undone can no longer be redone."
            )
        if loaded.frames > 1:
            self.message.emit(
                f"{name} holds {loaded.frames} frames or pages; the first is shown and labelled."
            )

    def _update_label(self, labels: LabelMap, counts: tuple[int, int], loaded: LoadedPicture) -> None:
        """Put a label that was read again into the live one, tile by tile: zoom and position stay."""
        self._canvas.finish_edit()
        if self._edit_queue.is_blocked:
            self._reload_when_stored = True  # edits that the disk refused are missing in what was read
            return
        if labels.is_editing or counts != self._edit_counts():
            self.reload()  # an edit was made meanwhile, which is missing in what was read
            return
        changed = {}
        for key in Box(0, 0, labels.width, labels.height).tiles():
            tile = tile_box(key, labels.width, labels.height).slices
            if not np.array_equal(labels.values[tile], loaded.labels[tile]):
                changed[key] = loaded.labels[tile]
        self._canvas.refresh(labels.replace_tiles(changed))
        self._picture.network_prediction = loaded.prediction
        self._canvas.set_prediction(self._picture.prediction)
        self._undo.show_stored_names(loaded.journal)
        self.label_reloaded.emit()

    def _load_failed(self, picture_id: int, error: MaskloopError) -> None:
        self._age = None
        self._canvas.finish_all()
        self._set_picture(picture_id, None, None)
        needs_conversion = isinstance(error, ConversionNeededError)
        if needs_conversion:
            self._canvas.clear()
            self.conversion_needed.emit(picture_id)
        else:
            self.show_problem(picture_id, str(error))
        self._undo.show_stored_names(UndoNames())

    def _set_picture(
        self, picture_id: int, labels: LabelMap | None, prediction: PredictedMask | None
    ) -> None:
        self._picture.id, self._picture.labels, self._picture.network_prediction = (
            picture_id,
            labels,
            prediction,
        )
        self._session.set_fact("shown", str(picture_id))
        self._prefetch_timer.start()
        self.picture_changed.emit()

    def _load_prediction(self) -> None:
        picture_id = self._picture.id
        if picture_id is not None:
            self._prediction_request.send(
                self._session.loader.prediction(picture_id),
                partial(self._prediction_loaded, picture_id),
                partial(self._prediction_failed, picture_id),
            )

    def _prediction_failed(self, picture_id: int, _error: BaseException) -> None:
        """There is none, or it cannot be read: the one shown stays, unless it was of a network no longer in use."""
        if picture_id == self._picture.id and not self._session.pictures.get(picture_id).is_predicted:
            self._picture.network_prediction = None
            self._canvas.set_prediction(self._picture.prediction)
            self.prediction_changed.emit()

    def _prediction_loaded(self, picture_id: int, prediction: PredictedMask) -> None:
        labels = self._picture.labels
        if (
            picture_id == self._picture.id
            and labels is not None
            and prediction.values.shape == labels.values.shape
        ):
            self._picture.network_prediction = prediction
            self._canvas.set_prediction(self._picture.prediction)
            self.prediction_changed.emit()

    def _prefetch(self) -> None:
        """Read the pictures that come next, and have them predicted."""
        if self._picture.id is not None:
            upcoming = self._navigator.upcoming()
            self._prefetcher.prefetch(upcoming[0] if upcoming else None)
            self._session.loader.warm_cache(upcoming[1:])
            self._session.training.on_picture_shown(self._picture.id, upcoming)
            self._session.live.prepare(upcoming)

    def _edit_stored(self, _picture_id: int) -> None:
        if self._reload_when_stored and not self._edit_queue.is_blocked:
            self._reload_when_stored = False
            self.reload()
