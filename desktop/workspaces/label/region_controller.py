"""Regions change their shape: the chosen region, else the one under the pointer, or all of its class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from threading import Event

import numpy as np
from PySide6.QtCore import QObject, Signal

from core.base.changes import Changes
from core.base.geometry import Box, Point
from core.labels.class_list import UNLABELLED, VOID
from core.labels.deferred_edit import DeferredEdit
from core.labels.label_map import LabelMap, Values
from core.labels.morphology import NEARBY_PIXELS, RegionMask, class_region, nearby_region
from core.labels.rasterization import connected_region
from core.session.editing import EditingService
from core.tools.region import RegionTool
from core.tools.region_operations import (
    RegionOperation,
    RegionParams,
    RegionResult,
    apply_result,
    begin_edit,
    compute_result,
    paint_result,
)
from core.tools.tool import BackgroundTask, ToolContext, ToolResult
from core.tools.tool_options import RegionScope
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.tool_controller import ToolController

INLINE_PIXELS = 1 << 16
"""Pixels of a box whose shape is changed between two frames; more takes a thread."""

_OPERATIONS = {
    "grow_region": RegionOperation.GROW,
    "shrink_region": RegionOperation.SHRINK,
    "smooth_region": RegionOperation.SMOOTH,
    "fill_holes": RegionOperation.FILL_HOLES,
    "remove_islands": RegionOperation.REMOVE_ISLANDS,
    "keep_largest": RegionOperation.KEEP_LARGEST,
    "delete_region": RegionOperation.DELETE,
}


@dataclass(frozen=True, slots=True, eq=False)
class _ComputedRegion:
    """A change, and the (H, W) uint8 label that it was thought of with."""

    values: Values
    result: RegionResult

    def is_current(self, labels: LabelMap) -> bool:
        """Whether the label still is as it was, wherever it would change."""
        return all(
            np.array_equal(self.values[box.slices], labels.values[box.slices])
            for box, _mask in (self.result.region, self.result.removed)
        )


class RegionController(QObject):
    """Does what the actions of regions say. Lives on the GUI thread."""

    message = Signal(str)

    def __init__(
        self, editing: EditingService, page: LabelPage, picture: ActivePicture, tools: ToolController
    ) -> None:
        super().__init__()
        self._editing, self._canvas, self._picture, self._tools = editing, page.canvas, picture, tools
        tool = tools.tool("tool_region")
        assert isinstance(tool, RegionTool)
        self._tool = tool
        self._tool.name_of = self._name_of

    def actions(self) -> dict[str, Callable[[], object]]:
        """What each action of regions does."""
        return {
            **{key: partial(self._reshape, way) for key, way in _OPERATIONS.items()},
            "copy_region": self._copy,
            "paste_region": self._paste,
        }

    def refresh(self) -> None:
        """The label has changed: what was chosen may be gone."""
        stage = self._canvas.tool_context()
        if stage is not None and self._has_tool:
            self._canvas.show_result(self._tool.revalidate(stage))

    def on_changes(self, changes: Changes) -> None:
        """What was copied is of no use once its class is gone."""
        kept = self._tool.clipboard
        if changes.classes and kept and kept.value != VOID and not self._editing.classes.by_value(kept.value):
            self._tool.clipboard = None

    @property
    def _has_tool(self) -> bool:
        return self._canvas.tool is self._tool

    def _name_of(self, value: int) -> str:
        return self._editing.classes.name_of(value)  # always of the list as it is now

    # Copy and paste -----------------------------------------------------------------------------

    def _copy(self) -> None:
        stage = self._stage()
        if stage is None or not (self._has_tool and self._tool.handles_key("Ctrl+C")):
            self.message.emit("Choose a region with the region tool first; then it can be copied.")
            return
        self._canvas.show_result(self._tool.press_key(stage, "Ctrl+C"))

    def _paste(self) -> None:
        stage = self._stage()
        if stage is not None:
            self._tools.select_tool("tool_region")
            self._canvas.show_result(self._tool.paste(stage))
            self._canvas.setFocus()

    # Shapes -------------------------------------------------------------------------------------

    def _reshape(self, operation: RegionOperation) -> None:
        stage = self._stage()
        if stage is None:
            return
        if self._has_tool and self._tool.is_busy:
            if operation == RegionOperation.DELETE and self._tool.selected is None:
                self._canvas.show_result(self._tool.cancel(stage))  # a paste in the air: only that is meant
                return
            self._canvas.show_result(self._tool.finish(stage))
            self._canvas.deferred_edit.finish_now()
        at = self._canvas.cursor_point
        chosen = self._tool.selected if self._has_tool else None
        if chosen is None and at is None:
            self.message.emit("Point at a region first, or choose one with the region tool.")
            return
        value = chosen.value if chosen else _value_at(stage.labels, at)
        name = self._name_of(value)
        if value == UNLABELLED:
            self.message.emit("There is no label here; point at a labelled region.")
        elif value in stage.options.locked and operation not in (
            RegionOperation.GROW,
            RegionOperation.FILL_HOLES,
        ):
            self.message.emit(f"The class {name} is locked; unlock it to change its regions.")
        else:
            self._compute(stage, chosen.shape if chosen else at, value, operation)

    def _compute(
        self, stage: ToolContext, where: RegionMask | Point | None, value: int, operation: RegionOperation
    ) -> None:
        """Think at once about what is small, on another thread about what is not."""
        options, labels = stage.options, stage.labels
        whole = operation.is_whole_class or options.scope == RegionScope.CLASS
        wish = RegionParams(operation, options.region_amount, options.island_size, options.freed, whole)
        shape: RegionMask | None = None
        if not whole:
            shape = nearby_region(labels.values, where, NEARBY_PIXELS) if isinstance(where, Point) else where
        size = Box(0, 0, labels.width, labels.height) if shape is None else shape[0].grown(2 * wish.distance)
        if size.area <= INLINE_PIXELS:
            found = shape or _region_of(labels.values, where, value, whole)
            self._apply(labels, compute_result(labels.values, found, wish))
            return
        label = labels.snapshot()

        def run(_unwanted: Callable[[], bool]) -> _ComputedRegion:
            values = label.copy()
            return _ComputedRegion(
                values, compute_result(values, shape or _region_of(values, where, value, whole), wish)
            )

        title = f"{operation.value}, {self._name_of(value)}"
        self._canvas.run_task(BackgroundTask(title, run), partial(self._apply_deferred, labels))

    def _apply(self, labels: LabelMap, reshaped: RegionResult) -> None:
        """Make a small change at once."""
        stage = self._stage()
        if stage is None or stage.labels is not labels:
            return
        edit = apply_result(stage, reshaped, self._name_of(reshaped.value))
        if edit is not None and not self._has_tool:
            self._canvas.refresh(edit.box)
            self._canvas.edit_finished.emit(edit)
        elif edit is not None:
            chosen = (
                self._tool.select(stage, reshaped.region, reshaped.value)
                if self._keeps_selection(reshaped)
                else ToolResult()
            )
            self._canvas.show_result(replace(chosen, dirty=edit.box, edit=edit))
            self.refresh()
        else:
            self.message.emit(_no_change_text(reshaped, self._name_of(reshaped.value)))

    def _apply_deferred(self, labels: LabelMap, thought: object) -> None:
        """Make a change that was thought of on another thread, on another thread."""
        stage = self._stage()
        if stage is None or stage.labels is not labels or not isinstance(thought, _ComputedRegion):
            return
        settled, reshaped = replace(stage, options=replace(stage.options)), thought.result
        is_late = Event()

        def do() -> Box:
            if thought.is_current(labels):
                return paint_result(settled, reshaped)
            is_late.set()
            return Box.empty()

        painting = DeferredEdit(labels, begin_edit(labels, reshaped, self._name_of(reshaped.value)), do)
        then = partial(self._applied, reshaped, is_late, self._keeps_selection(reshaped))
        self._canvas.deferred_edit.start(painting, on_done=then)

    def _applied(self, reshaped: RegionResult, is_late: Event, renews: bool, painting: DeferredEdit) -> None:
        stage = self._canvas.tool_context()
        if painting.edit is not None:
            if renews and self._has_tool and stage is not None:
                self._canvas.show_result(self._tool.select(stage, reshaped.region, reshaped.value))
        elif is_late.is_set():
            self.message.emit("The label has changed meanwhile; please ask once more.")
        elif not painting.is_cancelled:
            self.message.emit(_no_change_text(reshaped, self._name_of(reshaped.value)))

    def _keeps_selection(self, reshaped: RegionResult) -> bool:
        """Whether it is the chosen region that takes another shape, and shall be the chosen one with it."""
        return self._has_tool and self._tool.selected is not None and not reshaped.params.whole_class

    def _stage(self) -> ToolContext | None:
        """The stage for a change, after a stroke under way has ended and an undo under way is on screen."""
        if self._picture.labels is None or not self._canvas.isVisible():
            return None  # nobody sees what would change
        self._canvas.finish_edit()
        self._canvas.before_edit.emit()
        return self._canvas.tool_context()


def _value_at(labels: LabelMap, at: Point | None) -> int:
    return UNLABELLED if at is None else int(labels.values[int(at.y), int(at.x)])


def _region_of(values: Values, where: RegionMask | Point | None, value: int, whole: bool) -> RegionMask:
    if whole or where is None:
        return class_region(values, value)
    return connected_region(values, where) if isinstance(where, Point) else where


def _no_change_text(reshaped: RegionResult, name: str) -> str:
    match reshaped.params.operation:
        case RegionOperation.REMOVE_ISLANDS if reshaped.removed[0].is_empty:
            return f"No part of {name} in this picture has fewer than {reshaped.params.island_size} pixels."
        case RegionOperation.KEEP_LARGEST if reshaped.removed[0].is_empty:
            return f"All of {name} in this picture is in one piece already."
        case _:
            return "Nothing to change here: the shape is so already, or what is locked or spared leaves no pixel."
