"""Stores edits in the order in which they were made, and tries again when the disk refuses."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, wait
from functools import partial

from PySide6.QtCore import QTimer, Signal

from core.base.errors import DiskError, MaskloopError, ProjectFileGoneError
from core.labels.label_map import Edit
from core.session.editing import EditingService
from desktop.controller import Controller
from desktop.dispatcher import MainThreadDispatcher

RETRY_MS = 2000
FLUSH_SECONDS = 3.0
"""How long the window may freeze for the disk when it has to know whether everything is stored."""


class EditQueue(Controller):
    """Lives on the GUI thread.

    `state_changed` carries state and reason: "saved", "saving" or "failed". `stored` carries the id of the picture
    whose edit is durable. `lost` carries picture and reason when an edit can never be stored: the label on screen has
    to be read again then.

    Once the disk refused an edit, all later ones wait behind it: stored out of order they would undo wrongly.
    """

    state_changed = Signal(str, str)
    stored = Signal(int)
    lost = Signal(int, str)

    def __init__(self, editing: EditingService, dispatcher: MainThreadDispatcher) -> None:
        super().__init__()
        self._editing, self._dispatcher = editing, dispatcher
        self._in_flight: dict[Future[None], tuple[int, Edit]] = {}
        self._refused: deque[tuple[int, Edit]] = deque()
        self._retried: Edit | None = None
        self._closed = False
        self._retry_timer = QTimer(self, singleShot=True, interval=RETRY_MS)
        self._retry_timer.timeout.connect(self._try_again)
        self.commit_count = 0
        """Edits handed in so far."""
        self.stored_count = 0
        """Edits that are durable."""

    @property
    def is_blocked(self) -> bool:
        """Whether the disk refuses edits: undo has to wait, because it would work on what is stored."""
        return bool(self._refused)

    @property
    def pending(self) -> int:
        """Number of edits that are not durable yet."""
        return len(self._in_flight) + len(self._refused)

    @property
    def refused_edits(self) -> list[tuple[int, Edit]]:
        """What the disk refused, with the ids of the pictures, oldest first."""
        return list(self._refused)

    def forget(self, edits: Sequence[tuple[int, Edit]]) -> None:
        """Refused edits that are stored in another file now."""
        known = {id(edit) for _, edit in edits}
        self._refused = deque(waiting for waiting in self._refused if id(waiting[1]) not in known)
        self._retry_timer.stop()

    def newest_pending(self, picture_id: int) -> Edit | None:
        """The newest edit of a picture that is not durable yet."""
        edits = [e for i, e in (*self._in_flight.values(), *self._refused) if i == picture_id]
        return edits[-1] if edits else None

    def commit(self, picture_id: int, edit: Edit) -> None:
        """Store an edit as soon as possible."""
        self.commit_count += 1
        if self._refused:
            self._refused.append((picture_id, edit))
            self._editing.keep(picture_id, edit)
            return
        self._send(picture_id, edit)

    def flush(self) -> None:
        """Wait a few seconds for the edits in flight. Then `is_blocked` says whether the disk has taken them."""
        until = time.monotonic() + FLUSH_SECONDS
        while self._in_flight:
            sent = next(iter(self._in_flight))
            if not wait([sent], max(0.0, until - time.monotonic())).done:
                return
            error = sent.exception()
            if isinstance(error, MaskloopError):
                self._failed(sent, error)
            elif error is None:
                self._done(sent, None)
            else:
                del self._in_flight[sent]  # a bug, which the lane has reported

    def close(self) -> None:
        """Try once more to store what the disk refused; `MainThreadDispatcher.noticed` says what is lost."""
        super().close()
        self._retry_timer.stop()
        self._closed = True
        while self._refused:
            self._send(*self._refused.popleft())

    def _send(self, picture_id: int, edit: Edit) -> None:
        sent = self._editing.commit(picture_id, edit)
        self._in_flight[sent] = picture_id, edit
        self.state_changed.emit("saving", "")
        self._dispatcher.when_done(sent, partial(self._done, sent), partial(self._failed, sent))

    def _done(self, sent: Future[None], _result: None) -> None:
        picture_id, _ = self._in_flight.pop(sent, (None, None))
        if picture_id is None or self._closed:
            return  # `flush` was faster, or the project is closed
        self.stored_count += 1
        self.stored.emit(picture_id)
        if self._refused:
            self._try_again()
        elif not self._in_flight:
            self.state_changed.emit("saved", "")

    def _failed(self, sent: Future[None], error: MaskloopError) -> None:
        """The lane refuses whatever comes behind a refused edit, so refusals arrive in the order of the edits."""
        refused = self._in_flight.pop(sent, None)
        if refused is None:
            return  # `flush` was faster
        if self._closed:
            is_gone = isinstance(error, ProjectFileGoneError)  # its sentence says where the edits are
            self._dispatcher.noticed.emit(
                str(error) if is_gone else f"The last edits could not be saved and are lost. {error}"
            )
            return
        if not isinstance(error, DiskError):
            self.state_changed.emit("failed", str(error))
            self.lost.emit(refused[0], str(error))
            self._try_again()
            return
        if self._retried is refused[1]:
            self._retried = None
            self._refused.appendleft(refused)
        else:
            self._refused.append(refused)
        self.state_changed.emit("failed", str(error))
        self._retry_timer.start()

    def _try_again(self) -> None:
        if self._refused and not self._in_flight:
            picture_id, self._retried = self._refused.popleft()
            self._send(picture_id, self._retried)
