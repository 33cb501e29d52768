"""Wheel and two-finger scrolling: zooms at the pointer, moves the picture, or changes the size of the tool."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QInputDevice, QWheelEvent

from desktop.canvas.input.host import CanvasHost
from desktop.canvas.input.tool_runner import ToolRunner

_ZOOM_PER_NOTCH = 1.25
_WHEEL_NOTCH = 120.0
"""What a mouse wheel reports for one notch, in eighths of a degree."""
_PIXELS_PER_NOTCH = 64.0
"""Widget pixels by which a notch moves the picture, where the system reports no distance in pixels."""

_SAME_SCROLL_MS = 300
"""Events that follow one of a touchpad so soon are of the same scroll, also one that turns by a whole notch."""


class Scrolling(StrEnum):
    """What scrolling without Shift and Ctrl does: the values of the setting `scrolling`."""

    TOUCHPAD = "touchpad"
    """Two fingers on a touchpad move the picture, a wheel zooms."""
    ZOOM = "zoom"
    PAN = "pan"


class WheelInput:
    """Adds up fractions of notches, which touchpads report, until they make a step of the size. GUI thread."""

    def __init__(self, host: CanvasHost, tools: ToolRunner) -> None:
        self._host, self._tools = host, tools
        self._size_notches = 0.0
        self._fingers_at = -_SAME_SCROLL_MS
        self.scrolling = Scrolling.TOUCHPAD

    def turn(self, event: QWheelEvent, position: QPointF) -> bool:
        """Handle the event at a position of the first view. False when there is nothing to do."""
        # Some systems turn the wheel sideways while Shift or Alt is held.
        notches = (event.angleDelta().y() or event.angleDelta().x()) / _WHEEL_NOTCH
        modifiers = event.modifiers()
        with_shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        with_ctrl = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        if not with_shift and not with_ctrl and self._pans(event):
            return self._pan(event)
        if notches == 0:
            return False
        if with_shift or (self._tools.tool.wheel_adjusts and not with_ctrl):
            self._size_notches += notches
            whole = int(self._size_notches)
            self._size_notches -= whole
            return self._tools.resize(whole)
        self._host.zoom_at(position, _ZOOM_PER_NOTCH**notches)
        return True

    def _pans(self, event: QWheelEvent) -> bool:
        if self.scrolling != Scrolling.TOUCHPAD:
            return self.scrolling == Scrolling.PAN
        if is_touchpad(event):
            self._fingers_at = event.timestamp()
        return event.timestamp() - self._fingers_at < _SAME_SCROLL_MS

    def _pan(self, event: QWheelEvent) -> bool:
        """Move the picture by the pixels that the system reports, else by notches."""
        step = QPointF(event.pixelDelta())
        if step.isNull():
            step = QPointF(event.angleDelta()) * (_PIXELS_PER_NOTCH / _WHEEL_NOTCH)
        if step.isNull():
            return False
        self._host.pan_by(step)
        return True


def is_touchpad(event: QWheelEvent) -> bool:
    """Whether fingers scroll. Where the system names no device (X11), a touchpad is known by parts of a notch."""
    if event.device().type() == QInputDevice.DeviceType.TouchPad:
        return True
    if event.phase() != Qt.ScrollPhase.NoScrollPhase:
        return True
    turn = event.angleDelta()
    return bool(turn.x() % _WHEEL_NOTCH or turn.y() % _WHEEL_NOTCH)
