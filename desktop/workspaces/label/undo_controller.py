"""Undo and redo of the picture in hand: what each would do next, and how it gets on screen."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import QObject, Signal

from core.base.errors import MaskloopError
from core.project.records import Journal, Reverted
from core.session.editing import Editing
from desktop.dispatcher import Bridge
from desktop.workspaces.label.active_picture import Hand
from desktop.workspaces.label.edit_queue import Saving
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.visibility_guard import ELSEWHERE

REVERT_SECONDS = 5.0
"""How long a stroke waits for an undo that is under way."""


class Reverting(QObject):
    """Lives on the GUI thread. `reverted`: the label on screen is another one now.

    `missed`: an undo took so long that a stroke began before it; the label has to be read again.
    """

    message = Signal(str)
    reverted = Signal()
    missed = Signal()

    def __init__(self, editing: Editing, bridge: Bridge, page: LabelPage, hand: Hand, saving: Saving) -> None:
        super().__init__()
        self._editing, self._bridge, self._hand, self._saving = editing, bridge, hand, saving
        self._canvas, self._options = page.canvas, page.options
        self._waiting: list[Future[Reverted | None]] = []
        self._late: list[Future[Reverted | None]] = []
        self.taken = 0
        """Undos and redos asked for so far."""

    def handlers(self) -> dict[str, Callable[[], object]]:
        return {"undo": self._ask, "redo": partial(self._ask, redo=True)}

    def _ask(self, *, redo: bool = False) -> None:
        """While the picture is not seen, only an edit of the whole project is taken back: it may have been made in
        the workspace that is."""
        if self._canvas.isVisible():
            self.take(redo=redo)
            return
        future = self.take(redo=redo, only_whole=True)
        if future is not None:
            self._bridge.when_done(future, self._tell_unseen, lambda _problem: None)

    def _tell_unseen(self, reverted: Reverted | None) -> None:
        if reverted is None:
            self.message.emit(ELSEWHERE)

    def take(self, *, redo: bool = False, only_whole: bool = False) -> Future[Reverted | None] | None:
        """Undo or redo one edit of the picture in hand; None when that cannot be asked for now.

        A corner of a polygon under way is taken back first. `only_whole`: nothing but an edit of the whole project.
        """
        if not redo and not only_whole and self._canvas.step_back():
            return None
        self._canvas.settle()
        if self._hand.shown is None or self._hand.labels is None or self._saving.is_stuck:
            return None
        act = self._editing.redo if redo else self._editing.undo
        future = act(self._hand.shown, only_whole=only_whole)
        self.taken += 1
        self._waiting.append(future)
        self._bridge.when_done(future, lambda _reverted: self._apply(future), partial(self._refused, future))
        return future

    def settle(self) -> None:
        """Before an edit begins: an undo under way must be on screen, or the stroke would start from the past."""
        for future in list(self._waiting):
            try:
                future.result(timeout=REVERT_SECONDS)
            except MaskloopError:
                self._waiting.remove(future)  # the reason is said when the bridge brings it
            except TimeoutError:
                self._waiting.remove(future)
                self._late.append(future)
            else:
                self._apply(future)

    def forget(self) -> None:
        """Another picture is in hand: what is under way belongs to the one that left."""
        self._waiting.clear()
        self._late.clear()

    def ask_names(self) -> None:
        """The journal has changed by something else than a stroke or an undo here: what would be next now?"""
        shown = self._hand.shown
        if shown is not None:
            self._bridge.when_done(self._editing.journal(shown), partial(self._take_names, shown))

    def offer(self, journal: Journal) -> None:
        """Show what undo and redo would do."""
        self._options.set_undo(journal.undo_name or "", journal.redo_name or "")

    def _take_names(self, picture_id: int, journal: Journal) -> None:
        if picture_id == self._hand.shown and self._hand.labels is not None:
            self.offer(journal)

    def _refused(self, future: Future[Reverted | None], problem: MaskloopError) -> None:
        for futures in (self._waiting, self._late):
            if future in futures:
                futures.remove(future)
        self.message.emit(str(problem))

    def _apply(self, future: Future[Reverted | None]) -> None:
        if future in self._late:
            self._late.remove(future)
            self.missed.emit()
            return
        if future not in self._waiting:
            return  # done already, or of a picture that is gone
        self._waiting.remove(future)
        reverted = future.result()
        if reverted is None or self._hand.labels is None:
            return
        self._canvas.refresh(self._hand.labels.replace_tiles(reverted.tiles))
        self.offer(reverted.journal)
        self.reverted.emit()
