"""The resize gesture: Alt and a drag with the right button change the radius of the brush."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt

from desktop.canvas.input.host import CanvasHost
from desktop.canvas.input.tool_runner import ToolRunner

_Button = Qt.MouseButton


class BrushResizeGesture:
    """A drag to the right makes the brush larger by as many image pixels as the pointer crosses. GUI thread."""

    def __init__(self, host: CanvasHost, tools: ToolRunner) -> None:
        self._host, self._tools = host, tools
        self._button = _Button.NoButton
        self._start = QPointF()
        self._radius = 0.0

    @property
    def is_active(self) -> bool:
        return self._button != _Button.NoButton

    @property
    def centre(self) -> QPointF | None:
        """Where the drag began, in widget pixels: the brush is shown there meanwhile. None while inactive."""
        return self._start if self.is_active else None

    def start(self, button: Qt.MouseButton, position: QPointF, radius: float) -> None:
        """radius: the one the drag starts with, in image pixels."""
        self._button, self._start, self._radius = button, position, radius

    def move(self, position: QPointF) -> None:
        image_pixels = (position.x() - self._start.x()) * self._host.devicePixelRatioF()
        self._tools.set_radius(self._radius + image_pixels / self._host.viewport.scale)

    def release(self, button: Qt.MouseButton) -> bool:
        """End the drag if this button began it; False if it did not."""
        if not self.is_active or button != self._button:
            return False
        self.stop()
        return True

    def stop(self) -> None:
        self._button = _Button.NoButton
