"""The history panel of the active picture: lists its edits, previews the label after each, and goes back to one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from PySide6.QtCore import QRectF, QTimer
from PySide6.QtGui import QAction

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.base.geometry import Point, TileKey
from core.labels.label_map import Values
from core.project.records import EditRecord, UndoResult
from core.session.editing import EditingService
from desktop.canvas.rendering.layer_style import NO_HISTORY
from desktop.controller import Actions, Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.undo_controller import UndoController

REFRESH_DELAY_MS = 60
"""Edits come in bursts; the journal is read at most this often."""
PREVIEW_DELAY_MS = 60
"""The earlier label is requested once the pointer rests on an entry."""


class HistoryController(Controller):
    """Lives on the GUI thread.

    Going back is one undo after the other, through the same code as the shortcut; it ends where one is refused.
    """

    def __init__(
        self,
        editing: EditingService,
        dispatcher: MainThreadDispatcher,
        page: LabelPage,
        actions: Mapping[str, QAction],
        picture: ActivePicture,
        undo: UndoController,
    ) -> None:
        super().__init__()
        self._editing, self._dispatcher, self._picture, self._undo = editing, dispatcher, picture, undo
        self._canvas, self._side_column = page.canvas, page.side_column
        self._panel, self._action = page.side_column.history, actions["history"]
        self._steps: list[int] = []  # ids of the edits still to be undone or redone
        self._refresh_timer = QTimer(self, singleShot=True, interval=REFRESH_DELAY_MS)
        self._refresh_timer.timeout.connect(self._request)
        self._hovered: EditRecord | None = None
        self._preview_timer = QTimer(self, singleShot=True, interval=PREVIEW_DELAY_MS)
        self._preview_timer.timeout.connect(self._request_preview)
        connect = self.connections.connect
        connect(self._panel.entry_hovered, self._hover)
        connect(self._canvas.tools.before_edit, self._panel.clear_selection)
        connect(undo.label_changed, self._reverted)
        connect(self._panel.entry_clicked, self._scroll_to)
        connect(self._panel.revert_requested, self._go_to)
        connect(self._panel.close_requested, partial(self._set_open, False))
        self._set_open(False)

    def close(self) -> None:
        super().close()
        self._refresh_timer.stop()
        self._steps.clear()
        self._set_open(False)
        self._preview_timer.stop()

    def on_changes(self, changes: Changes) -> None:
        if changes.classes or self._picture.id in changes.pictures:
            self._refresh()

    def actions(self) -> Actions:
        return {"history": lambda: self._set_open(self._action.isChecked())}

    def picture_changed(self) -> None:
        """Another picture is active: show its history."""
        self._steps.clear()
        self._panel.show_note("")
        self._panel.set_entries(())
        self._hover(None)
        self._refresh()

    def _refresh(self) -> None:
        if self._action.isChecked() and not self._refresh_timer.isActive():
            self._refresh_timer.start()

    def _set_open(self, is_open: bool) -> None:
        self._action.setChecked(is_open)
        self._side_column.show_history(is_open)
        self._panel.show_note("")
        self._hover(None)
        if is_open:
            self._request()
            self._panel.list.setFocus()
        else:
            self._panel.set_entries(())
            self._canvas.setFocus()

    # Entries and preview ----------------------------------------------------------------------------

    def _request(self) -> None:
        shown = self._picture.id
        if shown is not None:
            self._dispatcher.when_done(self._editing.history(shown), partial(self._show, shown))

    def _show(self, picture_id: int, entries: list[EditRecord]) -> None:
        if picture_id == self._picture.id and self._action.isChecked():
            self._panel.set_entries(entries[::-1])

    def _hover(self, entry: EditRecord | None) -> None:
        """Frame where an edit changed pixels, and preview the label as it was right after it."""
        self._canvas.highlight(entry.box if entry is not None else None)
        self._hovered = entry if entry is not None and self._panel.can_revert_to(entry) else None
        if self._hovered is not None:
            self._preview_timer.start()
        else:
            self._preview_timer.stop()
            self._canvas.show_history_tiles(NO_HISTORY)

    def _request_preview(self) -> None:
        shown, entry = self._picture.id, self._hovered
        if shown is not None and entry is not None:
            self._dispatcher.when_done(
                self._editing.label_after(shown, entry.id), partial(self._show_preview, shown, entry)
            )

    def _show_preview(self, picture_id: int, entry: EditRecord, tiles: Mapping[TileKey, Values]) -> None:
        if picture_id == self._picture.id and entry == self._hovered:
            self._canvas.show_history_tiles(tiles)

    def _reverted(self) -> None:
        """After undo or redo by shortcut the canvas shows the label as it is now."""
        if not self._steps:
            self._panel.clear_selection()

    def _scroll_to(self, entry: EditRecord | None) -> None:
        """Show the box of an entry when nothing of it is visible."""
        if entry is None or entry.box.is_empty:
            return
        canvas, box = self._canvas, entry.box
        corners = canvas.widget_point(Point(box.x0, box.y0)), canvas.widget_point(Point(box.x1, box.y1))
        if not QRectF(*corners).intersects(QRectF(canvas.rect())):
            canvas.show_box(box)

    # Going back -------------------------------------------------------------------------------------

    def _go_to(self, target: EditRecord) -> None:
        """Finish what is being drawn, then read the journal: only then the steps are known."""
        shown = self._picture.id
        if shown is not None and not self._steps:
            self._panel.show_note("")
            self._canvas.show_history_tiles(NO_HISTORY)  # the steps show what is stored
            self._canvas.finish_all()
            self._dispatcher.when_done(
                self._editing.history(shown), partial(self._start_steps, shown, target.id)
            )

    def _start_steps(self, picture_id: int, target: int, entries: list[EditRecord]) -> None:
        found = next((entry for entry in entries if entry.id == target), None)
        if picture_id != self._picture.id or found is None:
            return
        if found.undone:
            self._steps = [entry.id for entry in entries if entry.undone and entry.id <= target]
        else:
            self._steps = [entry.id for entry in reversed(entries) if not entry.undone and entry.id > target]
        self._step(redo=found.undone)

    def _step(self, *, redo: bool) -> None:
        future = self._undo.revert(redo=redo) if self._steps else None
        if future is None:
            self._steps.clear()
            self._refresh()
            return
        self._dispatcher.when_done(future, partial(self._stepped, redo=redo), self._refused)

    def _stepped(self, result: UndoResult | None, *, redo: bool) -> None:
        if not self._steps or result is None or result.edit.id != self._steps.pop(0):
            self._steps.clear()  # another picture is active, or another undo came between
        self._step(redo=redo)

    def _refused(self, error: MaskloopError) -> None:
        self._steps.clear()
        self._panel.show_note(str(error), "warning")
        self._refresh()
