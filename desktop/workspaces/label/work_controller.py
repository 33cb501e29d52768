"""Tells the work log when the work on a picture begins and ends, and says what its prediction took to correct."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from core.base.changes import Changes
from core.base.number_text import percent_text
from core.project.picture_work.work_repository import PictureWork
from core.project.records import now
from core.session.session import Session
from desktop.controller import Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture


class WorkController(Controller):
    """Lives on the GUI thread."""

    def __init__(self, session: Session, dispatcher: MainThreadDispatcher, picture: ActivePicture) -> None:
        super().__init__()
        self._session, self._dispatcher, self._picture = session, dispatcher, picture
        self._shown: int | None = None
        self._opened_at = now()
        self._marked_done: set[int] = set()
        self._previous_share: float | None = None

    def on_changes(self, changes: Changes) -> None:
        for picture_id in changes.work & self._marked_done:
            self._marked_done.discard(picture_id)
            work = self._session.work_log.work_on(picture_id)
            self._dispatcher.when_done(work, partial(self._report, picture_id), lambda _error: None)

    def picture_changed(self) -> None:
        """Another picture is on screen, or the same was read again."""
        if self._shown == self._picture.id:
            return
        if self._shown is not None:
            self._session.work_log.left(self._shown)
        self._shown, self._opened_at = self._picture.id, now()

    def before_edit(self) -> None:
        """An edit of the active picture is about to be stored: what it was predicted as so far is what counts."""
        picture = self._picture
        if picture.id is None or self._session.pictures.get(picture.id).is_labelled:
            return
        mask, is_live = picture.prediction, picture.live_prediction is not None
        if mask is not None and is_live:
            mask = replace(mask, run_id=picture.corrected_run or 0)
        self._session.work_log.begin(picture.id, self._opened_at, mask, is_live=is_live)

    def picture_done(self, picture_id: int) -> None:
        """A picture was marked done: say what it took, once that is measured."""
        self._marked_done.add(picture_id)

    def _report(self, picture_id: int, work: PictureWork | None) -> None:
        share = work.corrected_share if work is not None else None
        if share is None or self.is_closed:
            return
        previous, self._previous_share = self._previous_share, share
        name, corrected = self._session.pictures.get(picture_id).name, percent_text(share)
        if previous is None:
            self.message.emit(f"Corrected {corrected} of {name}.")
        else:
            self.message.emit(
                f"Corrected {corrected} of {name}, {percent_text(previous)} of the previous picture."
            )
