"""What to label next: the order of the queue, the reason of a picture, pins and skips, and steps to the next region."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from functools import partial

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QMenu

from core.acquisition.picture_queue import PictureQueue, QueueReason
from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.session.acquisition.queue_service import PINNED_TAG, SKIPPED_TAG, QueueUpdate
from core.session.session import Session
from desktop.actions.catalog import shortcut_text
from desktop.controller import Actions, Controller
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.navigation import PictureNavigator
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.queue.useful_regions import UsefulRegions

FIRST_ORDER_MS = 3000
"""After opening: the first picture comes first."""
ORDER_DELAY_MS = 1500
LONG_ORDER_DELAY_MS = 10_000
"""The same in projects of more than MANY pictures, whose order takes a second."""
MANY = 20_000
NO_PREDICTIONS = (
    "There are no predictions yet that could say what helps most. Train first; it takes a minute."
)
NO_MORE = "No other picture in the filmstrip is worth labelling now, or you have seen them all."
SURE = "The prediction is sure of this picture."
FIRST = "This is where you began."


class QueueController(Controller):
    """Lives on the GUI thread. `picture_requested` carries the id of a picture."""

    picture_requested = Signal(int)

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        page: LabelPage,
        picture: ActivePicture,
        navigator: PictureNavigator,
        actions: Mapping[str, QAction],
    ) -> None:
        super().__init__()
        self._session, self._picture, self._navigator = session, picture, navigator
        self._dispatcher = dispatcher
        self._canvas, self._strip, self._actions = page.canvas, page.filmstrip, actions
        self.regions = UsefulRegions(dispatcher, self._canvas, picture, self._name_of_class)
        self._order_request = LatestRequest(dispatcher)
        self._order_delay = QTimer(self, singleShot=True, interval=FIRST_ORDER_MS)
        self._order_delay.timeout.connect(self._order)
        self._queue: PictureQueue | None = None
        self._step_when_ordered = 0  # N was pressed before the order was known
        self._opening: tuple[int, int] | None = None  # a picture, and the step that led to it
        self._shown: int | None = None
        self._visited: list[int] = []  # pictures, the one on screen last
        self._menu: QMenu | None = None
        connect = self.connections.connect
        connect(self._strip.menu_requested, self._show_menu)
        connect(navigator.queue_requested, self._order)
        connect(self.regions.message, self.message.emit)
        connect(self.regions.none_found, self._no_region_found)
        self._canvas.installEventFilter(self)

    def start(self) -> None:
        self._strip.set_note_of(self.reason)
        self._order_delay.start()

    def close(self) -> None:
        super().close()
        self._canvas.removeEventFilter(self)
        self._strip.set_note_of(lambda _picture_id: "")
        self._strip.set_reason("")
        self._order_delay.stop()
        self._order_request.cancel()
        self.regions.close()

    def on_changes(self, changes: Changes) -> None:
        if changes.predictions or changes.labels or changes.pictures or changes.picture_list:
            self._order_later()
        if changes.classes:
            self._show_reason()

    def actions(self) -> Actions:
        return {
            "next_uncertain": partial(self._go, 1),
            "previous_uncertain": partial(self._go, -1),
            "pin_picture": self._pin,
            "skip_for_now": self._skip,
        }

    def reason(self, picture_id: int) -> str:
        """Why a picture has its place in the queue, for people; "" when it has none."""
        if self._queue is None or not self._session.pictures.has(picture_id):
            return ""
        return self._session.queue.reason(self._queue, picture_id)

    def picture_changed(self) -> None:
        """Another picture is on screen, or the same was read again."""
        opening, self._opening = self._opening, None
        if self._picture.id == self._shown:
            self.regions.content_changed()
            return
        self._shown = self._picture.id
        self.regions.leave()
        self._show_reason()
        self._order_later()
        if opening is not None and opening[0] == self._shown:
            self.regions.begin(opening[1])

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Esc removes the frames, besides what else it does."""
        if event.type() == QEvent.Type.KeyPress and self.regions.are_framed:
            assert isinstance(event, QKeyEvent)
            if event.key() == Qt.Key.Key_Escape and not self._canvas.is_busy:
                self.regions.leave()
        return False

    # The order --------------------------------------------------------------------------------------

    def _order_later(self) -> None:
        """Leave a request that waits where it is: changes that come without a pause must not put it off for ever."""
        if not self._order_delay.isActive():
            many = len(self._session.pictures) > MANY
            self._order_delay.start(LONG_ORDER_DELAY_MS if many else ORDER_DELAY_MS)

    def _order(self) -> None:
        if self.is_closed:
            return  # a pin or a skip was stored while the project closed
        self._order_delay.stop()
        self._order_request.send(self._session.queue.order(), self._ordered)

    def _ordered(self, update: QueueUpdate) -> None:
        before, self._queue = self._queue, update.queue
        self.regions.class_weights = update.queue.class_weights
        if before is None or not np.array_equal(before.ids, update.queue.ids):
            self._navigator.set_queue(update.queue.rows)
        self._show_reason()
        if update.waiting:
            self._order_later()
        step, self._step_when_ordered = self._step_when_ordered, 0
        if step:
            self._go(step)

    def _show_reason(self) -> None:
        picture_id = self._picture.id
        self._strip.set_reason("" if picture_id is None else self.reason(picture_id))
        record = self._session.pictures.get(picture_id) if picture_id is not None else None
        tags = record.tags if record is not None else ()
        self._actions["pin_picture"].setChecked(PINNED_TAG in tags)
        self._actions["skip_for_now"].setChecked(SKIPPED_TAG in tags)

    # The next region --------------------------------------------------------------------------------

    def _go(self, step: int) -> None:
        """To the next (1) or previous (-1) region, in this picture or another one."""
        if self._picture.id is None:
            return
        if self._queue is None:
            self._step_when_ordered = step
            self._order()
            return
        if step > 0 and self.regions.can_begin:
            self.regions.begin(step)
        elif not self.regions.go(step):
            self._go_to_picture(step)

    def _go_to_picture(self, step: int) -> None:
        assert self._queue is not None
        current = self._picture.id
        if not self._visited or self._visited[-1] != current:
            self._visited.append(current or 0)
        if step < 0:
            before = [i for i in self._visited[:-1] if self._session.pictures.has(i)]
            if not before:
                self.message.emit(FIRST)
                return
            self._visited = before
            self._open(before[-1], step)
            return
        found = self._next(self._queue)
        if found is not None:
            self._visited.append(found)
            self._open(found, step)
        elif self._queue.has_predictions or not len(self._queue):
            self._visited = [current or 0]
            keys = shortcut_text("next_uncertain")
            self.message.emit(f"{NO_MORE} Press {keys} to begin again." if keys else NO_MORE)
        else:
            self.message.emit(NO_PREDICTIONS)

    def _next(self, queue: PictureQueue) -> int | None:
        """The first picture of the queue, among those of the filmstrip, that was not visited."""
        seen = {*self._visited, self._picture.id}
        wanted = [QueueReason.PINNED]
        if queue.has_predictions:
            wanted += [QueueReason.UNSURE, QueueReason.RANDOM, QueueReason.REPEATED]
        for row in np.flatnonzero(np.isin(queue.reasons, wanted)):
            picture_id = int(queue.ids[row])
            if picture_id not in seen and self._navigator.is_listed(picture_id):
                return picture_id
        return None

    def _open(self, picture_id: int, step: int) -> None:
        self._opening = picture_id, step
        self.picture_requested.emit(picture_id)

    def _no_region_found(self, step: int) -> None:
        was_opened_for_it = self._visited[-1:] == [self._picture.id]
        if step > 0 and not was_opened_for_it:
            self._go_to_picture(step)  # asked for in this picture, which is sure of everything
        else:
            self.message.emit(self._why_whole() or SURE)

    def _why_whole(self) -> str:
        """For a picture that is to be labelled whatever is predicted of it; "" for any other."""
        queue, picture_id = self._queue, self._picture.id
        row = queue.rows.get(picture_id) if queue is not None and picture_id is not None else None
        if queue is None or row is None or queue.reasons[row] not in (QueueReason.PINNED, QueueReason.RANDOM):
            return ""
        return f"{self.reason(picture_id or 0)}: label all of it, or press again."

    def _name_of_class(self, value: int) -> str:
        return self._session.editing.classes.name_of(value)

    # Pins and skips ---------------------------------------------------------------------------------

    def _show_menu(self, picture_id: int, position: QPoint) -> None:
        """The context menu of a thumbnail."""
        if not self._session.pictures.has(picture_id):
            return
        tags = self._session.pictures.get(picture_id).tags
        menu = QMenu(self._strip)
        is_pinned, is_skipped = PINNED_TAG in tags, SKIPPED_TAG in tags
        queue = self._session.queue
        pin = menu.addAction("Unpin" if is_pinned else "Pin: label it first")
        pin.triggered.connect(lambda: self._mark(queue.pin(picture_id, on=not is_pinned)))
        skip = menu.addAction("Skip no longer" if is_skipped else "Skip for now")
        skip.triggered.connect(lambda: self._mark(queue.skip(picture_id, on=not is_skipped)))
        for action in (pin, skip):
            action.setEnabled(not self._session.read_only_reason)
        menu.aboutToHide.connect(menu.deleteLater)
        self._menu = menu
        menu.popup(position)

    def _pin(self) -> None:
        if self._picture.id is not None:
            is_pinned = PINNED_TAG in self._session.pictures.get(self._picture.id).tags
            self._mark(self._session.queue.pin(self._picture.id, on=not is_pinned))

    def _skip(self) -> None:
        """Skip the picture on screen and go to the next one, of the queue if it has one, or skip it no longer."""
        if self._picture.id is None:
            return
        is_skipped = SKIPPED_TAG in self._session.pictures.get(self._picture.id).tags
        self._mark(self._session.queue.skip(self._picture.id, on=not is_skipped))
        if is_skipped:
            return
        if self._queue is not None and self._next(self._queue) is not None:
            self._go_to_picture(1)
        else:
            self._navigator.go(1, "open")

    def _mark(self, stored: Future[None]) -> None:
        self._dispatcher.when_done(stored, lambda _none: self._order(), self._refused)

    def _refused(self, error: MaskloopError) -> None:
        if self.is_closed:
            return
        self.message.emit(str(error))
        self._show_reason()
