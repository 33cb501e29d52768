"""Polygon: corner by corner, each of which can be changed until the shape is filled."""

# ruff: noqa: ARG002 - the calls are those of core.tools.tool.Tool.

from __future__ import annotations

import math

from core.base.geometry import Box, Point
from core.labels.outlines import Ring
from core.labels.rasterization import polygons
from core.tools.deferred import painted
from core.tools.edit_constraint import fill_shape
from core.tools.shapes.edge_snap import snapped
from core.tools.shapes.outline_edit import Reopened
from core.tools.shapes.polygon_draft import Draft
from core.tools.tool import NOTHING, Cursor, Modifiers, Outcome, Outline, Stage, Tool, Work
from core.tools.tool_options import DETAIL, OVER, SNAP

NEAR = 9.0
"""Widget pixels within which a click on the first corner closes the shape."""
_GRASP, _TREMBLE = 6.0, 3.0
"""Widget pixels: a press this close has the corner, and a corner moves once the hand has moved so far."""
_INVITING, _SHORT = 40.0, 24.0
"""Widget pixels: the middle of an edge shows from this close, but not of edges shorter than the second."""


class Polygon(Tool):
    """Click adds a corner, dragging moves one, the middle of an edge gives a new one, Ctrl+click takes one away.

    Enter, a double click or a click on the first corner fills. With Shift that click only closes the line: the next
    one makes a hole or a further part. Backspace takes back the last change of the shape, whatever it was.
    """

    name = "polygon"
    title = "Polygon"
    help_line = (
        "Click corners, drag them, Enter fills. Shift+click on the first begins a hole, Ctrl+click takes one away, "
        "Alt+click opens a label."
    )
    cursor = Cursor.CROSS
    controls = (OVER, SNAP, DETAIL)

    def __init__(self) -> None:
        self._draft = Draft()
        self._past: list[Draft] = []
        self._reopened: Reopened | None = None
        self._shown_at_first: tuple[Ring, ...] = ()
        self._cursor: Point | None = None
        self._held: int | None = None
        self._at = self._pressed = Point(0, 0)
        self._fresh = self._moves = self._closes = False

    @property
    def is_busy(self) -> bool:
        return bool(self._draft) or self._reopened is not None

    def press(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        if not self._draft:
            self._forget()  # an outline that is not there yet is not waited for
            if modifiers.alt:
                return self._reopen(stage, at)
        self._cursor = place = self._placed(stage, at, modifiers)
        self._at = self._pressed = at
        self._fresh = self._moves = False
        self._closes = self._can_close(stage, at)
        self._held = 0 if self._closes else self._draft.near(at, _GRASP / stage.scale)
        if self._held is not None and modifiers.ctrl:
            self._remove(self._held)
        elif self._held is None:
            self._set_corner(stage, at, place)
        return self._shown(stage)

    def drag(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        if self._held is None:
            return self._shown(stage)
        if not self._moves and math.dist(at, self._pressed) * stage.scale > _TREMBLE:
            self._moves = True
            if not self._fresh:  # else it is still being set
                self._past.append(self._draft)
        if self._moves:
            self._cursor = self._placed(stage, at, modifiers)
            self._draft = self._draft.moved(self._held, self._cursor)
        return self._shown(stage)

    def hover(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        self._at, self._cursor = at, self._placed(stage, at, modifiers)
        if self._draft:
            return self._shown(stage, at)
        # Where the first corner would jump to.
        return Outcome(outline=Outline((), spots=(self._cursor,))) if self._cursor != at else NOTHING

    def release(self, stage: Stage, at: Point, modifiers: Modifiers) -> Outcome:
        clicked_first = self._closes and self._held == 0 and not self._moves
        self._held, self._closes = None, False
        if clicked_first and not modifiers.shift:
            return self.finish(stage)
        if clicked_first:
            self._change(self._draft.closed())
        return self.hover(stage, at, modifiers) if self._draft else NOTHING

    def finish(self, stage: Stage) -> Outcome:
        """Fill the shape; with fewer than three corners there is none yet and it stays as it is."""
        draft, reopened = self._draft, self._reopened
        if not draft.shapes:
            return self._shown(stage) if draft else NOTHING
        shown = self._shown_at_first
        self._forget()
        if reopened is not None:
            return reopened.commit(stage, self.name, shown, draft.shapes)
        shapes = draft.shapes
        box = Box.around(point for ring in shapes for point in ring)
        box = box.clipped(stage.labels.width, stage.labels.height)

        def paint(stage: Stage) -> Box:
            return fill_shape(stage, box, lambda within: polygons(shapes, within), shapes[0][0])

        return painted(
            stage,
            f"Polygon, {stage.class_name}",
            self.name,
            stage.class_value,
            box.area,
            paint,
            outline=Outline(shapes[0], closed=True, handles=False, rings=tuple(shapes[1:]), filled=True),
        )

    def cancel(self, stage: Stage) -> Outcome:
        self._forget()
        return NOTHING

    def step_back(self, stage: Stage) -> Outcome:
        if self._past:
            self._draft = self._past.pop()
        if self._draft:
            return self._shown(stage, self._at)
        self._forget()
        return NOTHING

    def delete(self, stage: Stage) -> Outcome:
        found = self._draft.near(self._at, NEAR / stage.scale)
        if found is not None:
            self._remove(found)
        return self._shown(stage) if self._draft else NOTHING

    def retouch(self, stage: Stage) -> Outcome:
        if self._reopened is not None and self._draft == Draft((), self._shown_at_first):
            wanted = Reopened.at_point(stage, self._reopened.at)
            if wanted is not None and wanted.slack != self._reopened.slack:
                return Outcome(outline=self._shown(stage).outline, work=self._ask(wanted))
        return self._shown(stage)

    def done(self, stage: Stage, result: object) -> Outcome:
        untouched = self._draft == Draft((), self._shown_at_first)
        if self._reopened is None or not untouched or not isinstance(result, tuple):
            if not self._draft:
                self._forget()
            return self._shown(stage) if self._draft else NOTHING
        self._past, self._draft, self._shown_at_first = [Draft()], Draft((), result), result
        return Outcome(
            outline=self._shown(stage).outline, say="Drag corners, then Enter. Esc leaves it as it was."
        )

    def leave(self, stage: Stage) -> Outcome:
        outcome = self.finish(stage)
        self._forget()
        return outcome.lasting

    # Steps of the above

    def _set_corner(self, stage: Stage, at: Point, place: Point) -> None:
        """A new corner, which the hand then holds: on an edge whose middle is there, else at the end of the line."""
        self._fresh = True
        middle = self._draft.middle_near(at, _GRASP / stage.scale, _SHORT / stage.scale)
        if middle is not None:
            before, place = middle
            self._change(self._draft.inserted(before, place))
            self._held = before + 1
        else:
            self._change(self._draft.added(place))
            self._held = len(self._draft.line) - 1

    def _remove(self, number: int) -> None:
        self._change(self._draft.removed(number))
        self._held = None
        if not self._draft:
            self._forget()

    def _reopen(self, stage: Stage, at: Point) -> Outcome:
        region = Reopened.at_point(stage, at)
        if region is None:
            return Outcome(say="Point at a labelled region to change its outline.")
        if region.value in stage.options.locked:
            return Outcome(say="This class is locked: unlock it to change the outline.")
        return Outcome(work=self._ask(region), picks=True)

    def _ask(self, region: Reopened) -> Work:
        self._reopened = region
        return Work("Following the outline", lambda _unwanted: region.outline())

    def _change(self, draft: Draft) -> None:
        self._past.append(self._draft)
        self._draft = draft

    def _placed(self, stage: Stage, at: Point, modifiers: Modifiers) -> Point:
        """Where a corner set here goes. One beyond the border moves onto it, so that shapes can reach the very edge."""
        if stage.options.snap and not modifiers.alt:
            at = snapped(stage, at)
        return Point(min(max(at.x, 0.0), stage.labels.width), min(max(at.y, 0.0), stage.labels.height))

    def _can_close(self, stage: Stage, at: Point) -> bool:
        line = self._draft.line
        return len(line) > 2 and math.dist(at, line[0]) * stage.scale <= NEAR

    def _shown(self, stage: Stage, at: Point | None = None) -> Outcome:
        """at: where the pointer is, while it holds nothing."""
        draft, chosen = self._draft, self._held
        spots: tuple[Point, ...] = ()
        closing = at is not None and self._can_close(stage, at)
        if at is not None and not closing:
            chosen = draft.near(at, _GRASP / stage.scale)
            middle = draft.middle_near(at, _INVITING / stage.scale, _SHORT / stage.scale)
            spots = (middle[1],) if middle is not None and chosen is None else ()
        # A line to the pointer says that a click there adds a corner.
        adds = at is not None and chosen is None
        outline = Outline(
            draft.line,
            self._cursor if adds else None,
            closing=closing,
            chosen=chosen,
            rings=draft.rings,
            spots=spots,
            filled=closing or bool(draft.rings),
        )
        return Outcome(outline=outline)

    def _forget(self) -> None:
        self._draft, self._past, self._held = Draft(), [], None
        self._reopened, self._shown_at_first = None, ()
        self._moves = self._closes = False
