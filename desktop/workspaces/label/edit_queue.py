"""Edits on their way to the disk: in order, tried again when the disk refuses, dropped only with a word."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, wait
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from core.base.errors import DiskError, MaskloopError
from core.labels.label_map import Edit
from core.project.records import UndoNames
from core.session.editing import EditingService
from desktop.dispatcher import MainThreadDispatcher

RETRY_MS = 2000
FLUSH_SECONDS = 3.0
"""So long the window may wait for the disk when it has to know whether all is stored."""


class EditQueue(QObject):
    """Lives on the GUI thread. `saved` says saved, saving, or failed and why; `stored`: one edit is durable;
    `lost`: one can never be, and why. The label on screen has to be read again then.

    Once the disk refused an edit, all later ones wait behind it: stored out of order they would undo wrongly.
    """

    state_changed = Signal(str, str)
    stored = Signal(int, object)
    lost = Signal(int, str)

    def __init__(
        self, editing: EditingService, bridge: MainThreadDispatcher, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._editing = editing
        self._bridge = bridge
        self._in_flight: dict[Future[UndoNames], tuple[int, Edit]] = {}
        self._refused: deque[tuple[int, Edit]] = deque()
        self._retried: Edit | None = None
        self._closed = False
        self._retry_timer = QTimer(self, singleShot=True, interval=RETRY_MS)
        self._retry_timer.timeout.connect(self._try_again)
        self.stored_count = 0

    @property
    def is_blocked(self) -> bool:
        """Whether the disk refuses: undo has to wait, because it would work on what is stored."""
        return bool(self._refused)

    @property
    def pending(self) -> int:
        """Edits that are not durable yet."""
        return len(self._in_flight) + len(self._refused)

    def commit(self, picture_id: int, edit: Edit) -> None:
        """Store an edit as soon as may be."""
        if self._refused:
            self._refused.append((picture_id, edit))
            return
        self._send(picture_id, edit)

    def flush(self) -> None:
        """Wait for what is on its way, a few seconds at most: then `is_stuck` says whether the disk has taken it."""
        until = time.monotonic() + FLUSH_SECONDS
        while self._in_flight:
            sent = next(iter(self._in_flight))
            if not wait([sent], max(0.0, until - time.monotonic())).done:
                return
            problem = sent.exception()
            if isinstance(problem, MaskloopError):
                self._failed(sent, problem)
            elif problem is None:
                self._done(sent, sent.result())
            else:
                del self._in_flight[sent]  # our own mistake; its lane has reported it

    def close(self) -> None:
        """The session ends: one last try for what the disk refused. What it refuses again is told by the bridge."""
        self._retry_timer.stop()
        self._closed = True
        while self._refused:
            self._send(*self._refused.popleft())

    def _send(self, picture_id: int, edit: Edit) -> None:
        sent = self._editing.commit(picture_id, edit)
        self._in_flight[sent] = picture_id, edit
        self.state_changed.emit("saving", "")
        self._bridge.when_done(sent, partial(self._done, sent), partial(self._failed, sent))

    def _done(self, sent: Future[UndoNames], journal: UndoNames) -> None:
        picture_id, _ = self._in_flight.pop(sent, (None, None))
        if picture_id is None or self._closed:
            return  # `settle` was faster, or nobody is there who would want to know
        self.stored_count += 1
        self.stored.emit(picture_id, journal)
        if self._refused:
            self._try_again()
        elif not self._in_flight:
            self.state_changed.emit("saved", "")

    def _failed(self, sent: Future[UndoNames], problem: MaskloopError) -> None:
        """The lane refuses whatever comes behind a refused edit, so refusals arrive in the order of the strokes."""
        refused = self._in_flight.pop(sent, None)
        if refused is None:
            return  # `settle` was faster
        if self._closed:
            self._bridge.noticed.emit(f"What was painted last could not be saved and is lost. {problem}")
            return
        if not isinstance(problem, DiskError):
            self.state_changed.emit("failed", str(problem))
            self.lost.emit(refused[0], str(problem))
            self._try_again()
            return
        if self._retried is refused[1]:
            self._retried = None
            self._refused.appendleft(refused)
        else:
            self._refused.append(refused)
        self.state_changed.emit("failed", str(problem))
        self._retry_timer.start()

    def _try_again(self) -> None:
        if self._refused and not self._in_flight:
            picture_id, self._retried = self._refused.popleft()
            self._send(picture_id, self._retried)
