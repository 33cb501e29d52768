"""Undo and redo of the active picture: carries them out, shows the result, and names the next step in the window."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import Signal

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.labels.deferred_edit import DeferredEdit
from core.project.records import UndoNames, UndoResult
from core.session.editing import EditingService
from desktop.controller import Actions, Controller
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.canvas_action_guard import ONLY_IN_LABEL
from desktop.workspaces.label.edit_queue import EditQueue
from desktop.workspaces.label.page import LabelPage

WAIT_SECONDS = 5.0
"""How long a new edit waits for an undo that is under way."""


class UndoController(Controller):
    """Lives on the GUI thread. `label_changed`: an undo or redo is on screen.

    `reload_needed`: an undo took so long that an edit began before its result arrived; the label has to be read again.
    """

    label_changed = Signal()
    reload_needed = Signal()

    def __init__(
        self,
        editing: EditingService,
        dispatcher: MainThreadDispatcher,
        page: LabelPage,
        picture: ActivePicture,
        edit_queue: EditQueue,
    ) -> None:
        super().__init__()
        self._editing, self._dispatcher, self._picture, self._edit_queue = (
            editing,
            dispatcher,
            picture,
            edit_queue,
        )
        self._canvas, self._option_bar = page.canvas, page.option_bar
        self._pending: list[Future[UndoResult | None]] = []
        self._late: list[Future[UndoResult | None]] = []
        self._names_request = LatestRequest(dispatcher)
        self._is_view_only = False
        self._commits_at_announcement = 0
        self.request_count = 0
        """Undo and redo steps requested so far."""

    def start(self) -> None:
        self.show_names(UndoNames())

    def close(self) -> None:
        super().close()
        self._names_request.cancel()

    def on_changes(self, changes: Changes) -> None:
        shown = self._picture.id
        if changes.classes or (shown in changes.pictures and shown not in changes.undo_names_known):
            self._query_names()

    def actions(self) -> Actions:
        return {"undo": self._triggered, "redo": partial(self._triggered, redo=True)}

    def set_view_only(self) -> None:
        """The project is open for reading alone: there is nothing to undo."""
        self._is_view_only = True
        self.show_names(UndoNames())

    def revert(self, *, redo: bool = False, only_whole: bool = False) -> Future[UndoResult | None] | None:
        """Undo or redo one edit of the active picture; None when that is not possible now.

        The last corner of a polygon under way is taken back first. `only_whole`: only an edit of the whole project.
        """
        if not redo and not only_whole and self._canvas.undo_point():
            return None
        self._canvas.finish_edit()
        if self._picture.id is None or self._picture.labels is None or self._edit_queue.is_blocked:
            return None
        if self._is_view_only:
            return None
        request = self._editing.redo if redo else self._editing.undo
        future = request(self._picture.id, only_whole=only_whole)
        self.request_count += 1
        self._pending.append(future)
        self._dispatcher.when_done(future, lambda _result: self._apply(future), partial(self._failed, future))
        return future

    def wait_for_pending(self) -> None:
        """Before an edit begins: show the undo under way first, or the edit would start from an outdated label."""
        for future in list(self._pending):
            try:
                future.result(timeout=WAIT_SECONDS)
            except MaskloopError:
                self._pending.remove(future)  # the dispatcher delivers the message
            except TimeoutError:
                self._pending.remove(future)
                self._late.append(future)
            else:
                self._apply(future)

    def drop_pending(self) -> None:
        """Another picture is active: results under way belong to the one before."""
        self._pending.clear()
        self._late.clear()
        self._names_request.cancel()

    def show_names(self, names: UndoNames) -> None:
        """Say in the window what undo and redo would do next, whatever a query under way answers."""
        self._names_request.cancel()
        self.show_stored_names(names)

    def show_stored_names(self, names: UndoNames) -> None:
        """The same with names that were read with a label: the answer to a query under way is newer, and follows."""
        shown = UndoNames() if self._is_view_only else names
        self._option_bar.set_undo_names(shown.undo_name or "", shown.redo_name or "")

    def on_deferred_edit(self, deferred: DeferredEdit | None) -> None:
        """A deferred edit has started, and can be undone already; or (None) it has ended, perhaps cancelled by Esc."""
        if deferred is not None:
            self._commits_at_announcement = self._edit_queue.commit_count
            self.show_names(UndoNames(deferred.title))
        elif self._commits_at_announcement == self._edit_queue.commit_count:
            self._query_names()  # no edit came of it

    def _triggered(self, *, redo: bool = False) -> None:
        """While another workspace is in front, only an edit of the whole project is reverted: it may have been made
        there."""
        if self._canvas.isVisible():
            self.revert(redo=redo)
            return
        future = self.revert(redo=redo, only_whole=True)
        if future is not None:
            self._dispatcher.when_done(future, self._report_hidden, lambda _error: None)

    def _report_hidden(self, result: UndoResult | None) -> None:
        if result is None:
            self.message.emit(ONLY_IN_LABEL)

    def _query_names(self) -> None:
        shown = self._picture.id
        if shown is not None and self._picture.labels is not None:
            self._names_request.send(self._editing.journal(shown), partial(self._names_queried, shown))

    def _names_queried(self, picture_id: int, names: UndoNames) -> None:
        # An edit that the disk refuses is not in the journal yet, but it is what undo takes once it is stored.
        refused = self._edit_queue.newest_pending(picture_id)
        self.show_stored_names(names if refused is None else UndoNames(refused.name))

    def _failed(self, future: Future[UndoResult | None], error: MaskloopError) -> None:
        for futures in (self._pending, self._late):
            if future in futures:
                futures.remove(future)
        self.message.emit(str(error))

    def _apply(self, future: Future[UndoResult | None]) -> None:
        if future in self._late:
            self._late.remove(future)
            self.reload_needed.emit()
            return
        if future not in self._pending:
            return  # shown by `wait_for_pending`, or of the picture before
        self._pending.remove(future)
        result = future.result()
        if result is None or self._picture.labels is None:
            return
        self._canvas.refresh(self._picture.labels.replace_tiles(result.tiles))
        self.show_names(result.undo_names)
        self.label_changed.emit()
