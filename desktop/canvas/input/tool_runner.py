"""The tool in the hand: every call of it, with all who care told before an edit may open, and its outcome shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF

from core.tools.brush import Brush
from core.tools.tool import Modifiers, Outcome, Stage, Tool

if TYPE_CHECKING:
    from desktop.canvas.canvas import CanvasView

_SIZE_STEP = 1.15


class Grip:
    """Holds one tool. Knows nothing of buttons and events; positions are widget pixels. Lives on the GUI thread.

    Without a picture nothing happens.
    """

    def __init__(self, canvas: CanvasView) -> None:
        self._canvas = canvas
        self.tool: Tool = Brush()

    def can_press(self, *, erasing: bool) -> bool:
        """Whether there is a class to paint with, or none is needed."""
        return not self.tool.needs_class or self._canvas.has_class or erasing

    def announce(self) -> bool:
        """Tell all who care that a press comes. False while there is no picture."""
        return self._stage_to_edit() is not None

    def press(self, position: QPointF, held: Modifiers) -> None:
        """After `announce`."""
        stage = self._canvas.stage()
        if stage is not None:
            self._show(self.tool.press(stage, self._canvas.image_point(position), held))

    def move(self, position: QPointF, held: Modifiers, *, pressed: bool) -> None:
        stage = self._canvas.stage()
        if stage is not None:
            tell = self.tool.drag if pressed else self.tool.hover
            self._show(tell(stage, self._canvas.image_point(position), held))

    def release(self, position: QPointF, held: Modifiers) -> None:
        stage = self._stage_to_end()
        if stage is not None:
            self._show(self.tool.release(stage, self._canvas.image_point(position), held))

    def finish(self) -> None:
        """Enter."""
        stage = self._stage_to_edit()
        if stage is not None:
            self._show(self.tool.finish(stage))

    def cancel(self) -> None:
        """Esc."""
        if self._canvas.pending.give_up():
            return
        self._canvas.drop_work()
        stage = self._canvas.stage()
        if stage is not None:
            self._show(self.tool.cancel(stage))

    def step_back(self) -> None:
        """Backspace."""
        stage = self._canvas.stage()
        if stage is not None:
            self._show(self.tool.step_back(stage))

    def delete(self) -> None:
        """Delete."""
        stage = self._canvas.stage()
        if stage is not None:
            self._show(self.tool.delete(stage))

    def key(self, key: str) -> None:
        """A key that the tool takes, as shortcuts are written."""
        stage = self._stage_to_edit()
        if stage is not None:
            self._show(self.tool.key(stage, key))

    def leave(self) -> None:
        """Another tool, another picture, or the end: what is under way is finished."""
        self._canvas.drop_work()
        stage = self._stage_to_end()
        if stage is not None:
            self._show(self.tool.leave(stage))

    def done(self, result: object) -> None:
        """The work that the tool asked for has come to its end."""
        stage = self._stage_to_edit()
        if stage is not None:
            self._show(self.tool.done(stage, result))

    def size(self, steps: int) -> bool:
        """Make the radius larger or smaller; a tool without one turns what it has. False for neither.

        Small brushes grow by half a pixel at least, or a factor would round to nothing.
        """
        radius = self.tool.radius(self._canvas.options)
        if radius is None:
            return self._turn(steps)
        least = 0.5 if radius < 20 else 1.0
        if steps > 0:
            self._canvas.set_radius(max(radius * _SIZE_STEP**steps, radius + least))
        elif steps < 0:
            self._canvas.set_radius(min(radius * _SIZE_STEP**steps, radius - least))
        return True

    def _turn(self, steps: int) -> bool:
        stage = self._canvas.stage()
        outcome = self.tool.turn(stage, steps) if stage is not None and steps else None
        if outcome is not None:
            self._show(outcome)
        return outcome is not None

    def _show(self, outcome: Outcome) -> None:
        self._canvas.show_outcome(outcome)

    def _stage_to_end(self) -> Stage | None:
        """The stage for a call that ends what is under way, if anything is: an edit may be opened then."""
        return self._stage_to_edit() if self.tool.is_busy else self._canvas.stage()

    def _stage_to_edit(self) -> Stage | None:
        """The stage for a call that may open an edit, after all who care were told and what was drawn is painted."""
        self._canvas.pending.settle()
        stage = self._canvas.stage()
        if stage is None or stage.labels.is_editing:
            return stage
        self._canvas.before_edit.emit()
        return self._canvas.stage()
