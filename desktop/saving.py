"""Edits on their way to the disk: in order, never dropped, tried again when the disk refuses."""

from __future__ import annotations

from collections import deque
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from core.errors import MaskloopError
from core.labels.labelmap import Edit
from core.project.records import Journal
from core.session.editing import Editing
from desktop.bridge import Bridge

RETRY_MS = 2000


class Saving(QObject):
    """Lives on the GUI thread. `saved` says saved, saving, or failed and why; `stored`: one edit is durable.

    Once an edit was refused, all later ones wait behind it: stored out of order they would undo wrongly.
    """

    saved = Signal(str, str)
    stored = Signal(int, object)

    def __init__(self, editing: Editing, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._editing = editing
        self._bridge = bridge
        self._on_the_way = 0
        self._refused: deque[tuple[int, Edit]] = deque()
        self._trying: Edit | None = None
        self._retry = QTimer(self, singleShot=True, interval=RETRY_MS)
        self._retry.timeout.connect(self._try_again)
        self.strokes = 0

    @property
    def is_stuck(self) -> bool:
        """Whether the disk refuses: undo has to wait, because it would work on what is stored."""
        return bool(self._refused)

    @property
    def pending(self) -> int:
        """Edits that are not durable yet."""
        return self._on_the_way + len(self._refused)

    def commit(self, picture_id: int, edit: Edit) -> None:
        """Store an edit as soon as may be."""
        if self._refused:
            self._refused.append((picture_id, edit))
            return
        self._send(picture_id, edit)

    def leave(self) -> None:
        """The session ends: one last try for what the disk refused."""
        self._retry.stop()
        while self._refused:
            self._editing.commit(*self._refused.popleft())

    def _send(self, picture_id: int, edit: Edit) -> None:
        self._on_the_way += 1
        self.saved.emit("saving", "")
        self._bridge.when_done(
            self._editing.commit(picture_id, edit),
            partial(self._done, picture_id),
            partial(self._failed, picture_id, edit),
        )

    def _done(self, picture_id: int, journal: Journal) -> None:
        self._on_the_way -= 1
        self.strokes += 1
        self.stored.emit(picture_id, journal)
        if self._refused:
            self._try_again()
        elif self._on_the_way == 0:
            self.saved.emit("saved", "")

    def _failed(self, picture_id: int, edit: Edit, problem: MaskloopError) -> None:
        """The lane refuses whatever comes behind a refused edit, so refusals arrive in the order of the strokes."""
        self._on_the_way -= 1
        if self._trying is edit:
            self._trying = None
            self._refused.appendleft((picture_id, edit))
        else:
            self._refused.append((picture_id, edit))
        self.saved.emit("failed", str(problem))
        self._retry.start()

    def _try_again(self) -> None:
        if self._refused and self._on_the_way == 0:
            picture_id, self._trying = self._refused.popleft()
            self._send(picture_id, self._trying)
