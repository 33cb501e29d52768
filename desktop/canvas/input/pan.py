"""The pan gesture: the middle button, or Space with the left one, moves the picture."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt

from desktop.canvas.input.host import CanvasHost

_Button = Qt.MouseButton


class PanGesture:
    """Moves the picture with the pointer. It may happen in the middle of a stroke, which then waits. GUI thread."""

    def __init__(self, host: CanvasHost) -> None:
        self._host = host
        self._button = _Button.NoButton
        self._from = QPointF()
        self.is_ready = False
        """Whether Space is held: the left button pans, and a stroke under way pans instead of painting."""

    @property
    def is_active(self) -> bool:
        return self._button != _Button.NoButton

    def press(self, button: Qt.MouseButton, position: QPointF) -> bool:
        """Start panning if this button does; False if it does not."""
        if button != _Button.MiddleButton and not (button == _Button.LeftButton and self.is_ready):
            return False
        self._button, self._from = button, position
        return True

    def move(self, position: QPointF) -> None:
        step, self._from = position - self._from, position
        self._host.pan_by(step)

    def follow(self, position: QPointF) -> None:
        """The pointer moved without panning: a pan would start from here."""
        self._from = position

    def release(self, button: Qt.MouseButton) -> bool:
        """Stop panning if this button pans; False if it does not."""
        if button != self._button:
            return False
        self._button = _Button.NoButton
        return True

    def set_ready(self, ready: bool, position: QPointF | None) -> None:
        """Space went down or up."""
        self.is_ready = ready
        if position is not None:
            self._from = position

    def reset(self) -> None:
        """Keys and buttons may go up unseen from now on."""
        self.is_ready, self._button = False, _Button.NoButton
