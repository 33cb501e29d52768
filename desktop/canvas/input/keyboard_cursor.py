"""Painting without a mouse: keys move a cursor over the canvas, press the tool there and release it."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent

from desktop.canvas.input.host import CanvasHost
from desktop.canvas.input.pointer_state import PointerState

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
"""Modifiers allowed with Ins; the tool is then pressed as the mouse would press it with that key held."""


class PointerActions(Protocol):
    """What the keys make the pointer do."""

    @property
    def is_stroking(self) -> bool: ...

    def move_pointer(self, position: QPointF, modifiers: Qt.KeyboardModifier) -> None: ...

    def toggle_press(self) -> None: ...

    def finish_stroke(self) -> None: ...


class KeyboardCursor:
    """Moves the pointer while `is_active`; the mouse takes over as soon as it moves. GUI thread."""

    def __init__(self, host: CanvasHost, pointer: PointerState, actions: PointerActions) -> None:
        self._host, self._pointer, self._actions = host, pointer, actions
        self.is_active = False
        self._press_modifiers = _Modifier.NoModifier

    def claims_key(self, event: QKeyEvent) -> bool:
        """Whether a key belongs to the cursor: Ctrl+arrow, Ctrl+Space or Ins."""
        modifiers, key = event.modifiers() & ~_Modifier.KeypadModifier, event.key()
        if key in _DIRECTIONS:
            return modifiers in (
                _Modifier.ControlModifier,
                _Modifier.ControlModifier | _Modifier.ShiftModifier,
            )
        if key == Qt.Key.Key_Space:
            return modifiers == _Modifier.ControlModifier
        return key == Qt.Key.Key_Insert and modifiers in _INSERT_MODIFIERS

    def handle_key(self, event: QKeyEvent) -> None:
        """Act on a key for which `claims_key` is true."""
        direction = _DIRECTIONS.get(Qt.Key(event.key()))
        if direction is not None:
            self._move(direction * (_FINE_STEP if event.modifiers() & _Modifier.ShiftModifier else _STEP))
        elif not event.isAutoRepeat():
            if not self._actions.is_stroking:
                insert = event.key() == Qt.Key.Key_Insert
                self._press_modifiers = (
                    event.modifiers() & ~_Modifier.KeypadModifier if insert else _Modifier.NoModifier
                )
            self._move(QPointF())
            self._actions.toggle_press()
            if not self._actions.is_stroking:
                self._press_modifiers = _Modifier.NoModifier

    def deactivate(self) -> None:
        """The mouse moves, or the canvas loses the keyboard focus."""
        if self.is_active:
            self._actions.finish_stroke()
            self.is_active, self._press_modifiers = False, _Modifier.NoModifier

    def _move(self, step: QPointF) -> None:
        """Move the cursor by widget pixels; at the edge of the view the picture moves instead."""
        view = self._host.view_rect
        start = self._pointer.position
        if start is None or not view.contains(start.toPoint()):
            start = QPointF(view.center())
        target = start + step
        inside = QPointF(
            min(view.width() - 1.0, max(0.0, target.x())), min(view.height() - 1.0, max(0.0, target.y()))
        )
        self.is_active = True
        if target != inside:
            self._host.pan_by(inside - target)
        self._actions.move_pointer(inside, self._press_modifiers)
