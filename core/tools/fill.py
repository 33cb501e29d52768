"""Fill: one click gives a connected region of one class to another."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.geometry import Point
from core.labels.raster import connected_region
from core.labels.regions import Shape, near_region
from core.tools.ground import fill
from core.tools.options import OVER
from core.tools.region import NEAR
from core.tools.tool import NOTHING, Cursor, Modifiers, Outcome, Stage, Tool, Work


@dataclass(frozen=True, slots=True, eq=False)
class _Wish:
    """What a click asked for, while another thread looks how far its region goes: that of value `old`."""

    at: Point
    old: int
    value: int
    class_name: str


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    wish: _Wish
    shape: Shape


class Fill(Tool):
    """The bucket: pixels that touch side by side and have the value under the cursor take the active class."""

    name = "fill"
    title = "Fill"
    help_line = "Click to give the whole connected region under the cursor to the active class."
    cursor = Cursor.BUCKET
    controls = (OVER,)

    def __init__(self) -> None:
        self._wish: _Wish | None = None

    def press(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        self._wish = None
        labels = stage.labels
        if not (0 <= at.x < labels.width and 0 <= at.y < labels.height):
            return NOTHING
        old = int(labels.values[int(at.y), int(at.x)])
        if old == stage.class_value:
            return NOTHING
        wish = _Wish(at, old, stage.class_value, stage.class_name)
        near = near_region(labels.values, at, NEAR)
        if near is not None:
            return _filled(stage, wish, near)
        self._wish, values = wish, labels.values.copy()

        def run(_unwanted: Callable[[], bool]) -> object:
            return _Found(wish, connected_region(values, at))

        return Outcome(work=Work("Filling", run))

    def cancel(self, stage: Stage) -> Outcome:
        self._wish = None
        return NOTHING

    def leave(self, stage: Stage) -> Outcome:
        return self.cancel(stage)

    def done(self, stage: Stage, result: object) -> Outcome:
        wanted, self._wish = self._wish, None
        if not isinstance(result, _Found) or result.wish is not wanted:
            return NOTHING
        box, mask = result.shape
        if (stage.labels.values[box.slices][mask] != wanted.old).any():
            return Outcome(say="The label has changed meanwhile; please click once more.")
        return _filled(stage, wanted, result.shape)


def _filled(stage: Stage, wish: _Wish, shape: Shape) -> Outcome:
    stage.labels.begin(f"Fill, {wish.class_name}", Fill.name, wish.value)
    dirty = fill(stage, *shape, wish.at, wish.value)
    return Outcome(dirty, stage.labels.finish())
