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
from core.labels.deferred_edit import Painting, Prepared
from core.labels.label_map import Edit, LabelMap
from core.labels.prediction import PredictedMask
from core.project.records import Journal, Status
from core.session.loading.picture_loader import OpenedPicture
from core.session.session import Session
from core.tools.deferred import AT_ONCE
from desktop.canvas.rendering.offscreen_frame import Drawn
from desktop.connections import Wires
from desktop.dispatcher import Bridge
from desktop.widgets.status_bar import StatusLine
from desktop.workspaces.label.active_picture import Hand
from desktop.workspaces.label.background_work import Working
from desktop.workspaces.label.classes.operations import Recasting
from desktop.workspaces.label.classes.visibility import Shielding
from desktop.workspaces.label.copy_labels_controller import Taking
from desktop.workspaces.label.correction_report import Correcting
from desktop.workspaces.label.edit_queue import Saving
from desktop.workspaces.label.history_controller import Remembering
from desktop.workspaces.label.metadata_controller import Noting
from desktop.workspaces.label.navigation import Travelling
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.pixel_readout import Pointing
from desktop.workspaces.label.prediction_controller import Accepting
from desktop.workspaces.label.prefetch import Foreseeing
from desktop.workspaces.label.region_controller import Reshaping
from desktop.workspaces.label.tool_controller import Choosing
from desktop.workspaces.label.tool_state import Resuming
from desktop.workspaces.label.undo_controller import Reverting
from desktop.workspaces.label.visibility_guard import InSight

