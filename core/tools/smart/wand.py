"""The magic wand: a press selects pixels of similar colour, dragging sideways changes the tolerance, the release
paints."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.base.geometry import Box, Point
from core.tools.deferred import paint_or_defer
from core.tools.edit_constraint import paint_mask, preview_mask
from core.tools.smart.colour_similarity import Seed, SimilarRegion, find_similar_region, warm_up
from core.tools.tool import NO_RESULT, BackgroundTask, MaskPreview, Modifiers, Tool, ToolContext, ToolResult
from core.tools.tool_options import PAINT_OVER, ColourSpace, tool_option

MAX_TOLERANCE = 200
"""The largest tolerance; everything is similar then."""
MAX_IMMEDIATE_SEARCH = 512 * 512
"""Pixels that are searched within a frame; a larger search runs on another thread."""
_STEP_DISTANCE, _CLICK_TOLERANCE = 3.0, 4.0
"""Widget pixels of a drag for one step of tolerance, and those that a plain click may move."""

TOLERANCE = tool_option(
    "tolerance",
    "Tolerance",
    "How far a colour may be from the one you press on.",
    minimum=0,
    maximum=MAX_TOLERANCE,
)
CONTIGUOUS = tool_option(
    "contiguous",
    "Connected",
    "Only pixels connected with the one you press on; otherwise all of the picture.",
)
COLOURS = tool_option(
    "colours",
    "Compare",
    "Compare colours as they look (Lab) or as they are stored (RGB).",
    choices={ColourSpace.LAB: "Lab", ColourSpace.RGB: "RGB"},
)


@dataclass(slots=True)
class _WandSelection:
    """The pixel under the pointer and the region found for it. is_pressed: the button is pressed; paint_when_found:
    it was released before the region was known."""

    seed: Seed
    at: Point
    initial_tolerance: int
    wheel_change: int = 0
    region: SimilarRegion | None = None
    mask_preview: MaskPreview | None = None
    is_searching: bool = False
    is_pressed: bool = False
    paint_when_found: bool = False


class Wand(Tool):
    """Previews the region while the button is pressed and paints it on release."""

    name = "wand"
    title = "Magic wand"
    help_line = "Press on a colour, drag sideways for more or less, release to paint."
    controls = (TOLERANCE, CONTIGUOUS, COLOURS, PAINT_OVER)

    def __init__(self) -> None:
        self._selection: _WandSelection | None = None
        self._hovered: Point | None = None
        self._is_warmed_up = False

    @property
    def is_busy(self) -> bool:
        return self._selection is not None and (
            self._selection.is_pressed or self._selection.paint_when_found
        )

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        self._selection = _selection_at(context, at)
        if self._selection is None:
            return NO_RESULT
        self._selection.is_pressed = True
        return self._search(context)

    def drag(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        selection = self._selection
        if selection is None or not selection.is_pressed:
            return NO_RESULT
        distance = (at.x - selection.at.x) * context.scale
        steps = (
            int((abs(distance) - _CLICK_TOLERANCE) / _STEP_DISTANCE)
            if abs(distance) > _CLICK_TOLERANCE
            else 0
        )
        return self._set_tolerance(
            context,
            selection.initial_tolerance + selection.wheel_change + (steps if distance > 0 else -steps),
        )

    def hover(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        self._hovered = at
        selection = self._selection
        if selection is None:
            return NO_RESULT if self._is_warmed_up else self._warm_up()
        if not selection.paint_when_found and (int(at.x), int(at.y)) != (selection.seed.x, selection.seed.y):
            self._selection = None
            return NO_RESULT
        return self._preview(context)

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        selection = self._selection
        if selection is None or not selection.is_pressed:
            return NO_RESULT
        return self.finish(context)

    def finish(self, context: ToolContext) -> ToolResult:
        selection = self._selection
        if selection is None or not self.is_busy:
            return self._preview(context)
        if selection.is_searching:
            selection.is_pressed, selection.paint_when_found = False, True
            return self._preview(context)
        self._selection = None
        region, at = selection.region, selection.at
        if region is None:
            return NO_RESULT

        def paint(context: ToolContext) -> Box:
            return paint_mask(context, region.box, region.mask, at)

        name = f"Magic wand, {context.class_name}"
        return paint_or_defer(
            context,
            name,
            self.name,
            context.class_value,
            region.box.area,
            paint,
            mask_preview=selection.mask_preview,
        )

    def cancel(self, context: ToolContext) -> ToolResult:
        selection, self._selection = self._selection, None
        if selection is None or context.options.tolerance == selection.initial_tolerance:
            return NO_RESULT
        context.options.tolerance = selection.initial_tolerance
        return ToolResult(options_changed=True)

    def deactivate(self, context: ToolContext) -> ToolResult:
        # A region that is still searched for was never visible: nothing is lost with it.
        result = self.finish(context)
        self._selection = self._hovered = None
        return result.committed

    def adjust(self, context: ToolContext, steps: int) -> ToolResult | None:
        old = context.options.tolerance
        more = steps * max(1, old // 8)
        if self._selection is None and self._hovered is not None:
            self._selection = _selection_at(context, self._hovered)
        if self._selection is not None:
            self._selection.wheel_change += more
        return self._set_tolerance(context, old + more)

    def refresh(self, context: ToolContext) -> ToolResult:
        return self._search(context) if self._selection else NO_RESULT

    def on_task_done(self, context: ToolContext, result: object) -> ToolResult:
        selection = self._selection
        if selection is None or not selection.is_searching:
            return self._preview(context)
        selection.is_searching = False
        if isinstance(result, SimilarRegion):
            self._set_region(context, selection, result)
        return self.finish(context) if selection.paint_when_found else self._preview(context)

    def _warm_up(self) -> ToolResult:
        self._is_warmed_up = True
        return ToolResult(task=BackgroundTask("Preparing", lambda _is_cancelled: warm_up(), quiet=True))

    def _set_tolerance(self, context: ToolContext, tolerance: int) -> ToolResult:
        tolerance = min(max(tolerance, 0), MAX_TOLERANCE)
        if tolerance == context.options.tolerance:
            return self._preview(context)
        context.options.tolerance = tolerance
        found = self._search(context) if self._selection else NO_RESULT
        return ToolResult(mask_preview=found.mask_preview, task=found.task, options_changed=True)

    def _search(self, context: ToolContext) -> ToolResult:
        """Search nearby at once; a larger region is left to another thread."""
        selection, options, picture = self._selection, context.options, context.picture
        if selection is None:
            return NO_RESULT
        seed, contiguous = selection.seed, options.contiguous
        tolerance = min(max(options.tolerance, 0), MAX_TOLERANCE)
        if seed.colours != options.colours:
            seed = selection.seed = Seed(seed.x, seed.y, options.colours)
            selection.region = selection.mask_preview = None
        field = selection.region.distance if selection.region else None
        found = find_similar_region(
            picture, seed, tolerance, contiguous, field, max_pixels=MAX_IMMEDIATE_SEARCH
        )
        selection.is_searching = found is None
        if found is not None:
            self._set_region(context, selection, found)
            return self._preview(context)

        def run(is_cancelled: Callable[[], bool]) -> object:
            return find_similar_region(picture, seed, tolerance, contiguous, field, is_cancelled=is_cancelled)

        return ToolResult(
            mask_preview=self._preview(context).mask_preview,
            task=BackgroundTask("Searching similar colours", run),
        )

    def _preview(self, context: ToolContext) -> ToolResult:
        selection = self._selection
        return NO_RESULT if selection is None else ToolResult(mask_preview=selection.mask_preview)

    def _set_region(self, context: ToolContext, selection: _WandSelection, region: SimilarRegion) -> None:
        selection.region, selection.mask_preview = (
            region,
            preview_mask(context, region.box, region.mask, selection.at),
        )


def _selection_at(context: ToolContext, at: Point) -> _WandSelection | None:
    height, width = context.picture.shape[:2]
    if not (0 <= at.x < width and 0 <= at.y < height):
        return None
    seed = Seed(int(at.x), int(at.y), context.options.colours)
    return _WandSelection(seed, at, context.options.tolerance)
