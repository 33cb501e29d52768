"""What a tool is: a small state machine between the hand and the label."""

# ruff: noqa: ARG002 - every tool answers the same calls; few need every argument of every call.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.labels.deferred_edit import DeferredEdit
from core.labels.label_map import Edit, LabelMap
from core.labels.prediction import PredictedMask
from core.tools.tool_options import Control, ToolOptions


@dataclass(frozen=True, slots=True)
class Modifiers:
    """How the pointer acts: the keys held, and how hard a pen presses (0..1; a mouse always 1).

    The secondary button and the other end of a pen count as `ctrl` for tools that erase with it.
    """

    shift: bool = False
    ctrl: bool = False
    alt: bool = False
    pressure: float = 1.0


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may see and touch while it handles one event.

    picture: (H, W, 3) uint8 RGB; scale: widget pixels per image pixel, so that "near" means near for the hand.
    """

    labels: LabelMap
    class_value: int
    class_name: str
    picture: NDArray[np.uint8]
    prediction: PredictedMask | None
    options: ToolOptions
    scale: float


@dataclass(frozen=True, slots=True)
class Scribble:
    """A stroke that says something of what it touches: that it belongs to the thing, or `against`: that it does not."""

    points: tuple[Point, ...]
    is_background: bool = False


@dataclass(frozen=True, slots=True)
class OutlinePreview:
    """A shape under way, drawn above the picture: a line through `points` and on to `cursor`.

    closed: the line also returns to the first point; closing: the next click will close it; rings: further closed
    lines; handles: the points of all lines are drawn as small handles; chosen: the handle that the pointer has,
    counted through `points` and then through the rings; spots: where a click would make a handle; filled: what all
    lines together enclose (even-odd) is tinted; erases: the shape will take labels away; anchors: points with a
    handle on a line that has many more; scribbles: strokes drawn apart from the line.
    """

    points: tuple[Point, ...]
    cursor: Point | None = None
    closed: bool = False
    closing: bool = False
    handles: bool = True
    active_handle: int | None = None
    rings: tuple[tuple[Point, ...], ...] = ()
    anchors: tuple[Point, ...] = ()
    scribbles: tuple[Scribble, ...] = ()
    insertion_points: tuple[Point, ...] = ()
    filled: bool = False
    erases: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class MaskPreview:
    """Pixels that a click would paint, shown in the class's colour before they are: (h, w) bool `mask` of `box`,
    which lies inside the picture.

    value: the class whose colour it has, None for the active one; filled: False shows only its edge; allowed: of a
    large one says which pixels in these rows and columns of the picture, both rising, may change, as (rows, columns)
    bool: it is asked only for those that are on screen.
    """

    box: Box
    mask: NDArray[np.bool_]
    value: int | None = None
    filled: bool = True
    allowed: Callable[[NDArray[np.intp], NDArray[np.intp]], NDArray[np.bool_]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class BackgroundTask:
    """Something that takes longer than a frame. `run` is called on another thread, with a function to ask now and
    then whether its result is still wanted; what it returns comes back to the tool through `Tool.on_task_done`. It must not
    touch the label or the options; it takes copies along. It may raise MaskloopError: a sentence for people.

    The picture may be read from there, since nobody ever changes it. quiet: work that nobody asked for in so many
    words, such as what a mere hover needs, is spoken of later.
    """

    title: str
    run: Callable[[Callable[[], bool]], object]
    quiet: bool = False


_NO_PIXELS = Box.empty()


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What one event did: the label pixels to redraw, the finished edit, and the shape to draw now (None: none).

    ghost: pixels to show as a promise now (None: none); work: what to start; newer work replaces older, and so does
    leaving the tool; say: a sentence for the status line; tuned: the tool has changed an option; picks: the class
    under the pointer comes into the hand; over: the tool has done its part, what was in the hand before may come back.

    painting: an edit that is too large to be made between two frames, in place of `dirty` and `edit`: it is made beside
    the window, and outline and ghost stay until it is. Nothing but Esc throws it away.
    """

    dirty: Box = _NO_PIXELS
    edit: Edit | None = None
    outline: OutlinePreview | None = None
    mask_preview: MaskPreview | None = None
    task: BackgroundTask | None = None
    message: str = ""
    options_changed: bool = False
    picks_class: bool = False
    is_finished: bool = False
    deferred: DeferredEdit | None = None

    @property
    def committed(self) -> ToolResult:
        """What must not be lost when the tool is put down."""
        if self.deferred is not None:
            return ToolResult(deferred=self.deferred, outline=self.outline, mask_preview=self.mask_preview)
        return ToolResult(self.dirty, self.edit)


