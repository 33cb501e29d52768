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
from core.labels.deferred_edit import Painting
from core.labels.label_map import LabelMap, Values
from core.labels.morphology import NEAR, Shape, near_region, whole_class
from core.labels.rasterization import connected_region
from core.session.editing import Editing
from core.tools.region import Region
from core.tools.region_operations import Reshaped, Way, Wish, begin, carry_out, paint, think
from core.tools.tool import Outcome, Stage, Work
from core.tools.tool_options import Scope
from desktop.workspaces.label.active_picture import Hand
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.tool_controller import Choosing

AT_ONCE = 1 << 16
"""Pixels of a box whose shape is changed between two frames; more takes a thread."""

_WAYS = {
    "grow_region": Way.GROW,
    "shrink_region": Way.SHRINK,
    "smooth_region": Way.SMOOTH,
    "fill_holes": Way.FILL_HOLES,
    "remove_islands": Way.REMOVE_ISLANDS,
    "keep_largest": Way.KEEP_LARGEST,
    "delete_region": Way.DELETE,
}


@dataclass(frozen=True, slots=True, eq=False)
class _Thought:
    """A change, and the (H, W) uint8 label that it was thought of with."""

    values: Values
    reshaped: Reshaped

    def is_true(self, labels: LabelMap) -> bool:
        """Whether the label still is as it was, wherever it would change."""
        return all(
            np.array_equal(self.values[box.slices], labels.values[box.slices])
            for box, _mask in (self.reshaped.shape, self.reshaped.lost)
        )


