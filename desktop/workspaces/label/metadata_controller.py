"""What a person says about the picture in hand: its status, split, tags and note."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from core.base.errors import MaskloopError, UserError
from core.project.records import PictureRecord, Split, Status
from core.session.session import Session
from desktop.connections import Wires
from desktop.dispatcher import Bridge
from desktop.picture_list import tags_in_use
from desktop.workspaces.label.active_picture import Hand
from desktop.workspaces.label.page import LabelPage

MARKS = {"mark_done": Status.DONE, "mark_review": Status.TO_REVIEW, "mark_skipped": Status.SKIPPED}


class Noting(QObject):
    """Brings the line below the canvas and the three marks to life. Lives on the GUI thread."""

    message = Signal(str)
    finished = Signal(int)
    """A picture is marked done."""

    def __init__(
        self,
        session: Session,
        bridge: Bridge,
        page: LabelPage,
        actions: Mapping[str, QAction],
        hand: Hand,
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._line = session, bridge, page.picture_line
        self._actions, self._hand = actions, hand
        self._wires = Wires()
        join, line = self._wires.join, page.picture_line
        join(line.status_chosen, self._take_status)
        join(line.split_chosen, self._take_split)
        join(line.tags_added, self._add_tags)
        join(line.tag_removed, self._remove_tag)
        join(line.note_changed, self._take_note)
        join(line.tags_wanted, lambda: line.offer_tags(tags_in_use(session.pictures)))

    def handlers(self) -> dict[str, Callable[[], object]]:
        """What each action that concerns the picture in hand does."""
        return {
            **{key: partial(self._toggle, status) for key, status in MARKS.items()},
            "add_tag": self._line.begin_tag,
            "edit_note": self._line.begin_note,
        }

    def look_again(self) -> None:
        """Another picture is in hand, or something else is said of this one now."""
        record = self._record()
        self._line.set_picture(record)
        for key, meant in MARKS.items():
            self._actions[key].setChecked(record is not None and record.status == meant)

    def set_status(self, status: Status) -> None:
        """Mark the picture in hand; a mark that it has already is no change that could be undone."""
        record = self._record()
        if record is not None and record.status != status:
            self._send(self._session.editing.set_status(record.id, status))
            if status == Status.DONE:
                self.finished.emit(record.id)

    def leave(self) -> None:
        """The session ends: a tag or a note that is being written is kept."""
        self._line.settle()
        self._wires.cut()
        self._line.set_picture(None)

    def _record(self) -> PictureRecord | None:
        return self._session.pictures.get(self._hand.shown) if self._hand.shown is not None else None

    def _toggle(self, status: Status) -> None:
        """Mark the picture, or take the mark back."""
        record = self._record()
        if record is None:
            return
        self.set_status(_plain(record) if record.status == status else status)
        # An action that can be checked has checked itself; it shall say what is stored.
        self.look_again()

    def _take_status(self, picture_id: int, status: str) -> None:
        record = self._session.pictures.get(picture_id)
        wanted = Status(status) if status else _plain(record)
        if record.status != wanted:
            self._send(self._session.editing.set_status(picture_id, wanted))
            if wanted == Status.DONE:
                self.finished.emit(picture_id)

    def _take_split(self, picture_id: int, split: str) -> None:
        wanted = Split(split) if split else None
        if self._session.pictures.get(picture_id).split != wanted:
            self._send(self._session.editing.set_split(picture_id, wanted))

    def _add_tags(self, picture_id: int, tags: list[str]) -> None:
        try:
            self._send(self._session.editing.add_tags(picture_id, tags))
        except UserError as problem:
            self._refused(problem)

    def _remove_tag(self, picture_id: int, tag: str) -> None:
        self._send(self._session.editing.remove_tag(picture_id, tag))

    def _take_note(self, picture_id: int, note: str) -> None:
        self._send(self._session.editing.set_note(picture_id, note))

    def _send(self, future: Future[None]) -> None:
        self._bridge.when_done(future, lambda _none: None, self._refused)

    def _refused(self, problem: MaskloopError) -> None:
        self.message.emit(str(problem))
        self.look_again()


def _plain(record: PictureRecord) -> Status:
    """The status of a picture without any mark."""
    return Status.IN_PROGRESS if record.is_labelled else Status.NEW
