"""The interface of a tool: a state machine that turns pointer and key events into edits of a label."""

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
from core.tools.shape_draft import ShapeDraft
from core.tools.tool_options import Control, ToolOptions


@dataclass(frozen=True, slots=True)
class Modifiers:
    """Keys held, and the pressure of a pen (0..1; a mouse always 1).

    The secondary mouse button and the eraser end of a pen count as `ctrl` for tools that erase with it.
    """

    shift: bool = False
    ctrl: bool = False
    alt: bool = False
    pressure: float = 1.0


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may read and change while it handles one event.

    picture: (H, W, 3) uint8 RGB; scale: widget pixels per image pixel, for distances that are meant on the screen
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
    """A hint stroke drawn above the picture: for the object, or for the background."""

    points: tuple[Point, ...]
    is_background: bool = False


@dataclass(frozen=True, slots=True)
class OutlinePreview:
    """A shape that is being drawn, shown above the picture: a line through `points` and on to `cursor`.

    closed: the line returns to its first point; closing: the next click closes it; rings: further closed lines
    handles: all points have small handles; active_handle: the one under the pointer, counted through `points` and then
    through the rings; insertion_points: where a click would insert a point; anchors: points with a handle on a line
    that has many more points
    filled: the enclosed area (even-odd) is tinted; erases: the shape will erase labels
    scribbles: strokes drawn apart from the line
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
    """Pixels that a click would paint, shown in the class's colour: (h, w) bool `mask` of a `box` inside the picture.

    value: the class whose colour it has, None for the active one; filled: False shows only the edge
    allowed: for a large mask, computed only for pixels on screen: which pixels in these rows and columns of the
    picture, both ascending, may change, as (rows, columns) bool
    """

    box: Box
    mask: NDArray[np.bool_]
    value: int | None = None
    filled: bool = True
    allowed: Callable[[NDArray[np.intp], NDArray[np.intp]], NDArray[np.bool_]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class BackgroundTask:
    """Work that takes longer than a frame. `run` is called on another thread with a function that tells whether it was
    cancelled; its return value goes to `Tool.on_task_done`. It may raise MaskloopError.

    `run` must not use the label or the options, only copies; it may read the picture, which never changes. quiet: the
    task was not asked for explicitly (a hover, for example), so that its progress is shown later.
    """

    title: str
    run: Callable[[Callable[[], bool]], object]
    quiet: bool = False


_NO_PIXELS = Box.empty()


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What one event did. Everything not mentioned is as before, except the previews: None removes them.

    dirty: label pixels to redraw; edit: the finished edit; outline, mask_preview: what to show above the label
    task: work to start; it replaces an earlier task, and deactivating the tool cancels it
    message: for the status line; options_changed: the tool changed an option; picks_class: make the class under the
    pointer active; is_finished: return to the tool that was active before
    deferred: an edit that is too large to be painted within a frame, instead of `dirty` and `edit`: it is painted on
    another thread, and outline and mask preview stay until then; only Esc cancels it
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
        """Only what must not be lost when the tool is deactivated."""
        if self.deferred is not None:
            return ToolResult(deferred=self.deferred, outline=self.outline, mask_preview=self.mask_preview)
        return ToolResult(self.dirty, self.edit)


NO_RESULT = ToolResult()


class Cursor(StrEnum):
    """The shape of the pointer over the picture."""

    RING = "ring"
    ERASER_RING = "eraser ring"
    CROSS = "cross"
    BUCKET = "bucket"
    MOVE = "move"


class Tool:
    """One tool. Each method handles an event and does nothing by default. Lives on the GUI thread.

    A tool opens the edit of the label itself and returns it in exactly one ToolResult. While `is_busy` the canvas sends
    Enter, Esc and Backspace to it. `deactivate` is called before another tool or picture becomes active and at the end
    of the program: what was drawn must not be lost. A shape that takes several clicks can be kept as a `draft` instead.
    """

    name = ""
    title = ""
    help_line = ""
    cursor = Cursor.CROSS
    needs_class = True
    can_erase = False
    """Whether Ctrl, or the secondary button, makes it erase."""
    controls: tuple[Control, ...] = ()
    """What the option bar shows for the tool, beside its size."""
    wheel_adjusts = False
    """Whether the plain wheel calls `adjust`, as Shift+wheel does for other tools; Ctrl+wheel then zooms."""
    uses_both_buttons = False
    """Whether the secondary button presses and drags too, as `ctrl`; otherwise it undoes a step."""

    @property
    def is_busy(self) -> bool:
        """Whether something is in progress that Esc would discard."""
        return False

    def radius(self, options: ToolOptions) -> float | None:
        """The radius of the brush cursor in image pixels; None for tools without a size."""
        return None

    def set_radius(self, options: ToolOptions, radius: float) -> None:
        """Store a new radius, clamped to the limits."""

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        """The primary button was pressed (or the secondary one, as `ctrl`, for tools that can erase)."""
        return NO_RESULT

    def drag(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        """The pointer moved with the button pressed."""
        return NO_RESULT

    def hover(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        """The pointer moved with no button pressed."""
        return NO_RESULT

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        """The button was released."""
        return NO_RESULT

    def finish(self, context: ToolContext) -> ToolResult:
        """Enter, or a double click: complete the shape."""
        return NO_RESULT

    def cancel(self, context: ToolContext) -> ToolResult:
        """Esc: discard what is in progress; the label is as before."""
        return NO_RESULT

    def undo_step(self, context: ToolContext) -> ToolResult:
        """Backspace: remove the last point."""
        return NO_RESULT

    def delete_point(self, context: ToolContext) -> ToolResult:
        """Delete: remove the point under the pointer."""
        return NO_RESULT

    def adjust(self, context: ToolContext, steps: int) -> ToolResult | None:
        """Shift+wheel, or a bracket key, for tools without a radius; None: there is nothing to adjust."""
        return None

    def handles_key(self, key: str) -> bool:
        """Whether a key, written as in "Shift+Left" or "Ctrl+C", goes to the tool now, before any shortcut."""
        return False

    def press_key(self, context: ToolContext, key: str) -> ToolResult:
        """A key was pressed for which `handles_key` is true."""
        return NO_RESULT

    def refresh(self, context: ToolContext) -> ToolResult:
        """An option or the class changed while `is_busy`: update the previews."""
        return NO_RESULT

    def on_task_done(self, context: ToolContext, result: object) -> ToolResult:
        """The background task has ended. result: what `run` returned; None when it failed, which was shown to the
        user."""
        return NO_RESULT

    def on_deferred_done(self, context: ToolContext) -> ToolResult | None:
        """A deferred edit is done, and the label is free again. None: the previews stay as they are."""
        return None

    def draft(self, context: ToolContext) -> ShapeDraft | None:
        """The shape under way, to be stored; None without one. Called often: it must be cheap."""
        return None

    def restore(self, context: ToolContext, draft: ShapeDraft) -> ToolResult:
        """Go on with a draft that this tool made, perhaps in another process; its points are inside the picture."""
        return NO_RESULT

    def deactivate(self, context: ToolContext) -> ToolResult:
        """Another tool takes over: complete what is in progress, forget positions."""
        return self.finish(context)
