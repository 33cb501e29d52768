"""Region: choose a connected region, move it, copy it, carry it to another picture."""

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
    "What is changed",
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
    "What becomes of the rest",
    "Pixels that a region loses become unlabelled, or take the class next to them.",
    choices={
        FreedPixels.UNLABELLED: "Leave the rest unlabelled",
        FreedPixels.NEIGHBOUR: "Give the rest to its neighbour",
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
_FAR = 10
"""Pixels that an arrow key moves with Shift."""


def editable_pixels(stage: ToolContext, box: Box, mask: Mask, value: int) -> Mask:
    """The pixels of `mask`, (h, w) bool of a box inside the picture, that may become `value`; writes into `mask`.

    "Class under pointer" means everything here: the pixel under the pointer is of the region itself.
    """
    if stage.options.over == PaintOver.SAME:
        stage = replace(stage, options=replace(stage.options, over=PaintOver.ALL))
    return EditConstraint(stage, None, value).restrict(stage, box, mask)


def all_have_value(values: Values, shape: RegionMask, value: int) -> bool:
    """Whether all pixels of a shape have this value in (H, W) uint8 `values`."""
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
        """Whether the label still says so."""
        return all_have_value(labels.values, self.shape, self.value)


@dataclass(frozen=True, slots=True, eq=False)
class _FloatingRegion:
    """A region on its way. verb: what the undo step says; lifted: its old place becomes unlabelled; loose: it stays
    in the air when the button goes up."""

    what: SelectedRegion
    dx: int = 0
    dy: int = 0
    verb: str = "Move"
    lifted: bool = True
    loose: bool = False

    def place(self, labels: LabelMap) -> RegionMask:
        return translate(self.what.shape, self.dx, self.dy, Box(0, 0, labels.width, labels.height))

    def put(self, dx: int, dy: int, labels: LabelMap) -> _FloatingRegion:
        """At so many pixels from where it was; one row or column of its box at least stays in the picture."""
        box = self.what.shape[0]
        dx = min(max(dx, 1 - box.x1), labels.width - 1 - box.x0)
        dy = min(max(dy, 1 - box.y1), labels.height - 1 - box.y0)
        return replace(self, dx=dx, dy=dy)


class RegionTool(Tool):
    """A click chooses; a drag of what is chosen moves it, with Ctrl a copy; arrows and a paste leave it in the air
    until Enter or a click elsewhere puts it down. Esc takes it back, and then lets go of the choice."""

    name = "region"
    title = "Region"
    help_line = "Click a region to choose it; drag moves it, Ctrl+drag copies, arrows nudge, Esc lets go."
    needs_class = False
    controls = (RESHAPE, AMOUNT, PAINT_OVER)

    def __init__(self) -> None:
        self.name_of: Callable[[int], str] = str
        """Gives the name of a class by its value."""
        self.selected: SelectedRegion | None = None
        self.clipboard: SelectedRegion | None = None
        """What was copied last; it outlives pictures."""
        self._carried: _FloatingRegion | None = None
        self._grip: tuple[Point, int, int] | None = None
        self._over = False
        self._sought: Point | None = None
        self._ghost: tuple[object, MaskPreview] | None = None

    @property
    def is_busy(self) -> bool:
        return self._carried is not None

    @property
    def cursor(self) -> Cursor:  # type: ignore[override]
        return Cursor.MOVE if self._over or self._grip else Cursor.CROSS

    def select(self, stage: ToolContext, shape: RegionMask, value: int) -> ToolResult:
        """Choose these pixels; nothing when they are none, or not all of `value` any more."""
        found = SelectedRegion(shape, value)
        self.selected = found if shape[1].any() and found.still_matches(stage.labels) else None
        return self._shown(stage)

    def revalidate(self, stage: ToolContext) -> ToolResult:
        """The label has changed: a region that is no longer there is let go of, and so is what moves away from it."""
        if self.selected is not None and not self.selected.still_matches(stage.labels):
            self.selected = None
            if self._carried is not None and self._carried.lifted:
                self._carried = self._grip = None
        return self._shown(stage)

    # The pointer

    def press(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        held = self._held(stage)
        if held is not None and held.contains(at):
            carried = self._carried
            self._grip = at, carried.dx if carried else 0, carried.dy if carried else 0
            return self._shown(stage)
        put_down = self.finish(stage)
        if put_down.deferred is not None:
            return put_down  # there is nothing certain to be chosen before it is painted
        chosen = self._choose_at(stage, at)
        return replace(
            chosen, dirty=put_down.dirty, edit=put_down.edit, message=put_down.message or chosen.message
        )

    def drag(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        if self._grip is None:
            return self._shown(stage)
        start, dx, dy = self._grip
        dx, dy = dx + round(at.x - start.x), dy + round(at.y - start.y)
        if self._carried is None and self.selected is not None and (dx or dy):
            self._carried = _FloatingRegion(self.selected)
        if self._carried is not None:
            self._carried = self._carried.put(dx, dy, stage.labels)
            if not self._carried.loose:
                copies = modifiers.ctrl
                self._carried = replace(self._carried, lifted=not copies, verb="Copy" if copies else "Move")
        return self._shown(stage)

    def release(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        outcome = self.drag(stage, at, modifiers)
        self._grip = None
        if self._carried is None or self._carried.loose:
            return outcome
        return self.finish(stage)

    def hover(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        held = self._held(stage)
        self._over = held is not None and held.contains(at)
        return self._shown(stage)

    # Keys

    def finish(self, stage: ToolContext) -> ToolResult:
        carried, self._carried, self._grip = self._carried, None, None
        if carried is None:
            return self._shown(stage)
        locked = carried.what.value in stage.options.locked
        if carried.lifted and locked:
            said = f"The class {self.name_of(carried.what.value)} is locked; unlock it to move its regions."
            return replace(self._shown(stage), message=said)
        outcome = self._put_down(stage, carried)
        shape, value = carried.place(stage.labels), carried.what.value
        if outcome.deferred is not None:
            self.selected = SelectedRegion(shape, value)  # whether it is all there shows once it is painted
            return outcome
        return replace(self.select(stage, shape, value), dirty=outcome.dirty, edit=outcome.edit)

    def on_deferred_done(self, stage: ToolContext) -> ToolResult | None:
        return self.revalidate(stage)

    def cancel(self, stage: ToolContext) -> ToolResult:
        if self._carried is None:
            self.selected = None
        self._carried = self._grip = None
        return self._shown(stage)

    def undo_step(self, stage: ToolContext) -> ToolResult:
        return self.cancel(stage) if self._carried else self._shown(stage)

    def deactivate(self, stage: ToolContext) -> ToolResult:
        outcome = self.finish(stage)
        self.selected, self._over = None, False
        return replace(outcome.committed, message=outcome.message)

    def handles_key(self, key: str) -> bool:
        if key == "Ctrl+V":
            return self.clipboard is not None
        if self.selected is None and self._carried is None:
            return False
        return key in ("Esc", "Ctrl+C") or key.removeprefix("Shift+") in _STEPS

    def press_key(self, stage: ToolContext, key: str) -> ToolResult:
        if key == "Esc":
            return self.cancel(stage)
        if key == "Ctrl+C":
            self.clipboard = self._held(stage)
            return replace(self._shown(stage), message="Copied. Ctrl+V puts it into this or another picture.")
        if key == "Ctrl+V":
            return self.paste(stage)
        across, down = _STEPS[key.removeprefix("Shift+")]
        far = _FAR if key.startswith("Shift+") else 1
        return self._nudge(stage, across * far, down * far)

    def paste(self, stage: ToolContext) -> ToolResult:
        """What was copied hangs above the same place, or as near to it as the picture allows."""
        if self.clipboard is None:
            return replace(self._shown(stage), message="Copy a region first: choose it and press Ctrl+C.")
        put_down = self.finish(stage).committed
        box = self.clipboard.shape[0]
        dx = max(min(0, stage.labels.width - box.x1), -box.x0)
        dy = max(min(0, stage.labels.height - box.y1), -box.y0)
        self.selected = None
        self._carried = _FloatingRegion(self.clipboard, verb="Paste", lifted=False, loose=True).put(
            dx, dy, stage.labels
        )
        said = "Drag or nudge it; Enter puts it down, Esc takes it back."
        if put_down.deferred is not None:
            return replace(put_down, message=said)
        return replace(self._shown(stage), dirty=put_down.dirty, edit=put_down.edit, message=said)

    # Regions too large to be found between two frames

    def on_task_done(self, stage: ToolContext, result: object) -> ToolResult:
        sought, self._sought = self._sought, None
        match result:
            case (at, SelectedRegion() as found) if at is sought:
                return self.select(stage, found.shape, found.value)
            case _:
                return self._shown(stage)  # something else was clicked meanwhile

    # Steps of the above

    def refresh(self, stage: ToolContext) -> ToolResult:
        return self._shown(stage)

    def _held(self, stage: ToolContext) -> SelectedRegion | None:
        """What the hand would take now: the region in the air where it is, else the chosen one."""
        if self._carried is not None:
            return SelectedRegion(self._carried.place(stage.labels), self._carried.what.value)
        return self.selected

    def _choose_at(self, stage: ToolContext, at: Point) -> ToolResult:
        labels = stage.labels
        self.selected = self._sought = None
        if not (0 <= at.x < labels.width and 0 <= at.y < labels.height):
            return self._shown(stage)
        value = int(labels.values[int(at.y), int(at.x)])
        if value == UNLABELLED:
            return self._shown(stage)
        near = nearby_region(labels.values, at, NEARBY_PIXELS)
        if near is not None:
            return self.select(stage, near, value)
        label = labels.snapshot()
        self._sought = at

        def seek(_unwanted: Callable[[], bool]) -> object:
            return at, SelectedRegion(connected_region(label.copy(), at), value)

        return ToolResult(task=BackgroundTask("Choosing the region", seek))

    def _nudge(self, stage: ToolContext, dx: int, dy: int) -> ToolResult:
        if self._carried is None and self.selected is not None:
            self._carried = _FloatingRegion(self.selected, loose=True)
        if self._carried is None:
            return NO_RESULT
        self._carried = self._carried.put(self._carried.dx + dx, self._carried.dy + dy, stage.labels)
        return replace(self._shown(stage), message="Enter puts it down, Esc takes it back.")

    def _put_down(self, stage: ToolContext, carried: _FloatingRegion) -> ToolResult:
        value, lifted, there = carried.what.value, carried.what.shape, carried.place(stage.labels)

        def paint(stage: ToolContext) -> Box:
            labels, dirty = stage.labels, Box.empty()
            if carried.lifted:
                box, mask = lifted
                dirty = labels.paint(box, editable_pixels(stage, box, mask.copy(), UNLABELLED), UNLABELLED)
            box, mask = there
            return dirty.union(labels.paint(box, editable_pixels(stage, box, mask.copy(), value), value))

        name, pixels = f"{carried.verb} region, {self.name_of(value)}", lifted[0].area + there[0].area
        return paint_or_defer(
            stage, name, self.name, value, pixels, paint, mask_preview=MaskPreview(*there, value)
        )

    def _shown(self, stage: ToolContext) -> ToolResult:
        """The ghost is the same object for as long as it shows the same, so that it is not painted again."""
        subject = self._carried or self.selected
        if subject is None:
            return NO_RESULT
        if self._ghost is None or self._ghost[0] is not subject:
            if isinstance(subject, SelectedRegion):
                ghost = MaskPreview(*subject.shape, subject.value, filled=False)
            else:
                ghost = MaskPreview(*subject.place(stage.labels), subject.what.value)
            self._ghost = subject, ghost
        return ToolResult(mask_preview=self._ghost[1])
