"""Keys of the active tool: Enter finishes, Esc cancels, Backspace and Delete change a shape under way."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from desktop.actions.key_positions import shortcut_of
from desktop.canvas.input.tool_runner import ToolRunner

_Modifier = Qt.KeyboardModifier
_TOOL_KEYS = (
    Qt.Key.Key_Return,
    Qt.Key.Key_Enter,
    Qt.Key.Key_Escape,
    Qt.Key.Key_Backspace,
    Qt.Key.Key_Delete,
)


class ToolKeys:
    """Passes the keys that the active tool needs now to it, before any shortcut of the window gets them. GUI thread."""

    def __init__(self, tools: ToolRunner, end_gesture: Callable[[], None]) -> None:
        """end_gesture: ends a press without a release, before Enter or Esc act on the tool."""
        self._tools, self._end_gesture = tools, end_gesture

    def claims(self, event: QKeyEvent) -> bool:
        """Whether the key belongs to the tool now."""
        key, plain = event.key(), is_plain(event)
        if plain and key == Qt.Key.Key_Escape and self._tools.is_waiting:
            return True
        return (plain and self._tools.tool.is_busy and key in _TOOL_KEYS) or self._tool_handles(event)

    def press(self, event: QKeyEvent) -> None:
        """Act on a key for which `claims` is true."""
        key = event.key()
        if key == Qt.Key.Key_Escape and self._tools.is_waiting and not self._tools.tool.is_busy:
            self._tools.cancel()  # the tool is told too, and requests the task again when it needs it
        elif self._tool_handles(event):
            self._tools.press_key(shortcut_of(event))
        elif key == Qt.Key.Key_Backspace:
            self.undo_point()
        elif key == Qt.Key.Key_Delete:
            if not self._tools.is_pressed:
                self._tools.delete_point()
        else:
            self._end_gesture()
            (self._tools.cancel if key == Qt.Key.Key_Escape else self._tools.finish)()

    def undo_point(self) -> None:
        """Take back the last point of a shape, unless a button is down."""
        if not self._tools.is_pressed:
            self._tools.undo_point()

    def _tool_handles(self, event: QKeyEvent) -> bool:
        return not self._tools.is_pressed and self._tools.tool.handles_key(shortcut_of(event))


def is_plain(event: QKeyEvent) -> bool:
    """Whether neither Ctrl, Alt nor Meta is held."""
    return not event.modifiers() & (
        _Modifier.ControlModifier | _Modifier.AltModifier | _Modifier.MetaModifier
    )
