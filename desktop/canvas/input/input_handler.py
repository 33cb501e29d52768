"""Sorts the canvas's mouse, pen, wheel and key events into gestures; each gesture has a module of its own."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPointingDevice, QTabletEvent, QWheelEvent

from core.tools.tool import Cursor, Modifiers
from desktop.canvas.input.brush_resize import BrushResizeGesture
from desktop.canvas.input.host import CanvasHost
from desktop.canvas.input.keyboard_cursor import KeyboardCursor
from desktop.canvas.input.pan import PanGesture
from desktop.canvas.input.pointer_state import PointerState, tool_modifiers
from desktop.canvas.input.stroke import StrokeGesture
from desktop.canvas.input.tool_keys import ToolKeys, is_plain
from desktop.canvas.input.tool_runner import ToolRunner
from desktop.canvas.input.wheel import Scrolling, WheelInput

_Button = Qt.MouseButton


class InputHandler:
    """Decides which gesture a button or key performs now. Lives on the GUI thread.

    At most one of stroke and resize is active; a pan may happen in the middle of either.
    """

    def __init__(self, host: CanvasHost, tools: ToolRunner) -> None:
        self._host, self._tools = host, tools
        self.pointer = PointerState()
        self.pan = PanGesture(host)
        self.stroke = StrokeGesture(tools, self.pointer)
        self._resize = BrushResizeGesture(host, tools)
        self._wheel = WheelInput(host, tools)
        self._tool_keys = ToolKeys(tools, self._end_gesture)
        self.keyboard_cursor = KeyboardCursor(host, self.pointer, self)
        self._last_mouse_position: QPointF | None = None
        tools.tool_changed.connect(self._tool_changed)

    # What is going on

    @property
    def is_stroking(self) -> bool:
        """Whether a button or key holds the tool down."""
        return self.stroke.is_active

    @property
    def erases(self) -> bool:
        """Whether a press now, or the stroke under way, removes labels."""
        cursor = self._tools.tool.cursor
        if cursor == Cursor.ERASER_RING or self.stroke.erases:
            return True
        return cursor == Cursor.RING and not self.is_stroking and self.pointer.modifiers.ctrl

    @property
    def brush_centre(self) -> QPointF | None:
        """Where the brush is shown: while its size changes it stays where that gesture began."""
        return self._resize.centre or self.pointer.position

    # Interruptions

    def finish_stroke(self) -> None:
        """Finish a stroke whose button is still down; later moves of the same press do nothing."""
        self._resize.stop()
        self.stroke.finish()

    def leave_stroke(self) -> None:
        """The same for an interruption: a shape that the button is drawing is not filled but left."""
        if self.is_stroking and self._tools.is_drawing_shape:
            self.finish_all()
        else:
            self.finish_stroke()

    def finish_all(self) -> None:
        """Finish strokes and finish or leave shapes: another picture comes, or the window closes."""
        self._end_gesture()
        self._tools.finish_all()

    def undo_point(self) -> None:
        """Take back the last point of a shape under way."""
        self._tool_keys.undo_point()

    def focus_lost(self) -> None:
        """Keys and buttons may go up unseen from now on."""
        self.leave_stroke()
        if self.keyboard_cursor.is_active:
            self.keyboard_cursor.deactivate()
            self.pointer.position = None
        self.pan.reset()
        self.pointer.modifiers = Modifiers()
        self.pointer.reset_pen()

    def pointer_left(self) -> None:
        """The pointer left the canvas."""
        if not self.keyboard_cursor.is_active:
            self.finish_stroke()
            self.pointer.position = None

    # Mouse and pen

    def update_pen(self, event: QTabletEvent) -> None:
        """Note pressure and end of a pen. The mouse event that follows does the rest."""
        self.pointer.pressure = event.pressure()
        self.pointer.pen_erases = event.pointerType() == QPointingDevice.PointerType.Eraser

    def press(self, event: QMouseEvent) -> bool:
        self.keyboard_cursor.deactivate()
        self._update_pointer(event)
        if self._host.content is None:
            return False
        button, position = event.button(), self._to_view(event.position())
        if self.pan.press(button, position) or self._is_gesture_active or self.pan.is_active:
            return True
        if button == _Button.LeftButton:
            modifiers = self.pointer.modifiers
            self.stroke.start(
                position, button, replace(modifiers, ctrl=True) if self.pointer.pen_erases else modifiers
            )
            return True
        return button == _Button.RightButton and self._press_secondary(position)

    def double_click(self, event: QMouseEvent) -> bool:
        """The second click of a double click completes a shape; for every other tool it is a click like any other."""
        plain = event.button() == _Button.LeftButton and not self.pan.is_ready and not self._is_gesture_active
        if plain and self._host.content is not None and self._tools.tool.is_busy:
            self._update_pointer(event)
            self._end_gesture()
            self._tools.finish()
            return True
        return self.press(event)

    def move(self, event: QMouseEvent) -> None:
        rests, self._last_mouse_position = event.position() == self._last_mouse_position, event.position()
        if rests and self.keyboard_cursor.is_active:
            return  # the window was repainted below a mouse that nobody touches
        self.keyboard_cursor.deactivate()
        # All points of the event count, not only the last: otherwise curves of a fast stroke are cut short.
        for point in event.points():
            self.move_pointer(self._to_view(point.position()), event.modifiers())

    def release(self, event: QMouseEvent) -> None:
        self._update_pointer(event)
        button, position = event.button(), self._to_view(event.position())
        if self.pan.release(button):
            return
        if self.stroke.release(button, position) or self._resize.release(button):
            self.pointer.reset_pen()

    def click(self, modifiers: Modifiers) -> None:
        """As a click with these modifiers would do where the pointer is."""
        if self.pointer.position is not None and not self._is_gesture_active:
            self.stroke.start(self.pointer.position, _Button.LeftButton, modifiers)
            self.finish_stroke()

    # The pointer, moved by mouse or keys

    def move_pointer(self, position: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """The pointer is at this position of the first view now, with these modifiers held."""
        self.pointer.position = position
        self.pointer.modifiers = tool_modifiers(modifiers)
        if self.pan.is_active or (self.pan.is_ready and self.is_stroking):
            self.pan.move(position)
            return
        self.pan.follow(position)
        if self._host.content is None:
            return
        if self._resize.is_active:
            self._resize.move(position)
        else:
            self._send_position()

    def toggle_press(self) -> None:
        """As if a button went down where the pointer is, or came up again."""
        if self.is_stroking:
            self.finish_stroke()
        elif (
            self.pointer.position is not None
            and not self._is_gesture_active
            and self._host.content is not None
        ):
            self.stroke.start(self.pointer.position, _Button.NoButton, self.pointer.modifiers)

    # Wheel and keys

    def set_scrolling(self, scrolling: Scrolling) -> None:
        self._wheel.scrolling = scrolling

    def wheel(self, event: QWheelEvent) -> bool:
        return self._wheel.turn(event, self._to_view(event.position()))

    def claims_key(self, event: QKeyEvent) -> bool:
        """Whether a key belongs to the canvas now, before any shortcut of the window."""
        if self.keyboard_cursor.claims_key(event):
            return True
        return is_plain(event) if event.key() == Qt.Key.Key_Space else self._tool_keys.claims(event)

    def key_press(self, event: QKeyEvent) -> bool:
        if self.keyboard_cursor.claims_key(event):
            self.keyboard_cursor.handle_key(event)
            return True
        self._update_modifiers(event.modifiers())
        if not self.claims_key(event):
            return False
        if event.key() == Qt.Key.Key_Space:
            self.pan.set_ready(not event.isAutoRepeat() or self.pan.is_ready, self.pointer.position)
        else:
            self._tool_keys.press(event)
        return True

    def key_release(self, event: QKeyEvent) -> bool:
        self._update_modifiers(event.modifiers())
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.pan.set_ready(False, self.pointer.position)
            return True
        return False

    # Steps of the above

    @property
    def _is_gesture_active(self) -> bool:
        return self.stroke.is_active or self._resize.is_active

    def _press_secondary(self, position: QPointF) -> bool:
        """The right button: resizes with Alt, erases, takes back a point, or does nothing."""
        tool, modifiers = self._tools.tool, self.pointer.modifiers
        radius = tool.radius(self._tools.options)
        if modifiers.alt and radius is not None:
            self._resize.start(_Button.RightButton, position, radius)
        elif tool.can_erase or tool.uses_both_buttons:
            self.stroke.start(position, _Button.RightButton, Modifiers(modifiers.shift, True))
        elif tool.is_busy:
            self.undo_point()
        else:
            return False
        return True

    def _send_position(self) -> None:
        """Tell the tool position and modifiers, as a hover or as a drag."""
        position = self.pointer.position
        if position is None or self._resize.is_active:
            return
        if not self.is_stroking:
            self._tools.move(position, self.pointer.modifiers, pressed=False)
        elif not self.pan.is_ready and not self.pan.is_active:
            self.stroke.move(position)

    def _tool_changed(self) -> None:
        self._end_gesture()
        self._send_position()

    def _update_pointer(self, event: QMouseEvent) -> None:
        self.pointer.position = self._to_view(event.position())
        self.pointer.modifiers = tool_modifiers(event.modifiers())

    def _update_modifiers(self, modifiers: Qt.KeyboardModifier) -> None:
        """Modifiers change what a press would do, and tools show that at once."""
        if self.keyboard_cursor.is_active:
            return  # they belong to the keys that move the cursor
        if tool_modifiers(modifiers) != self.pointer.modifiers:
            self.pointer.modifiers = tool_modifiers(modifiers)
            self._send_position()

    def _to_view(self, position: QPointF) -> QPointF:
        """A position of the first view. Of two views side by side, a gesture stays in the one where it began."""
        return self._host.to_first_view(
            position, new_gesture=not self._is_gesture_active and not self.pan.is_active
        )

    def _end_gesture(self) -> None:
        self.stroke.stop()
        self._resize.stop()
