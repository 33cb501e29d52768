"""Magic wand: a press takes what looks alike, a drag to the side says how alike."""

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
"""The largest tolerance; everything is alike then."""
MAX_IMMEDIATE_SEARCH = 512 * 512
"""Pixels that may be looked at between two frames; for more another thread does it."""
_STEP, _STILL = 3.0, 4.0
"""Widget pixels that the hand moves for one more of tolerance, and those that a plain click may tremble."""

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
    """What the wand is pointed at. held: the button is down; owed: it went up before the region was known."""

    seed: Seed
    at: Point
    began: int
    turned: int = 0
    region: SimilarRegion | None = None
    mask_preview: MaskPreview | None = None
    waits: bool = False
    held: bool = False
    owed: bool = False


class Wand(Tool):
    """Shows the region while the button is down and paints it on release."""

    name = "wand"
    title = "Magic wand"
    help_line = "Press on a colour, drag sideways for more or less, release to paint."
    controls = (TOLERANCE, CONTIGUOUS, COLOURS, PAINT_OVER)

    def __init__(self) -> None:
        self._look: _WandSelection | None = None
        self._hovered: Point | None = None
        self._is_warm = False

    @property
    def is_busy(self) -> bool:
        return self._look is not None and (self._look.held or self._look.owed)

    def press(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        self._look = _look_at(context, at)
        if self._look is None:
            return NO_RESULT
        self._look.held = True
        return self._search(context)

    def drag(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        look = self._look
        if look is None or not look.held:
            return NO_RESULT
        way = (at.x - look.at.x) * context.scale
        steps = int((abs(way) - _STILL) / _STEP) if abs(way) > _STILL else 0
        return self._tune(context, look.began + look.turned + (steps if way > 0 else -steps))

    def hover(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        self._hovered = at
        look = self._look
        if look is None:
            return NO_RESULT if self._is_warm else self._warm_up()
        if not look.owed and (int(at.x), int(at.y)) != (look.seed.x, look.seed.y):
            self._look = None
            return NO_RESULT
        return self._shown(context)

    def release(self, context: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        look = self._look
        if look is None or not look.held:
            return NO_RESULT
        return self.finish(context)

    def finish(self, context: ToolContext) -> ToolResult:
        look = self._look
        if look is None or not self.is_busy:
            return self._shown(context)
        if look.waits:
            look.held, look.owed = False, True
            return self._shown(context)
        self._look = None
        region, at = look.region, look.at
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
            mask_preview=look.mask_preview,
        )

    def cancel(self, context: ToolContext) -> ToolResult:
        look, self._look = self._look, None
        if look is None or context.options.tolerance == look.began:
            return NO_RESULT
        context.options.tolerance = look.began
        return ToolResult(options_changed=True)

    def deactivate(self, context: ToolContext) -> ToolResult:
        # A region that is still searched for was never seen: nothing is lost with it.
        outcome = self.finish(context)
        self._look = self._hovered = None
        return outcome.committed

    def adjust(self, context: ToolContext, steps: int) -> ToolResult | None:
        old = context.options.tolerance
        more = steps * max(1, old // 8)
        if self._look is None and self._hovered is not None:
            self._look = _look_at(context, self._hovered)
        if self._look is not None:
            self._look.turned += more
        return self._tune(context, old + more)

    def refresh(self, context: ToolContext) -> ToolResult:
        return self._search(context) if self._look else NO_RESULT

    def on_task_done(self, context: ToolContext, result: object) -> ToolResult:
        look = self._look
        if look is None or not look.waits:
            return self._shown(context)
        look.waits = False
        if isinstance(result, SimilarRegion):
            self._found(context, look, result)
        return self.finish(context) if look.owed else self._shown(context)

    def _warm_up(self) -> ToolResult:
        self._is_warm = True
        return ToolResult(task=BackgroundTask("Getting ready", lambda _is_cancelled: warm_up(), quiet=True))

    def _tune(self, context: ToolContext, tolerance: int) -> ToolResult:
        tolerance = min(max(tolerance, 0), MAX_TOLERANCE)
        if tolerance == context.options.tolerance:
            return self._shown(context)
        context.options.tolerance = tolerance
        found = self._search(context) if self._look else NO_RESULT
        return ToolResult(mask_preview=found.mask_preview, task=found.task, options_changed=True)

    def _search(self, context: ToolContext) -> ToolResult:
        """Look nearby at once; what runs on far is left to another thread."""
        look, options, picture = self._look, context.options, context.picture
        if look is None:
            return NO_RESULT
        seed, contiguous = look.seed, options.contiguous
        tolerance = min(max(options.tolerance, 0), MAX_TOLERANCE)
        if seed.colours != options.colours:
            seed = look.seed = Seed(seed.x, seed.y, options.colours)
            look.region = look.mask_preview = None
        field = look.region.distance if look.region else None
        found = find_similar_region(
            picture, seed, tolerance, contiguous, field, max_pixels=MAX_IMMEDIATE_SEARCH
        )
        look.waits = found is None
        if found is not None:
            self._found(context, look, found)
            return self._shown(context)

        def run(is_cancelled: Callable[[], bool]) -> object:
            return find_similar_region(picture, seed, tolerance, contiguous, field, is_cancelled=is_cancelled)

        return ToolResult(
            mask_preview=self._shown(context).mask_preview,
            task=BackgroundTask("Looking for what is alike", run),
        )

    def _shown(self, context: ToolContext) -> ToolResult:
        look = self._look
        return NO_RESULT if look is None else ToolResult(mask_preview=look.mask_preview)

    def _found(self, context: ToolContext, look: _WandSelection, region: SimilarRegion) -> None:
        look.region, look.mask_preview = region, preview_mask(context, region.box, region.mask, look.at)


def _look_at(context: ToolContext, at: Point) -> _WandSelection | None:
    height, width = context.picture.shape[:2]
    if not (0 <= at.x < width and 0 <= at.y < height):
        return None
    seed = Seed(int(at.x), int(at.y), context.options.colours)
    return _WandSelection(seed, at, context.options.tolerance)
