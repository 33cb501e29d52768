"""Status, split, tags and note of the active picture: the bar below the canvas and the actions that mark a picture."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction

from core.base.changes import Changes
from core.base.errors import MaskloopError, UserError
from core.project.records import PictureRecord, Split, Status
from core.session.session import Session
from desktop.controller import Actions, Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.picture_list import tags_in_use
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.page import LabelPage

STATUS_OF_ACTION = {
    "mark_done": Status.DONE,
    "mark_review": Status.TO_REVIEW,
    "mark_skipped": Status.SKIPPED,
}


class PictureMetadataController(Controller):
    """Lives on the GUI thread. `marked_done` carries the id of a picture."""

    marked_done = Signal(int)

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        page: LabelPage,
        actions: Mapping[str, QAction],
        picture: ActivePicture,
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._bar = session, dispatcher, page.metadata_bar
        self._actions, self._picture = actions, picture
        connect, bar = self.connections.connect, page.metadata_bar
        connect(bar.status_chosen, self._choose_status)
        connect(bar.split_chosen, self._choose_split)
        connect(bar.tags_added, self._add_tags)
        connect(bar.tag_removed, self._remove_tag)
        connect(bar.note_changed, self._set_note)
        connect(bar.tags_requested, lambda: bar.set_known_tags(tags_in_use(session.pictures)))

    def start(self) -> None:
        self.refresh()

    def close(self) -> None:
        self._bar.commit_edits()  # a tag or note that is being typed is kept
        super().close()
        self._bar.set_picture(None)

    def on_changes(self, changes: Changes) -> None:
        if self._picture.id in changes.pictures:
            self.refresh()

    def actions(self) -> Actions:
        return {
            **{key: partial(self._toggle, status) for key, status in STATUS_OF_ACTION.items()},
            "add_tag": self._bar.focus_tag_field,
            "edit_note": self._bar.open_note,
        }

    def refresh(self) -> None:
        """Show the metadata of the active picture as they are stored."""
        record = self._record()
        self._bar.set_picture(record)
        for key, status in STATUS_OF_ACTION.items():
            self._actions[key].setChecked(record is not None and record.status == status)

    def set_status(self, status: Status) -> None:
        """Mark the active picture; no edit is made when it has the status already."""
        record = self._record()
        if record is not None:
            self._store_status(record, status)

    def _record(self) -> PictureRecord | None:
        return self._session.pictures.get(self._picture.id) if self._picture.id is not None else None

    def _toggle(self, status: Status) -> None:
        """Mark the picture, or remove the mark."""
        record = self._record()
        if record is None:
            return
        self.set_status(_unmarked_status(record) if record.status == status else status)
        self.refresh()  # the action has toggled itself; it has to show what is stored

    def _choose_status(self, picture_id: int, status: str) -> None:
        record = self._session.pictures.get(picture_id)
        self._store_status(record, Status(status) if status else _unmarked_status(record))

    def _store_status(self, record: PictureRecord, status: Status) -> None:
        if record.status != status:
            self._send(self._session.editing.set_status(record.id, status))
            if status == Status.DONE:
                self.marked_done.emit(record.id)

    def _choose_split(self, picture_id: int, text: str) -> None:
        split = Split(text) if text else None
        if self._session.pictures.get(picture_id).split != split:
            self._send(self._session.editing.set_split(picture_id, split))

    def _add_tags(self, picture_id: int, tags: list[str]) -> None:
        try:
            self._send(self._session.editing.add_tags(picture_id, tags))
        except UserError as error:
            self._refused(error)

    def _remove_tag(self, picture_id: int, tag: str) -> None:
        self._send(self._session.editing.remove_tag(picture_id, tag))

    def _set_note(self, picture_id: int, note: str) -> None:
        self._send(self._session.editing.set_note(picture_id, note))

    def _send(self, future: Future[None]) -> None:
        self._dispatcher.when_done(future, lambda _none: None, self._refused)

    def _refused(self, error: MaskloopError) -> None:
        self.message.emit(str(error))
        self.refresh()


def _unmarked_status(record: PictureRecord) -> Status:
    return Status.IN_PROGRESS if record.is_labelled else Status.NEW
