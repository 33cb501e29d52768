"""The hand without a mouse: keys move the cursor over the canvas, press the tool there and let it go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent

if TYPE_CHECKING:
    from desktop.canvas.canvas import CanvasView
    from desktop.canvas.input.mouse import Pointer

_FAR, _NEAR = 10.0, 1.0
"""Widget pixels of a step, and of one with Shift."""
_STEPS = {
    Qt.Key.Key_Left: QPointF(-1, 0),
    Qt.Key.Key_Right: QPointF(1, 0),
    Qt.Key.Key_Up: QPointF(0, -1),
    Qt.Key.Key_Down: QPointF(0, 1),
}
_Held = Qt.KeyboardModifier
_ALONG = (_Held.NoModifier, _Held.ShiftModifier, _Held.ControlModifier, _Held.AltModifier)
"""What may be held with Ins; the tool is then pressed as the mouse would press it with that key held."""


class KeyHand:
    """Leads the pointer while `is_on`; the mouse takes over as soon as it moves. Lives on the GUI thread."""

    def __init__(self, canvas: CanvasView, pointer: Pointer) -> None:
        self._canvas, self._pointer = canvas, pointer
        self.is_on = False
        self._along = _Held.NoModifier

    def wants(self, event: QKeyEvent) -> bool:
        """Whether a key belongs to the cursor."""
        held, key = event.modifiers() & ~_Held.KeypadModifier, event.key()
        if key in _STEPS:
            return held in (_Held.ControlModifier, _Held.ControlModifier | _Held.ShiftModifier)
        if key == Qt.Key.Key_Space:
            return held == _Held.ControlModifier
        return key == Qt.Key.Key_Insert and held in _ALONG

    def press(self, event: QKeyEvent) -> None:
        """Do what a key says that is wanted."""
        step = _STEPS.get(Qt.Key(event.key()))
        if step is not None:
            self._go(step * (_NEAR if event.modifiers() & _Held.ShiftModifier else _FAR))
        elif not event.isAutoRepeat():
            if not self._pointer.is_stroking:
                insert = event.key() == Qt.Key.Key_Insert
                self._along = event.modifiers() & ~_Held.KeypadModifier if insert else _Held.NoModifier
            self._go(QPointF())
            self._pointer.press_or_let_go()
            if not self._pointer.is_stroking:
                self._along = _Held.NoModifier

    def give_way(self) -> None:
        """The mouse moves, or the keys go elsewhere."""
        if self.is_on:
            self._pointer.settle()
            self.is_on, self._along = False, _Held.NoModifier

    def _go(self, step: QPointF) -> None:
        """At the edge of the view the picture moves instead."""
        room = self._canvas.room
        start = self._pointer.position
        if start is None or not room.contains(start.toPoint()):
            start = QPointF(room.center())
        wanted = start + step
        there = QPointF(
            min(room.width() - 1.0, max(0.0, wanted.x())), min(room.height() - 1.0, max(0.0, wanted.y()))
        )
        self.is_on = True
        if wanted != there:
            self._canvas.pan_by(there - wanted)
        self._pointer.go(there, self._along)
