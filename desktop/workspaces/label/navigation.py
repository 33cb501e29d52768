"""From picture to picture: the filmstrip, its filter and order, and what comes next."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.session.session import Session
from desktop.connections import ConnectionGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.picture_list import PREDICATES, PictureList, tags_in_use
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.panels.filmstrip import NoPictures

THUMBNAIL_PIXELS = 208
"""Twice the size in the strip: crisp on a screen of 200 %."""
NO_PICTURES_TEXT = "No pictures yet."
PREFETCH_COUNT = 2
"""Pictures read before they are asked for, in the direction of travel."""


class PictureNavigator(QObject):
    """`wanted` carries the id of the picture to show. Lives on the GUI thread."""

    picture_requested = Signal(int)
    message = Signal(str)

    def __init__(self, session: Session, bridge: MainThreadDispatcher, page: LabelPage) -> None:
        super().__init__()
        self._session, self._bridge, self._strip = session, bridge, page.filmstrip
        self._list = PictureList(session.pictures)
        self._current: int | None = None
        self._direction = 1
        self._first_requested = self._closed = False
        self._wires = ConnectionGroup()
        join, strip = self._wires.connect, page.filmstrip
        join(strip.picture_chosen, self.picture_requested.emit)
        join(strip.thumbnail_requested, self._request_thumbnail)
        join(strip.filter_changed, lambda key: self._relist(key, self._list.order))
        join(strip.order_changed, lambda key: self._relist(self._list.filter, key))
        join(strip.filters_opened, lambda: strip.set_tags(tags_in_use(session.pictures)))
        join(strip.previous_requested, lambda: self.go(-1))
        join(strip.next_requested, lambda: self.go(1))
        strip.clear_thumbnails()
        strip.set_tags([])
        strip.set_empty_text(NO_PICTURES_TEXT)
        strip.set_filter(self._list.filter)
        strip.set_order(self._list.order)
        strip.set_source(self._list)

    def set_current(self, picture_id: int) -> None:
        """This picture is on screen, or will be in a moment."""
        self._current = picture_id
        self._strip.set_current(picture_id)

    def upcoming(self) -> list[int]:
        """The pictures that will be asked for next, in the direction of travel."""
        found: list[int] = []
        at = self._current
        while len(found) < PREFETCH_COUNT and (at := self._list.neighbour(at, self._direction)) is not None:
            found.append(at)
        return found

    def go(self, step: int, filter_key: str = "") -> None:
        """To the next (1) or previous (-1) picture; with `key` "open" to the next that is not done."""
        self._direction = step
        found = self._list.neighbour(self._current, step, PREDICATES.get(filter_key, lambda _record: True))
        if found is not None:
            self.picture_requested.emit(found)
        elif filter_key:
            self.message.emit("There is no further picture that is not done.")

    def go_uncertain(self) -> None:
        """To the picture that teaches most."""
        found = self._list.most_uncertain(except_for=self._current)
        if found is None:
            self.message.emit("There are no predictions yet to order by. Train first; it takes a minute.")
        else:
            self.picture_requested.emit(found)

    def set_filter(self, key: str, title: str, found: frozenset[int] = frozenset()) -> None:
        """Filter the strip, and go to the first picture that passes unless the one on screen does.

        `found` are the pictures of a filter that begins with FOUND_KEY.
        """
        self._list.found = found
        self._strip.set_filter(key, title)
        self._relist(key, self._list.order)
        if self._list.count() and (self._current is None or self._list.row_of(self._current) is None):
            self.picture_requested.emit(self._list.record(0).id)

    def on_changes(self, changes: Changes) -> None:
        """Pictures came, or their marks changed."""
        if changes.picture_list:
            self._list.refresh()
            if not self._first_requested and len(self._session.pictures):
                self._first_requested = True
                self._bridge.when_done(self._session.fact("shown"), self._show_first)
        if changes.picture_list or changes.pictures:
            self._strip.refresh()
            self._strip.set_done(self._session.pictures.done_count, len(self._session.pictures))

    def close(self) -> None:
        self._closed = True
        self._wires.disconnect_all()
        self._strip.set_source(NoPictures())

    def _show_first(self, remembered: str | None) -> None:
        """The picture shown last time, else the first."""
        if self._current is None and self._list.count():
            known = self._list.row_of(int(remembered)) if remembered and remembered.isdigit() else None
            self.picture_requested.emit(self._list.record(known or 0).id)

    def _relist(self, filter_: str, order: str) -> None:
        self._list.filter, self._list.order = filter_, order
        self._list.refresh()
        self._strip.set_empty_text(NO_PICTURES_TEXT if filter_ == "all" else "No picture passes this filter.")
        self._strip.set_source(self._list)
        self._strip.set_current(self._current)

    def _request_thumbnail(self, picture_id: int) -> None:
        self._bridge.when_done(
            self._session.loader.thumbnail(picture_id, THUMBNAIL_PIXELS),
            partial(self._show_thumbnail, picture_id),
            partial(self._thumbnail_failed, picture_id),
        )

    def _thumbnail_failed(self, picture_id: int, problem: MaskloopError) -> None:
        if not self._closed:  # what a closing session gives up is no fault of the picture
            self._strip.set_error(picture_id, str(problem))

    def _show_thumbnail(self, picture_id: int, pixels: NDArray[np.uint8]) -> None:
        height, width = pixels.shape[:2]
        image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        self._strip.set_thumbnail(picture_id, image.copy())  # the copy owns its bytes
