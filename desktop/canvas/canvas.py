"""The canvas: shows one picture with its layers and lets the active tool work on it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QPlainTextEdit, QTextEdit, QWidget

from core.base.geometry import Box, Point
from core.tools.tool import MaskPreview, Modifiers, OutlinePreview
from desktop.canvas.input.input_handler import InputHandler
from desktop.canvas.input.tool_runner import ToolRunner
from desktop.canvas.input.wheel import Scrolling
from desktop.canvas.layered_image_widget import LayeredImageWidget
from desktop.canvas.overlays.cursors import cursor_for
from desktop.canvas.overlays.overlay_painter import OverlayPainter

_TEXT_INPUTS = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)


class Canvas(LayeredImageWidget):
    """Joins the layered picture, the active tool (`tools`), the input and the overlays. Lives on the GUI thread.

    Leaving the window, another picture or another tool finish a stroke; a shape is filled or left (`shape_left`), and
    only Esc discards it.
    """

    cursor_moved = Signal(object)
    """Point, or None while the pointer is not on the picture."""
    busy_changed = Signal(bool)
    """Whether a stroke or shape is under way now, of which undo would take back a step."""
    pen_detected = Signal()
    """A pen was used for the first time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.has_pen = False
        self.tools = ToolRunner(self, self)
        self._input = InputHandler(self, self.tools)
        self._overlays = OverlayPainter(self, self.tools, self._input)
        self._current_cursor: object = None
        self._reported_point: Point | None = None
        self._reported_busy = False
        self.setMouseTracking(True)
        # The secondary button erases; a main window would open its menu of docks on top of that.
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Canvas")
        self.setAccessibleDescription("Shows the picture with its labels; the active tool paints on it.")
        self.view_changed.connect(self.update_overlays)

    # What is under way

    @property
    def is_busy(self) -> bool:
        """Whether a stroke or shape is under way."""
        return self.tools.is_busy

    def finish_stroke(self) -> None:
        """Finish a stroke whose button is still down, before the view jumps."""
        self._input.finish_stroke()

    def leave_stroke(self) -> None:
        """The same before another picture is shown: a lasso or rectangle is not filled but left."""
        self._input.leave_stroke()

    def finish_edit(self) -> None:
        """Finish a stroke, and a deferred edit is in the label when this returns: before undo and saving."""
        self._input.finish_stroke()
        self.tools.pending_edit.finish_now()

    def finish_all(self) -> None:
        """Finish strokes, and finish or leave shapes, as `ToolRunner.fills_left_shapes` says."""
        self._input.finish_all()
        self.tools.pending_edit.finish_now()

    def undo_point(self) -> bool:
        """Take back the last point of a shape under way; False when there is none and undo should act."""
        if not self.tools.tool.is_busy or self.is_stroking:
            return False
        self._input.undo_point()
        return True

    def click(self, modifiers: Modifiers) -> None:
        """As a click with these modifiers would do where the pointer is."""
        self._input.click(modifiers)

    @property
    def cursor_point(self) -> Point | None:
        """The image point under the pointer, None while it is not on the picture."""
        position, content = self._input.pointer.position, self.content
        if position is None or content is None:
            return None
        at = self.image_point(position)
        inside = 0 <= at.x < content.labels.width and 0 <= at.y < content.labels.height
        return at if inside else None

    def set_scrolling(self, scrolling: Scrolling) -> None:
        """Whether scrolling zooms or moves the picture."""
        self._input.set_scrolling(scrolling)

    # Overlays

    def highlight(self, box: Box | None) -> None:
        """Frame these image pixels, so that people see where something happened; None removes the frame."""
        self._overlays.set_highlight(box)
        self.update_overlays()

    def set_frames(self, boxes: Sequence[Box], active: Box | None = None) -> None:
        """Frame regions that are worth a look, and one of them strongly; none removes all frames."""
        self._overlays.set_frames(boxes, active)

    def set_region(self, region: MaskPreview | None) -> None:
        """Outline a region that is asked about; None outlines none."""
        self._overlays.set_region(region)

    def set_left_shape(self, outline: OutlinePreview | None, colour: QColor) -> None:
        """Show a shape that was left unfinished, in the colour of its class; None shows none."""
        self._overlays.set_left_shape(outline, colour)
        self.update_overlays()

    def set_ruler(self, always: bool) -> None:
        """Whether the brush cursor always shows its size."""
        self._overlays.brush_cursor.set_ruler(always)
        self.update_overlays()

    def update_overlays(self) -> None:
        """Repaint the overlays where they were and are, show the right cursor, and report whether a tool is busy."""
        self._overlays.update()
        self._update_cursor()
        if self.is_busy != self._reported_busy:
            self._reported_busy = self.is_busy
            self.busy_changed.emit(self._reported_busy)

    # For the layered picture

    @property
    def is_stroking(self) -> bool:
        return self.tools.is_pressed

    def zoom_centre(self) -> QPointF:
        return self._input.pointer.position or super().zoom_centre()

    def draw_overlays(self, painter: QPainter) -> None:
        self._overlays.draw(painter)

    # Qt

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        event.setAccepted(self._input.press(event))
        self._after_input()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        event.setAccepted(self._input.double_click(event))
        self._after_input()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._input.move(event)
        self._after_input()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._input.release(event)
        self._after_input()

    def tabletEvent(self, event: QTabletEvent) -> None:  # noqa: N802
        """Note pressure and end of the pen; ignored, the event comes again as a mouse event, which then acts."""
        self._input.update_pen(event)
        event.ignore()
        if not self.has_pen:
            self.has_pen = True
            self.pen_detected.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        event.setAccepted(self.has_picture and self._input.wheel(event))
        self._after_input()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        event.setAccepted(self.has_picture and self._input.key_press(event))
        self._after_input()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        event.setAccepted(self.has_picture and self._input.key_release(event))
        self.update_overlays()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusOutEvent(event)
        self._input.focus_lost()
        self.update_overlays()

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802
        super().enterEvent(event)
        # Space, Esc and brackets should work on the canvas under the pointer, unless somebody is typing elsewhere.
        if self.isActiveWindow() and not isinstance(QApplication.focusWidget(), _TEXT_INPUTS):
            self.setFocus(Qt.FocusReason.MouseFocusReason)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        super().leaveEvent(event)
        self._input.pointer_left()
        self._after_input()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        super().hideEvent(event)
        self._input.focus_lost()

    def event(self, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if self.has_picture and self._input.claims_key(event):
                event.accept()
                return True
        elif kind == QEvent.Type.WindowDeactivate:
            self._input.focus_lost()
        elif (
            kind == QEvent.Type.NativeGesture
            and isinstance(event, QNativeGestureEvent)
            and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture
        ):
            self.zoom_at(self.to_first_view(event.position()), 1 + event.value())
            return True
        return super().event(event)

    # Steps of the above

    def _after_input(self) -> None:
        self.update_overlays()
        point = self.cursor_point
        if point != self._reported_point:
            self._reported_point = point
            self.cursor_moved.emit(point)

    def _update_cursor(self) -> None:
        ratio, pan, kind = self.devicePixelRatioF(), self._input.pan, self.tools.tool.cursor
        if pan.is_active or pan.is_ready:
            wanted: object = (
                Qt.CursorShape.ClosedHandCursor if pan.is_active else Qt.CursorShape.OpenHandCursor
            )
        else:
            wanted = (kind, ratio) if self.has_picture else Qt.CursorShape.ArrowCursor
        if wanted != self._current_cursor:
            self._current_cursor = wanted
            self.setCursor(wanted if isinstance(wanted, Qt.CursorShape) else cursor_for(kind, ratio))
