"""The hand without a mouse: keys move the cursor over the canvas, press the tool there and let it go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent

if TYPE_CHECKING:
    from desktop.canvas.canvas import Canvas
    from desktop.canvas.input.mouse import InputHandler

_STEP, _FINE_STEP = 10.0, 1.0
"""Widget pixels of a step, and of one with Shift."""
_DIRECTIONS = {
    Qt.Key.Key_Left: QPointF(-1, 0),
    Qt.Key.Key_Right: QPointF(1, 0),
    Qt.Key.Key_Up: QPointF(0, -1),
    Qt.Key.Key_Down: QPointF(0, 1),
}
_Modifier = Qt.KeyboardModifier
_INSERT_MODIFIERS = (
    _Modifier.NoModifier,
    _Modifier.ShiftModifier,
    _Modifier.ControlModifier,
    _Modifier.AltModifier,
)
"""What may be held with Ins; the tool is then pressed as the mouse would press it with that key held."""


class KeyboardCursor:
    """Leads the pointer while `is_on`; the mouse takes over as soon as it moves. Lives on the GUI thread."""

    def __init__(self, canvas: Canvas, pointer: InputHandler) -> None:
        self._canvas, self._input = canvas, pointer
        self.is_active = False
        self._press_modifiers = _Modifier.NoModifier

    def claims_key(self, event: QKeyEvent) -> bool:
        """Whether a key belongs to the cursor."""
        held, key = event.modifiers() & ~_Modifier.KeypadModifier, event.key()
        if key in _DIRECTIONS:
            return held in (_Modifier.ControlModifier, _Modifier.ControlModifier | _Modifier.ShiftModifier)
        if key == Qt.Key.Key_Space:
            return held == _Modifier.ControlModifier
        return key == Qt.Key.Key_Insert and held in _INSERT_MODIFIERS

    def handle_key(self, event: QKeyEvent) -> None:
        """Do what a key says that is wanted."""
        step = _DIRECTIONS.get(Qt.Key(event.key()))
        if step is not None:
            self._move(step * (_FINE_STEP if event.modifiers() & _Modifier.ShiftModifier else _STEP))
        elif not event.isAutoRepeat():
            if not self._input.is_stroking:
                insert = event.key() == Qt.Key.Key_Insert
                self._press_modifiers = (
                    event.modifiers() & ~_Modifier.KeypadModifier if insert else _Modifier.NoModifier
                )
            self._move(QPointF())
            self._input.toggle_press()
            if not self._input.is_stroking:
                self._press_modifiers = _Modifier.NoModifier

    def deactivate(self) -> None:
        """The mouse moves, or the keys go elsewhere."""
        if self.is_active:
            self._input.finish_stroke()
            self.is_active, self._press_modifiers = False, _Modifier.NoModifier

    def _move(self, step: QPointF) -> None:
        """At the edge of the view the picture moves instead."""
        room = self._canvas.view_rect
        start = self._input.position
        if start is None or not room.contains(start.toPoint()):
            start = QPointF(room.center())
        wanted = start + step
        there = QPointF(
            min(room.width() - 1.0, max(0.0, wanted.x())), min(room.height() - 1.0, max(0.0, wanted.y()))
        )
        self.is_active = True
        if wanted != there:
            self._canvas.pan_by(there - wanted)
        self._input.move_cursor(there, self._press_modifiers)
