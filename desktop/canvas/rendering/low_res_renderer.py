"""Drawing with few pixels while every frame is another, so that zooming is smooth on any screen."""

from __future__ import annotations

from PySide6.QtGui import QPainter

from core.base.geometry import Box
from desktop.canvas.rendering.compositor import Compositor, FrameBuffers


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
