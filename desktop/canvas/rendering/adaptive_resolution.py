"""While every frame is another, as in zooming: fewer pixels, so that each frame is there in time, and all at rest."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QPainter

from core.base.geometry import Box
from desktop.canvas.rendering.compositor import Compositor, FrameBuffers

_SETTLE_MS = 120
"""How long after its last step a motion is over."""

_SLICE_SECONDS = 0.006
"""Seconds of the GUI thread that are taken at once for what nobody waits for."""


class AdaptiveResolution(QObject):
    """Draws a screen as coarsely as it takes to draw it in time. GUI thread."""

    settled = Signal()
    """All pixels are ready to be drawn."""

    def __init__(self, compositor: Compositor, parent: QObject) -> None:
        super().__init__(parent)
        self._compositor = compositor
        self._low_res = LowResRenderer()
        self._step = 1  # device pixels in each direction that share one
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._refine)

    @property
    def is_low_resolution(self) -> bool:
        return self._step > 1

    def start(self) -> None:
        """Every frame will be another for a while."""
        view = self._compositor.view
        # Within one motion it does not become finer again: that would flicker.
        self._step = max(self._step, self._compositor.frame_budget.step(view.width * view.height))
        if self.is_low_resolution:
            self._timer.start(_SETTLE_MS)

    def stop(self) -> None:
        """Draw all pixels from now on, ready or not."""
        self._step = 1
        self._timer.stop()

    def paint(self, painter: QPainter, exposed: list[Box]) -> None:
        """Draw the exposed boxes coarsely; the painter counts device pixels."""
        self._low_res.paint(self._compositor, self._step, painter, exposed)

    def _refine(self) -> None:
        """Work out all pixels, a little at a time: whoever begins to paint now need not wait for it."""
        if self._compositor.update_for(_SLICE_SECONDS):
            self.stop()
            self.settled.emit()
        else:
            self._timer.start(0)


class LowResRenderer:
    """Draws a screen small and enlarges it. Keeps its sheets: fresh memory would cost as much as drawing."""

    def __init__(self) -> None:
        self._buffers = FrameBuffers(1, 1, 1.0)

    def paint(self, compositor: Compositor, step: int, painter: QPainter, exposed: list[Box]) -> None:
        """Draw the exposed boxes with one pixel for `step` device pixels in each direction; the painter counts device
        pixels."""
        view = compositor.view.downscaled(step)
        wanted = view.width, view.height, compositor.ratio / step
        if self._buffers.size_and_ratio != wanted:
            self._buffers = FrameBuffers(*wanted)
        small = compositor.clone(view, self._buffers)
        small.damage_all()
        # Enlarged without smoothing: that would take three times as long, and be seen only for a moment.
        rims = (
            Box(box.x0 // step, box.y0 // step, -(-box.x1 // step), -(-box.y1 // step)) for box in exposed
        )
        small.paint(painter, list(rims), step)
