"""The stroke gesture: a button goes down, the active tool follows the pointer until the button comes up."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPointF, Qt

from core.tools.tool import Modifiers
from desktop.canvas.input.pointer_state import PointerState
from desktop.canvas.input.tool_runner import ToolRunner

_Button = Qt.MouseButton


class StrokeGesture:
    """Presses, drags and releases the active tool. Ends early when focus, picture or tool changes, and by Esc, which
    discards the stroke. GUI thread."""

    def __init__(self, tools: ToolRunner, pointer: PointerState) -> None:
        self._tools, self._pointer = tools, pointer
        self._button = _Button.NoButton
        self._erases = False

    @property
    def is_active(self) -> bool:
        """Whether the tool is held down."""
        return self._tools.is_pressed

    @property
    def erases(self) -> bool:
        """Whether the stroke under way removes labels."""
        return self.is_active and self._erases

    def start(self, position: QPointF, button: Qt.MouseButton, modifiers: Modifiers) -> None:
        """Press the tool, or ask for a class when it needs one and there is none. `button` is the one whose release
        ends the stroke; NoButton for a key."""
        erases = modifiers.ctrl and self._tools.tool.can_erase
        if not self._tools.can_press(erasing=erases):
            self._tools.needs_class.emit()
        elif self._tools.prepare_edit():
            self._button, self._erases = button, erases
            self._tools.press(position, replace(modifiers, pressure=self._pointer.pressure))

    def move(self, position: QPointF) -> None:
        self._tools.move(position, self._pointer.pressed_modifiers, pressed=True)

    def release(self, button: Qt.MouseButton, position: QPointF) -> bool:
        """End the stroke if this button began it; False if it did not."""
        if not self.is_active or button != self._button:
            return False
        self._tools.release(position, self._pointer.pressed_modifiers)
        return True

    def finish(self) -> None:
        """End the stroke where the pointer is, while its button is still down; later moves do nothing."""
        if not self.is_active:
            return
        if self._pointer.position is None:
            self.stop()
        else:
            self._tools.release(self._pointer.position, self._pointer.modifiers)

    def stop(self) -> None:
        """End the press without a release: the caller finishes or cancels the tool."""
        self._tools.is_pressed = False
