"""The wheel: zooms at the pointer; with Shift, or for tools that use it, it changes the size of the tool."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QWheelEvent

from desktop.canvas.input.host import CanvasHost
from desktop.canvas.input.tool_runner import ToolRunner

_ZOOM_PER_NOTCH = 1.25
_WHEEL_NOTCH = 120.0
"""What a mouse wheel reports for one notch, in eighths of a degree."""


class WheelInput:
    """Adds up fractions of notches, which touchpads report, until they make a step of the size. GUI thread."""

    def __init__(self, host: CanvasHost, tools: ToolRunner) -> None:
        self._host, self._tools = host, tools
        self._size_notches = 0.0

    def turn(self, event: QWheelEvent, position: QPointF) -> bool:
        """Handle the event at a position of the first view. False when there is nothing to do."""
        # Some systems turn the wheel sideways while Shift or Alt is held.
        notches = (event.angleDelta().y() or event.angleDelta().x()) / _WHEEL_NOTCH
        if notches == 0:
            return False
        modifiers = event.modifiers()
        with_shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        with_ctrl = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        if with_shift or (self._tools.tool.wheel_adjusts and not with_ctrl):
            self._size_notches += notches
            whole = int(self._size_notches)
            self._size_notches -= whole
            return self._tools.resize(whole)
        self._host.zoom_at(position, _ZOOM_PER_NOTCH**notches)
        return True
