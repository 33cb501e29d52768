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
from core.labels.deferred_edit import Painting
from core.tools.tool import Ghost, Modifiers, Outcome, Outline, Stage, Tool, Work
from core.tools.tool_options import ToolOptions
from desktop.canvas.deferred_edit import Pending
from desktop.canvas.input.mouse import Pointer
from desktop.canvas.layered_image_widget import Surface
from desktop.canvas.overlays import outlines
from desktop.canvas.overlays.brush_cursor import Ring
from desktop.canvas.overlays.cursors import cursor_for
from desktop.canvas.overlays.mask_preview import GhostSheet

_TYPING = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)


class CanvasView(Surface):
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
    work_wanted = Signal(object)
    """Work to be done on another thread; its result comes back through `take_result`. None: no work is wanted now."""
    painting_wanted = Signal(object)
    """Painting to be carried out on another thread, after which `pending.take` is called; None: it is over."""
    options_changed = Signal()
    """The tool has changed an option by itself."""
    said = Signal(str)
    """A sentence of the tool for people."""
    class_picked = Signal()
    """The class under the pointer shall be painted from now on."""
    tool_over = Signal()
    """The tool was for one thing only, and that is done or given up."""
    busy_changed = Signal(bool)
    """Whether a stroke or shape is under way now, which undo would take back."""
    pen_found = Signal()
    """Somebody has begun to work with a pen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.options = ToolOptions()
        self.has_pen = False
        self._pointer = Pointer(self)
        self._ring = Ring(self, self._pointer)
        self._class: tuple[int, str, QColor] | None = None
        self._outline: Outline | None = None
        self._ghost: Ghost | None = None
        self._ghosts = GhostSheet()
        self.pending = Pending(self)
        self._work: Work | None = None
        self._then: Callable[[object], object] | None = None
        self._highlight: Box | None = None
        self._marked: list[QRect] = []
        self._cursor_shown: object = None
        self._told_point: Point | None = None
        self._told_busy = False
        self.setMouseTracking(True)
        # The secondary button erases; a main window would open its menu of docks on top of that.
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Canvas")
        self.setAccessibleDescription("Shows the picture with its labels; the active tool paints on it.")
        self.view_changed.connect(self._update_marks)

    # Tools and classes

    @property
    def tool(self) -> Tool:
        return self._pointer.tool

    def set_tool(self, tool: Tool) -> None:
        """Take another tool into the hand; what the old one has under way is finished."""
        self._pointer.take(tool)
        self._update_marks()

    def set_class(self, value: int | None, name: str = "", colour: Colour | QColor = (128, 128, 128)) -> None:
        """What tools paint: 0 (unlabelled), 1..254, 255 (void), or None while there is no class yet."""
        shade = QColor(colour) if isinstance(colour, QColor) else QColor(*(int(part) for part in colour))
        self._class = None if value is None else (int(value), name, shade)
        self.retouch()

    @property
    def has_class(self) -> bool:
        return self._class is not None

    def set_radius(self, radius: float) -> None:
        """Set the active tool's radius in image pixels, kept within its limits."""
        old = self.tool.radius(self.options)
        self.tool.set_radius(self.options, round(radius * 2) / 2 if radius < 20 else round(radius))
        new = self.tool.radius(self.options)
        if new is not None and new != old:
            self._ring.resized()
        self._update_marks()
        if new is not None and new != old:
            self.brush_size_changed.emit(new)

    def set_ruler(self, kept: bool) -> None:
        """Whether the ring always says how large it is."""
        self._ring.set_ruler(kept)
        self._update_marks()

    def retouch(self) -> None:
        """An option or the class changed: the tool shows what it would do now."""
        stage = self.stage()
        if stage is not None and self.tool.is_busy and not self._pointer.is_stroking:
            self.show_outcome(self.tool.retouch(stage))
        self._update_marks()

    def take_result(self, work: Work, result: object) -> None:
        """Hand the result of work to the tool that asked for it; nothing happens when nobody waits any more."""
        if work is self._work and not self.pending.afterwards(lambda: self.take_result(work, result)):
            then, self._work, self._then = self._then, None, None
            (then or self._pointer.grip.done)(result)

    def start(self, work: Work, then: Callable[[object], object]) -> None:
        """Have work done that is not the tool's own, in its place: `then` gets the result, unless another tool,
        another picture or Esc makes an end of it."""
        self._work, self._then = work, then
        self.work_wanted.emit(work)

    @property
    def is_waiting(self) -> bool:
        """Whether work or a painting is under way."""
        return self._work is not None or self.pending.is_wanted

    def drop_work(self) -> None:
        """Nobody waits any more for work that is under way."""
        if self._work is not None:
            self._work = self._then = None
            self.work_wanted.emit(None)

    def size_tool(self, steps: int) -> None:
        """Make the active tool larger or smaller, or turn what it has instead of a size."""
        self._pointer.grip.size(steps)

    @property
    def is_busy(self) -> bool:
        """Whether a stroke or shape is under way."""
        return self._pointer.is_stroking or self.tool.is_busy

    def highlight(self, box: Box | None) -> None:
        """Frame these image pixels, so that people see where something happened; None takes the frame away."""
        self._highlight = None if box is None or box.is_empty else box
        self._update_marks()

    def click(self, held: Modifiers) -> None:
        """As a click would do with these keys held, where the pointer is."""
        self._pointer.click(held)

    def let_go(self) -> None:
        """Finish a stroke whose button is still down, before a jump of the view."""
        self._pointer.settle()

    def settle(self) -> None:
        """The same, and what was drawn is painted when this returns: before undo and saving."""
        self._pointer.settle()
        self.pending.settle()

    def settle_all(self) -> None:
        """Finish everything under way, also a polygon that has at least three corners."""
        self._pointer.leave()
        self.pending.settle()

    def step_back(self) -> bool:
        """Take back the last corner of a shape under way; False when there is none and undo should act."""
        if not self.tool.is_busy or self._pointer.is_stroking:
            return False
        self._pointer.step_back()
        return True

    @property
    def cursor_point(self) -> Point | None:
        """The image point under the pointer, None while it is not on the picture."""
        if self._pointer.position is None or self._labels is None:
            return None
        at = self.image_point(self._pointer.position)
        inside = 0 <= at.x < self._labels.width and 0 <= at.y < self._labels.height
        return at if inside else None

    # For the pointer, its ring and what is pending

    def take_painted(self, painting: Painting) -> None:
        """A painting is over: show what came of it, and hand over the edit."""
        stage = self.stage()
        seen = self.tool.painted(stage) if stage is not None and not self._pointer.is_stroking else None
        seen = seen or Outcome(outline=self._outline, ghost=self._ghost)
        self.show_outcome(replace(seen, dirty=painting.dirty, edit=painting.edit))

    def shade_of(self, ghost: Ghost | None) -> QColor:
        """The colour of a promise; without one, that of the active class."""
        if ghost is not None and ghost.value is not None:
            return QColor(*(int(part) for part in self._classes.palette[ghost.value]))
        return self._class[2] if self._class else QColor(128, 128, 128)

    def mark_again(self) -> None:
        """What stands above the layers may look different now."""
        self._update_marks()

    def stage(self) -> Stage | None:
        """What the tool works on now, None while there is no picture."""
        if self._pyramid is None or self._labels is None:
            return None
        value, name, _ = self._class or (UNLABELLED, "unlabelled", None)
        scale = self._viewport.scale / self.devicePixelRatioF()
        picture = self._pyramid.whole()
        return Stage(self._labels, value, name, picture, self._prediction, self.options, scale)

    def show_outcome(self, outcome: Outcome) -> None:
        """Draw what a tool did and tell of a finished edit."""
        if not outcome.dirty.is_empty:
            self.refresh(outcome.dirty)
        self._outline, self._ghost = outcome.outline, outcome.ghost
        if outcome.painting is not None:
            self._outline = self._ghost = None
            self.pending.begin(outcome.painting, outcome.outline, outcome.ghost)
        self._update_marks()
        if outcome.work is not None:
            self._work, self._then = outcome.work, None
            self.work_wanted.emit(outcome.work)
        if outcome.tuned:
            self.options_changed.emit()
        if outcome.say:
            self.said.emit(outcome.say)
        if outcome.picks:
            self.class_picked.emit()
        if outcome.edit is not None:
            self.edit_finished.emit(outcome.edit)
        if outcome.over:
            self.tool_over.emit()

    # For the surface

    @property
    def is_held(self) -> bool:
        return self._pointer.is_stroking

    def zoom_centre(self) -> QPointF:
        return self._pointer.position or super().zoom_centre()

    def draw_marks(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = self.shade_of(None)
        self.pending.draw(painter, self._viewport)
        if self._ghost is not None:
            shade = self.shade_of(self._ghost)
            self._ghosts.draw(painter, self._ghost, self._viewport, self.devicePixelRatioF(), shade)
        else:
            self._ghosts.forget()
        if self._highlight is not None:
            outlines.draw_frame(painter, self._highlight, self.widget_point)
        if self._outline is not None:
            outlines.draw_outline(painter, self._outline, self.widget_point, colour)
        erases = self._pointer.erases or (self._class is not None and self._class[0] == UNLABELLED)
        self._ring.draw(painter, colour, erases)

    # Qt

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        event.setAccepted(self._pointer.press(event))
        self._pointer_moved()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        event.setAccepted(self._pointer.double_click(event))
        self._pointer_moved()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._pointer.move(event)
        self._pointer_moved()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._pointer.release(event)
        self._pointer_moved()

    def tabletEvent(self, event: QTabletEvent) -> None:  # noqa: N802
        """Note how the pen is held; ignored, it comes again as a mouse event, which then acts."""
        self._pointer.note_pen(event)
        event.ignore()
        if not self.has_pen:
            self.has_pen = True
            self.pen_found.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        event.setAccepted(self.has_picture and self._pointer.wheel(event))
        self._pointer_moved()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        event.setAccepted(self.has_picture and self._pointer.key_press(event))
        self._pointer_moved()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        event.setAccepted(self.has_picture and self._pointer.key_release(event))
        self._update_marks()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusOutEvent(event)
        self._pointer.lose_focus()
        self._update_marks()

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802
        super().enterEvent(event)
        # Space, Esc and brackets should work where the eyes are, unless somebody is typing elsewhere.
        if self.isActiveWindow() and not isinstance(QApplication.focusWidget(), _TYPING):
            self.setFocus(Qt.FocusReason.MouseFocusReason)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        super().leaveEvent(event)
        self._pointer.away()
        self._pointer_moved()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        super().hideEvent(event)
        self._pointer.lose_focus()

    def event(self, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if self.has_picture and self._pointer.wants(event):
                event.accept()
                return True
        elif kind == QEvent.Type.WindowDeactivate:
            self._pointer.lose_focus()
        elif (
            kind == QEvent.Type.NativeGesture
            and isinstance(event, QNativeGestureEvent)
            and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture
        ):
            self.zoom_at(self.fold(event.position()), 1 + event.value())
            return True
        return super().event(event)

    # Steps of the above

    def _pointer_moved(self) -> None:
        self._update_marks()
        point = self.cursor_point
        if point != self._told_point:
            self._told_point = point
            self.cursor_moved.emit(point)

    def _update_marks(self, _scale: float = 0.0) -> None:
        """Repaint where ring and outline were and where they are now, and show the right cursor."""
        areas = [
            *self._ring.areas(),
            *self.pending.areas(),
            outlines.outline_area(self._outline, self.widget_point),
            outlines.frame_area(self._highlight, self.widget_point),
            outlines.frame_area(self._ghost.box if self._ghost else None, self.widget_point),
        ]
        for area in (*self._marked, *areas):
            if not area.isEmpty():
                self.touch(area)
        self._marked = areas
        self._show_cursor()
        if self.is_busy != self._told_busy:
            self._told_busy = self.is_busy
            self.busy_changed.emit(self._told_busy)

    def _show_cursor(self) -> None:
        ratio = self.devicePixelRatioF()
        if self._pointer.is_panning:
            wanted: object = Qt.CursorShape.ClosedHandCursor
        elif self._pointer.is_ready_to_pan:
            wanted = Qt.CursorShape.OpenHandCursor
        elif not self.has_picture:
            wanted = Qt.CursorShape.ArrowCursor
        else:
            wanted = (self.tool.cursor, ratio)
        if wanted != self._cursor_shown:
            self._cursor_shown = wanted
            self.setCursor(
                wanted if isinstance(wanted, Qt.CursorShape) else cursor_for(self.tool.cursor, ratio)
            )
