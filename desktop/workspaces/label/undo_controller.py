"""Undo and redo of the picture in hand: what each would do next, and how it gets on screen."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import QObject, Signal

from core.base.errors import MaskloopError
from core.project.records import UndoNames, UndoResult
from core.session.editing import EditingService
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.edit_queue import EditQueue
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.visibility_guard import ONLY_IN_LABEL

WAIT_SECONDS = 5.0
"""How long a stroke waits for an undo that is under way."""


class UndoController(QObject):
    """Lives on the GUI thread. `reverted`: the label on screen is another one now.

    `missed`: an undo took so long that a stroke began before it; the label has to be read again.
    """

    message = Signal(str)
    label_changed = Signal()
    reload_needed = Signal()

    def __init__(
        self,
        editing: EditingService,
        bridge: MainThreadDispatcher,
        page: LabelPage,
        picture: ActivePicture,
        edit_queue: EditQueue,
    ) -> None:
        super().__init__()
        self._editing, self._bridge, self._picture, self._edit_queue = editing, bridge, picture, edit_queue
        self._canvas, self._options = page.canvas, page.option_bar
        self._pending: list[Future[UndoResult | None]] = []
        self._late: list[Future[UndoResult | None]] = []
        self.request_count = 0
        """Undos and redos asked for so far."""

    def actions(self) -> dict[str, Callable[[], object]]:
        return {"undo": self._triggered, "redo": partial(self._triggered, redo=True)}

    def _triggered(self, *, redo: bool = False) -> None:
        """While the picture is not seen, only an edit of the whole project is taken back: it may have been made in
        the workspace that is."""
        if self._canvas.isVisible():
            self.revert(redo=redo)
            return
        future = self.revert(redo=redo, only_whole=True)
        if future is not None:
            self._bridge.when_done(future, self._report_hidden, lambda _problem: None)

    def _report_hidden(self, reverted: UndoResult | None) -> None:
        if reverted is None:
            self.message.emit(ONLY_IN_LABEL)

    def revert(self, *, redo: bool = False, only_whole: bool = False) -> Future[UndoResult | None] | None:
        """Undo or redo one edit of the picture in hand; None when that cannot be asked for now.

        A corner of a polygon under way is taken back first. `only_whole`: nothing but an edit of the whole project.
        """
        if not redo and not only_whole and self._canvas.undo_point():
            return None
        self._canvas.finish_edit()
        if self._picture.id is None or self._picture.labels is None or self._edit_queue.is_blocked:
            return None
        act = self._editing.redo if redo else self._editing.undo
        future = act(self._picture.id, only_whole=only_whole)
        self.request_count += 1
        self._pending.append(future)
        self._bridge.when_done(future, lambda _reverted: self._apply(future), partial(self._refused, future))
        return future

    def wait_for_pending(self) -> None:
        """Before an edit begins: an undo under way must be on screen, or the stroke would start from the past."""
        for future in list(self._pending):
            try:
                future.result(timeout=WAIT_SECONDS)
            except MaskloopError:
                self._pending.remove(future)  # the reason is said when the bridge brings it
            except TimeoutError:
                self._pending.remove(future)
                self._late.append(future)
            else:
                self._apply(future)

    def drop_pending(self) -> None:
        """Another picture is in hand: what is under way belongs to the one that left."""
        self._pending.clear()
        self._late.clear()

    def query_names(self) -> None:
        """The journal has changed by something else than a stroke or an undo here: what would be next now?"""
        shown = self._picture.id
        if shown is not None:
            self._bridge.when_done(self._editing.journal(shown), partial(self._receive_names, shown))

    def show_names(self, journal: UndoNames) -> None:
        """Show what undo and redo would do."""
        self._options.set_undo_names(journal.undo_name or "", journal.redo_name or "")

    def _receive_names(self, picture_id: int, journal: UndoNames) -> None:
        if picture_id == self._picture.id and self._picture.labels is not None:
            self.show_names(journal)

    def _refused(self, future: Future[UndoResult | None], problem: MaskloopError) -> None:
        for futures in (self._pending, self._late):
            if future in futures:
                futures.remove(future)
        self.message.emit(str(problem))

    def _apply(self, future: Future[UndoResult | None]) -> None:
        if future in self._late:
            self._late.remove(future)
            self.reload_needed.emit()
            return
        if future not in self._pending:
            return  # done already, or of a picture that is gone
        self._pending.remove(future)
        reverted = future.result()
        if reverted is None or self._picture.labels is None:
            return
        self._canvas.refresh(self._picture.labels.replace_tiles(reverted.tiles))
        self.show_names(reverted.undo_names)
        self.label_changed.emit()
