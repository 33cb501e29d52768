"""Taking over what the network proposes: everywhere, one class, one region; and newer proposals as they come."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal

from core.base.errors import UserError
from core.base.geometry import Point
from core.labels.deferred_edit import Prepared
from core.labels.label_map import Edit, LabelMap
from core.labels.prediction import PredictedMask
from core.session.editing import accept_class, accept_everywhere, accept_region
from core.session.session import Session
from desktop.canvas.canvas import CanvasView
from desktop.dispatcher import Bridge
from desktop.workspaces.label.active_picture import Hand
from desktop.workspaces.label.tool_controller import Choosing


class Accepting(QObject):
    """For the picture in hand. Lives on the GUI thread.

    `replaced`: another prediction is under the hand; `finished`: what was right is taken, on to the next picture.
    """

    message = Signal(str)
    replaced = Signal()
    finished = Signal()

    def __init__(
        self,
        session: Session,
        bridge: Bridge,
        canvas: CanvasView,
        hand: Hand,
        choosing: Choosing,
        apply: Callable[[LabelMap, Prepared, Callable[[Edit | None], object]], None],
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._canvas = session, bridge, canvas
        self._hand, self._choosing, self._apply = hand, choosing, apply

    def handlers(self) -> dict[str, Callable[[], object]]:
        return {
            "accept_and_next": self._accept_and_next,
            "accept_all": lambda: self._accept("all"),
            "accept_region": lambda: self._accept("region"),
            "accept_class": lambda: self._accept("class"),
        }

    def fetch(self) -> None:
        """There is a newer prediction of the picture in hand: show it."""
        shown = self._hand.shown
        if shown is not None:
            self._bridge.when_done(
                self._session.opening.prediction(shown), partial(self._take, shown), lambda _problem: None
            )

    def _take(self, picture_id: int, prediction: PredictedMask) -> None:
        labels = self._hand.labels
        if (
            picture_id == self._hand.shown
            and labels is not None
            and prediction.values.shape == labels.values.shape
        ):
            self._hand.prediction = prediction
            self._canvas.set_prediction(prediction)
            self.replaced.emit()

    def _accept(self, how: str, then: Callable[[], object] = lambda: None) -> None:
        """Take the prediction over: "all", "class" (the active one) or "region" (under the cursor)."""
        labels, prediction = self._hand.labels, self._hand.prediction
        if labels is None or prediction is None:
            self.message.emit("There is no prediction of this picture yet.")
            return
        at = self._canvas.cursor_point
        if how == "region" and at is None:
            self._choosing.aiming.ask(
                "Accept region", "a predicted region to accept it", partial(self._accept, how)
            )
            return
        try:
            prepared = self._prepared(how, at, labels, prediction)
        except UserError as problem:
            self.message.emit(str(problem))
            then()
            return
        self._apply(labels, prepared, partial(self._accepted, then))

    def _accepted(self, then: Callable[[], object], edit: Edit | None) -> None:
        if edit is None:
            self.message.emit("Nothing to accept here: every pixel of it already carries a label.")
        then()

    def _prepared(self, how: str, at: Point | None, labels: LabelMap, prediction: PredictedMask) -> Prepared:
        classes = self._session.editing.classes
        if how == "class":
            value = self._choosing.active_class
            return accept_class(labels, prediction, value, classes.name_of(value))
        if how == "region" and at is not None:
            return accept_region(labels, prediction, at, classes)
        return accept_everywhere(labels, prediction)

    def _accept_and_next(self) -> None:
        """The gesture of the whole program: take what is right, mark done, go on."""
        if self._hand.labels is None:
            return
        if self._hand.prediction is None:
            self.finished.emit()
        else:
            self._accept("all", self.finished.emit)
