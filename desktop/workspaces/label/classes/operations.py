"""The classes recast: put in order, merged, split, given another value, deleted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

import numpy as np
from PySide6.QtCore import QObject, Signal

from core.base.errors import MaskloopError
from core.labels.class_list import MAX_CLASS_VALUE, VOID, LabelClass
from core.project.class_repository import ClassUsage
from core.session.editing import EditingService
from desktop.connections import ConnectionGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.classes.dialogs import (
    ClassDialog,
    ClassValueDialog,
    DeleteClassDialog,
    MergeClassDialog,
    SplitClassDialog,
)
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.tool_controller import ToolController

UNDO_HINT = "Undo brings it back."


class ClassOperations(QObject):
    """What the menu of a class asks for. Lives on the GUI thread.

    Whatever reaches into labels is counted first and asked about in numbers; what no pixel feels is done at once.
    """

    message = Signal(str)

    def __init__(
        self,
        editing: EditingService,
        bridge: MainThreadDispatcher,
        page: LabelPage,
        picture: ActivePicture,
        tools: ToolController,
    ) -> None:
        super().__init__()
        self._editing, self._bridge, self._picture, self._tools = editing, bridge, picture, tools
        self._page, self._panel = page, page.classes
        self._dialog: ClassDialog | None = None
        self._closed = False
        self._operations: dict[str, Callable[[LabelClass], None]] = {
            "rename_class": lambda c: self._panel.list_view.edit_name(c.value),
            "recolour_class": lambda c: self._panel.list_view.open_colour_dialog(c.value),
            "class_up": lambda c: self._move(c, -1),
            "class_down": lambda c: self._move(c, 1),
            "change_class_value": lambda c: self._count_pixels(c, self._ask_value),
            "split_class": self._ask_split,
            "delete_class": lambda c: self._count_pixels(c, self._ask_delete),
        }
        self._wires = ConnectionGroup()
        self._wires.connect(self._panel.action_requested, self.run)
        self._wires.connect(self._panel.merge_requested, self._merge)
        self._wires.connect(self._panel.order_requested, self._reorder)

    def close(self) -> None:
        self._wires.disconnect_all()
        self._closed = True
        if self._dialog is not None:
            self._dialog.reject()

    def actions(self) -> dict[str, Callable[[], object]]:
        """The same for the class that is painted with, by key."""
        return {key: partial(self._run_on_active, key) for key in self._operations}

    def run(self, key: str, value: int) -> None:
        """Do what an action says with a class; nothing for unlabelled and void."""
        found = self._editing.classes.by_value(value)
        if found is not None and key in self._operations:  # hiding and locking recast nothing
            self._panel.show_error("")
            self._operations[key](found)

    def _run_on_active(self, key: str) -> None:
        self.run(key, self._tools.active_class)

    # Order ---------------------------------------------------------------------------------------

    def _move(self, moved: LabelClass, step: int) -> None:
        values = list(self._editing.classes.values)
        at = values.index(moved.value)
        if 0 <= at + step < len(values):
            values.insert(at + step, values.pop(at))
            self._reorder(values)

    def _reorder(self, values: list[int]) -> None:
        if tuple(values) != self._editing.classes.values:
            self._send(self._editing.order_classes(values))
            self._tools.classes_changed()

    # What reaches into labels ----------------------------------------------------------------------

    def _count_pixels(self, about: LabelClass, ask: Callable[[LabelClass, ClassUsage], None]) -> None:
        self._bridge.when_done(self._editing.class_usage(about.value), partial(ask, about), self._show_error)

    def _merge(self, value: int, into: int) -> None:
        gone, heir = self._editing.classes.by_value(value), self._editing.classes.by_value(into)
        if gone is not None and heir is not None:
            self._panel.show_error("")
            self._count_pixels(gone, lambda about, reach: self._ask_merge(about, heir, reach))

    def _ask_merge(self, gone: LabelClass, heir: LabelClass, reach: ClassUsage) -> None:
        def do() -> None:
            self._leave_class(gone.value, heir.value)
            done = f"{gone.name} is {heir.name} now in {reach_text(reach)}."
            self._send(self._editing.merge_class(gone.value, heir.value), done)

        self._ask(MergeClassDialog(gone, heir, reach_text(reach), self._page), do, reach)

    def _ask_delete(self, gone: LabelClass, reach: ClassUsage) -> None:
        question = DeleteClassDialog(gone, reach_text(reach), self._page)

        def do() -> None:
            rest = [c.value for c in self._editing.classes if c.value != gone.value]
            self._leave_class(gone.value, rest[0] if rest else 0)
            became = "void" if question.new_value == VOID else "unlabelled"
            done = f"Deleted {gone.name}: {reach_text(reach)} became {became}."
            self._send(self._editing.delete_class(gone.value, leave=question.new_value), done)

        self._ask(question, do, reach)

    def _ask_value(self, about: LabelClass, reach: ClassUsage) -> None:
        free = [v for v in range(1, MAX_CLASS_VALUE + 1) if self._editing.classes.by_value(v) is None]
        if not free:
            self._panel.show_error("Every value from 1 to 254 is taken; merge or delete a class first.")
            return
        question = ClassValueDialog(about, reach_text(reach), frozenset(free), self._page)

        def do() -> None:
            future = self._editing.change_class_value(about.value, question.value)
            self._send(future, f"{about.name} has the value {question.value} now in {reach_text(reach)}.")

        self._ask(question, do)

    def _ask_split(self, about: LabelClass) -> None:
        shown, labels = self._picture.id, self._picture.labels
        pixels = 0 if labels is None else int(np.count_nonzero(labels.values == about.value))
        if shown is None or not pixels:
            self._panel.show_error(f"This picture holds no pixel of {about.name} that could be split off.")
            return
        question = SplitClassDialog(about, pixels, self._editing.classes, self._page)

        def do() -> None:
            future = self._editing.split_class(about.value, question.name, [shown])
            self._send(future, f"Split {question.name} off {about.name} in this picture.")

        self._ask(question, do)

    # Doing ---------------------------------------------------------------------------------------

    def _ask(self, question: ClassDialog, do: Callable[[], None], reach: ClassUsage | None = None) -> None:
        """Do it when the answer is yes; at once where a reach says that no pixel can be lost."""
        if self._closed or (reach is not None and not reach.pixels):
            question.deleteLater()
            if not self._closed:
                do()
            return
        self._dialog = question
        question.accepted.connect(do)
        question.finished.connect(self._dialog_closed)
        question.open()

    def _dialog_closed(self) -> None:
        self._dialog = None

    def _leave_class(self, value: int, instead: int) -> None:
        """A stroke made while the class is going would bring back a value that no class has."""
        self._page.canvas.finish_all()
        if self._tools.active_class == value:
            self._tools.choose_class(instead)

    def _send(self, future: Future[None], done: str = "") -> None:
        def tell(_none: None) -> None:
            if done:
                self.message.emit(f"{done} {UNDO_HINT}")

        self._bridge.when_done(future, tell, self._show_error)

    def _show_error(self, problem: MaskloopError) -> None:
        if self._closed:
            return
        self._panel.show_error(str(problem))
        self._tools.classes_changed()


def reach_text(reach: ClassUsage) -> str:
    """A reach in words: 1,204 pixels in 18 pictures."""
    if not reach.pixels:
        return "no pixel"
    pixels = "1 pixel" if reach.pixels == 1 else f"{reach.pixels:,} pixels"
    pictures = "1 picture" if reach.pictures == 1 else f"{reach.pictures:,} pictures"
    return f"{pixels} in {pictures}"
