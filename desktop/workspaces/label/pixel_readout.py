"""The readout at the left of the status bar: class, origin and prediction of the pixel under the pointer, and zoom."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QTimer

from core.base.geometry import Point
from core.labels.class_list import UNLABELLED
from core.labels.label_map import LabelMap
from core.session.session import Session
from desktop.controller import Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.widgets.status_bar import StatusBar
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.page import LabelPage

ORIGIN_DELAY_MS = 90
"""The origin of a pixel is requested once the pointer rests: it is read from the document."""
UPDATE_INTERVAL_MS = 40
"""The readout is updated at most this often: more updates could not be read, and would slow a stroke down."""


class PixelReadout(Controller):
    """Follows the pointer over the active picture. Lives on the GUI thread."""

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        page: LabelPage,
        status: StatusBar,
        picture: ActivePicture,
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._canvas = session, dispatcher, page.canvas
        self._status, self._picture = status, picture
        self._origin_timer = QTimer(self, singleShot=True, interval=ORIGIN_DELAY_MS)
        self._origin_timer.timeout.connect(self._request_origin)
        self._update_timer = QTimer(self, singleShot=True, interval=UPDATE_INTERVAL_MS)
        self._update_timer.timeout.connect(self._update_late)
        self._is_outdated = False
        connect, canvas = self.connections.connect, page.canvas
        connect(canvas.cursor_moved, self._cursor_moved)
        connect(canvas.picture_changed, self.refresh)
        connect(canvas.view_changed, self._show_zoom)
        connect(canvas.picture_changed, self._show_zoom)

    def close(self) -> None:
        super().close()
        self._origin_timer.stop()
        self._update_timer.stop()
        self._status.set_pixel()

    def refresh(self) -> None:
        """Read the pixel under the pointer again."""
        self._is_outdated = False
        self._show(self._canvas.cursor_point, "")
        self._origin_timer.start()
        self._update_timer.start()

    def _show_zoom(self, _scale: float = 0.0) -> None:
        self._status.set_zoom(self._canvas.scale if self._canvas.has_picture else None)

    def _cursor_moved(self, at: Point | None) -> None:
        if at is not None and self._update_timer.isActive():
            self._is_outdated = True
            self._origin_timer.start()
        else:
            self.refresh()

    def _update_late(self) -> None:
        if self._is_outdated:
            self.refresh()

    def _request_origin(self) -> None:
        at, labels = self._canvas.cursor_point, self._picture.labels
        if at is None or labels is None or self._picture.id is None:
            return
        if labels.values[int(at.y), int(at.x)] != UNLABELLED:
            size = (labels.width, labels.height)
            self._dispatcher.when_done(
                self._session.editing.origin_at(self._picture.id, int(at.x), int(at.y), size),
                partial(self._show_origin, at, labels),
                lambda _error: None,
            )

    def _show_origin(self, at: Point, labels: LabelMap, origin: str) -> None:
        if at == self._canvas.cursor_point and labels is self._picture.labels:
            self._show(at, origin)

    def _show(self, at: Point | None, origin: str) -> None:
        labels, prediction = self._picture.labels, self._picture.prediction
        if at is None or labels is None:
            self._status.set_pixel()
            return
        x, y = int(at.x), int(at.y)
        name_of = self._session.editing.classes.name_of
        value = int(labels.values[y, x])
        if prediction is None or prediction.values[y, x] == UNLABELLED:  # or only parts of it are predicted
            self._status.set_pixel(x, y, name_of(value), origin, values=(value, None))
        else:
            predicted, confidence = int(prediction.values[y, x]), float(prediction.confidence[y, x]) / 255
            values = (value, predicted)
            source = self._picture.predicted_by(x, y)
            self._status.set_pixel(
                x, y, name_of(value), origin, name_of(predicted), confidence, values, source
            )
