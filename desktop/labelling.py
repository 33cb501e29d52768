"""The hand's journey: the picture on screen, what is painted on it, and what is accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from core.changes import Changes
from core.errors import MaskloopError, UserError
from core.labels.labelmap import Edit, LabelMap
from core.labels.prediction import PredictedMask
from core.project.records import Journal, Reverted, Status
from core.session.editing import accept_class, accept_everywhere, accept_region
from core.session.opening import OpenedPicture
from core.session.session import Session
from desktop.bridge import Bridge
from desktop.choosing import Choosing
from desktop.hand import Hand
from desktop.label_page import LabelPage
from desktop.panels.status_line import StatusLine
from desktop.pointing import Pointing
from desktop.saving import Saving
from desktop.travelling import Travelling
from desktop.wires import Wires

REVERT_SECONDS = 5.0
"""How long a stroke waits for an undo that is under way."""


class Labelling(QObject):
    """Brings the Label workspace to life for one session. Lives on the GUI thread.

    `saved` carries state and reason for the saved mark; `message` a sentence for people.
    """

    saved = Signal(str, str)
    message = Signal(str)

    def __init__(
        self,
        session: Session,
        bridge: Bridge,
        page: LabelPage,
        status: StatusLine,
        actions: Mapping[str, QAction],
        keep_view: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._page = session, bridge, page
        self._actions, self._keep_view, self._canvas = actions, keep_view, page.canvas
        self.hand = Hand()
        self._wanted: int | None = None
        self._reverting: list[Future[Reverted | None]] = []
        self.saving = Saving(session.editing, bridge, self)
        self._choosing = Choosing(session.editing, bridge, page, actions, self.hand)
        self._travelling = Travelling(session, bridge, page)
        self._pointing = Pointing(session, bridge, page, status, self.hand)
        self._wires = Wires()
        join = self._wires.join
        join(self._canvas.edit_finished, self._commit)
        join(self._canvas.before_edit, self._settle_reverts)
        join(self._travelling.wanted, self.show)
        join(self._travelling.message, self.message.emit)
        join(self._choosing.message, self.message.emit)
        join(self.saving.saved, self.saved.emit)
        join(self.saving.stored, self._stored)

    def begin(self) -> None:
        """Fill the page for a session that has just been opened."""
        self._canvas.show_loading("Looking for pictures")
        self._offer(Journal())
        self.hear(Changes(listing=True))

    def leave(self) -> None:
        """The session ends: whatever is under the pen becomes an edit first."""
        self._canvas.settle_all()
        self.saving.leave()
        self._wires.cut()
        for part in (self._choosing, self._travelling, self._pointing):
            part.leave()
        self._canvas.clear()

    def hear(self, changes: Changes) -> None:
        """Something changed: look again at what it touches."""
        self._travelling.hear(changes)
        if self.hand.shown in changes.pictures:
            self._show_status()
        if self.hand.shown in changes.predictions:
            self._fetch_prediction()
        if changes.classes:
            self._choosing.classes_changed()

    def handlers(self) -> dict[str, Callable[[], object]]:
        """What each action of this workspace does."""
        editing, canvas, travelling = self._session.editing, self._canvas, self._travelling
        return {
            **self._choosing.handlers(),
            "undo": lambda: self._revert(editing.undo),
            "redo": lambda: self._revert(editing.redo),
            "next_picture": lambda: travelling.go(1),
            "previous_picture": lambda: travelling.go(-1),
            "next_open": lambda: travelling.go(1, "open"),
            "previous_open": lambda: travelling.go(-1, "open"),
            "next_uncertain": travelling.go_uncertain,
            "mark_done": lambda: self._toggle(Status.DONE),
            "mark_review": lambda: self._toggle(Status.TO_REVIEW),
            "mark_skipped": lambda: self._toggle(Status.SKIPPED),
            "accept_and_next": self._accept_and_next,
            "accept_all": lambda: self._accept("all"),
            "accept_region": lambda: self._accept("region"),
            "accept_class": lambda: self._accept("class"),
            "fit": canvas.fit,
            "actual_size": canvas.actual_size,
            "zoom_in": lambda: canvas.zoom_by(1.25),
            "zoom_out": lambda: canvas.zoom_by(0.8),
        }

    # The picture on screen --------------------------------------------------------------------

    def show(self, picture_id: int) -> None:
        """Ask for a picture; the one on screen stays until the new one is there."""
        self._canvas.settle()
        self._wanted = picture_id
        self._travelling.set_current(picture_id)
        if picture_id == self.hand.shown:
            return  # it is here, with strokes that a fresh reading could miss
        self._bridge.when_done(
            self._session.opening.show(picture_id),
            partial(self._take, picture_id),
            partial(self._cannot_show, picture_id),
        )

    def reload(self) -> None:
        """The label of the picture on screen was changed by somebody else, such as an import: read it again."""
        if self.hand.shown is not None:
            self._canvas.settle_all()
            self._wanted, self.hand.shown = self.hand.shown, None
            self.show(self._wanted)

    def _take(self, picture_id: int, opened: OpenedPicture) -> None:
        if picture_id != self._wanted or picture_id == self.hand.shown:
            return  # something else is wanted by now
        self._canvas.settle_all()  # a polygon under way belongs to the picture that leaves
        labels = LabelMap(opened.labels)
        self._hold(picture_id, labels, opened.prediction)
        self._canvas.show_picture(opened.pyramid, labels, opened.prediction, keep_view=self._keep_view())
        self._offer(opened.journal)

    def _cannot_show(self, picture_id: int, problem: MaskloopError) -> None:
        if picture_id != self._wanted:
            return
        self._canvas.settle_all()
        self._hold(picture_id, None, None)
        self._canvas.clear("This picture cannot be shown", str(problem))
        self._offer(Journal())

    def _hold(self, picture_id: int, labels: LabelMap | None, prediction: PredictedMask | None) -> None:
        self.hand.shown, self.hand.labels, self.hand.prediction = picture_id, labels, prediction
        self._reverting.clear()
        self._session.remember("shown", str(picture_id))
        ahead = self._travelling.ahead()
        self._session.opening.prefetch(ahead)
        self._session.retraining.picture_shown(picture_id, ahead)
        self._show_status()

    # Edits -------------------------------------------------------------------------------------

    def _commit(self, edit: Edit) -> None:
        if self.hand.shown is not None:
            self.saving.commit(self.hand.shown, edit)

    def _stored(self, picture_id: int, journal: Journal) -> None:
        if picture_id == self.hand.shown:
            self._offer(journal)

    def _revert(self, act: Callable[[int], Future[Reverted | None]]) -> None:
        """Undo or redo, as `act` says; a corner of a polygon under way is taken back first."""
        if act == self._session.editing.undo and self._canvas.step_back():
            return
        self._canvas.settle()
        if self.hand.shown is None or self.hand.labels is None or self.saving.is_stuck:
            return
        future = act(self.hand.shown)
        self._reverting.append(future)
        self._bridge.when_done(future, lambda _reverted: self._apply(future))

    def _settle_reverts(self) -> None:
        """Before an edit begins: an undo under way must be on screen, or the stroke would start from the past."""
        for future in list(self._reverting):
            try:
                future.result(timeout=REVERT_SECONDS)
            except (MaskloopError, TimeoutError):
                self._reverting.remove(future)
                continue
            self._apply(future)

    def _apply(self, future: Future[Reverted | None]) -> None:
        if future not in self._reverting:
            return  # done already, or of a picture that is gone
        self._reverting.remove(future)
        reverted = future.result()
        if reverted is None or self.hand.labels is None:
            return
        self._canvas.refresh(self.hand.labels.replace_tiles(reverted.tiles))
        self._offer(reverted.journal)
        self._pointing.look_again()

    def _offer(self, journal: Journal) -> None:
        self._page.options.set_undo(journal.undo_name or "", journal.redo_name or "")

    # Predictions -------------------------------------------------------------------------------

    def _fetch_prediction(self) -> None:
        shown = self.hand.shown
        if shown is not None:
            self._bridge.when_done(
                self._session.opening.prediction(shown),
                partial(self._take_prediction, shown),
                lambda _problem: None,
            )

    def _take_prediction(self, picture_id: int, prediction: PredictedMask) -> None:
        labels = self.hand.labels
        if (
            picture_id == self.hand.shown
            and labels is not None
            and prediction.values.shape == labels.values.shape
        ):
            self.hand.prediction = prediction
            self._canvas.set_prediction(prediction)

    def _accept(self, how: str) -> None:
        """Take the prediction over: "all", "class" (the active one) or "region" (under the cursor)."""
        self._canvas.settle()
        self._settle_reverts()
        labels, prediction = self.hand.labels, self.hand.prediction
        if labels is None or prediction is None:
            self.message.emit("There is no prediction of this picture yet.")
            return
        try:
            edit = self._accepted(how, labels, prediction)
        except UserError as problem:
            self.message.emit(str(problem))
            return
        if edit is None:
            self.message.emit("Nothing to accept here: every pixel of it already carries a label.")
            return
        self._canvas.refresh(edit.box)
        self._commit(edit)
        self._pointing.look_again()

    def _accepted(self, how: str, labels: LabelMap, prediction: PredictedMask) -> Edit | None:
        classes = self._session.editing.classes
        if how == "class":
            value = self._choosing.active_class
            return accept_class(labels, prediction, value, classes.name_of(value))
        if how == "region":
            at = self._canvas.cursor_point
            if at is None:
                raise UserError("Point at a predicted region to accept it.")
            return accept_region(labels, prediction, at, classes)
        return accept_everywhere(labels, prediction)

    def _accept_and_next(self) -> None:
        """The gesture of the whole program: take what is right, mark done, go on."""
        if self.hand.labels is None:
            return
        if self.hand.prediction is not None:
            self._accept("all")
        self._set_status(Status.DONE)
        self._travelling.go(1, "open")

    # Status ------------------------------------------------------------------------------------

    def _toggle(self, status: Status) -> None:
        """Mark the picture, or take the mark back."""
        if self.hand.shown is None:
            return
        record = self._session.pictures.get(self.hand.shown)
        plain = Status.IN_PROGRESS if record.is_labelled else Status.NEW
        self._set_status(plain if record.status == status else status)

    def _set_status(self, status: Status) -> None:
        if self.hand.shown is not None:
            self._bridge.when_done(
                self._session.editing.set_status(self.hand.shown, status), lambda _none: None
            )

    def _show_status(self) -> None:
        shown = self.hand.shown
        status = self._session.pictures.get(shown).status if shown is not None else None
        for key, meant in (
            ("mark_done", Status.DONE),
            ("mark_review", Status.TO_REVIEW),
            ("mark_skipped", Status.SKIPPED),
        ):
            self._actions[key].setChecked(status == meant)
