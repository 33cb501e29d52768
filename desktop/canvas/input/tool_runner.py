"""Runs the active tool: passes it input together with what it may work on, shows its results, hands over its edits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, QPointF, Signal
from PySide6.QtGui import QColor

from core.labels.class_list import UNLABELLED, Colour
from core.labels.deferred_edit import DeferredEdit
from core.tools.brush import Brush
from core.tools.shape_draft import ShapeDraft
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
from desktop.canvas.input.host import CanvasHost
from desktop.canvas.input.pending_edit import PendingEdit

_RESIZE_FACTOR = 1.15
_NO_COLOUR = QColor(128, 128, 128)


class ToolRunner(QObject):
    """Holds the active tool, its options and the class it paints. Handles no Qt events; positions are widget
    pixels. Lives on the GUI thread; without a picture nothing happens.

    The label belongs to the session; the tool paints into it and each finished edit is handed over once.
    """

    edit_finished = Signal(object)
    """Edit, of the label that is shown while the signal is emitted."""
    before_edit = Signal()
    """Emitted synchronously before a tool may begin an edit."""
    brush_size_changed = Signal(float)
    """The active tool's radius in image pixels."""
    needs_class = Signal()
    """Somebody tried to paint while there is no class to paint."""
    task_requested = Signal(object)
    """BackgroundTask to run on another thread; its result comes back through `deliver_result`. None: cancel it."""
    deferred_edit_requested = Signal(object)
    """DeferredEdit to run on another thread, after which `pending_edit.finish` is called; None: there is none now."""
    options_changed = Signal()
    """The tool has changed an option by itself."""
    message = Signal(str)
    """A sentence of the tool for people."""
    class_picked = Signal()
    """The class under the pointer shall become the active one."""
    tool_finished = Signal()
    """A tool that is active for one step only has finished or cancelled it."""
    tool_changed = Signal()
    """Another tool is active."""
    draft_changed = Signal(object)
    """ShapeDraft of the shape under way, None when there is none any more. Not emitted while a button is down."""
    shape_left = Signal(object)
    """ShapeDraft that was left unfinished for another tool or picture, and is not filled."""

    def __init__(self, host: CanvasHost, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._host = host
        self.tool: Tool = Brush()
        self.options = ToolOptions()
        self.is_pressed = False
        """Whether a button or key holds the tool down."""
        self.outline: OutlinePreview | None = None
        self.mask_preview: MaskPreview | None = None
        self.pending_edit = PendingEdit(
            host.update_overlays, self.deferred_edit_requested.emit, self._finish_deferred_edit
        )
        self._class: tuple[int, str, QColor] | None = None
        self._task: BackgroundTask | None = None
        self._on_task_done: Callable[[object], object] | None = None
        self._draft: ShapeDraft | None = None
        self.fills_left_shapes: Callable[[], bool] = lambda: True
        """Whether a shape that is left unfinished is filled."""

    # Tool, class and size

    def set_tool(self, tool: Tool) -> None:
        """Make another tool active; what the old one has under way is finished or left."""
        if tool is not self.tool:
            self.is_pressed = False
            self.finish_all()
            self.tool = tool
            self.tool_changed.emit()
        self._host.update_overlays()

    def set_class(self, value: int | None, name: str = "", colour: Colour | QColor = (128, 128, 128)) -> None:
        """What tools paint: 0 (unlabelled), 1..254, 255 (void), or None while there is no class yet."""
        shade = QColor(colour) if isinstance(colour, QColor) else QColor(*(int(part) for part in colour))
        self._class = None if value is None else (int(value), name, shade)
        self.refresh()

    @property
    def has_class(self) -> bool:
        return self._class is not None

    @property
    def paints_unlabelled(self) -> bool:
        """Whether painting means removing labels."""
        return self._class is not None and self._class[0] == UNLABELLED

    def colour_of(self, preview: MaskPreview | None) -> QColor:
        """The colour of a preview; without one, that of the active class."""
        if preview is not None and preview.value is not None:
            return self._host.class_colour(preview.value)
        return self._class[2] if self._class else _NO_COLOUR

    def set_radius(self, radius: float) -> None:
        """Set the active tool's radius in image pixels, kept within its limits."""
        old = self.tool.radius(self.options)
        self.tool.set_radius(self.options, round(radius * 2) / 2 if radius < 20 else round(radius))
        new = self.tool.radius(self.options)
        if new is not None and new != old:
            self.brush_size_changed.emit(new)
        self._host.update_overlays()

    def resize(self, steps: int) -> bool:
        """Make the radius larger or smaller; a tool without one adjusts what it has instead. False for neither.

        A small brush changes by half a pixel at least, or rounding would undo the factor.
        """
        radius = self.tool.radius(self.options)
        if radius is None:
            return self._adjust(steps)
        least = 0.5 if radius < 20 else 1.0
        if steps > 0:
            self.set_radius(max(radius * _RESIZE_FACTOR**steps, radius + least))
        elif steps < 0:
            self.set_radius(min(radius * _RESIZE_FACTOR**steps, radius - least))
        return True

    def refresh(self) -> None:
        """An option or the class changed: the tool shows what it would do now."""
        context = self.context()
        if context is not None and self.tool.is_busy and not self.is_pressed:
            self.show_result(self.tool.refresh(context))
        self._host.update_overlays()

    @property
    def is_busy(self) -> bool:
        """Whether a stroke or shape is under way."""
        return self.is_pressed or self.tool.is_busy

    # Input

    def can_press(self, *, erasing: bool) -> bool:
        """Whether there is a class to paint with, or none is needed."""
        return not self.tool.needs_class or self.has_class or erasing

    def prepare_edit(self) -> bool:
        """Emit `before_edit` if a press may begin one. False while there is no picture."""
        self._prepare()
        return self._host.content is not None

    def press(self, position: QPointF, modifiers: Modifiers) -> None:
        """Call it after `prepare_edit`."""
        self.is_pressed = True
        context = self.context()
        if context is not None:
            self.show_result(self.tool.press(context, self._host.image_point(position), modifiers))

    def move(self, position: QPointF, modifiers: Modifiers, *, pressed: bool) -> None:
        context = self.context()
        if context is not None:
            call = self.tool.drag if pressed else self.tool.hover
            self.show_result(call(context, self._host.image_point(position), modifiers))

    def release(self, position: QPointF, modifiers: Modifiers) -> None:
        self.is_pressed = False
        context = self._context_to_finish()
        if context is not None:
            self.show_result(self.tool.release(context, self._host.image_point(position), modifiers))

    def finish(self) -> None:
        """Finish a shape: Enter or a double click."""
        context = self._context_to_edit()
        if context is not None:
            self.show_result(self.tool.finish(context))

    def cancel(self) -> None:
        """Discard what is under way: Esc."""
        if self.pending_edit.cancel():
            return
        self.cancel_task()
        context = self.context()
        if context is not None:
            self.show_result(self.tool.cancel(context))

    def undo_point(self) -> None:
        """Take back the last point of a shape: Backspace."""
        context = self.context()
        if context is not None:
            self.show_result(self.tool.undo_step(context))

    def delete_point(self) -> None:
        """Delete the point under the pointer: Delete."""
        context = self.context()
        if context is not None:
            self.show_result(self.tool.delete_point(context))

    def press_key(self, key: str) -> None:
        """A key that the tool handles, in the notation of shortcuts."""
        context = self._context_to_edit()
        if context is not None:
            self.show_result(self.tool.press_key(context, key))

    def finish_all(self) -> None:
        """Another tool, another picture, or the end: a stroke is finished, a background task is cancelled; a shape is
        filled, or left as it is (`shape_left`)."""
        self.cancel_task()
        context = self._context_to_finish()
        if context is None:
            return
        draft = self.tool.draft(context)
        if draft is not None and not self.fills_left_shapes():
            self.tool.cancel(context)
        result = self.tool.deactivate(context)
        if draft is not None and result.edit is None and result.deferred is None:
            self._draft = None
            self.shape_left.emit(draft)
        self.show_result(result)

    def restore(self, draft: ShapeDraft) -> None:
        """Let the active tool go on with a draft of its own."""
        context = self._context_to_edit()
        if context is not None:
            draft = draft.within(context.labels.width, context.labels.height)
            self.show_result(self.tool.restore(context, draft))

    @property
    def is_drawing_shape(self) -> bool:
        """Whether there is a shape under way that could be kept."""
        context = self.context()
        return context is not None and self.tool.draft(context) is not None

    # Background tasks

    def run_task(self, task: BackgroundTask, on_done: Callable[[object], object]) -> None:
        """Run a task that is not the tool's own, in place of the tool's: `on_done` gets the result unless another tool,
        another picture or Esc cancels it."""
        self._task, self._on_task_done = task, on_done
        self.task_requested.emit(task)

    def deliver_result(self, task: BackgroundTask, result: object) -> None:
        """Hand the result of a task to whoever requested it; nothing happens when the task was cancelled."""
        if task is self._task and not self.pending_edit.run_when_free(
            lambda: self.deliver_result(task, result)
        ):
            on_done, self._task, self._on_task_done = self._on_task_done, None, None
            (on_done or self._task_done)(result)

    def cancel_task(self) -> None:
        if self._task is not None:
            self._task = self._on_task_done = None
            self.task_requested.emit(None)

    @property
    def is_waiting(self) -> bool:
        """Whether a task or a deferred edit is running."""
        return self._task is not None or self.pending_edit.is_cancellable

    # Context and result

    def context(self) -> ToolContext | None:
        """What the tool works on now, None while there is no picture."""
        content = self._host.content
        if content is None:
            return None
        value, name, _ = self._class or (UNLABELLED, "unlabelled", None)
        return ToolContext(
            content.labels,
            value,
            name,
            content.pyramid.full_image(),
            content.prediction,
            self.options,
            self._host.viewport.scale / self._host.devicePixelRatioF(),
        )

    def show_result(self, result: ToolResult) -> None:
        """Repaint what a tool changed, start what it asks for, and hand over a finished edit."""
        if not result.dirty.is_empty:
            self._host.refresh(result.dirty)
        self.outline, self.mask_preview = result.outline, result.mask_preview
        if result.deferred is not None:
            self.outline = self.mask_preview = None
            colour = self.colour_of(result.mask_preview)
            self.pending_edit.start(result.deferred, result.outline, result.mask_preview, colour)
        self._host.update_overlays()
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
        self._report_draft()

    def _report_draft(self) -> None:
        if self.is_pressed:
            return
        context = self.context() if self.tool.is_busy else None
        draft = self.tool.draft(context) if context is not None else None
        if draft != self._draft:
            self._draft = draft
            self.draft_changed.emit(draft)

    def _finish_deferred_edit(self, deferred: DeferredEdit) -> None:
        """Show what the deferred edit changed, and hand it over."""
        context = self.context()
        shown = (
            self.tool.on_deferred_done(context) if context is not None and not self.is_pressed else None
        ) or ToolResult(outline=self.outline, mask_preview=self.mask_preview)
        self.show_result(replace(shown, dirty=deferred.dirty, edit=deferred.edit))

    def _task_done(self, result: object) -> None:
        """The tool's own task has a result."""
        context = self._context_to_edit()
        if context is not None:
            self.show_result(self.tool.on_task_done(context, result))

    def _adjust(self, steps: int) -> bool:
        context = self.context()
        result = self.tool.adjust(context, steps) if context is not None and steps else None
        if result is not None:
            self.show_result(result)
        return result is not None

    def _context_to_finish(self) -> ToolContext | None:
        """The context for a call that ends what is under way, if anything is: an edit may begin then."""
        return self._context_to_edit() if self.tool.is_busy else self.context()

    def _context_to_edit(self) -> ToolContext | None:
        """The context for a call that may begin an edit, after a pending edit is finished and listeners were told."""
        self._prepare()
        return self.context()

    def _prepare(self) -> None:
        self.pending_edit.finish_now()
        content = self._host.content
        if content is not None and not content.labels.is_editing:
            self.before_edit.emit()
