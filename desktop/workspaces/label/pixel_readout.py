"""What is this pixel, who said so, and what does the network think: the left of the status line."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, QTimer

from core.base.geometry import Point
from core.labels.class_list import UNLABELLED
from core.labels.label_map import LabelMap
from core.session.session import Session
from desktop.connections import ConnectionGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.widgets.status_bar import StatusBar
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.page import LabelPage

ORIGIN_DELAY_MS = 90
"""Who said so is asked once the pointer rests: it needs a look into the document."""

UPDATE_INTERVAL_MS = 40
"""Nobody reads faster; more often, a stroke would pay for words that are gone before they are seen."""


class PixelReadout(QObject):
    """Follows the pointer over the picture in hand. Lives on the GUI thread."""

    def __init__(
        self,
        session: Session,
        bridge: MainThreadDispatcher,
        page: LabelPage,
        status: StatusBar,
        picture: ActivePicture,
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._canvas = session, bridge, page.canvas
        self._status, self._picture = status, picture
        self._origin_timer = QTimer(self, singleShot=True, interval=ORIGIN_DELAY_MS)
        self._origin_timer.timeout.connect(self._ask_origin)
        self._update_timer = QTimer(self, singleShot=True, interval=UPDATE_INTERVAL_MS)
        self._update_timer.timeout.connect(self._update_late)
        self._is_behind = False
        self._wires = ConnectionGroup()
        self._wires.connect(self._canvas.cursor_moved, self._cursor_moved)
        self._wires.connect(self._canvas.picture_changed, self.refresh)
        self._wires.connect(self._canvas.view_changed, self._show_zoom)
        self._wires.connect(self._canvas.picture_changed, self._show_zoom)

    def refresh(self) -> None:
        """What lies under the pointer may have changed."""
        self._is_behind = False
        self._show(self._canvas.cursor_point, "")
        self._origin_timer.start()
        self._update_timer.start()

    def _show_zoom(self, _scale: float = 0.0) -> None:
        self._status.set_zoom(self._canvas.scale if self._canvas.has_picture else None)

    def close(self) -> None:
        self._wires.disconnect_all()
        self._origin_timer.stop()
        self._update_timer.stop()
        self._status.set_pixel()

    def _cursor_moved(self, at: Point | None) -> None:
        """The pointer is there now."""
        if at is not None and self._update_timer.isActive():
            self._is_behind = True
            self._origin_timer.start()
        else:
            self.refresh()

    def _update_late(self) -> None:
        if self._is_behind:
            self.refresh()

    def _ask_origin(self) -> None:
        at, labels = self._canvas.cursor_point, self._picture.labels
        if at is None or labels is None or self._picture.id is None:
            return
        if labels.values[int(at.y), int(at.x)] != UNLABELLED:
            size = (labels.width, labels.height)
            self._bridge.when_done(
                self._session.editing.origin_at(self._picture.id, int(at.x), int(at.y), size),
                partial(self._show_origin, at, labels),
                lambda _problem: None,
            )

    def _show_origin(self, at: Point, labels: LabelMap, words: str) -> None:
        """Unless the pointer is elsewhere by now, or over another picture."""
        if at == self._canvas.cursor_point and labels is self._picture.labels:
            self._show(at, words)

    def _show(self, at: Point | None, origin: str) -> None:
        labels, prediction = self._picture.labels, self._picture.prediction
        if at is None or labels is None:
            self._status.set_pixel()
            return
        x, y = int(at.x), int(at.y)
        names = self._session.editing.classes.name_of
        said = int(labels.values[y, x])
        if prediction is None:
            self._status.set_pixel(x, y, names(said), origin, values=(said, None))
        else:
            told, confidence = int(prediction.values[y, x]), float(prediction.confidence[y, x]) / 255
            self._status.set_pixel(x, y, names(said), origin, names(told), confidence, (said, told))
