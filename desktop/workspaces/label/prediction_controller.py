"""Accepts predictions into the label."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Signal

from core.base.errors import UserError
from core.base.geometry import Point
from core.labels.accept import accept_class, accept_everywhere, accept_region
from core.labels.deferred_edit import EditRequest
from core.labels.label_map import Edit, LabelMap
from core.labels.prediction import PredictedMask
from core.session.session import Session
from desktop.canvas.canvas import Canvas
from desktop.controller import Actions, Controller
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.classes.controller import ClassController
from desktop.workspaces.label.tool_controller import ToolController

NO_PREDICTION = (
    "There is no prediction of this picture yet. Train, or paint strokes of two classes for a live one."
)


class PredictionController(Controller):
    """Lives on the GUI thread. `apply_edit` is `LabelController`'s way to make an edit without a tool.

    `accepted_all`: the prediction of the active picture is accepted, go on to the next picture.
    """

    accepted_all = Signal()

    def __init__(
        self,
        session: Session,
        canvas: Canvas,
        picture: ActivePicture,
        tools: ToolController,
        classes: ClassController,
        apply_edit: Callable[[LabelMap, EditRequest, Callable[[Edit | None], object]], None],
    ) -> None:
        super().__init__()
        self._session, self._canvas, self._picture = session, canvas, picture
        self._tools, self._classes, self._apply_edit = tools, classes, apply_edit

    def actions(self) -> Actions:
        return {
            "accept_and_next": self._accept_and_next,
            "accept_all": lambda: self._accept("all"),
            "accept_region": lambda: self._accept("region"),
            "accept_class": lambda: self._accept("class"),
        }

    def _accept(self, extent: str, on_finished: Callable[[], object] = lambda: None) -> None:
        """Accept "all", "class" (the active one) or "region" (under the pointer)."""
        labels, prediction = self._picture.labels, self._picture.prediction
        if labels is None or prediction is None:
            self.message.emit(NO_PREDICTION)
            return
        at = self._canvas.cursor_point
        if extent == "region" and at is None:
            self._tools.prompt_point(
                "Accept region", "Click a predicted region to accept it.", partial(self._accept, extent)
            )
            return
        try:
            request = self._edit_for(extent, at, labels, prediction)
        except UserError as error:
            self.message.emit(str(error))
            on_finished()
            return
        self._apply_edit(labels, request, partial(self._accepted, on_finished))

    def _accepted(self, on_finished: Callable[[], object], edit: Edit | None) -> None:
        if edit is None:
            self.message.emit("Nothing to accept: every pixel of it already has a label.")
        on_finished()

    def _edit_for(
        self, extent: str, at: Point | None, labels: LabelMap, prediction: PredictedMask
    ) -> EditRequest:
        classes = self._session.editing.classes
        if extent == "class":
            value = self._classes.active_class
            return accept_class(labels, prediction, value, classes.name_of(value))
        if extent == "region" and at is not None:
            return accept_region(labels, prediction, at, classes)
        return accept_everywhere(labels, prediction)

    def _accept_and_next(self) -> None:
        if self._picture.labels is None:
            return
        if self._picture.prediction is None:
            self.accepted_all.emit()
        else:
            self._accept("all", self.accepted_all.emit)
