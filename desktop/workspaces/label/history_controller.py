"""The history of the picture in hand: shown while it is open, and the way back through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import QObject, QRectF, QTimer
from PySide6.QtGui import QAction

from core.base.errors import MaskloopError
from core.base.geometry import Point, TileKey
from core.labels.label_map import Values
from core.project.records import EditRecord, UndoResult
from core.session.editing import EditingService
from desktop.canvas.rendering.layer_style import NO_HISTORY
from desktop.connections import ConnectionGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.undo_controller import UndoController

REFRESH_DELAY_MS = 60
"""Strokes come in bursts; the journal is read anew at most this often."""
PREVIEW_DELAY_MS = 60
"""The label of another time is asked for once the pointer rests on a change."""


class HistoryController(QObject):
    """Going back is undo after undo, on the same road as the key; it ends where one is refused. GUI thread."""

    def __init__(
        self,
        editing: EditingService,
        bridge: MainThreadDispatcher,
        page: LabelPage,
        actions: Mapping[str, QAction],
        picture: ActivePicture,
        undo: UndoController,
    ) -> None:
        super().__init__()
        self._editing, self._bridge, self._picture, self._undo = editing, bridge, picture, undo
        self._page, self._panel, self._action = page, page.side_column.history, actions["history"]
        self._steps: list[int] = []
        self._refresh_timer = QTimer(self, singleShot=True, interval=REFRESH_DELAY_MS)
        self._refresh_timer.timeout.connect(self._request)
        self._hovered: EditRecord | None = None
        self._preview_timer = QTimer(self, singleShot=True, interval=PREVIEW_DELAY_MS)
        self._preview_timer.timeout.connect(self._request_preview)
        self._wires = ConnectionGroup()
        self._wires.connect(self._panel.entry_hovered, self._hover)
        self._wires.connect(self._page.canvas.before_edit, self._panel.clear_selection)
        self._wires.connect(undo.label_changed, self._reverted)
        self._wires.connect(self._panel.entry_clicked, self._scroll_to)
        self._wires.connect(self._panel.revert_requested, self._go_to)
        self._wires.connect(self._panel.close_requested, partial(self._set_open, False))
        self._set_open(False)

    def actions(self) -> dict[str, Callable[[], object]]:
        return {"history": lambda: self._set_open(self._action.isChecked())}

    def picture_changed(self) -> None:
        """Another picture is in hand: it has a history of its own."""
        self._steps.clear()
        self._panel.show_note("")
        self._panel.set_entries(())
        self._hover(None)
        self.refresh()

    def refresh(self) -> None:
        """The journal may have changed."""
        if self._action.isChecked() and not self._refresh_timer.isActive():
            self._refresh_timer.start()

    def close(self) -> None:
        self._wires.disconnect_all()
        self._refresh_timer.stop()
        self._steps.clear()
        self._set_open(False)
        self._preview_timer.stop()

    def _set_open(self, shown: bool) -> None:
        self._action.setChecked(shown)
        self._page.side_column.show_history(shown)
        self._panel.show_note("")
        self._hover(None)
        if shown:
            self._request()
            self._panel.list.setFocus()
        else:
            self._panel.set_entries(())
            self._page.canvas.setFocus()

    def _hover(self, entry: EditRecord | None) -> None:
        """Frame where a change happened, and show the label as it was right after it. Nothing of it is changed."""
        self._page.canvas.highlight(entry.box if entry is not None else None)
        self._hovered = entry if entry is not None and self._panel.can_revert_to(entry) else None
        if self._hovered is not None:
            self._preview_timer.start()
        else:
            self._preview_timer.stop()
            self._page.canvas.show_history_tiles(NO_HISTORY)

    def _request_preview(self) -> None:
        shown, entry = self._picture.id, self._hovered
        if shown is not None and entry is not None:
            self._bridge.when_done(
                self._editing.label_after(shown, entry.id), partial(self._show_preview, shown, entry)
            )

    def _show_preview(self, picture_id: int, entry: EditRecord, tiles: Mapping[TileKey, Values]) -> None:
        if picture_id == self._picture.id and entry == self._hovered:
            self._page.canvas.show_history_tiles(tiles)

    def _reverted(self) -> None:
        """Undo and redo by key are seen on the picture as it is now."""
        if not self._steps:
            self._panel.clear_selection()

    def _scroll_to(self, entry: EditRecord | None) -> None:
        """Move the picture only when nothing of the place can be seen now."""
        if entry is None or entry.box.is_empty:
            return
        canvas, box = self._page.canvas, entry.box
        corners = canvas.widget_point(Point(box.x0, box.y0)), canvas.widget_point(Point(box.x1, box.y1))
        if not QRectF(*corners).intersects(QRectF(canvas.rect())):
            canvas.show_box(box)

    def _request(self) -> None:
        shown = self._picture.id
        if shown is not None:
            self._bridge.when_done(self._editing.history(shown), partial(self._show, shown))

    def _show(self, picture_id: int, entries: list[EditRecord]) -> None:
        if picture_id == self._picture.id and self._action.isChecked():
            self._panel.set_entries(entries[::-1])

    # The way back -----------------------------------------------------------------------------------

    def _go_to(self, target: EditRecord) -> None:
        """First finish what is under the pen, then read the journal: only then are the steps known."""
        shown = self._picture.id
        if shown is not None and not self._steps:
            self._panel.show_note("")
            self._page.canvas.show_history_tiles(
                NO_HISTORY
            )  # what is seen on the way there is what is stored
            self._page.canvas.finish_all()
            self._bridge.when_done(self._editing.history(shown), partial(self._start_steps, shown, target.id))

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
            self.refresh()
            return
        self._bridge.when_done(future, partial(self._stepped, redo=redo), self._refused)

    def _stepped(self, reverted: UndoResult | None, *, redo: bool) -> None:
        if not self._steps or reverted is None or reverted.edit.id != self._steps.pop(0):
            self._steps.clear()  # another picture, or somebody else stepped in between
        self._step(redo=redo)

    def _refused(self, problem: MaskloopError) -> None:
        self._steps.clear()
        self._panel.show_note(str(problem), "warning")
        self.refresh()
