"""The canvas: the surface with a tool in the hand. Its signals are all the rest of the window hears of a stroke."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, QRect, Qt, Signal
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
from core.labels.class_list import UNLABELLED, Colour
from core.labels.deferred_edit import DeferredEdit
from core.tools.tool import (
    BackgroundTask,
    MaskPreview,
    Modifiers,
    OutlinePreview,
    Tool,
    ToolContext,
    ToolResult,
)
from core.tools.tool_options import ToolOptions
from desktop.canvas.deferred_edit import DeferredEditView
from desktop.canvas.input.mouse import InputHandler
from desktop.canvas.layered_image_widget import LayeredImageWidget
from desktop.canvas.overlays import outlines
from desktop.canvas.overlays.brush_cursor import BrushCursor
from desktop.canvas.overlays.cursors import cursor_for
from desktop.canvas.overlays.mask_preview import MaskPreviewPainter

_TEXT_INPUTS = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)


class Canvas(LayeredImageWidget):
    """One picture, its layers and the tool in the hand. Lives on the GUI thread.

    The label belongs to the session; the canvas paints into it through the tool and hands over each finished
    edit, once. `before_edit` is emitted synchronously before a tool may open an edit. Leaving the window,
    another picture or another tool finish what is under way; only Esc throws it away.
    """

    edit_finished = Signal(object)
    """Edit, of the label that is shown while the signal is emitted."""
    before_edit = Signal()
    cursor_moved = Signal(object)
    """Point, or None while the pointer is not on the picture."""
    brush_size_changed = Signal(float)
    """The active tool's radius in image pixels."""
    needs_class = Signal()
    """Somebody tried to paint while there is no class to paint."""
    task_requested = Signal(object)
    """Work to be done on another thread; its result comes back through `take_result`. None: no work is wanted now."""
    deferred_edit_requested = Signal(object)
    """Painting to be carried out on another thread, after which `pending.take` is called; None: it is over."""
    options_changed = Signal()
    """The tool has changed an option by itself."""
    message = Signal(str)
    """A sentence of the tool for people."""
    class_picked = Signal()
    """The class under the pointer shall be painted from now on."""
    tool_finished = Signal()
    """The tool was for one thing only, and that is done or given up."""
    busy_changed = Signal(bool)
    """Whether a stroke or shape is under way now, which undo would take back."""
    pen_detected = Signal()
    """Somebody has begun to work with a pen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.options = ToolOptions()
        self.has_pen = False
        self._input = InputHandler(self)
        self._brush_cursor = BrushCursor(self, self._input)
        self._class: tuple[int, str, QColor] | None = None
        self._outline: OutlinePreview | None = None
        self._mask_preview: MaskPreview | None = None
        self._preview_painter = MaskPreviewPainter()
        self.deferred_edit = DeferredEditView(self)
        self._task: BackgroundTask | None = None
        self._on_task_done: Callable[[object], object] | None = None
        self._highlight: Box | None = None
        self._overlay_areas: list[QRect] = []
        self._current_cursor: object = None
        self._reported_point: Point | None = None
        self._reported_busy = False
        self.setMouseTracking(True)
        # The secondary button erases; a main window would open its menu of docks on top of that.
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Canvas")
        self.setAccessibleDescription("Shows the picture with its labels; the active tool paints on it.")
        self.view_changed.connect(self._update_overlays)

    # Tools and classes

    @property
    def tool(self) -> Tool:
        return self._input.tool

    def set_tool(self, tool: Tool) -> None:
        """Take another tool into the hand; what the old one has under way is finished."""
        self._input.set_tool(tool)
        self._update_overlays()

    def set_class(self, value: int | None, name: str = "", colour: Colour | QColor = (128, 128, 128)) -> None:
        """What tools paint: 0 (unlabelled), 1..254, 255 (void), or None while there is no class yet."""
        shade = QColor(colour) if isinstance(colour, QColor) else QColor(*(int(part) for part in colour))
        self._class = None if value is None else (int(value), name, shade)
        self.refresh_tool()

    @property
    def has_class(self) -> bool:
        return self._class is not None

    def set_radius(self, radius: float) -> None:
        """Set the active tool's radius in image pixels, kept within its limits."""
        old = self.tool.radius(self.options)
        self.tool.set_radius(self.options, round(radius * 2) / 2 if radius < 20 else round(radius))
        new = self.tool.radius(self.options)
        if new is not None and new != old:
            self._brush_cursor.size_changed()
        self._update_overlays()
        if new is not None and new != old:
            self.brush_size_changed.emit(new)

    def set_ruler(self, always: bool) -> None:
        """Whether the ring always says how large it is."""
        self._brush_cursor.set_ruler(always)
        self._update_overlays()

    def refresh_tool(self) -> None:
        """An option or the class changed: the tool shows what it would do now."""
        stage = self.tool_context()
        if stage is not None and self.tool.is_busy and not self._input.is_stroking:
            self.show_result(self.tool.refresh(stage))
        self._update_overlays()

    def deliver_result(self, task: BackgroundTask, result: object) -> None:
        """Hand the result of work to the tool that asked for it; nothing happens when nobody waits any more."""
        if task is self._task and not self.deferred_edit.run_when_free(
            lambda: self.deliver_result(task, result)
        ):
            then, self._task, self._on_task_done = self._on_task_done, None, None
            (then or self._input.tool_runner.task_done)(result)

    def run_task(self, task: BackgroundTask, on_done: Callable[[object], object]) -> None:
        """Have work done that is not the tool's own, in its place: `then` gets the result, unless another tool,
        another picture or Esc makes an end of it."""
        self._task, self._on_task_done = task, on_done
        self.task_requested.emit(task)

    @property
    def is_waiting(self) -> bool:
        """Whether work or a painting is under way."""
        return self._task is not None or self.deferred_edit.is_cancellable

    def cancel_task(self) -> None:
        """Nobody waits any more for work that is under way."""
        if self._task is not None:
            self._task = self._on_task_done = None
            self.task_requested.emit(None)

    def resize_tool(self, steps: int) -> None:
        """Make the active tool larger or smaller, or turn what it has instead of a size."""
        self._input.tool_runner.resize(steps)

    @property
    def is_busy(self) -> bool:
        """Whether a stroke or shape is under way."""
        return self._input.is_stroking or self.tool.is_busy

    def highlight(self, box: Box | None) -> None:
        """Frame these image pixels, so that people see where something happened; None takes the frame away."""
        self._highlight = None if box is None or box.is_empty else box
        self._update_overlays()

    def click(self, modifiers: Modifiers) -> None:
        """As a click would do with these keys held, where the pointer is."""
        self._input.click(modifiers)

    def finish_stroke(self) -> None:
        """Finish a stroke whose button is still down, before a jump of the view."""
        self._input.finish_stroke()

    def finish_edit(self) -> None:
        """The same, and what was drawn is painted when this returns: before undo and saving."""
        self._input.finish_stroke()
        self.deferred_edit.finish_now()

    def finish_all(self) -> None:
        """Finish everything under way, also a polygon that has at least three corners."""
        self._input.finish_all()
        self.deferred_edit.finish_now()

    def undo_point(self) -> bool:
        """Take back the last corner of a shape under way; False when there is none and undo should act."""
        if not self.tool.is_busy or self._input.is_stroking:
            return False
        self._input.undo_point()
        return True

    @property
    def cursor_point(self) -> Point | None:
        """The image point under the pointer, None while it is not on the picture."""
        if self._input.position is None or self._labels is None:
            return None
        at = self.image_point(self._input.position)
        inside = 0 <= at.x < self._labels.width and 0 <= at.y < self._labels.height
        return at if inside else None

    # For the pointer, its ring and what is pending

    def finish_deferred_edit(self, deferred: DeferredEdit) -> None:
        """A painting is over: show what came of it, and hand over the edit."""
        stage = self.tool_context()
        seen = (
            self.tool.on_deferred_done(stage) if stage is not None and not self._input.is_stroking else None
        )
        seen = seen or ToolResult(outline=self._outline, mask_preview=self._mask_preview)
        self.show_result(replace(seen, dirty=deferred.dirty, edit=deferred.edit))

    def colour_of(self, preview: MaskPreview | None) -> QColor:
        """The colour of a promise; without one, that of the active class."""
        if preview is not None and preview.value is not None:
            return QColor(*(int(part) for part in self._classes.palette[preview.value]))
        return self._class[2] if self._class else QColor(128, 128, 128)

    def update_overlays(self) -> None:
        """What stands above the layers may look different now."""
        self._update_overlays()

    def tool_context(self) -> ToolContext | None:
        """What the tool works on now, None while there is no picture."""
        if self._pyramid is None or self._labels is None:
            return None
        value, name, _ = self._class or (UNLABELLED, "unlabelled", None)
        scale = self._viewport.scale / self.devicePixelRatioF()
        picture = self._pyramid.full_image()
        return ToolContext(self._labels, value, name, picture, self._prediction, self.options, scale)

    def show_result(self, result: ToolResult) -> None:
        """Draw what a tool did and tell of a finished edit."""
        if not result.dirty.is_empty:
            self.refresh(result.dirty)
        self._outline, self._mask_preview = result.outline, result.mask_preview
        if result.deferred is not None:
            self._outline = self._mask_preview = None
            self.deferred_edit.start(result.deferred, result.outline, result.mask_preview)
        self._update_overlays()
        if result.task is not None:
            self._task, self._on_task_done = result.task, None
            self.task_requested.emit(result.task)
        if result.options_changed:
            self.options_changed.emit()
        if result.message:
            self.message.emit(result.message)
        if result.picks_class:
            self.class_picked.emit()
        if result.edit is not None:
            self.edit_finished.emit(result.edit)
        if result.is_finished:
            self.tool_finished.emit()

    # For the surface

    @property
    def is_stroking(self) -> bool:
        return self._input.is_stroking

    def zoom_centre(self) -> QPointF:
        return self._input.position or super().zoom_centre()

    def draw_overlays(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = self.colour_of(None)
        self.deferred_edit.draw(painter, self._viewport)
        if self._mask_preview is not None:
            shade = self.colour_of(self._mask_preview)
            self._preview_painter.draw(
                painter, self._mask_preview, self._viewport, self.devicePixelRatioF(), shade
            )
        else:
            self._preview_painter.clear()
        if self._highlight is not None:
            outlines.draw_frame(painter, self._highlight, self.widget_point)
        if self._outline is not None:
            outlines.draw_outline(painter, self._outline, self.widget_point, colour)
        erases = self._input.erases or (self._class is not None and self._class[0] == UNLABELLED)
        self._brush_cursor.draw(painter, colour, erases)

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
        """Note how the pen is held; ignored, it comes again as a mouse event, which then acts."""
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
        self._update_overlays()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusOutEvent(event)
        self._input.focus_lost()
        self._update_overlays()

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802
        super().enterEvent(event)
        # Space, Esc and brackets should work where the eyes are, unless somebody is typing elsewhere.
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
        self._update_overlays()
        point = self.cursor_point
        if point != self._reported_point:
            self._reported_point = point
            self.cursor_moved.emit(point)

    def _update_overlays(self, _scale: float = 0.0) -> None:
        """Repaint where ring and outline were and where they are now, and show the right cursor."""
        areas = [
            *self._brush_cursor.areas(),
            *self.deferred_edit.areas(),
            outlines.outline_area(self._outline, self.widget_point),
            outlines.frame_area(self._highlight, self.widget_point),
            outlines.frame_area(self._mask_preview.box if self._mask_preview else None, self.widget_point),
        ]
        for area in (*self._overlay_areas, *areas):
            if not area.isEmpty():
                self.update_area(area)
        self._overlay_areas = areas
        self._update_cursor()
        if self.is_busy != self._reported_busy:
            self._reported_busy = self.is_busy
            self.busy_changed.emit(self._reported_busy)

    def _update_cursor(self) -> None:
        ratio = self.devicePixelRatioF()
        if self._input.is_panning:
            wanted: object = Qt.CursorShape.ClosedHandCursor
        elif self._input.is_ready_to_pan:
            wanted = Qt.CursorShape.OpenHandCursor
        elif not self.has_picture:
            wanted = Qt.CursorShape.ArrowCursor
        else:
            wanted = (self.tool.cursor, ratio)
        if wanted != self._current_cursor:
            self._current_cursor = wanted
            self.setCursor(
                wanted if isinstance(wanted, Qt.CursorShape) else cursor_for(self.tool.cursor, ratio)
            )
