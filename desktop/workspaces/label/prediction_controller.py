"""Taking over what the network proposes: everywhere, one class, one region; and newer proposals as they come."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal

from core.base.errors import UserError
from core.base.geometry import Point
from core.labels.deferred_edit import EditRequest
from core.labels.label_map import Edit, LabelMap
from core.labels.prediction import PredictedMask
from core.session.editing import accept_class, accept_everywhere, accept_region
from core.session.session import Session
from desktop.canvas.canvas import Canvas
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.tool_controller import ToolController


class PredictionController(QObject):
    """For the picture in hand. Lives on the GUI thread.

    `replaced`: another prediction is under the hand; `finished`: what was right is taken, on to the next picture.
    """

    message = Signal(str)
    prediction_changed = Signal()
    accepted_all = Signal()

    def __init__(
        self,
        session: Session,
        bridge: MainThreadDispatcher,
        canvas: Canvas,
        picture: ActivePicture,
        choosing: ToolController,
        apply: Callable[[LabelMap, EditRequest, Callable[[Edit | None], object]], None],
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._canvas = session, bridge, canvas
        self._picture, self._choosing, self._apply = picture, choosing, apply

    def actions(self) -> dict[str, Callable[[], object]]:
        return {
            "accept_and_next": self._accept_and_next,
            "accept_all": lambda: self._accept("all"),
            "accept_region": lambda: self._accept("region"),
            "accept_class": lambda: self._accept("class"),
        }

    def fetch(self) -> None:
        """There is a newer prediction of the picture in hand: show it."""
        shown = self._picture.id
        if shown is not None:
            self._bridge.when_done(
                self._session.loader.prediction(shown), partial(self._receive, shown), lambda _problem: None
            )

    def _receive(self, picture_id: int, prediction: PredictedMask) -> None:
        labels = self._picture.labels
        if (
            picture_id == self._picture.id
            and labels is not None
            and prediction.values.shape == labels.values.shape
        ):
            self._picture.prediction = prediction
            self._canvas.set_prediction(prediction)
            self.prediction_changed.emit()

    def _accept(self, extent: str, on_finished: Callable[[], object] = lambda: None) -> None:
        """Take the prediction over: "all", "class" (the active one) or "region" (under the cursor)."""
        labels, prediction = self._picture.labels, self._picture.prediction
        if labels is None or prediction is None:
            self.message.emit("There is no prediction of this picture yet.")
            return
        at = self._canvas.cursor_point
        if extent == "region" and at is None:
            self._choosing.point_prompt.ask(
                "Accept region", "a predicted region to accept it", partial(self._accept, extent)
            )
            return
        try:
            prepared = self._edit_for(extent, at, labels, prediction)
        except UserError as problem:
            self.message.emit(str(problem))
            on_finished()
            return
        self._apply(labels, prepared, partial(self._accepted, on_finished))

    def _accepted(self, on_finished: Callable[[], object], edit: Edit | None) -> None:
        if edit is None:
            self.message.emit("Nothing to accept here: every pixel of it already carries a label.")
        on_finished()

    def _edit_for(
        self, extent: str, at: Point | None, labels: LabelMap, prediction: PredictedMask
    ) -> EditRequest:
        classes = self._session.editing.classes
        if extent == "class":
            value = self._choosing.active_class
            return accept_class(labels, prediction, value, classes.name_of(value))
        if extent == "region" and at is not None:
            return accept_region(labels, prediction, at, classes)
        return accept_everywhere(labels, prediction)

    def _accept_and_next(self) -> None:
        """The gesture of the whole program: take what is right, mark done, go on."""
        if self._picture.labels is None:
            return
        if self._picture.prediction is None:
            self.accepted_all.emit()
        else:
            self._accept("all", self.accepted_all.emit)
