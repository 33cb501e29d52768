"""Magic wand: a press takes what looks alike, a drag to the side says how alike."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.base.geometry import Box, Point
from core.tools.deferred import painted
from core.tools.edit_constraint import fill, promised
from core.tools.smart.colour_similarity import Region, Seed, region_alike, warm_up
from core.tools.tool import NOTHING, Ghost, Modifiers, Outcome, Stage, Tool, Work
from core.tools.tool_options import OVER, Amount, Choice, Colours, Switch

LOOSEST = 200
"""The largest tolerance; everything is alike then."""
AT_ONCE = 512 * 512
"""Pixels that may be looked at between two frames; for more another thread does it."""
_STEP, _STILL = 3.0, 4.0
"""Widget pixels that the hand moves for one more of tolerance, and those that a plain click may tremble."""

TOLERANCE = Amount("tolerance", "Tolerance", "How far a colour may be from the one you press on.", 0, LOOSEST)
CONTIGUOUS = Switch(
    "contiguous",
    "Connected",
    "Only pixels connected with the one you press on; otherwise all of the picture.",
)
COLOURS = Choice(
    "colours",
    "Compare",
    "Compare colours as they look (Lab) or as they are stored (RGB).",
    ((Colours.LAB, "Lab"), (Colours.RGB, "RGB")),
)


@dataclass(slots=True)
class _Look:
    """What the wand is pointed at. held: the button is down; owed: it went up before the region was known."""

    seed: Seed
    at: Point
    began: int
    turned: int = 0
    region: Region | None = None
    ghost: Ghost | None = None
    waits: bool = False
    held: bool = False
    owed: bool = False


class Wand(Tool):
    """Shows the region while the button is down and paints it on release."""

    name = "wand"
    title = "Magic wand"
    help_line = "Press on a colour, drag sideways for more or less, release to paint."
    controls = (TOLERANCE, CONTIGUOUS, COLOURS, OVER)

    def __init__(self) -> None:
        self._look: _Look | None = None
        self._hovered: Point | None = None
        self._is_warm = False

    @property
    def is_busy(self) -> bool:
        return self._look is not None and (self._look.held or self._look.owed)

    def press(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        self._look = _look_at(stage, at)
        if self._look is None:
            return NOTHING
        self._look.held = True
        return self._search(stage)

    def drag(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        look = self._look
        if look is None or not look.held:
            return NOTHING
        way = (at.x - look.at.x) * stage.scale
        steps = int((abs(way) - _STILL) / _STEP) if abs(way) > _STILL else 0
        return self._tune(stage, look.began + look.turned + (steps if way > 0 else -steps))

    def hover(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        self._hovered = at
        look = self._look
        if look is None:
            return NOTHING if self._is_warm else self._warm_up()
        if not look.owed and (int(at.x), int(at.y)) != (look.seed.x, look.seed.y):
            self._look = None
            return NOTHING
        return self._shown(stage)

    def release(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        look = self._look
        if look is None or not look.held:
            return NOTHING
        return self.finish(stage)

    def finish(self, stage: Stage) -> Outcome:
        look = self._look
        if look is None or not self.is_busy:
            return self._shown(stage)
        if look.waits:
            look.held, look.owed = False, True
            return self._shown(stage)
        self._look = None
        region, at = look.region, look.at
        if region is None:
            return NOTHING

        def paint(stage: Stage) -> Box:
            return fill(stage, region.box, region.mask, at)

        name = f"Magic wand, {stage.class_name}"
        return painted(stage, name, self.name, stage.class_value, region.box.area, paint, ghost=look.ghost)

    def cancel(self, stage: Stage) -> Outcome:
        look, self._look = self._look, None
        if look is None or stage.options.tolerance == look.began:
            return NOTHING
        stage.options.tolerance = look.began
        return Outcome(tuned=True)

    def leave(self, stage: Stage) -> Outcome:
        # A region that is still searched for was never seen: nothing is lost with it.
        outcome = self.finish(stage)
        self._look = self._hovered = None
        return outcome.lasting

    def turn(self, stage: Stage, steps: int) -> Outcome | None:
        old = stage.options.tolerance
        more = steps * max(1, old // 8)
        if self._look is None and self._hovered is not None:
            self._look = _look_at(stage, self._hovered)
        if self._look is not None:
            self._look.turned += more
        return self._tune(stage, old + more)

    def retouch(self, stage: Stage) -> Outcome:
        return self._search(stage) if self._look else NOTHING

    def done(self, stage: Stage, result: object) -> Outcome:
        look = self._look
        if look is None or not look.waits:
            return self._shown(stage)
        look.waits = False
        if isinstance(result, Region):
            self._found(stage, look, result)
        return self.finish(stage) if look.owed else self._shown(stage)

    def _warm_up(self) -> Outcome:
        self._is_warm = True
        return Outcome(work=Work("Getting ready", lambda _unwanted: warm_up(), quiet=True))

    def _tune(self, stage: Stage, tolerance: int) -> Outcome:
        tolerance = min(max(tolerance, 0), LOOSEST)
        if tolerance == stage.options.tolerance:
            return self._shown(stage)
        stage.options.tolerance = tolerance
        found = self._search(stage) if self._look else NOTHING
        return Outcome(ghost=found.ghost, work=found.work, tuned=True)

    def _search(self, stage: Stage) -> Outcome:
        """Look nearby at once; what runs on far is left to another thread."""
        look, options, picture = self._look, stage.options, stage.picture
        if look is None:
            return NOTHING
        seed, contiguous = look.seed, options.contiguous
        tolerance = min(max(options.tolerance, 0), LOOSEST)
        if seed.colours != options.colours:
            seed = look.seed = Seed(seed.x, seed.y, options.colours)
            look.region = look.ghost = None
        field = look.region.field if look.region else None
        found = region_alike(picture, seed, tolerance, contiguous, field, most=AT_ONCE)
        look.waits = found is None
        if found is not None:
            self._found(stage, look, found)
            return self._shown(stage)

        def run(unwanted: Callable[[], bool]) -> object:
            return region_alike(picture, seed, tolerance, contiguous, field, unwanted=unwanted)

        return Outcome(ghost=self._shown(stage).ghost, work=Work("Looking for what is alike", run))

    def _shown(self, stage: Stage) -> Outcome:
        look = self._look
        return NOTHING if look is None else Outcome(ghost=look.ghost)

    def _found(self, stage: Stage, look: _Look, region: Region) -> None:
        look.region, look.ghost = region, promised(stage, region.box, region.mask, look.at)


def _look_at(stage: Stage, at: Point) -> _Look | None:
    height, width = stage.picture.shape[:2]
    if not (0 <= at.x < width and 0 <= at.y < height):
        return None
    seed = Seed(int(at.x), int(at.y), stage.options.colours)
    return _Look(seed, at, stage.options.tolerance)
