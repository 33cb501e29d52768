"""What tools, gestures and overlays see of the canvas: coordinates, what is shown, and how to move or repaint it."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QPointF, QRect
from PySide6.QtGui import QColor, QFont

from core.base.geometry import Box, Point
from desktop.canvas.rendering.compositor import CanvasContent
from desktop.canvas.viewport import Viewport


class CanvasHost(Protocol):
    """The widget behind a tool. Positions are widget pixels of the first view; used on the GUI thread."""

    @property
    def content(self) -> CanvasContent | None:
        """The picture with its label and prediction; None while no picture can be worked on."""
        ...

    @property
    def viewport(self) -> Viewport:
        """Scale and position of the picture in device pixels; read only."""
        ...

    @property
    def view_rect(self) -> QRect: ...

    def devicePixelRatioF(self) -> float: ...  # noqa: N802

    def font(self) -> QFont: ...

    def image_point(self, position: QPointF) -> Point: ...

    def widget_point(self, at: Point) -> QPointF: ...

    def to_first_view(self, position: QPointF, *, new_gesture: bool = True) -> QPointF: ...

    def zoom_at(self, position: QPointF, factor: float) -> None: ...

    def pan_by(self, step: QPointF) -> None: ...

    def class_colour(self, value: int) -> QColor: ...

    def refresh(self, box: Box) -> None:
        """The labels of these image pixels changed."""
        ...

    def update_area(self, area: QRect) -> None:
        """Repaint these widget pixels, in both views."""
        ...

    def update_overlays(self) -> None:
        """Something drawn above the layers may look different now."""
        ...
