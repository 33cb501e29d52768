"""Region actions: copy, paste, grow, shrink, smooth, fill holes, remove islands, keep largest, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from threading import Event

import numpy as np

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
from desktop.controller import Actions, Controller
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.tool_controller import ToolController

INLINE_PIXELS = 1 << 16
"""A box of up to so many pixels is computed on the GUI thread, within a frame; a larger one in the background."""

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
    """A result, and the label (H, W) uint8 from which it was computed."""

    values: Values
    result: RegionResult

    def is_current(self, labels: LabelMap) -> bool:
        """Whether the label is unchanged wherever the result would change it."""
        return all(
            np.array_equal(self.values[box.slices], labels.values[box.slices])
            for box, _mask in (self.result.region, self.result.removed)
        )


class RegionController(Controller):
    """Lives on the GUI thread.

    An operation concerns the selected region, else the region under the pointer, or all pixels of its class.
    """

    def __init__(
        self, editing: EditingService, page: LabelPage, picture: ActivePicture, tools: ToolController
    ) -> None:
        super().__init__()
        self._editing, self._canvas, self._picture, self._tools = editing, page.canvas, picture, tools
        tool = tools.tool("tool_region")
        assert isinstance(tool, RegionTool)
        self._tool = tool
        self._tool.name_of = self._name_of

    def on_changes(self, changes: Changes) -> None:
        """Drop a copied region whose class was deleted."""
        kept = self._tool.clipboard
        if changes.classes and kept and kept.value != VOID and not self._editing.classes.by_value(kept.value):
            self._tool.clipboard = None

    def actions(self) -> Actions:
        return {
            **{key: partial(self._run, operation) for key, operation in _OPERATIONS.items()},
            "copy_region": self._copy,
            "paste_region": self._paste,
        }

    def refresh(self) -> None:
        """The label has changed: the selected region may be gone."""
        context = self._canvas.tools.context()
        if context is not None and self._has_tool:
            self._canvas.tools.show_result(self._tool.revalidate(context))

    @property
    def _has_tool(self) -> bool:
        return self._canvas.tools.tool is self._tool

    def _name_of(self, value: int) -> str:
        return self._editing.classes.name_of(value)  # always of the current class list

    def _context(self) -> ToolContext | None:
        """For an edit: a stroke under way is finished and an undo under way is shown first. None when hidden."""
        if self._picture.labels is None or not self._canvas.isVisible():
            return None
        self._canvas.finish_edit()
        self._canvas.tools.before_edit.emit()
        return self._canvas.tools.context()

    # Copy and paste -----------------------------------------------------------------------------

    def _copy(self) -> None:
        context = self._context()
        if context is None or not (self._has_tool and self._tool.handles_key("Ctrl+C")):
            self.message.emit("Select a region with the region tool first, then copy it.")
            return
        self._canvas.tools.show_result(self._tool.press_key(context, "Ctrl+C"))

    def _paste(self) -> None:
        context = self._context()
        if context is not None:
            self._tools.select_tool("tool_region")
            self._canvas.tools.show_result(self._tool.paste(context))
            self._canvas.setFocus()

    # Operations ---------------------------------------------------------------------------------

    def _run(self, operation: RegionOperation) -> None:
        context = self._context()
        if context is None:
            return
        if self._has_tool and self._tool.is_busy:
            if operation == RegionOperation.DELETE and self._tool.selected is None:
                self._canvas.tools.show_result(
                    self._tool.cancel(context)
                )  # a pasted region that is not placed yet
                return
            self._canvas.tools.show_result(self._tool.finish(context))
            self._canvas.tools.pending_edit.finish_now()
        at = self._canvas.cursor_point
        selected = self._tool.selected if self._has_tool else None
        if selected is None and at is None:
            self.message.emit("Point at a region first, or select one with the region tool.")
            return
        value = selected.value if selected else _value_at(context.labels, at)
        only_adds = operation in (RegionOperation.GROW, RegionOperation.FILL_HOLES)
        if value == UNLABELLED:
            self.message.emit("There is no label here; point at a labelled region.")
        elif value in context.options.locked and not only_adds:
            self.message.emit(f"The class {self._name_of(value)} is locked; unlock it to change its regions.")
        else:
            self._compute(context, selected.shape if selected else at, value, operation)

    def _compute(
        self, context: ToolContext, where: RegionMask | Point | None, value: int, operation: RegionOperation
    ) -> None:
        """Compute a small change at once, and a large one on another thread."""
        options, labels = context.options, context.labels
        whole_class = operation.is_whole_class or options.scope == RegionScope.CLASS
        params = RegionParams(
            operation, options.region_amount, options.island_size, options.freed, whole_class
        )
        region: RegionMask | None = None
        if not whole_class:
            region = nearby_region(labels.values, where, NEARBY_PIXELS) if isinstance(where, Point) else where
        box = (
            Box(0, 0, labels.width, labels.height) if region is None else region[0].grown(2 * params.distance)
        )
        if box.area <= INLINE_PIXELS:
            found = region or _region_of(labels.values, where, value, whole_class)
            self._apply(context, compute_result(labels.values, found, params))
            return
        snapshot = labels.snapshot()

        def run(_is_cancelled: Callable[[], bool]) -> _ComputedRegion:
            values = snapshot.copy()
            found = region or _region_of(values, where, value, whole_class)
            return _ComputedRegion(values, compute_result(values, found, params))

        title = f"{operation.value}, {self._name_of(value)}"
        self._canvas.tools.run_task(BackgroundTask(title, run), partial(self._apply_deferred, labels))

    def _apply(self, context: ToolContext, result: RegionResult) -> None:
        edit = apply_result(context, result, self._name_of(result.value))
        if edit is not None and not self._has_tool:
            self._canvas.refresh(edit.box)
            self._canvas.tools.edit_finished.emit(edit)
        elif edit is not None:
            keeps = self._keeps_selection(result)
            selection = self._tool.select(context, result.region, result.value) if keeps else ToolResult()
            self._canvas.tools.show_result(replace(selection, dirty=edit.box, edit=edit))
            self.refresh()
        else:
            self.message.emit(_no_change_text(result, self._name_of(result.value)))

    def _apply_deferred(self, labels: LabelMap, computed: object) -> None:
        """Paint a change that was computed in the background, in the background too."""
        context = self._context()
        if context is None or context.labels is not labels or not isinstance(computed, _ComputedRegion):
            return
        fixed, result = replace(context, options=replace(context.options)), computed.result
        is_outdated = Event()

        def paint() -> Box:
            if computed.is_current(labels):
                return paint_result(fixed, result)
            is_outdated.set()
            return Box.empty()

        deferred = DeferredEdit(labels, begin_edit(labels, result, self._name_of(result.value)), paint)
        on_done = partial(self._applied, result, is_outdated, self._keeps_selection(result))
        self._canvas.tools.pending_edit.start(deferred, on_done=on_done)

    def _applied(
        self, result: RegionResult, is_outdated: Event, keeps_selection: bool, deferred: DeferredEdit
    ) -> None:
        context = self._canvas.tools.context()
        if deferred.edit is not None:
            if keeps_selection and self._has_tool and context is not None:
                self._canvas.tools.show_result(self._tool.select(context, result.region, result.value))
        elif is_outdated.is_set():
            self.message.emit("The label has changed since. Try again.")
        elif not deferred.is_cancelled:
            self.message.emit(_no_change_text(result, self._name_of(result.value)))

    def _keeps_selection(self, result: RegionResult) -> bool:
        """Whether the result is the new shape of the selected region, which then stays selected."""
        return self._has_tool and self._tool.selected is not None and not result.params.whole_class


def _value_at(labels: LabelMap, at: Point | None) -> int:
    return UNLABELLED if at is None else int(labels.values[int(at.y), int(at.x)])


def _region_of(values: Values, where: RegionMask | Point | None, value: int, whole_class: bool) -> RegionMask:
    if whole_class or where is None:
        return class_region(values, value)
    return connected_region(values, where) if isinstance(where, Point) else where


def _no_change_text(result: RegionResult, name: str) -> str:
    match result.params.operation:
        case RegionOperation.REMOVE_ISLANDS if result.removed[0].is_empty:
            return f"No part of {name} in this picture has fewer than {result.params.island_size} pixels."
        case RegionOperation.KEEP_LARGEST if result.removed[0].is_empty:
            return f"{name} is already a single region in this picture."
        case _:
            return "Nothing to change: the region already has this shape, or the other pixels belong to locked classes."
