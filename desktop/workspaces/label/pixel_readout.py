"""What is this pixel, who said so, and what does the network think: the left of the status line."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, QTimer

from core.base.geometry import Point
from core.labels.class_list import UNLABELLED
from core.labels.label_map import LabelMap
from core.session.session import Session
from desktop.connections import Wires
from desktop.dispatcher import Bridge
from desktop.widgets.status_bar import StatusLine
from desktop.workspaces.label.active_picture import Hand
from desktop.workspaces.label.page import LabelPage

REST_MS = 90
"""Who said so is asked once the pointer rests: it needs a look into the document."""

READING_MS = 40
"""Nobody reads faster; more often, a stroke would pay for words that are gone before they are seen."""


class Pointing(QObject):
    """Follows the pointer over the picture in hand. Lives on the GUI thread."""

    def __init__(
        self, session: Session, bridge: Bridge, page: LabelPage, status: StatusLine, hand: Hand
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._canvas = session, bridge, page.canvas
        self._status, self._hand = status, hand
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._ask_origin)
        self._reading = QTimer(self, singleShot=True, interval=READING_MS)
        self._reading.timeout.connect(self._catch_up)
        self._is_behind = False
        self._wires = Wires()
        self._wires.join(self._canvas.cursor_moved, self._follow)
        self._wires.join(self._canvas.picture_changed, self.look_again)
        self._wires.join(self._canvas.view_changed, self._tell_zoom)
        self._wires.join(self._canvas.picture_changed, self._tell_zoom)

    def look_again(self) -> None:
        """What lies under the pointer may have changed."""
        self._is_behind = False
        self._say(self._canvas.cursor_point, "")
        self._rest.start()
        self._reading.start()

    def _tell_zoom(self, _scale: float = 0.0) -> None:
        self._status.set_zoom(self._canvas.scale if self._canvas.has_picture else None)

    def leave(self) -> None:
        self._wires.cut()
        self._rest.stop()
        self._reading.stop()
        self._status.set_pixel()

    def _follow(self, at: Point | None) -> None:
        """The pointer is there now."""
        if at is not None and self._reading.isActive():
            self._is_behind = True
            self._rest.start()
        else:
            self.look_again()

    def _catch_up(self) -> None:
        if self._is_behind:
            self.look_again()

    def _ask_origin(self) -> None:
        at, labels = self._canvas.cursor_point, self._hand.labels
        if at is None or labels is None or self._hand.shown is None:
            return
        if labels.values[int(at.y), int(at.x)] != UNLABELLED:
            size = (labels.width, labels.height)
            self._bridge.when_done(
                self._session.editing.origin_at(self._hand.shown, int(at.x), int(at.y), size),
                partial(self._take_origin, at, labels),
                lambda _problem: None,
            )

    def _take_origin(self, at: Point, labels: LabelMap, words: str) -> None:
        """Unless the pointer is elsewhere by now, or over another picture."""
        if at == self._canvas.cursor_point and labels is self._hand.labels:
            self._say(at, words)

    def _say(self, at: Point | None, origin: str) -> None:
        labels, prediction = self._hand.labels, self._hand.prediction
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
