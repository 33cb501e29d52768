"""Offers places like a correction: walk through them, leave some out, accept the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Signal

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.base.text import count_of
from core.labels.accept import accept_similar
from core.labels.deferred_edit import EditRequest
from core.labels.label_map import Edit, LabelMap
from core.live.correction import Correction
from core.session.live.similar_places import SimilarPlace, SimilarPlaces
from core.session.session import Session
from desktop.canvas.canvas import Canvas
from desktop.controller import Actions, Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.live.similar_places_sheet import SimilarPlacesSheet

FRAME_MARGIN = 4
"""Image pixels around a place that is framed."""


class SimilarPlacesController(Controller):
    """Lives on the GUI thread. `picture_requested`: the next place is in another picture. `stored` carries the ids,
    as a frozenset, of pictures in which places were accepted while they were not on screen; they may be being loaded.

    The list is that of the newest correction that has any. It goes when its pictures are left other than by walking
    through it, when the label changes back, and when the classes change. Nothing is accepted without being asked.
    apply_edit: `LabelController`'s way to make an edit without a tool
    """

    picture_requested = Signal(int)
    stored = Signal(object)

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        canvas: Canvas,
        sheet: SimilarPlacesSheet,
        picture: ActivePicture,
        apply_edit: Callable[[LabelMap, EditRequest, Callable[[Edit | None], object]], None],
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._canvas = session, dispatcher, canvas
        self._sheet, self._picture, self._apply_edit = sheet, picture, apply_edit
        self._number = self._dismissed = (
            0  # of requests: that of the list, and the newest when it was dismissed
        )
        self._correction: Correction | None = None
        self._places: list[SimilarPlace] = []
        self._at: int | None = None
        self._is_searching = False
        self._shown: int | None = None
        self._values: frozenset[int] = frozenset()

    def start(self) -> None:
        self._values = frozenset(self._session.editing.classes.values)
        self._refresh()

    def close(self) -> None:
        super().close()
        self.clear()

    def on_changes(self, changes: Changes) -> None:
        values = frozenset(self._session.editing.classes.values)
        if values != self._values:
            self._values = values
            self.clear()
        elif changes.files:
            self._keep([place for place in self._places if place.picture_id not in changes.files])
        elif changes.classes:
            self._refresh()  # names

    def actions(self) -> Actions:
        return {
            "next_similar": partial(self._walk, 1),
            "previous_similar": partial(self._walk, -1),
            "leave_out_similar": self._leave_out,
            "accept_similar": self._accept,
            "dismiss_similar": self.clear,
        }

    def places_found(self, found: SimilarPlaces) -> None:
        """Places in one more picture. Those of a newer correction replace the others."""
        if found.number < self._number or found.number <= self._dismissed or self.is_closed:
            return
        if found.number > self._number:
            if not found.places and self._at is not None:
                return  # what is being looked at stays until there is something else
            self._number, self._correction, self._at = found.number, found.correction, None
            self._places = []
        self._places += found.places
        self._is_searching = found.remaining > 0
        self._refresh()

    def picture_changed(self) -> None:
        """Another picture is active: frame its place if the walk has led here."""
        shown, self._shown = self._shown, self._picture.id
        if self._shown == shown:
            return
        place = self._place
        if place is not None and place.picture_id == self._shown:
            self._dispatcher.post(self._frame)  # the canvas gets the picture after this signal
        else:
            self.clear()

    def clear(self) -> None:
        """Offer nothing, and nothing of what is still being searched."""
        self._dismissed = self._session.live.newest_number
        self._keep([])

    @property
    def _place(self) -> SimilarPlace | None:
        return self._places[self._at] if self._at is not None else None

    def _keep(self, places: list[SimilarPlace]) -> None:
        if self._place is not None:
            self._canvas.highlight(None)
        self._places, self._at = places, None
        self._refresh()

    def _walk(self, step: int) -> None:
        if not self._places:
            return
        first = 0 if step > 0 else -1
        self._at = (first if self._at is None else self._at + step) % len(self._places)
        self._refresh()
        place = self._places[self._at]
        if place.picture_id == self._picture.id:
            self._frame()
        else:
            self._canvas.highlight(None)
            self.picture_requested.emit(place.picture_id)

    def _frame(self) -> None:
        place = self._place
        if place is not None and place.picture_id == self._picture.id and self._canvas.has_picture:
            box = place.box
            self._canvas.show_box(
                box.grown(max(box.width, box.height))
            )  # what it is shows in what is around it
            self._canvas.highlight(box.grown(FRAME_MARGIN))

    def _leave_out(self) -> None:
        if self._at is None:
            return
        del self._places[self._at]
        if not self._places:
            self._keep([])
            return
        self._at -= 1
        self._walk(1)

    def _accept(self) -> None:
        """One edit for each picture, of its unlabelled pixels."""
        correction, places = self._correction, self._places
        if correction is None or not places:
            return
        self._keep([])
        by_picture: dict[int, list[SimilarPlace]] = {}
        for place in places:
            by_picture.setdefault(place.picture_id, []).append(place)
        for picture_id, found in by_picture.items():
            make = partial(
                accept_similar,
                regions=[place.region for place in found],
                value=correction.right,
                name=self._name_of(correction.right),
            )
            if picture_id == self._picture.id and self._picture.labels is not None:
                self._apply_edit(self._picture.labels, make(self._picture.labels), lambda _edit: None)
            else:
                self._dispatcher.when_done(
                    self._session.editing.apply(picture_id, make),
                    partial(self._stored, picture_id),
                    self._failed,
                )
        others = len(by_picture.keys() - {self._picture.id})
        undo = f" Undo works in each of the {len(by_picture)} pictures." if others else ""
        self.message.emit(
            f"Accepted {count_of(len(places), 'place')} as {self._name_of(correction.right)}.{undo}"
        )

    def _stored(self, picture_id: int, _none: None) -> None:
        self.stored.emit(frozenset({picture_id}))

    def _failed(self, error: MaskloopError) -> None:
        self.message.emit(str(error))

    def _name_of(self, value: int) -> str:
        return self._session.editing.classes.name_of(value)

    def _refresh(self) -> None:
        correction, count = self._correction, len(self._places)
        if correction is None or not count:
            self._sheet.show_places(0)
            return
        pictures = Counter(place.picture_id for place in self._places)
        where = "this picture" if set(pictures) == {self._picture.id} else count_of(len(pictures), "picture")
        wrong, right = self._name_of(correction.wrong), self._name_of(correction.right)
        text = (
            f"In {where}, predicted as {wrong} and like what you corrected to {right}. "
            "Only pixels without a label are changed."
        )
        position = ""
        if self._at is not None:
            name = self._session.pictures.get(self._places[self._at].picture_id).name
            position = f"{self._at + 1} of {count}, {name}"
        self._sheet.show_places(count, text, position, is_searching=self._is_searching)
