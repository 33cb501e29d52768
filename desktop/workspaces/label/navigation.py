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
from desktop.connections import Wires
from desktop.dispatcher import Bridge
from desktop.picture_list import PASSES, PictureList, tags_in_use
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.panels.filmstrip import NoPictures

THUMB_PIXELS = 208
"""Twice the size in the strip: crisp on a screen of 200 %."""
NONE_YET = "No pictures yet."
AHEAD = 2
"""Pictures read before they are asked for, in the direction of travel."""


class Travelling(QObject):
    """`wanted` carries the id of the picture to show. Lives on the GUI thread."""

    wanted = Signal(int)
    message = Signal(str)

    def __init__(self, session: Session, bridge: Bridge, page: LabelPage) -> None:
        super().__init__()
        self._session, self._bridge, self._strip = session, bridge, page.filmstrip
        self._list = PictureList(session.pictures)
        self._at: int | None = None
        self._direction = 1
        self._asked_first = self._left = False
        self._wires = Wires()
        join, strip = self._wires.join, page.filmstrip
        join(strip.picture_chosen, self.wanted.emit)
        join(strip.thumbnail_wanted, self._want_thumbnail)
        join(strip.filter_changed, lambda key: self._relist(key, self._list.order))
        join(strip.order_changed, lambda key: self._relist(self._list.filter, key))
        join(strip.filters_opened, lambda: strip.set_tags(tags_in_use(session.pictures)))
        join(strip.previous_asked, lambda: self.go(-1))
        join(strip.next_asked, lambda: self.go(1))
        strip.forget_thumbnails()
        strip.set_tags([])
        strip.set_empty_text(NONE_YET)
        strip.set_filter(self._list.filter)
        strip.set_order(self._list.order)
        strip.set_source(self._list)

    def set_current(self, picture_id: int) -> None:
        """This picture is on screen, or will be in a moment."""
        self._at = picture_id
        self._strip.set_current(picture_id)

    def ahead(self) -> list[int]:
        """The pictures that will be asked for next, in the direction of travel."""
        found: list[int] = []
        at = self._at
        while len(found) < AHEAD and (at := self._list.neighbour(at, self._direction)) is not None:
            found.append(at)
        return found

    def go(self, step: int, key: str = "") -> None:
        """To the next (1) or previous (-1) picture; with `key` "open" to the next that is not done."""
        self._direction = step
        found = self._list.neighbour(self._at, step, PASSES.get(key, lambda _record: True))
        if found is not None:
            self.wanted.emit(found)
        elif key:
            self.message.emit("There is no further picture that is not done.")

    def go_uncertain(self) -> None:
        """To the picture that teaches most."""
        found = self._list.most_uncertain(besides=self._at)
        if found is None:
            self.message.emit("There are no predictions yet to order by. Train first; it takes a minute.")
        else:
            self.wanted.emit(found)

    def show_only(self, key: str, title: str, found: frozenset[int] = frozenset()) -> None:
        """Filter the strip, and go to the first picture that passes unless the one on screen does.

        `found` are the pictures of a filter that begins with FOUND_KEY.
        """
        self._list.found = found
        self._strip.set_filter(key, title)
        self._relist(key, self._list.order)
        if self._list.count() and (self._at is None or self._list.row_of(self._at) is None):
            self.wanted.emit(self._list.record(0).id)

    def hear(self, changes: Changes) -> None:
        """Pictures came, or their marks changed."""
        if changes.listing:
            self._list.refresh()
            if not self._asked_first and len(self._session.pictures):
                self._asked_first = True
                self._bridge.when_done(self._session.remembered("shown"), self._go_first)
        if changes.listing or changes.pictures:
            self._strip.refresh()
            self._strip.set_done(self._session.pictures.done, len(self._session.pictures))

    def leave(self) -> None:
        self._left = True
        self._wires.cut()
        self._strip.set_source(NoPictures())

    def _go_first(self, remembered: str | None) -> None:
        """The picture shown last time, else the first."""
        if self._at is None and self._list.count():
            known = self._list.row_of(int(remembered)) if remembered and remembered.isdigit() else None
            self.wanted.emit(self._list.record(known or 0).id)

    def _relist(self, filter_: str, order: str) -> None:
        self._list.filter, self._list.order = filter_, order
        self._list.refresh()
        self._strip.set_empty_text(NONE_YET if filter_ == "all" else "No picture passes this filter.")
        self._strip.set_source(self._list)
        self._strip.set_current(self._at)

    def _want_thumbnail(self, picture_id: int) -> None:
        self._bridge.when_done(
            self._session.opening.thumbnail(picture_id, THUMB_PIXELS),
            partial(self._take_thumbnail, picture_id),
            partial(self._take_fault, picture_id),
        )

    def _take_fault(self, picture_id: int, problem: MaskloopError) -> None:
        if not self._left:  # what a closing session gives up is no fault of the picture
            self._strip.set_fault(picture_id, str(problem))

    def _take_thumbnail(self, picture_id: int, pixels: NDArray[np.uint8]) -> None:
        height, width = pixels.shape[:2]
        image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        self._strip.set_thumbnail(picture_id, image.copy())  # the copy owns its bytes
