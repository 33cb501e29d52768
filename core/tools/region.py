"""The region tool: select a connected region, move it, copy it, paste it into another picture."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from core.base.geometry import Box, Point
from core.labels.class_list import UNLABELLED
from core.labels.label_map import LabelMap, Mask, Values
from core.labels.morphology import NEARBY_PIXELS, RegionMask, nearby_region, translate
from core.labels.rasterization import connected_region
from core.tools.deferred import paint_or_defer
from core.tools.edit_constraint import EditConstraint
from core.tools.tool import (
    NO_RESULT,
    BackgroundTask,
    Cursor,
    MaskPreview,
    Modifiers,
    Tool,
    ToolContext,
    ToolResult,
)
from core.tools.tool_options import (
    PAINT_OVER,
    FreedPixels,
    OptionMenu,
    PaintOver,
    RegionScope,
    tool_option,
)

SCOPE = tool_option(
    "scope",
    "Scope",
    "Grow, shrink, smooth and fill one region, or all pixels of its class in this picture.",
    choices={RegionScope.REGION: "Change one region", RegionScope.CLASS: "Change the whole class"},
)
AMOUNT = tool_option(
    "region_amount",
    "By",
    "Pixels by which regions grow, shrink and are smoothed.",
    minimum=1,
    maximum=500,
    unit=" px",
)
ISLANDS = tool_option(
    "island_size",
    "Islands under",
    "Connected components of a class with fewer pixels are islands.",
    minimum=2,
    maximum=1_000_000,
    unit=" px",
)
FREED = tool_option(
    "freed",
    "Freed pixels",
    "Pixels that a region loses become unlabelled, or take the class of their neighbours.",
    choices={
        FreedPixels.UNLABELLED: "Freed pixels become unlabelled",
        FreedPixels.NEIGHBOUR: "Freed pixels take the next class",
    },
)
RESHAPE = OptionMenu(
    "reshape",
    "Change region",
    "Operations on the selected region, or on the one under the pointer.",
    (
        "grow_region", "shrink_region", "smooth_region", "fill_holes", None, "remove_islands", "keep_largest", None,
        "copy_region", "paste_region", "delete_region",
    ),
    (SCOPE, FREED, ISLANDS),
)  # fmt: skip

_STEPS = {"Left": (-1, 0), "Right": (1, 0), "Up": (0, -1), "Down": (0, 1)}
_FAST_STEP = 10
"""Pixels that an arrow key moves with Shift."""


def editable_pixels(context: ToolContext, box: Box, mask: Mask, value: int) -> Mask:
    """The pixels of `mask`, (h, w) bool of a box inside the picture, that may become `value`; modifies `mask`.

    What asks for the pixel under the pointer counts as `ALL` here: it belongs to the region itself.
    """
    if context.options.over in (PaintOver.SAME, PaintOver.SEGMENT):
        context = replace(context, options=replace(context.options, over=PaintOver.ALL))
    return EditConstraint(context, None, value).restrict(context, box, mask)


def all_have_value(values: Values, shape: RegionMask, value: int) -> bool:
    """Whether all pixels of a region have this value in (H, W) uint8 `values`."""
    box, mask = shape
    return not any(
        ((values[band.slices] != value) & mask[band.moved(-box.x0, -box.y0).slices]).any()
        for band in box.bands()
    )


@dataclass(frozen=True, slots=True, eq=False)
class SelectedRegion:
    """A region of one class: its pixels and its value."""

    shape: RegionMask
    value: int

    def contains(self, at: Point) -> bool:
        box, mask = self.shape
        x, y = int(at.x // 1), int(at.y // 1)
        return box.x0 <= x < box.x1 and box.y0 <= y < box.y1 and bool(mask[y - box.y0, x - box.x0])

    def still_matches(self, labels: LabelMap) -> bool:
        """Whether the label still has this value in all pixels of the region."""
        return all_have_value(labels.values, self.shape, self.value)


@dataclass(frozen=True, slots=True, eq=False)
class _FloatingRegion:
    """A region that is being moved (a floating selection).

    verb: name in the undo step; is_moved: its old place becomes unlabelled; is_loose: it floats on when the button is
    released, until Enter
    """

    what: SelectedRegion
    dx: int = 0
    dy: int = 0
    verb: str = "Move"
    is_moved: bool = True
    is_loose: bool = False

    def place(self, labels: LabelMap) -> RegionMask:
        return translate(self.what.shape, self.dx, self.dy, Box(0, 0, labels.width, labels.height))

    def put(self, dx: int, dy: int, labels: LabelMap) -> _FloatingRegion:
        """At this offset from its origin; at least one row or column of its box stays in the picture."""
        box = self.what.shape[0]
        dx = min(max(dx, 1 - box.x1), labels.width - 1 - box.x0)
        dy = min(max(dy, 1 - box.y1), labels.height - 1 - box.y0)
        return replace(self, dx=dx, dy=dy)


class RegionTool(Tool):
    """A click selects; dragging the selection moves it, with Ctrl a copy. After an arrow key or a paste it floats
    until Enter or a click elsewhere places it. Esc discards the floating region, then the selection."""

    name = "region"
    title = "Region"
    help_line = "Click a region to select it; drag moves it, Ctrl+drag copies, arrows nudge, Esc deselects."
    needs_class = False
    controls = (RESHAPE, AMOUNT, PAINT_OVER)

    def __init__(self) -> None:
        self.name_of: Callable[[int], str] = str
        """Gives the name of a class by its value."""
        self.selected: SelectedRegion | None = None
        self.clipboard: SelectedRegion | None = None
        """The region that was copied last; kept when another picture is opened."""
        self._floating: _FloatingRegion | None = None
        self._drag_start: tuple[Point, int, int] | None = None
        self._is_hovered = False
        self._searched_at: Point | None = None
        self._mask_preview: tuple[object, MaskPreview] | None = None

    @property
    def is_busy(self) -> bool:
        return self._floating is not None

    @property
    def cursor(self) -> Cursor:  # type: ignore[override]
        return Cursor.MOVE if self._is_hovered or self._drag_start else Cursor.CROSS

    def select(self, context: ToolContext, shape: RegionMask, value: int) -> ToolResult:
        """Select these pixels; nothing when there are none, or when not all of them have `value` any more."""
        region = SelectedRegion(shape, value)
        self.selected = region if shape[1].any() and region.still_matches(context.labels) else None
        return self._show(context)

    def revalidate(self, context: ToolContext) -> ToolResult:
        """The label has changed: a selection that no longer matches it is dropped, and so is a region that is moved
        from it."""
        if self.selected is not None and not self.selected.still_matches(context.labels):
            self.selected = None
            if self._floating is not None and self._floating.is_moved:
                self._floating = self._drag_start = None
        return self._show(context)

    # The pointer

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        movable = self._movable(context)
        if movable is not None and movable.contains(at):
            floating = self._floating
            self._drag_start = at, floating.dx if floating else 0, floating.dy if floating else 0
            return self._show(context)
        placed = self.finish(context)
        if placed.deferred is not None:
            return placed  # what is under the pointer is known only once it is painted
        chosen = self._select_at(context, at)
        return replace(chosen, dirty=placed.dirty, edit=placed.edit, message=placed.message or chosen.message)

    def drag(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._drag_start is None:
            return self._show(context)
        start, dx, dy = self._drag_start
        dx, dy = dx + round(at.x - start.x), dy + round(at.y - start.y)
        if self._floating is None and self.selected is not None and (dx or dy):
            self._floating = _FloatingRegion(self.selected)
        if self._floating is not None:
            self._floating = self._floating.put(dx, dy, context.labels)
            if not self._floating.is_loose:
                is_copy = modifiers.ctrl
                self._floating = replace(
                    self._floating, is_moved=not is_copy, verb="Copy" if is_copy else "Move"
                )
        return self._show(context)

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        result = self.drag(context, at, modifiers)
        self._drag_start = None
        if self._floating is None or self._floating.is_loose:
            return result
        return self.finish(context)

    def hover(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        movable = self._movable(context)
        self._is_hovered = movable is not None and movable.contains(at)
        return self._show(context)

    # Keys

    def finish(self, context: ToolContext) -> ToolResult:
        floating, self._floating, self._drag_start = self._floating, None, None
        if floating is None:
            return self._show(context)
        locked = floating.what.value in context.options.locked
        if floating.is_moved and locked:
            message = (
                f"The class {self.name_of(floating.what.value)} is locked; unlock it to move its regions."
            )
            return replace(self._show(context), message=message)
        result = self._place(context, floating)
        shape, value = floating.place(context.labels), floating.what.value
        if result.deferred is not None:
            self.selected = SelectedRegion(shape, value)  # validated once it is painted
            return result
        return replace(self.select(context, shape, value), dirty=result.dirty, edit=result.edit)

    def on_deferred_done(self, context: ToolContext) -> ToolResult | None:
        return self.revalidate(context)

    def cancel(self, context: ToolContext) -> ToolResult:
        if self._floating is None:
            self.selected = None
        self._floating = self._drag_start = None
        return self._show(context)

    def undo_step(self, context: ToolContext) -> ToolResult:
        return self.cancel(context) if self._floating else self._show(context)

    def deactivate(self, context: ToolContext) -> ToolResult:
        result = self.finish(context)
        self.selected, self._is_hovered = None, False
        return replace(result.committed, message=result.message)

    def handles_key(self, key: str) -> bool:
        if key == "Ctrl+V":
            return self.clipboard is not None
        if self.selected is None and self._floating is None:
            return False
        return key in ("Esc", "Ctrl+C") or key.removeprefix("Shift+") in _STEPS

    def press_key(self, context: ToolContext, key: str) -> ToolResult:
        if key == "Esc":
            return self.cancel(context)
        if key == "Ctrl+C":
            self.clipboard = self._movable(context)
            return replace(
                self._show(context), message="Copied. Ctrl+V puts it into this or another picture."
            )
        if key == "Ctrl+V":
            return self.paste(context)
        across, down = _STEPS[key.removeprefix("Shift+")]
        step = _FAST_STEP if key.startswith("Shift+") else 1
        return self._nudge(context, across * step, down * step)

    def paste(self, context: ToolContext) -> ToolResult:
        """The copied region floats at its old position, or as near to it as the picture allows."""
        if self.clipboard is None:
            return replace(self._show(context), message="Copy a region first: select it and press Ctrl+C.")
        placed = self.finish(context).committed
        box = self.clipboard.shape[0]
        dx = max(min(0, context.labels.width - box.x1), -box.x0)
        dy = max(min(0, context.labels.height - box.y1), -box.y0)
        self.selected = None
        self._floating = _FloatingRegion(self.clipboard, verb="Paste", is_moved=False, is_loose=True).put(
            dx, dy, context.labels
        )
        message = "Drag it or nudge it with the arrow keys; Enter places it, Esc cancels."
        if placed.deferred is not None:
            return replace(placed, message=message)
        return replace(self._show(context), dirty=placed.dirty, edit=placed.edit, message=message)

    # Regions too large to be found within a frame

    def on_task_done(self, context: ToolContext, result: object) -> ToolResult:
        sought, self._searched_at = self._searched_at, None
        match result:
            case (at, SelectedRegion() as region) if at is sought:
                return self.select(context, region.shape, region.value)
            case _:
                return self._show(context)  # the user has clicked somewhere else since

    # Internals

    def refresh(self, context: ToolContext) -> ToolResult:
        return self._show(context)

    def _movable(self, context: ToolContext) -> SelectedRegion | None:
        """What a drag would move: the floating region where it is, else the selection."""
        if self._floating is not None:
            return SelectedRegion(self._floating.place(context.labels), self._floating.what.value)
        return self.selected

    def _select_at(self, context: ToolContext, at: Point) -> ToolResult:
        labels = context.labels
        self.selected = self._searched_at = None
        if not (0 <= at.x < labels.width and 0 <= at.y < labels.height):
            return self._show(context)
        value = int(labels.values[int(at.y), int(at.x)])
        if value == UNLABELLED:
            return self._show(context)
        nearby = nearby_region(labels.values, at, NEARBY_PIXELS)
        if nearby is not None:
            return self.select(context, nearby, value)
        label = labels.snapshot()
        self._searched_at = at

        def search(_is_cancelled: Callable[[], bool]) -> object:
            return at, SelectedRegion(connected_region(label.copy(), at), value)

        return ToolResult(task=BackgroundTask("Selecting the region", search))

    def _nudge(self, context: ToolContext, dx: int, dy: int) -> ToolResult:
        if self._floating is None and self.selected is not None:
            self._floating = _FloatingRegion(self.selected, is_loose=True)
        if self._floating is None:
            return NO_RESULT
        self._floating = self._floating.put(self._floating.dx + dx, self._floating.dy + dy, context.labels)
        return replace(self._show(context), message="Enter places the region, Esc cancels.")

    def _place(self, context: ToolContext, floating: _FloatingRegion) -> ToolResult:
        value, is_moved, there = floating.what.value, floating.what.shape, floating.place(context.labels)

        def paint(context: ToolContext) -> Box:
            labels, dirty = context.labels, Box.empty()
            if floating.is_moved:
                box, mask = is_moved
                dirty = labels.paint(box, editable_pixels(context, box, mask.copy(), UNLABELLED), UNLABELLED)
            box, mask = there
            return dirty.union(labels.paint(box, editable_pixels(context, box, mask.copy(), value), value))

        name, pixels = f"{floating.verb} region, {self.name_of(value)}", is_moved[0].area + there[0].area
        return paint_or_defer(
            context, name, self.name, value, pixels, paint, mask_preview=MaskPreview(*there, value)
        )

    def _show(self, context: ToolContext) -> ToolResult:
        """The preview object stays the same while it shows the same, so that it is not rendered again."""
        subject = self._floating or self.selected
        if subject is None:
            return NO_RESULT
        if self._mask_preview is None or self._mask_preview[0] is not subject:
            if isinstance(subject, SelectedRegion):
                mask_preview = MaskPreview(*subject.shape, subject.value, filled=False)
            else:
                mask_preview = MaskPreview(*subject.place(context.labels), subject.what.value)
            self._mask_preview = subject, mask_preview
        return ToolResult(mask_preview=self._mask_preview[1])
