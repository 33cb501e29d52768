"""From Qt's mouse, wheel and key events to what the hand does: drawing, panning, zooming, changing the size."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from PySide6.QtCore import QKeyCombination, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QMouseEvent, QPointingDevice, QTabletEvent, QWheelEvent

from core.tools.tool import Cursor, Modifiers, Tool
from desktop.canvas.input.keyboard_cursor import KeyboardCursor
from desktop.canvas.input.tool_runner import ToolRunner

if TYPE_CHECKING:
    from desktop.canvas.canvas import Canvas

_ZOOM_PER_NOTCH = 1.25
_WHEEL_NOTCH = 120.0
"""What a mouse wheel reports for one notch, in eighths of a degree."""

_Button = Qt.MouseButton
_Modifier = Qt.KeyboardModifier
_TOOL_KEYS = (
    Qt.Key.Key_Return,
    Qt.Key.Key_Enter,
    Qt.Key.Key_Escape,
    Qt.Key.Key_Backspace,
    Qt.Key.Key_Delete,
)


class _Gesture(Enum):
    """What the buttons are doing."""

    NOTHING = auto()
    STROKE = auto()
    SIZE = auto()


class InputHandler:
    """The hand on the canvas; knows what each button is doing. Lives on the GUI thread.

    Panning may happen in the middle of a stroke, so it is not one of the acts but stands beside them.
    """

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self.tool_runner = ToolRunner(canvas)
        self.keyboard_cursor = KeyboardCursor(canvas, self)
        self.position: QPointF | None = None
        """Where the pointer is, in widget pixels; None while it is elsewhere."""
        self._last_mouse_position: QPointF | None = None
        self._gesture = _Gesture.NOTHING
        self._button = _Button.NoButton
        self._pan_button = _Button.NoButton
        self._pan_from = QPointF()
        self._space_held = False
        self._resize_start = (QPointF(), 0.0)
        self._erases = False
        self._modifiers = Modifiers()
        self._pressure = 1.0
        self._pen_erases = False
        self._size_notches = 0.0

    # What is going on

    @property
    def tool(self) -> Tool:
        return self.tool_runner.tool

    @property
    def is_stroking(self) -> bool:
        """Whether a button holds a tool down."""
        return self._gesture == _Gesture.STROKE

    @property
    def is_panning(self) -> bool:
        return self._pan_button != _Button.NoButton

    @property
    def is_ready_to_pan(self) -> bool:
        return self._space_held

    @property
    def erases(self) -> bool:
        """Whether a press now, or the stroke under way, takes labels away."""
        if self.tool.cursor == Cursor.ERASER_RING or self._erases:
            return True
        return self.tool.cursor == Cursor.RING and not self.is_stroking and self._modifiers.ctrl

    @property
    def brush_centre(self) -> QPointF | None:
        """Where the brush ring is drawn: while its size changes it stays where that began."""
        return self._resize_start[0] if self._gesture == _Gesture.SIZE else self.position

    # Called by the canvas

    def set_tool(self, tool: Tool) -> None:
        """Change tools; what the old one has under way is finished."""
        if tool is not self.tool:
            self.finish_all()
            self.tool_runner.tool = tool
            self._send_position()

    def finish_stroke(self) -> None:
        """Finish a stroke whose button is still down; later moves of the same press do nothing."""
        stroked = self.is_stroking
        self._end_gesture()
        if stroked and self.position is not None:
            self.tool_runner.release(self.position, self._modifiers)

    def finish_all(self) -> None:
        """Another tool, another picture, or the end: finish all that is under way."""
        self._end_gesture()
        self.tool_runner.finish_all()

    def focus_lost(self) -> None:
        """Keys and buttons may go up unseen from now on."""
        self.finish_stroke()
        if self.keyboard_cursor.is_active:
            self.keyboard_cursor.deactivate()
            self.position = None
        self._space_held, self._modifiers = False, Modifiers()
        self._pressure, self._pen_erases = 1.0, False
        self._pan_button = _Button.NoButton

    # Mouse and pen

    def update_pen(self, event: QTabletEvent) -> None:
        """How hard a pen presses, and with which end. The mouse event that follows does the rest."""
        self._pressure = event.pressure()
        self._pen_erases = event.pointerType() == QPointingDevice.PointerType.Eraser

    def press(self, event: QMouseEvent) -> bool:
        self.keyboard_cursor.deactivate()
        self._update_pointer(event)
        button = event.button()
        if self._canvas.tool_context() is None:
            return False
        if button == _Button.MiddleButton or (button == _Button.LeftButton and self._space_held):
            self._pan_button, self._pan_from = button, self._to_view(event.position())
            return True
        if self._gesture != _Gesture.NOTHING or self.is_panning:
            return True
        if button == _Button.LeftButton:
            held = replace(self._modifiers, ctrl=True) if self._pen_erases else self._modifiers
            return self._start_stroke(self._to_view(event.position()), button, held)
        if button == _Button.RightButton:
            return self._press_secondary(self._to_view(event.position()))
        return False

    def double_click(self, event: QMouseEvent) -> bool:
        """For shapes the second click of a double click completes; for all else it is a click like any other."""
        stage = self._canvas.tool_context()
        plain = (
            event.button() == _Button.LeftButton
            and not self._space_held
            and self._gesture == _Gesture.NOTHING
        )
        if plain and stage is not None and self.tool.is_busy:
            self._update_pointer(event)
            self._end_gesture()
            self.tool_runner.finish()
            return True
        return self.press(event)

    def move(self, event: QMouseEvent) -> None:
        rests, self._last_mouse_position = event.position() == self._last_mouse_position, event.position()
        if rests and self.keyboard_cursor.is_active:
            return  # the window was drawn anew below a mouse that nobody touches
        self.keyboard_cursor.deactivate()
        # All points of the event count, not only the last: a stroke bends where the hand bent it.
        for point in event.points():
            self._move_to(self._to_view(point.position()), event.modifiers())

    def release(self, event: QMouseEvent) -> None:
        self._update_pointer(event)
        if event.button() == self._pan_button:
            self._pan_button = _Button.NoButton
        elif event.button() == self._button:
            stroked, at = self._gesture == _Gesture.STROKE, self._to_view(event.position())
            self._end_gesture()
            if stroked:
                self.tool_runner.release(at, replace(self._modifiers, pressure=self._pressure))
            self._pressure, self._pen_erases = 1.0, False  # a mouse may come next

    def pointer_left(self) -> None:
        """The pointer left the canvas."""
        if self.keyboard_cursor.is_active:
            return
        self.finish_stroke()
        self.position = None

    # Keys that stand for the mouse

    def move_cursor(self, position: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """As if the mouse had moved there with these keys held."""
        self._move_to(position, modifiers)

    def toggle_press(self) -> None:
        """As if a button went down where the pointer is, or came up again."""
        if self.is_stroking:
            self.finish_stroke()
        elif (
            self.position is not None
            and self._gesture == _Gesture.NOTHING
            and self._canvas.tool_context() is not None
        ):
            self._start_stroke(self.position, _Button.NoButton, self._modifiers)

    # Wheel and keys

    def wheel(self, event: QWheelEvent) -> bool:
        # Some systems turn the wheel sideways while Shift or Alt is held.
        notches = (event.angleDelta().y() or event.angleDelta().x()) / _WHEEL_NOTCH
        if notches == 0:
            return False
        held = event.modifiers()
        if held & _Modifier.ShiftModifier or (
            self.tool.wheel_adjusts and not held & _Modifier.ControlModifier
        ):
            self._size_notches += notches
            whole = int(self._size_notches)
            self._size_notches -= whole
            return self.tool_runner.resize(whole)
        self._canvas.zoom_at(self._to_view(event.position()), _ZOOM_PER_NOTCH**notches)
        return True

    def claims_key(self, event: QKeyEvent) -> bool:
        """Whether a key belongs to the tool now, before any shortcut of the window."""
        key, plain = event.key(), _has_no_modifiers(event)
        if self.keyboard_cursor.claims_key(event):
            return True
        if key == Qt.Key.Key_Space:
            return plain
        if plain and key == Qt.Key.Key_Escape and self._canvas.is_waiting:
            return True
        return (plain and self.tool.is_busy and key in _TOOL_KEYS) or self._tool_handles(event)

    def key_press(self, event: QKeyEvent) -> bool:
        if self.keyboard_cursor.claims_key(event):
            self.keyboard_cursor.handle_key(event)
            return True
        self._update_modifiers(event.modifiers())
        key = event.key()
        if self.claims_key(event):
            if key == Qt.Key.Key_Space:
                self._set_space_held(not event.isAutoRepeat() or self._space_held)
            elif key == Qt.Key.Key_Escape and self._canvas.is_waiting and not self.tool.is_busy:
                self.tool_runner.cancel()  # the tool hears of it too, and asks anew when it needs the work again
            elif self._tool_handles(event):
                self.tool_runner.press_key(_key_text(event))
            elif key == Qt.Key.Key_Backspace:
                self.undo_point()
            elif key == Qt.Key.Key_Delete:
                if not self.is_stroking:
                    self.tool_runner.delete_point()
            else:
                self._end_gesture()
                (self.tool_runner.cancel if key == Qt.Key.Key_Escape else self.tool_runner.finish)()
            return True
        return False

    def key_release(self, event: QKeyEvent) -> bool:
        self._update_modifiers(event.modifiers())
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._set_space_held(False)
            return True
        return False

    def click(self, modifiers: Modifiers) -> None:
        """As a click would do with these keys held, where the pointer is."""
        if self.position is not None and self._gesture == _Gesture.NOTHING:
            self._start_stroke(self.position, _Button.LeftButton, modifiers)
            self.finish_stroke()

    def undo_point(self) -> None:
        """Backspace."""
        if not self.is_stroking:
            self.tool_runner.undo_point()

    # Steps of the above

    def _tool_handles(self, event: QKeyEvent) -> bool:
        return not self.is_stroking and self.tool.handles_key(_key_text(event))

    def _start_stroke(self, position: QPointF, button: Qt.MouseButton, modifiers: Modifiers) -> bool:
        erases = modifiers.ctrl and self.tool.can_erase
        if not self.tool_runner.can_press(erasing=erases):
            self._canvas.needs_class.emit()
            return True
        if self.tool_runner.prepare_edit():
            self._gesture, self._button, self._erases = _Gesture.STROKE, button, erases
            self.tool_runner.press(position, replace(modifiers, pressure=self._pressure))
        return True

    def _press_secondary(self, position: QPointF) -> bool:
        radius = self.tool.radius(self._canvas.options)
        if self._modifiers.alt and radius is not None:
            self._gesture, self._button = _Gesture.SIZE, _Button.RightButton
            self._resize_start = (position, radius)
            return True
        if self.tool.can_erase or self.tool.uses_both_buttons:
            return self._start_stroke(position, _Button.RightButton, Modifiers(self._modifiers.shift, True))
        if self.tool.is_busy:
            self.undo_point()
            return True
        return False

    def _move_to(self, position: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self.position = position
        self._modifiers = _tool_modifiers(modifiers)
        if self.is_panning or (self._space_held and self.is_stroking):
            step = position - self._pan_from
            self._pan_from = position
            self._canvas.pan_by(step)
            return
        self._pan_from = position
        stage = self._canvas.tool_context()
        if stage is None:
            return
        if self._gesture == _Gesture.SIZE:
            start, radius = self._resize_start
            self._canvas.set_radius(radius + (position.x() - start.x()) / stage.scale)
        else:
            self._send_position()

    def _send_position(self) -> None:
        """Tell the tool where the pointer is and what is held, also while it draws."""
        if self.position is None:
            return
        if self._gesture == _Gesture.NOTHING:
            self.tool_runner.move(self.position, self._modifiers, pressed=False)
        elif self._gesture == _Gesture.STROKE and not self._space_held and not self.is_panning:
            self.tool_runner.move(
                self.position, replace(self._modifiers, pressure=self._pressure), pressed=True
            )

    def _update_pointer(self, event: QMouseEvent) -> None:
        self.position = self._to_view(event.position())
        self._modifiers = _tool_modifiers(event.modifiers())

    def _to_view(self, position: QPointF) -> QPointF:
        """Of two views side by side the one where a press began has the hand until it ends."""
        return self._canvas.to_first_view(
            position, new_gesture=self._gesture == _Gesture.NOTHING and not self.is_panning
        )

    def _update_modifiers(self, held: Qt.KeyboardModifier) -> None:
        """Keys change what a press would do, and that is shown at once."""
        if self.keyboard_cursor.is_active:
            return  # they belong to the keys that move the cursor
        if _tool_modifiers(held) != self._modifiers:
            self._modifiers = _tool_modifiers(held)
            self._send_position()

    def _set_space_held(self, held: bool) -> None:
        self._space_held = held
        if self.position is not None:
            self._pan_from = self.position

    def _end_gesture(self) -> None:
        self._gesture, self._button, self._erases = _Gesture.NOTHING, _Button.NoButton, False


def _has_no_modifiers(event: QKeyEvent) -> bool:
    return not event.modifiers() & (
        _Modifier.ControlModifier | _Modifier.AltModifier | _Modifier.MetaModifier
    )


def _key_text(event: QKeyEvent) -> str:
    """A key with what is held, as shortcuts are written. Keys of the number pad are keys like all others."""
    held = event.modifiers() & ~_Modifier.KeypadModifier
    return QKeySequence(QKeyCombination(held, Qt.Key(event.key()))).toString(
        QKeySequence.SequenceFormat.PortableText
    )


def _tool_modifiers(held: Qt.KeyboardModifier) -> Modifiers:
    return Modifiers(
        bool(held & _Modifier.ShiftModifier),
        bool(held & _Modifier.ControlModifier),
        bool(held & _Modifier.AltModifier),
    )