NO_RESULT = ToolResult()


class Cursor(StrEnum):
    """What the pointer looks like over the picture."""

    RING = "ring"
    ERASER_RING = "eraser ring"
    CROSS = "cross"
    BUCKET = "bucket"
    MOVE = "move"


class Tool:
    """One tool; every method answers an event and by default does nothing. Lives on the GUI thread.

    A tool that changes labels opens the edit itself and hands it over in an Outcome exactly once. While
    `is_busy` the canvas sends Enter, Esc and Backspace to it; `leave` is called when another tool, another
    picture or the end of the program takes over: what was drawn must not be lost then.
    """

    name = ""
    title = ""
    help_line = ""
    cursor = Cursor.CROSS
    needs_class = True
    can_erase = False
    """Whether Ctrl, or the secondary button, makes it take labels away."""
    controls: tuple[Control, ...] = ()
    """What the option bar offers while the tool is in the hand, beside its size."""
    wheel_adjusts = False
    """Whether the plain wheel does what Shift and the wheel do for others; the wheel then zooms with Ctrl."""
    uses_both_buttons = False
    """Whether the secondary button presses and drags too, as `ctrl`; else it takes back a step."""

    @property
    def is_busy(self) -> bool:
        """Whether something is under way that Esc would throw away."""
        return False

    def radius(self, options: ToolOptions) -> float | None:
        """The radius in image pixels that the ring shows, None for tools without size."""
        return None

    def set_radius(self, options: ToolOptions, radius: float) -> None:
        """Store a new radius, kept within the limits."""

    def press(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        """The primary button went down (or the secondary one, as `ctrl`, for tools that can erase)."""
        return NO_RESULT

    def drag(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        """The pointer moved with the button down."""
        return NO_RESULT

    def hover(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        """The pointer moved with no button down."""
        return NO_RESULT

    def release(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        """The button went up."""
        return NO_RESULT

    def finish(self, stage: ToolContext) -> ToolResult:
        """Enter, or a double click: complete the shape."""
        return NO_RESULT

    def cancel(self, stage: ToolContext) -> ToolResult:
        """Esc: throw away what is under way; labels are as before."""
        return NO_RESULT

    def undo_step(self, stage: ToolContext) -> ToolResult:
        """Backspace: take back the last point."""
        return NO_RESULT

    def delete_point(self, stage: ToolContext) -> ToolResult:
        """Delete: take away the point under the pointer."""
        return NO_RESULT

    def adjust(self, stage: ToolContext, steps: int) -> ToolResult | None:
        """Shift and the wheel, or a bracket key, for tools without a radius; None: there is nothing to turn."""
        return None

    def handles_key(self, key: str) -> bool:
        """Whether a key, written as in "Shift+Left" or "Ctrl+C", belongs to the tool now, before any shortcut."""
        return False

    def press_key(self, stage: ToolContext, key: str) -> ToolResult:
        """A key that the tool takes went down."""
        return NO_RESULT

    def refresh(self, stage: ToolContext) -> ToolResult:
        """An option or the class changed while `is_busy`: show what it would be now."""
        return NO_RESULT

    def on_task_done(self, stage: ToolContext, result: object) -> ToolResult:
        """The work that an Outcome asked for has come to its end; None: it could not, and people were told why."""
        return NO_RESULT

    def on_deferred_done(self, stage: ToolContext) -> ToolResult | None:
        """A painting is over, and the label is free again. None: that changes nothing of what is shown."""
        return None

    def deactivate(self, stage: ToolContext) -> ToolResult:
        """Put the tool down: complete what is under way, forget the place."""
        return self.finish(stage)
