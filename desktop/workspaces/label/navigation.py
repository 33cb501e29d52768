"""Navigation between pictures: the filmstrip with its filter and order, next and previous, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.session.session import Session
from desktop.controller import Actions, Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.image_conversion import to_qimage
from desktop.picture_list import PREDICATES, NoPictures, PictureList, tags_in_use
from desktop.workspaces.label.page import LabelPage

THUMBNAIL_PIXELS = 208
"""Twice the size in the filmstrip: sharp on a screen scaled to 200 %."""
NO_PICTURES_TEXT = "No pictures yet."
PREFETCH_COUNT = 2
"""Pictures read before they are requested, in the direction of the last step."""


class PictureNavigator(Controller):
    """Lives on the GUI thread. `picture_requested` carries the id of the picture to show; `queue_requested`: the
    filmstrip is to be in the order of what to label next, and `set_queue` gives it."""

    picture_requested = Signal(int)
    queue_requested = Signal()

    def __init__(self, session: Session, dispatcher: MainThreadDispatcher, page: LabelPage) -> None:
        super().__init__()
        self._session, self._dispatcher, self._strip = session, dispatcher, page.filmstrip
        self._list = PictureList(session.pictures)
        self._current: int | None = None
        self._direction = 1
        self._first_requested = self._closed = False
        connect, strip = self.connections.connect, page.filmstrip
        connect(strip.picture_chosen, self.picture_requested.emit)
        connect(strip.thumbnail_requested, self._request_thumbnail)
        connect(strip.filter_changed, lambda key: self._relist(key, self._list.order))
        connect(strip.order_changed, self._choose_order)
        connect(strip.filters_opened, lambda: strip.set_tags(tags_in_use(session.pictures)))
        connect(strip.previous_requested, lambda: self.go(-1))
        connect(strip.next_requested, lambda: self.go(1))
        strip.clear_thumbnails()
        strip.set_tags([])
        strip.set_empty_text(NO_PICTURES_TEXT)
        strip.set_filter(self._list.filter)
        strip.set_order(self._list.order)
        strip.set_source(self._list)

    def start(self) -> None:
        self.on_changes(Changes(picture_list=True))

    def close(self) -> None:
        super().close()
        self._closed = True
        self._strip.set_source(NoPictures())

    def on_changes(self, changes: Changes) -> None:
        if changes.picture_list:
            self._list.refresh()
            if not self._first_requested and len(self._session.pictures):
                self._first_requested = True
                self._dispatcher.when_done(self._session.fact("shown"), self._show_first)
        if changes.files:
            self._strip.forget_thumbnails(changes.files)
        if changes.picture_list or changes.pictures:
            self._strip.refresh()
            self._strip.set_done(self._session.pictures.done_count, len(self._session.pictures))

    def actions(self) -> Actions:
        return {
            "next_picture": lambda: self.go(1),
            "previous_picture": lambda: self.go(-1),
            "next_open": lambda: self.go(1, "open"),
            "previous_open": lambda: self.go(-1, "open"),
        }

    def set_current(self, picture_id: int) -> None:
        """Mark the picture that is on screen, or is being loaded."""
        self._current = self._list.held = picture_id
        self._strip.set_current(picture_id)

    def upcoming(self) -> list[int]:
        """Ids of the pictures that are likely to be requested next."""
        found: list[int] = []
        at = self._current
        while len(found) < PREFETCH_COUNT and (at := self._list.neighbour(at, self._direction)) is not None:
            found.append(at)
        return found

    def go(self, step: int, filter_key: str = "") -> None:
        """Go to the next (1) or previous (-1) picture, or to the next one that passes a filter such as "open"."""
        self._direction = step
        found = self._list.neighbour(self._current, step, PREDICATES.get(filter_key, lambda _record: True))
        if found is not None:
            self.picture_requested.emit(found)
        elif filter_key:
            self.message.emit("No more pictures in this direction that are not done.")

    def set_filter(self, key: str, title: str, found: frozenset[int] = frozenset()) -> None:
        """Filter the filmstrip, and go to the first picture that passes unless the one on screen does.

        `found` are the pictures of a filter whose key begins with FOUND_PREFIX.
        """
        self._list.found = found
        self._strip.set_filter(key, title)
        self._relist(key, self._list.order)
        if self._list.count() and (self._current is None or self._list.row_of(self._current) is None):
            self.picture_requested.emit(self._list.record(0).id)

    def is_listed(self, picture_id: int) -> bool:
        """Whether the filmstrip shows a picture."""
        return self._list.row_of(picture_id) is not None

    def set_queue(self, rows: Mapping[int, int]) -> None:
        """The queue of what to label next: places by picture id."""
        self._list.queue = rows
        if self._list.order == "queue":
            self._list.reorder()
            self._strip.refresh()  # who has scrolled away stays there

    def _show_first(self, stored_id: str | None) -> None:
        """Show the picture of last time, else the first."""
        if self._current is None and self._list.count():
            row = self._list.row_of(int(stored_id)) if stored_id and stored_id.isdigit() else None
            self.picture_requested.emit(self._list.record(row or 0).id)

    def _choose_order(self, key: str) -> None:
        self._relist(self._list.filter, key)
        if key == "queue":
            self.queue_requested.emit()

    def _relist(self, filter_key: str, order: str) -> None:
        self._list.filter, self._list.order = filter_key, order
        self._list.refresh()
        self._strip.set_empty_text(
            NO_PICTURES_TEXT if filter_key == "all" else "No picture matches this filter."
        )
        self._strip.set_source(self._list)
        self._strip.set_current(self._current)

    def _request_thumbnail(self, picture_id: int) -> None:
        self._dispatcher.when_done(
            self._session.loader.thumbnail(picture_id, THUMBNAIL_PIXELS),
            partial(self._show_thumbnail, picture_id),
            partial(self._thumbnail_failed, picture_id),
        )

    def _thumbnail_failed(self, picture_id: int, error: MaskloopError) -> None:
        if not self._closed:  # a closing session cancels its reading, which says nothing about the picture
            self._strip.set_error(picture_id, str(error))

    def _show_thumbnail(self, picture_id: int, pixels: NDArray[np.uint8]) -> None:
        """pixels: (h, w, 3) uint8, RGB."""
        self._strip.set_thumbnail(picture_id, to_qimage(pixels))
