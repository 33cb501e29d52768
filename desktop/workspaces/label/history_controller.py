"""The history of the picture in hand: shown while it is open, and the way back through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import QObject, QRectF, QTimer
from PySide6.QtGui import QAction

from core.base.errors import MaskloopError
from core.base.geometry import Point, TileKey
from core.labels.label_map import Values
from core.project.records import EditRecord, Reverted
from core.session.editing import Editing
from desktop.canvas.rendering.layer_style import NOW
from desktop.connections import Wires
from desktop.dispatcher import Bridge
from desktop.workspaces.label.active_picture import Hand
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.undo_controller import Reverting

SOON_MS = 60
"""Strokes come in bursts; the journal is read anew at most this often."""
REST_MS = 60
"""The label of another time is asked for once the pointer rests on a change."""


class Remembering(QObject):
    """Going back is undo after undo, on the same road as the key; it ends where one is refused. GUI thread."""

    def __init__(
        self,
        editing: Editing,
        bridge: Bridge,
        page: LabelPage,
        actions: Mapping[str, QAction],
        hand: Hand,
        reverting: Reverting,
    ) -> None:
        super().__init__()
        self._editing, self._bridge, self._hand, self._reverting = editing, bridge, hand, reverting
        self._page, self._panel, self._action = page, page.side.history, actions["history"]
        self._way: list[int] = []
        self._soon = QTimer(self, singleShot=True, interval=SOON_MS)
        self._soon.timeout.connect(self._ask)
        self._pointed: EditRecord | None = None
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._ask_then)
        self._wires = Wires()
        self._wires.join(self._panel.pointed, self._point)
        self._wires.join(self._page.canvas.before_edit, self._panel.choose_none)
        self._wires.join(reverting.reverted, self._reverted)
        self._wires.join(self._panel.picked, self._bring_into_sight)
        self._wires.join(self._panel.back_asked, self._go_to)
        self._wires.join(self._panel.close_asked, partial(self._open, False))
        self._open(False)

    def handlers(self) -> dict[str, Callable[[], object]]:
        return {"history": lambda: self._open(self._action.isChecked())}

    def picture_changed(self) -> None:
        """Another picture is in hand: it has a history of its own."""
        self._way.clear()
        self._panel.show_note("")
        self._panel.set_entries(())
        self._point(None)
        self.look_again()

    def look_again(self) -> None:
        """The journal may have changed."""
        if self._action.isChecked() and not self._soon.isActive():
            self._soon.start()

    def leave(self) -> None:
        self._wires.cut()
        self._soon.stop()
        self._way.clear()
        self._open(False)
        self._rest.stop()

    def _open(self, shown: bool) -> None:
        self._action.setChecked(shown)
        self._page.side.show_history(shown)
        self._panel.show_note("")
        self._point(None)
        if shown:
            self._ask()
            self._panel.list.setFocus()
        else:
            self._panel.set_entries(())
            self._page.canvas.setFocus()

    def _point(self, entry: EditRecord | None) -> None:
        """Frame where a change happened, and show the label as it was right after it. Nothing of it is changed."""
        self._page.canvas.highlight(entry.box if entry is not None else None)
        self._pointed = entry if entry is not None and self._panel.leads_to(entry) else None
        if self._pointed is not None:
            self._rest.start()
        else:
            self._rest.stop()
            self._page.canvas.show_then(NOW)

    def _ask_then(self) -> None:
        shown, entry = self._hand.shown, self._pointed
        if shown is not None and entry is not None:
            self._bridge.when_done(
                self._editing.label_then(shown, entry.id), partial(self._show_then, shown, entry)
            )

    def _show_then(self, picture_id: int, entry: EditRecord, tiles: Mapping[TileKey, Values]) -> None:
        if picture_id == self._hand.shown and entry == self._pointed:
            self._page.canvas.show_then(tiles)

    def _reverted(self) -> None:
        """Undo and redo by key are seen on the picture as it is now."""
        if not self._way:
            self._panel.choose_none()

    def _bring_into_sight(self, entry: EditRecord | None) -> None:
        """Move the picture only when nothing of the place can be seen now."""
        if entry is None or entry.box.is_empty:
            return
        canvas, box = self._page.canvas, entry.box
        corners = canvas.widget_point(Point(box.x0, box.y0)), canvas.widget_point(Point(box.x1, box.y1))
        if not QRectF(*corners).intersects(QRectF(canvas.rect())):
            canvas.look_at(box)

    def _ask(self) -> None:
        shown = self._hand.shown
        if shown is not None:
            self._bridge.when_done(self._editing.history(shown), partial(self._show, shown))

    def _show(self, picture_id: int, entries: list[EditRecord]) -> None:
        if picture_id == self._hand.shown and self._action.isChecked():
            self._panel.set_entries(entries[::-1])

    # The way back -----------------------------------------------------------------------------------

    def _go_to(self, aim: EditRecord) -> None:
        """First finish what is under the pen, then read the journal: only then are the steps known."""
        shown = self._hand.shown
        if shown is not None and not self._way:
            self._panel.show_note("")
            self._page.canvas.show_then(NOW)  # what is seen on the way there is what is stored
            self._page.canvas.settle_all()
            self._bridge.when_done(self._editing.history(shown), partial(self._begin, shown, aim.id))

    def _begin(self, picture_id: int, aim: int, entries: list[EditRecord]) -> None:
        found = next((entry for entry in entries if entry.id == aim), None)
        if picture_id != self._hand.shown or found is None:
            return
        if found.undone:
            self._way = [entry.id for entry in entries if entry.undone and entry.id <= aim]
        else:
            self._way = [entry.id for entry in reversed(entries) if not entry.undone and entry.id > aim]
        self._step(redo=found.undone)

    def _step(self, *, redo: bool) -> None:
        future = self._reverting.take(redo=redo) if self._way else None
        if future is None:
            self._way.clear()
            self.look_again()
            return
        self._bridge.when_done(future, partial(self._stepped, redo=redo), self._refused)

    def _stepped(self, reverted: Reverted | None, *, redo: bool) -> None:
        if not self._way or reverted is None or reverted.edit.id != self._way.pop(0):
            self._way.clear()  # another picture, or somebody else stepped in between
        self._step(redo=redo)

    def _refused(self, problem: MaskloopError) -> None:
        self._way.clear()
        self._panel.show_note(str(problem), "warning")
        self.look_again()