class Reshaping(QObject):
    """Does what the actions of regions say. Lives on the GUI thread."""

    message = Signal(str)

    def __init__(self, editing: Editing, page: LabelPage, hand: Hand, choosing: Choosing) -> None:
        super().__init__()
        self._editing, self._canvas, self._hand, self._choosing = editing, page.canvas, hand, choosing
        tool = choosing.tool("tool_region")
        assert isinstance(tool, Region)
        self._tool = tool
        self._tool.name_of = self._name_of

    def handlers(self) -> dict[str, Callable[[], object]]:
        """What each action of regions does."""
        return {
            **{key: partial(self._reshape, way) for key, way in _WAYS.items()},
            "copy_region": self._copy,
            "paste_region": self._paste,
        }

    def look_again(self) -> None:
        """The label has changed: what was chosen may be gone."""
        stage = self._canvas.stage()
        if stage is not None and self._has_tool:
            self._canvas.show_outcome(self._tool.look_again(stage))

    def hear(self, changes: Changes) -> None:
        """What was copied is of no use once its class is gone."""
        kept = self._tool.kept
        if changes.classes and kept and kept.value != VOID and not self._editing.classes.by_value(kept.value):
            self._tool.kept = None

    @property
    def _has_tool(self) -> bool:
        return self._canvas.tool is self._tool

    def _name_of(self, value: int) -> str:
        return self._editing.classes.name_of(value)  # always of the list as it is now

    # Copy and paste -----------------------------------------------------------------------------

    def _copy(self) -> None:
        stage = self._stage()
        if stage is None or not (self._has_tool and self._tool.takes("Ctrl+C")):
            self.message.emit("Choose a region with the region tool first; then it can be copied.")
            return
        self._canvas.show_outcome(self._tool.key(stage, "Ctrl+C"))

    def _paste(self) -> None:
        stage = self._stage()
        if stage is not None:
            self._choosing.take_tool("tool_region")
            self._canvas.show_outcome(self._tool.paste(stage))
            self._canvas.setFocus()

    # Shapes -------------------------------------------------------------------------------------

    def _reshape(self, way: Way) -> None:
        stage = self._stage()
        if stage is None:
            return
        if self._has_tool and self._tool.is_busy:
            if way == Way.DELETE and self._tool.chosen is None:
                self._canvas.show_outcome(self._tool.cancel(stage))  # a paste in the air: only that is meant
                return
            self._canvas.show_outcome(self._tool.finish(stage))
            self._canvas.pending.settle()
        at = self._canvas.cursor_point
        chosen = self._tool.chosen if self._has_tool else None
        if chosen is None and at is None:
            self.message.emit("Point at a region first, or choose one with the region tool.")
            return
        value = chosen.value if chosen else _value_at(stage.labels, at)
        name = self._name_of(value)
        if value == UNLABELLED:
            self.message.emit("There is no label here; point at a labelled region.")
        elif value in stage.options.locked and way not in (Way.GROW, Way.FILL_HOLES):
            self.message.emit(f"The class {name} is locked; unlock it to change its regions.")
        else:
            self._begin(stage, chosen.shape if chosen else at, value, way)

    def _begin(self, stage: Stage, where: Shape | Point | None, value: int, way: Way) -> None:
        """Think at once about what is small, on another thread about what is not."""
        options, labels = stage.options, stage.labels
        whole = way.of_class or options.scope == Scope.CLASS
        wish = Wish(way, options.region_amount, options.island_size, options.freed, whole)
        shape: Shape | None = None
        if not whole:
            shape = near_region(labels.values, where, NEAR) if isinstance(where, Point) else where
        size = Box(0, 0, labels.width, labels.height) if shape is None else shape[0].grown(2 * wish.by)
        if size.area <= AT_ONCE:
            found = shape or _found(labels.values, where, value, whole)
            self._carry_out(labels, think(labels.values, found, wish))
            return
        label = labels.snapshot()

        def run(_unwanted: Callable[[], bool]) -> _Thought:
            values = label.copy()
            return _Thought(values, think(values, shape or _found(values, where, value, whole), wish))

        title = f"{way.value}, {self._name_of(value)}"
        self._canvas.start(Work(title, run), partial(self._carry_out_late, labels))

    def _carry_out(self, labels: LabelMap, reshaped: Reshaped) -> None:
        """Make a small change at once."""
        stage = self._stage()
        if stage is None or stage.labels is not labels:
            return
        edit = carry_out(stage, reshaped, self._name_of(reshaped.value))
        if edit is not None and not self._has_tool:
            self._canvas.refresh(edit.box)
            self._canvas.edit_finished.emit(edit)
        elif edit is not None:
            chosen = (
                self._tool.choose(stage, reshaped.shape, reshaped.value)
                if self._renews(reshaped)
                else Outcome()
            )
            self._canvas.show_outcome(replace(chosen, dirty=edit.box, edit=edit))
            self.look_again()
        else:
            self.message.emit(_nothing(reshaped, self._name_of(reshaped.value)))

    def _carry_out_late(self, labels: LabelMap, thought: object) -> None:
        """Make a change that was thought of on another thread, on another thread."""
        stage = self._stage()
        if stage is None or stage.labels is not labels or not isinstance(thought, _Thought):
            return
        settled, reshaped = replace(stage, options=replace(stage.options)), thought.reshaped
        is_late = Event()

        def do() -> Box:
            if thought.is_true(labels):
                return paint(settled, reshaped)
            is_late.set()
            return Box.nothing()

        painting = Painting(labels, begin(labels, reshaped, self._name_of(reshaped.value)), do)
        then = partial(self._carried_out, reshaped, is_late, self._renews(reshaped))
        self._canvas.pending.begin(painting, then=then)

    def _carried_out(self, reshaped: Reshaped, is_late: Event, renews: bool, painting: Painting) -> None:
        stage = self._canvas.stage()
        if painting.edit is not None:
            if renews and self._has_tool and stage is not None:
                self._canvas.show_outcome(self._tool.choose(stage, reshaped.shape, reshaped.value))
        elif is_late.is_set():
            self.message.emit("The label has changed meanwhile; please ask once more.")
        elif not painting.is_given_up:
            self.message.emit(_nothing(reshaped, self._name_of(reshaped.value)))

    def _renews(self, reshaped: Reshaped) -> bool:
        """Whether it is the chosen region that takes another shape, and shall be the chosen one with it."""
        return self._has_tool and self._tool.chosen is not None and not reshaped.wish.whole

    def _stage(self) -> Stage | None:
        """The stage for a change, after a stroke under way has ended and an undo under way is on screen."""
        if self._hand.labels is None or not self._canvas.isVisible():
            return None  # nobody sees what would change
        self._canvas.settle()
        self._canvas.before_edit.emit()
        return self._canvas.stage()


def _value_at(labels: LabelMap, at: Point | None) -> int:
    return UNLABELLED if at is None else int(labels.values[int(at.y), int(at.x)])


def _found(values: Values, where: Shape | Point | None, value: int, whole: bool) -> Shape:
    if whole or where is None:
        return whole_class(values, value)
    return connected_region(values, where) if isinstance(where, Point) else where


def _nothing(reshaped: Reshaped, name: str) -> str:
    match reshaped.wish.way:
        case Way.REMOVE_ISLANDS if reshaped.lost[0].is_empty:
            return f"No part of {name} in this picture has fewer than {reshaped.wish.island_size} pixels."
        case Way.KEEP_LARGEST if reshaped.lost[0].is_empty:
            return f"All of {name} in this picture is in one piece already."
        case _:
            return "Nothing to change here: the shape is so already, or what is locked or spared leaves no pixel."