AHEAD_MS = 15
"""Between a picture and reading those that come next: until it is painted it has the machine to itself."""


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
        self._session, self._bridge, self._canvas = session, bridge, page.canvas
        self._keep_view = keep_view
        self.hand = Hand()
        self._wanted: int | None = None
        self._asked = 0
        self._expected_after = 0
        self._strokes = 0
        self._read_again = False
        self._ahead_soon = QTimer(self, singleShot=True, interval=AHEAD_MS)
        self._ahead_soon.timeout.connect(self._look_ahead)
        self._foreseeing = Foreseeing(session, bridge, self._canvas, keep_view)
        editing = session.editing
        self.saving = Saving(editing, bridge, self)
        self._reverting = Reverting(editing, bridge, page, self.hand, self.saving)
        self._choosing = Choosing(editing, bridge, page, actions, self.hand)
        self._recasting = Recasting(editing, bridge, page, self.hand, self._choosing)
        self._shielding = Shielding(session, bridge, page, self._choosing)
        self._resuming = Resuming(session, bridge, self._choosing)
        self._travelling = Travelling(session, bridge, page)
        self._pointing = Pointing(session, bridge, page, status, self.hand)
        self._noting = Noting(session, bridge, page, actions, self.hand)
        self._remembering = Remembering(editing, bridge, page, actions, self.hand, self._reverting)
        self._working = Working(bridge, self._canvas)
        self._reshaping = Reshaping(editing, page, self.hand, self._choosing)
        self._correcting = Correcting(session, bridge, self.hand)
        self._taking = Taking(session.copying, bridge, self._canvas, self.hand, self._apply)
        self._accepting = Accepting(session, bridge, self._canvas, self.hand, self._choosing, self._apply)
        self._in_sight = InSight(self._canvas, actions, self._choosing)
        self._wires = Wires()
        join = self._wires.join
        join(self._canvas.edit_finished, self._commit)
        join(self._canvas.painting_wanted, self._expect)
        join(self._canvas.before_edit, self._reverting.settle)
        join(self._reverting.reverted, self._pointing.look_again)
        join(self._reverting.reverted, self._reshaping.look_again)
        join(self._reverting.missed, self.reload)
        join(self._travelling.wanted, self.show)
        join(self._foreseeing.outdated, self.reload)
        join(self._noting.finished, self._correcting.finished)
        join(self._accepting.replaced, self._correcting.prediction_shown)
        join(self._accepting.finished, self._finish)
        speakers = (self._choosing, self._recasting, self._shielding, self._travelling, self._noting)
        for part in (
            self._reverting,
            self._reshaping,
            *speakers,
            self._working,
            self._taking,
            self._accepting,
            self._correcting,
            self._in_sight,
        ):
            join(part.message, self.message.emit)
        join(self.saving.saved, self.saved.emit)
        join(self.saving.stored, self._stored)
        join(self.saving.lost, self._lost)

    def begin(self) -> None:
        """Fill the page for a session that has just been opened."""
        self._canvas.show_loading("Looking for pictures")
        self._reverting.offer(Journal())
        self._noting.look_again()
        self.hear(Changes(listing=True))

    def is_safe(self) -> bool:
        """Whether the session may end: all that was drawn is an edit now, and the disk refuses none of them."""
        self._canvas.settle_all()
        self.saving.settle()
        return not self.saving.is_stuck

    def leave(self) -> None:
        """The session ends: whatever is under the pen becomes an edit first."""
        self._canvas.settle_all()
        self._ahead_soon.stop()
        self._foreseeing.leave()
        self._noting.leave()
        self._resuming.leave()
        self.saving.leave()
        self._wires.cut()
        rooms = (self._choosing, self._recasting, self._shielding, self._travelling, self._pointing)
        for part in (*rooms, self._remembering, self._working):
            part.leave()
        self._canvas.clear()
        # Answers that are still on their way find nobody whom they concern.
        self._wanted = self.hand.shown = self.hand.labels = self.hand.prediction = None

    def show_only(self, key: str, title: str, found: frozenset[int] = frozenset()) -> None:
        """Let the filmstrip show only what passes a filter; see `Travelling.show_only`."""
        self._travelling.show_only(key, title, found)

    def settle(self) -> None:
        """Make a stroke whose button is still down an edit."""
        self._canvas.settle()

    def hear(self, changes: Changes) -> None:
        """Something changed: look again at what it touches."""
        shown = self.hand.shown
        self._travelling.hear(changes)
        self._foreseeing.look_again()
        self._reshaping.hear(changes)
        if changes.classes:
            self._choosing.classes_changed()
            self._shielding.classes_changed()
        if shown in changes.pictures:
            self._noting.look_again()
        if shown in changes.pictures or changes.classes:
            self._reverting.ask_names()
            self._remembering.look_again()
        if changes.classes and self._wanted in changes.labels:
            self.reload()  # a class was merged, deleted or renumbered, or that was undone
        elif changes.classes or shown in changes.predictions:
            self._accepting.fetch()

    def handlers(self) -> dict[str, Callable[[], object]]:
        """What each action of this workspace does."""
        canvas, travelling = self._canvas, self._travelling
        acts: dict[str, Callable[[], object]] = {
            **self._choosing.handlers(),
            **self._recasting.handlers(),
            **self._shielding.handlers(),
            **self._remembering.handlers(),
            **self._noting.handlers(),
            **self._reshaping.handlers(),
            **self._taking.handlers(),
            **self._accepting.handlers(),
            **self._reverting.handlers(),
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
        return self._in_sight.guard(acts)

    def choose_class(self, value: int) -> None:
        """Paint with this class from now on."""
        self._choosing.choose_class(value)

    # The picture on screen --------------------------------------------------------------------

    def show(self, picture_id: int) -> None:
        """Ask for a picture; the one on screen stays until the new one is there."""
        self._canvas.let_go()
        self._wanted = picture_id
        self._travelling.set_current(picture_id)
        if picture_id != self.hand.shown:
            ready = self._foreseeing.take(picture_id)
            if ready is None:
                self._ask(picture_id)
                return
            self._asked += 1  # what was asked for before is wanted no more
            self._put(ready.opened, ready.labels, ready.drawn)

    def reload(self) -> None:
        """The label was changed by something else than the hand, such as an import or a class that was merged:
        read it again. What is painted meanwhile stays."""
        if self._wanted is not None:
            self._canvas.settle()
            self._ask(self._wanted)

    def _ask(self, picture_id: int) -> None:
        self._asked += 1  # only the answer to the newest question counts
        self._bridge.when_done(
            self._session.opening.show(picture_id),
            partial(self._take, picture_id, self._asked, self._moves()),
            partial(self._cannot_show, picture_id, self._asked),
        )

    def _moves(self) -> tuple[int, int]:
        """Changes by the hand so far: a label read before one of them is out of date."""
        return self._strokes, self._reverting.taken

    def _take(self, picture_id: int, asked: int, moves: tuple[int, int], opened: OpenedPicture) -> None:
        if picture_id != self._wanted or asked != self._asked:
            return  # something else is wanted by now
        held = self.hand.labels
        if picture_id == self.hand.shown and held is not None and held.values.shape == opened.labels.shape:
            self._renew(held, moves, opened)
            return
        self._put(opened, LabelMap(opened.labels))

    def _put(self, opened: OpenedPicture, labels: LabelMap, drawn: Drawn | None = None) -> None:
        """Put another picture under the hand."""
        self._canvas.settle_all()  # a polygon under way belongs to the picture that leaves
        self._hold(opened.record.id, labels, opened.prediction)
        self._canvas.show_picture(opened.pyramid, labels, opened.prediction, self._keep_view(), drawn)
        self._reverting.offer(opened.journal)
        if opened.forgets:
            self.message.emit(
                f"{opened.record.name} has another size than before; what was taken back then cannot be done again."
            )
        if opened.frames > 1:
            name = opened.record.name
            self.message.emit(
                f"{name} holds {opened.frames} frames or pages; the first is shown and labelled."
            )

    def _renew(self, labels: LabelMap, moves: tuple[int, int], opened: OpenedPicture) -> None:
        """Put a label that was read again under the hand, in place: zoom and place stay."""
        self._canvas.settle()
        if self.saving.is_stuck:
            self._read_again = True  # what waits for the disk is in no reading yet
            return
        if labels.is_editing or moves != self._moves():
            self.reload()  # a stroke was made meanwhile, which only a newer reading knows
            return
        changed = {}
        for key in Box(0, 0, labels.width, labels.height).tiles():
            place = tile_box(key, labels.width, labels.height).slices
            if not np.array_equal(labels.values[place], opened.labels[place]):
                changed[key] = opened.labels[place]
        self._canvas.refresh(labels.replace_tiles(changed))
        self.hand.prediction = opened.prediction
        self._canvas.set_prediction(opened.prediction)
        self._reverting.offer(opened.journal)
        self._pointing.look_again()
        self._reshaping.look_again()

    def _cannot_show(self, picture_id: int, asked: int, problem: MaskloopError) -> None:
        if picture_id != self._wanted or asked != self._asked:
            return
        self._canvas.settle_all()
        self._hold(picture_id, None, None)
        self._canvas.clear("This picture cannot be shown", str(problem))
        self._reverting.offer(Journal())

    def _hold(self, picture_id: int, labels: LabelMap | None, prediction: PredictedMask | None) -> None:
        self.hand.shown, self.hand.labels, self.hand.prediction = picture_id, labels, prediction
        self._reverting.forget()
        self._correcting.prediction_shown()
        self._session.remember("shown", str(picture_id))
        self._resuming.keep()
        self._ahead_soon.start()
        self._noting.look_again()
        self._remembering.picture_changed()

    def _look_ahead(self) -> None:
        """The picture is on screen: read what comes next, and have it predicted."""
        if self.hand.shown is not None:
            ahead = self._travelling.ahead()
            self._foreseeing.expect(ahead[0] if ahead else None)
            self._session.opening.prefetch(ahead[1:])
            self._session.retraining.picture_shown(self.hand.shown, ahead)

    def _finish(self) -> None:
        """This picture is done: on to the next that is not. Not before whatever made an end of a painting has had its
        way: a press that came meanwhile is meant for this picture."""
        self._noting.set_status(Status.DONE)
        self._bridge.post(partial(self._go_on, self.hand.shown))

    def _go_on(self, picture_id: int | None) -> None:
        """Unless somebody has asked for another picture meanwhile, or works on this one."""
        if picture_id == self.hand.shown == self._wanted and not self._canvas.is_held:
            self._travelling.go(1, "open")

    # Edits -------------------------------------------------------------------------------------

    def _expect(self, painting: Painting | None) -> None:
        """An edit is on its way that can be taken back already; None: it is there, or Esc has thrown it away."""
        if painting is not None:
            self._expected_after = self._strokes
            self._reverting.offer(Journal(painting.title))
        elif self._expected_after == self._strokes:
            self._reverting.ask_names()

    def _commit(self, edit: Edit) -> None:
        if self.hand.shown is not None:
            self._strokes += 1
            self.saving.commit(self.hand.shown, edit)
            # A hand may undo before the disk has answered; the undo then comes behind the stroke, in order.
            self._reverting.offer(Journal(edit.name))

    def _apply(self, labels: LabelMap, prepared: Prepared, then: Callable[[Edit | None], object]) -> None:
        """An edit that no tool makes: what is under way comes first, and may have led to another picture; then nothing
        happens. `then` is called once the edit is shown and on its way to the disk, or has changed nothing (None);
        never when Esc has thrown it away."""
        self._canvas.settle()
        self._reverting.settle()
        if labels is not self.hand.labels:
            return
        prepared.begin(labels)
        painting = Painting(labels, prepared.name, partial(prepared.paint, labels))
        self._canvas.pending.begin(painting, then=partial(self._applied, then))
        if prepared.pixels <= AT_ONCE:
            self._canvas.pending.settle()

    def _applied(self, then: Callable[[Edit | None], object], painting: Painting) -> None:
        self._pointing.look_again()
        if not painting.is_given_up:
            then(painting.edit)

    def _lost(self, picture_id: int, sentence: str) -> None:
        """An edit can never be stored: the screen must not go on showing it."""
        self.message.emit(sentence)
        self._session.editing.hear_of_loss(picture_id)
        if picture_id == self.hand.shown:
            self.reload()

    def _stored(self, picture_id: int, journal: Journal) -> None:
        if self._read_again and not self.saving.is_stuck:
            self._read_again = False
            self.reload()
        elif picture_id == self.hand.shown:
            self._reverting.offer(journal)
