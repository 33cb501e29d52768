"""The classes recast: put in order, merged, split, given another value, deleted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

import numpy as np
from PySide6.QtCore import QObject, Signal

from core.base.errors import MaskloopError
from core.labels.class_list import LAST_CLASS, VOID, LabelClass
from core.project.class_repository import Reach
from core.session.editing import Editing
from desktop.connections import Wires
from desktop.dispatcher import Bridge
from desktop.workspaces.label.active_picture import Hand
from desktop.workspaces.label.classes.dialogs import (
    ClassQuestion,
    DeleteClass,
    MergeClass,
    SplitClass,
    ValueOfClass,
)
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.tool_controller import Choosing

UNDO = "Undo brings it back."


class Recasting(QObject):
    """What the menu of a class asks for. Lives on the GUI thread.

    Whatever reaches into labels is counted first and asked about in numbers; what no pixel feels is done at once.
    """

    message = Signal(str)

    def __init__(
        self, editing: Editing, bridge: Bridge, page: LabelPage, hand: Hand, choosing: Choosing
    ) -> None:
        super().__init__()
        self._editing, self._bridge, self._hand, self._choosing = editing, bridge, hand, choosing
        self._page, self._panel = page, page.classes
        self._question: ClassQuestion | None = None
        self._left = False
        self._acts: dict[str, Callable[[LabelClass], None]] = {
            "rename_class": lambda c: self._panel.rows.rename(c.value),
            "recolour_class": lambda c: self._panel.rows.ask_colour(c.value),
            "class_up": lambda c: self._move(c, -1),
            "class_down": lambda c: self._move(c, 1),
            "change_class_value": lambda c: self._count(c, self._ask_value),
            "split_class": self._ask_split,
            "delete_class": lambda c: self._count(c, self._ask_delete),
        }
        self._wires = Wires()
        self._wires.join(self._panel.class_asked, self.act)
        self._wires.join(self._panel.merge_asked, self._merge)
        self._wires.join(self._panel.order_asked, self._order)

    def leave(self) -> None:
        self._wires.cut()
        self._left = True
        if self._question is not None:
            self._question.reject()

    def handlers(self) -> dict[str, Callable[[], object]]:
        """The same for the class that is painted with, by key."""
        return {key: partial(self._act_on_active, key) for key in self._acts}

    def act(self, key: str, value: int) -> None:
        """Do what an action says with a class; nothing for unlabelled and void."""
        found = self._editing.classes.by_value(value)
        if found is not None and key in self._acts:  # hiding and locking recast nothing
            self._panel.show_error("")
            self._acts[key](found)

    def _act_on_active(self, key: str) -> None:
        self.act(key, self._choosing.active_class)

    # Order ---------------------------------------------------------------------------------------

    def _move(self, moved: LabelClass, step: int) -> None:
        values = list(self._editing.classes.values)
        at = values.index(moved.value)
        if 0 <= at + step < len(values):
            values.insert(at + step, values.pop(at))
            self._order(values)

    def _order(self, values: list[int]) -> None:
        if tuple(values) != self._editing.classes.values:
            self._send(self._editing.order_classes(values))
            self._choosing.classes_changed()

    # What reaches into labels ----------------------------------------------------------------------

    def _count(self, about: LabelClass, ask: Callable[[LabelClass, Reach], None]) -> None:
        self._bridge.when_done(self._editing.class_reach(about.value), partial(ask, about), self._refused)

    def _merge(self, value: int, into: int) -> None:
        gone, heir = self._editing.classes.by_value(value), self._editing.classes.by_value(into)
        if gone is not None and heir is not None:
            self._panel.show_error("")
            self._count(gone, lambda about, reach: self._ask_merge(about, heir, reach))

    def _ask_merge(self, gone: LabelClass, heir: LabelClass, reach: Reach) -> None:
        def do() -> None:
            self._stop_painting(gone.value, heir.value)
            done = f"{gone.name} is {heir.name} now in {said(reach)}."
            self._send(self._editing.merge_class(gone.value, heir.value), done)

        self._ask(MergeClass(gone, heir, said(reach), self._page), do, reach)

    def _ask_delete(self, gone: LabelClass, reach: Reach) -> None:
        question = DeleteClass(gone, said(reach), self._page)

        def do() -> None:
            rest = [c.value for c in self._editing.classes if c.value != gone.value]
            self._stop_painting(gone.value, rest[0] if rest else 0)
            became = "void" if question.leave == VOID else "unlabelled"
            done = f"Deleted {gone.name}: {said(reach)} became {became}."
            self._send(self._editing.delete_class(gone.value, leave=question.leave), done)

        self._ask(question, do, reach)

    def _ask_value(self, about: LabelClass, reach: Reach) -> None:
        free = [v for v in range(1, LAST_CLASS + 1) if self._editing.classes.by_value(v) is None]
        if not free:
            self._panel.show_error("Every value from 1 to 254 is taken; merge or delete a class first.")
            return
        question = ValueOfClass(about, said(reach), frozenset(free), self._page)

        def do() -> None:
            future = self._editing.change_class_value(about.value, question.value)
            self._send(future, f"{about.name} has the value {question.value} now in {said(reach)}.")

        self._ask(question, do)

    def _ask_split(self, about: LabelClass) -> None:
        shown, labels = self._hand.shown, self._hand.labels
        pixels = 0 if labels is None else int(np.count_nonzero(labels.values == about.value))
        if shown is None or not pixels:
            self._panel.show_error(f"This picture holds no pixel of {about.name} that could be split off.")
            return
        question = SplitClass(about, pixels, self._editing.classes, self._page)

        def do() -> None:
            future = self._editing.split_class(about.value, question.name, [shown])
            self._send(future, f"Split {question.name} off {about.name} in this picture.")

        self._ask(question, do)

    # Doing ---------------------------------------------------------------------------------------

    def _ask(self, question: ClassQuestion, do: Callable[[], None], reach: Reach | None = None) -> None:
        """Do it when the answer is yes; at once where a reach says that no pixel can be lost."""
        if self._left or (reach is not None and not reach.pixels):
            question.deleteLater()
            if not self._left:
                do()
            return
        self._question = question
        question.accepted.connect(do)
        question.finished.connect(self._answered)
        question.open()

    def _answered(self) -> None:
        self._question = None

    def _stop_painting(self, value: int, instead: int) -> None:
        """A stroke made while the class is going would bring back a value that no class has."""
        self._page.canvas.settle_all()
        if self._choosing.active_class == value:
            self._choosing.choose_class(instead)

    def _send(self, future: Future[None], done: str = "") -> None:
        def tell(_none: None) -> None:
            if done:
                self.message.emit(f"{done} {UNDO}")

        self._bridge.when_done(future, tell, self._refused)

    def _refused(self, problem: MaskloopError) -> None:
        if self._left:
            return
        self._panel.show_error(str(problem))
        self._choosing.classes_changed()


def said(reach: Reach) -> str:
    """A reach in words: 1,204 pixels in 18 pictures."""
    if not reach.pixels:
        return "no pixel"
    pixels = "1 pixel" if reach.pixels == 1 else f"{reach.pixels:,} pixels"
    pictures = "1 picture" if reach.pictures == 1 else f"{reach.pictures:,} pictures"
    return f"{pixels} in {pictures}"
