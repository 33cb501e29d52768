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
from desktop.connections import ConnectionGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.picture_list import tags_in_use
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.page import LabelPage

STATUS_OF_ACTION = {"mark_done": Status.DONE, "mark_review": Status.TO_REVIEW, "mark_skipped": Status.SKIPPED}


class PictureMetadataController(QObject):
    """Brings the line below the canvas and the three marks to life. Lives on the GUI thread."""

    message = Signal(str)
    marked_done = Signal(int)
    """A picture is marked done."""

    def __init__(
        self,
        session: Session,
        bridge: MainThreadDispatcher,
        page: LabelPage,
        actions: Mapping[str, QAction],
        picture: ActivePicture,
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._bar = session, bridge, page.metadata_bar
        self._actions, self._picture = actions, picture
        self._wires = ConnectionGroup()
        join, line = self._wires.connect, page.metadata_bar
        join(line.status_chosen, self._set_status)
        join(line.split_chosen, self._set_split)
        join(line.tags_added, self._add_tags)
        join(line.tag_removed, self._remove_tag)
        join(line.note_changed, self._set_note)
        join(line.tags_requested, lambda: line.set_known_tags(tags_in_use(session.pictures)))

    def actions(self) -> dict[str, Callable[[], object]]:
        """What each action that concerns the picture in hand does."""
        return {
            **{key: partial(self._toggle, status) for key, status in STATUS_OF_ACTION.items()},
            "add_tag": self._bar.focus_tag_field,
            "edit_note": self._bar.open_note,
        }

    def refresh(self) -> None:
        """Another picture is in hand, or something else is said of this one now."""
        record = self._record()
        self._bar.set_picture(record)
        for key, meant in STATUS_OF_ACTION.items():
            self._actions[key].setChecked(record is not None and record.status == meant)

    def set_status(self, status: Status) -> None:
        """Mark the picture in hand; a mark that it has already is no change that could be undone."""
        record = self._record()
        if record is not None and record.status != status:
            self._send(self._session.editing.set_status(record.id, status))
            if status == Status.DONE:
                self.marked_done.emit(record.id)

    def close(self) -> None:
        """The session ends: a tag or a note that is being written is kept."""
        self._bar.commit_edits()
        self._wires.disconnect_all()
        self._bar.set_picture(None)

    def _record(self) -> PictureRecord | None:
        return self._session.pictures.get(self._picture.id) if self._picture.id is not None else None

    def _toggle(self, status: Status) -> None:
        """Mark the picture, or take the mark back."""
        record = self._record()
        if record is None:
            return
        self.set_status(_unmarked_status(record) if record.status == status else status)
        # An action that can be checked has checked itself; it shall say what is stored.
        self.refresh()

    def _set_status(self, picture_id: int, status: str) -> None:
        record = self._session.pictures.get(picture_id)
        wanted = Status(status) if status else _unmarked_status(record)
        if record.status != wanted:
            self._send(self._session.editing.set_status(picture_id, wanted))
            if wanted == Status.DONE:
                self.marked_done.emit(picture_id)

    def _set_split(self, picture_id: int, split: str) -> None:
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

    def _set_note(self, picture_id: int, note: str) -> None:
        self._send(self._session.editing.set_note(picture_id, note))

    def _send(self, future: Future[None]) -> None:
        self._bridge.when_done(future, lambda _none: None, self._refused)

    def _refused(self, problem: MaskloopError) -> None:
        self.message.emit(str(problem))
        self.refresh()


def _unmarked_status(record: PictureRecord) -> Status:
    """The status of a picture without any mark."""
    return Status.IN_PROGRESS if record.is_labelled else Status.NEW
