"""Huge pictures: converts the one that is to be shown into tiles, with progress over the canvas."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal

from core.base.errors import MaskloopError
from core.session.session import Session
from desktop.controller import Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.page import LabelPage


class ConversionController(Controller):
    """Lives on the GUI thread. A conversion goes on while other pictures are shown.

    `converted` carries the id of a picture that can be loaded now, `failed` that id and the reason.
    """

    converted = Signal(int)
    failed = Signal(int, str)

    def __init__(
        self, session: Session, dispatcher: MainThreadDispatcher, page: LabelPage, picture: ActivePicture
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._picture = session, dispatcher, picture
        self._sheet, self._filmstrip = page.conversion_sheet, page.filmstrip
        self._shares: dict[int, float] = {}
        """How much of each running or waiting conversion is done."""
        self._cancelled: set[int] = set()
        self.connections.connect(self._sheet.cancel_requested, self._cancel)
        self.connections.connect(self._sheet.start_requested, self._start_again)

    def close(self) -> None:
        super().close()
        self._sheet.hide()

    def picture_changed(self) -> None:
        """Another picture is active, or none."""
        self._sheet.hide()

    def picture_needs_conversion(self, picture_id: int) -> None:
        """The picture that is to be shown cannot be loaded before it is converted."""
        if picture_id in self._cancelled:
            self._sheet.show_cancelled(self._name_of(picture_id))
            return
        if picture_id not in self._shares:
            self._shares[picture_id] = 0.0
            future = self._session.loader.convert(picture_id, partial(self._report, picture_id))
            self._dispatcher.when_done(
                future,
                partial(self._done, picture_id),
                partial(self._failed, picture_id),
                partial(self._was_cancelled, picture_id),
            )
        self._sheet.show_progress(self._name_of(picture_id), self._shares[picture_id])

    def _report(self, picture_id: int, share: float) -> None:
        """Any thread."""
        self._dispatcher.post(partial(self._show_share, picture_id, share))

    def _show_share(self, picture_id: int, share: float) -> None:
        if picture_id in self._shares and not self.is_closed:
            self._shares[picture_id] = share
            if picture_id == self._picture.id:
                self._sheet.show_progress(self._name_of(picture_id), share)

    def _cancel(self) -> None:
        if self._picture.id is not None:
            self._session.loader.converter.cancel(self._picture.id)

    def _start_again(self) -> None:
        if self._picture.id is not None:
            self._cancelled.discard(self._picture.id)
            self._sheet.hide()
            self.picture_needs_conversion(self._picture.id)

    def _done(self, picture_id: int, _path: Path) -> None:
        self._shares.pop(picture_id, None)
        if self.is_closed:
            return
        self._filmstrip.forget_thumbnails([picture_id])  # it was grey
        if picture_id == self._picture.id:
            self._sheet.hide()
        else:
            self.message.emit(f"{self._name_of(picture_id)} is prepared and can be opened.")
        self.converted.emit(picture_id)

    def _failed(self, picture_id: int, problem: MaskloopError) -> None:
        self._shares.pop(picture_id, None)
        if not self.is_closed:
            if picture_id == self._picture.id:
                self._sheet.hide()
            self.failed.emit(picture_id, str(problem))

    def _was_cancelled(self, picture_id: int) -> None:
        self._shares.pop(picture_id, None)
        self._cancelled.add(picture_id)
        if picture_id == self._picture.id and not self.is_closed:
            self._sheet.show_cancelled(self._name_of(picture_id))

    def _name_of(self, picture_id: int) -> str:
        return self._session.pictures.get(picture_id).name
