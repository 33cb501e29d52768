"""Everything drawn above the layers: previews, the shape under way, a highlighted box and the brush cursor."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QPainter

from core.base.geometry import Box
from core.tools.tool import MaskPreview, OutlinePreview
from desktop.canvas.input.host import CanvasHost
from desktop.canvas.input.input_handler import InputHandler
from desktop.canvas.input.tool_runner import ToolRunner
from desktop.canvas.overlays import outlines
from desktop.canvas.overlays.brush_cursor import BrushCursor
from desktop.canvas.overlays.mask_preview import MaskPreviewPainter

LEFT_SHAPE_OPACITY = 0.7


class OverlayPainter:
    """Draws the overlays and repaints only the areas they cover. Lives on the GUI thread."""

    def __init__(self, host: CanvasHost, tools: ToolRunner, inputs: InputHandler) -> None:
        self._host, self._tools, self._input = host, tools, inputs
        self.brush_cursor = BrushCursor(host, tools, inputs)
        self._preview_painter = MaskPreviewPainter()
        self._pending_painter = MaskPreviewPainter()
        self._region_painter = MaskPreviewPainter(outside=2)
        self._region: MaskPreview | None = None
        self._highlight: Box | None = None
        self._frames: tuple[Box, ...] = ()
        self._active_frame: Box | None = None
        self._left_shape: tuple[OutlinePreview, QColor] | None = None
        self._areas: list[QRect] = []

    def set_highlight(self, box: Box | None) -> None:
        """Frame these image pixels; None removes the frame."""
        self._highlight = None if box is None or box.is_empty else box

    def set_region(self, region: MaskPreview | None) -> None:
        """Outline a region that is asked about, and repaint where it was and is: it does not follow the pointer."""
        for each in (self._region, region):
            if each is not None:
                self._host.update_area(outlines.frame_area(each.box, self._host.widget_point))
        self._region = region

    def set_frames(self, boxes: Sequence[Box], active: Box | None) -> None:
        """Frame regions that are worth a look, and one of them strongly."""
        for box in (*self._frames, *boxes):
            self._host.update_area(outlines.frame_area(box, self._host.widget_point))
        self._frames, self._active_frame = tuple(boxes), active

    def set_left_shape(self, outline: OutlinePreview | None, colour: QColor) -> None:
        """Show a shape that was left unfinished, in the colour of its class; None shows none."""
        self._left_shape = None if outline is None else (outline, colour)

    def update(self) -> None:
        """Repaint where the overlays were at the last call and where they are now."""
        to_widget = self._host.widget_point
        preview, pending = self._tools.mask_preview, self._tools.pending_edit
        areas = [
            *self.brush_cursor.areas(),
            outlines.outline_area(pending.outline, to_widget),
            outlines.frame_area(pending.preview.box if pending.preview else None, to_widget),
            outlines.outline_area(self._tools.outline, to_widget),
            outlines.outline_area(self._left_shape[0] if self._left_shape else None, to_widget),
            outlines.frame_area(self._highlight, to_widget),
            outlines.frame_area(preview.box if preview else None, to_widget),
        ]
        for area in (*self._areas, *areas):
            if not area.isEmpty():
                self._host.update_area(area)
        self._areas = areas

    def draw(self, painter: QPainter) -> None:
        """The painter counts widget pixels."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tools, to_widget = self._tools, self._host.widget_point
        for box in self._frames:
            if box != self._active_frame:
                outlines.draw_frame(painter, box, to_widget, faint=True)
        if self._active_frame is not None:
            outlines.draw_frame(painter, self._active_frame, to_widget)
        self._draw_preview(painter, self._region_painter, self._region, tools.colour_of(self._region))
        if self._left_shape is not None:
            painter.setOpacity(LEFT_SHAPE_OPACITY)
            outlines.draw_outline(painter, self._left_shape[0], to_widget, self._left_shape[1])
            painter.setOpacity(1.0)
        pending, class_colour = tools.pending_edit, tools.colour_of(None)
        self._draw_preview(painter, self._pending_painter, pending.preview, pending.colour)
        if pending.outline is not None:
            outlines.draw_outline(painter, pending.outline, to_widget, pending.colour)
        preview = tools.mask_preview
        self._draw_preview(painter, self._preview_painter, preview, tools.colour_of(preview))
        if self._highlight is not None:
            outlines.draw_frame(painter, self._highlight, to_widget)
        if tools.outline is not None:
            outlines.draw_outline(painter, tools.outline, to_widget, class_colour)
        self.brush_cursor.draw(painter, class_colour, self._input.erases or tools.paints_unlabelled)

    def _draw_preview(
        self, painter: QPainter, previews: MaskPreviewPainter, preview: MaskPreview | None, colour: QColor
    ) -> None:
        if preview is None:
            previews.clear()
        else:
            previews.draw(painter, preview, self._host.viewport, self._host.devicePixelRatioF(), colour)
