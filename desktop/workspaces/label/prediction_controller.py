"""Accepts predictions into the label, and reports how much of a prediction had to be corrected."""

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
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.classes.controller import ClassController
from desktop.workspaces.label.tool_controller import ToolController


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
            self.message.emit("There is no prediction of this picture yet. Train first.")
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


class CorrectionReport(Controller):
    """Says, when a picture is marked done, which share of its prediction was corrected. Lives on the GUI thread.

    Counts only pictures that had a prediction before they had any label.
    """

    def __init__(self, session: Session, dispatcher: MainThreadDispatcher, picture: ActivePicture) -> None:
        super().__init__()
        self._session, self._dispatcher, self._picture = session, dispatcher, picture
        self._measured: tuple[int, PredictedMask] | None = None
        self._previous_share: float | None = None

    def prediction_shown(self) -> None:
        """A picture or a newer prediction of it is shown: the newest before the first label is what counts."""
        shown, prediction = self._picture.id, self._picture.prediction
        if self._measured is not None and self._measured[0] != shown:
            self._measured = None
        if shown is not None and prediction is not None and not self._session.pictures.get(shown).is_labelled:
            self._measured = shown, prediction

    def picture_done(self, picture_id: int) -> None:
        """A picture was marked done: report once."""
        measured, self._measured = self._measured, None
        if measured is not None and measured[0] == picture_id:
            share = self._session.corrections.corrected_share(*measured)
            self._dispatcher.when_done(share, partial(self._report, picture_id), lambda _error: None)

    def _report(self, picture_id: int, share: float) -> None:
        previous, self._previous_share = self._previous_share, share
        name, corrected = self._session.pictures.get(picture_id).name, percent_text(share)
        if previous is None:
            self.message.emit(f"Corrected {corrected} of {name}.")
        else:
            self.message.emit(
                f"Corrected {corrected} of {name}, {percent_text(previous)} of the previous picture."
            )


def percent_text(share: float) -> str:
    """A share (0..1): "12 %"; "<1 %" where rounding would hide that it is more than nothing."""
    return "<1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"
