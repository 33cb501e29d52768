"""Lower resolution while zooming, so that every frame is drawn in time; full resolution once the view rests."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QPainter

from core.base.geometry import Box
from desktop.canvas.rendering.compositor import Compositor, FrameBuffers

_SETTLE_MS = 120
"""Milliseconds after the last zoom step until full resolution is drawn."""

_SLICE_SECONDS = 0.006
"""Seconds of the GUI thread that refining to full resolution takes at a time."""


class AdaptiveResolution(QObject):
    """Chooses the resolution in which the compositor draws. GUI thread."""

    settled = Signal()
    """Full resolution is ready to be painted."""

    def __init__(self, compositor: Compositor, parent: QObject) -> None:
        super().__init__(parent)
        self._compositor = compositor
        self._low_res = LowResRenderer()
        self._step = 1  # device pixels in each direction per drawn pixel
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._refine)

    @property
    def is_low_resolution(self) -> bool:
        return self._step > 1

    def start(self) -> None:
        """Every frame changes completely for a while, as in zooming."""
        view = self._compositor.view
        # The resolution does not rise before the view rests: that would flicker.
        self._step = max(self._step, self._compositor.frame_budget.step(view.width * view.height))
        if self.is_low_resolution:
            self._timer.start(_SETTLE_MS)

    def stop(self) -> None:
        """Draw in full resolution from now on."""
        self._step = 1
        self._timer.stop()

    def paint(self, painter: QPainter, exposed: list[Box]) -> None:
        """Paint the exposed boxes in low resolution; the painter counts device pixels."""
        self._low_res.paint(self._compositor, self._step, painter, exposed)

    def _refine(self) -> None:
        """Draw full resolution in short slices, so that a stroke that starts now need not wait."""
        if self._compositor.update_for(_SLICE_SECONDS):
            self.stop()
            self.settled.emit()
        else:
            self._timer.start(0)


class LowResRenderer:
    """Draws a small frame and enlarges it. Keeps its buffers: allocating them would cost as much as drawing."""

    def __init__(self) -> None:
        self._buffers = FrameBuffers(1, 1, 1.0)

    def paint(self, compositor: Compositor, step: int, painter: QPainter, exposed: list[Box]) -> None:
        """Paint the exposed boxes with one pixel per `step` device pixels in each direction; the painter counts device
        pixels."""
        view = compositor.view.downscaled(step)
        wanted = view.width, view.height, compositor.ratio / step
        if self._buffers.size_and_ratio != wanted:
            self._buffers = FrameBuffers(*wanted)
        small = compositor.clone(view, self._buffers)
        small.damage_all()
        # Enlarged without interpolation, which would take three times as long for a frame that is visible briefly.
        boxes = (
            Box(box.x0 // step, box.y0 // step, -(-box.x1 // step), -(-box.y1 // step)) for box in exposed
        )
        small.paint(painter, list(boxes), step)
