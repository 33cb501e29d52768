"""The tool in the hand: every call of it, with all who care told before an edit may open, and its outcome shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF

from core.tools.brush import Brush
from core.tools.tool import Modifiers, Tool, ToolContext, ToolResult

if TYPE_CHECKING:
    from desktop.canvas.canvas import Canvas

_RESIZE_FACTOR = 1.15


class ToolRunner:
    """Holds one tool. Knows nothing of buttons and events; positions are widget pixels. Lives on the GUI thread.

    Without a picture nothing happens.
    """

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self.tool: Tool = Brush()

    def can_press(self, *, erasing: bool) -> bool:
        """Whether there is a class to paint with, or none is needed."""
        return not self.tool.needs_class or self._canvas.has_class or erasing

    def prepare_edit(self) -> bool:
        """Tell all who care that a press comes. False while there is no picture."""
        return self._context_to_edit() is not None

    def press(self, position: QPointF, modifiers: Modifiers) -> None:
        """After `announce`."""
        stage = self._canvas.tool_context()
        if stage is not None:
            self._show_result(self.tool.press(stage, self._canvas.image_point(position), modifiers))

    def move(self, position: QPointF, modifiers: Modifiers, *, pressed: bool) -> None:
        stage = self._canvas.tool_context()
        if stage is not None:
            tell = self.tool.drag if pressed else self.tool.hover
            self._show_result(tell(stage, self._canvas.image_point(position), modifiers))

    def release(self, position: QPointF, modifiers: Modifiers) -> None:
        stage = self._context_to_finish()
        if stage is not None:
            self._show_result(self.tool.release(stage, self._canvas.image_point(position), modifiers))

    def finish(self) -> None:
        """Enter."""
        stage = self._context_to_edit()
        if stage is not None:
            self._show_result(self.tool.finish(stage))

    def cancel(self) -> None:
        """Esc."""
        if self._canvas.deferred_edit.cancel():
            return
        self._canvas.cancel_task()
        stage = self._canvas.tool_context()
        if stage is not None:
            self._show_result(self.tool.cancel(stage))

    def undo_point(self) -> None:
        """Backspace."""
        stage = self._canvas.tool_context()
        if stage is not None:
            self._show_result(self.tool.undo_step(stage))

    def delete_point(self) -> None:
        """Delete."""
        stage = self._canvas.tool_context()
        if stage is not None:
            self._show_result(self.tool.delete_point(stage))

    def press_key(self, key: str) -> None:
        """A key that the tool takes, as shortcuts are written."""
        stage = self._context_to_edit()
        if stage is not None:
            self._show_result(self.tool.press_key(stage, key))

    def finish_all(self) -> None:
        """Another tool, another picture, or the end: what is under way is finished."""
        self._canvas.cancel_task()
        stage = self._context_to_finish()
        if stage is not None:
            self._show_result(self.tool.deactivate(stage))

    def task_done(self, result: object) -> None:
        """The work that the tool asked for has come to its end."""
        stage = self._context_to_edit()
        if stage is not None:
            self._show_result(self.tool.on_task_done(stage, result))

    def resize(self, steps: int) -> bool:
        """Make the radius larger or smaller; a tool without one turns what it has. False for neither.

        Small brushes grow by half a pixel at least, or a factor would round to nothing.
        """
        radius = self.tool.radius(self._canvas.options)
        if radius is None:
            return self._adjust(steps)
        least = 0.5 if radius < 20 else 1.0
        if steps > 0:
            self._canvas.set_radius(max(radius * _RESIZE_FACTOR**steps, radius + least))
        elif steps < 0:
            self._canvas.set_radius(min(radius * _RESIZE_FACTOR**steps, radius - least))
        return True

    def _adjust(self, steps: int) -> bool:
        stage = self._canvas.tool_context()
        outcome = self.tool.adjust(stage, steps) if stage is not None and steps else None
        if outcome is not None:
            self._show_result(outcome)
        return outcome is not None

    def _show_result(self, outcome: ToolResult) -> None:
        self._canvas.show_result(outcome)

    def _context_to_finish(self) -> ToolContext | None:
        """The stage for a call that ends what is under way, if anything is: an edit may be opened then."""
        return self._context_to_edit() if self.tool.is_busy else self._canvas.tool_context()

    def _context_to_edit(self) -> ToolContext | None:
        """The stage for a call that may open an edit, after all who care were told and what was drawn is painted."""
        self._canvas.deferred_edit.finish_now()
        stage = self._canvas.tool_context()
        if stage is None or stage.labels.is_editing:
            return stage
        self._canvas.before_edit.emit()
        return self._canvas.tool_context()
