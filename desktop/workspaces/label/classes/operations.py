"""Operations on a class that its menu offers: reorder, merge, split, change the value, delete."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

import numpy as np

from core.base.errors import MaskloopError
from core.base.text import count_of
from core.labels.class_list import MAX_CLASS_VALUE, VOID, LabelClass
from core.project.class_repository import ClassUsage
from core.session.editing import EditingService
from desktop.controller import Actions, Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.classes.controller import ClassController
from desktop.workspaces.label.classes.dialogs import (
    ClassDialog,
    ClassValueDialog,
    DeleteClassDialog,
    MergeClassDialog,
    SplitClassDialog,
)
from desktop.workspaces.label.page import LabelPage


class ClassOperations(Controller):
    """Lives on the GUI thread.

    What changes pixels asks first, with the number of pixels and pictures; what changes none is done at once.
    """

    def __init__(
        self,
        editing: EditingService,
        dispatcher: MainThreadDispatcher,
        page: LabelPage,
        picture: ActivePicture,
        classes: ClassController,
    ) -> None:
        super().__init__()
        self._editing, self._dispatcher, self._picture, self._classes = editing, dispatcher, picture, classes
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
        self.connections.connect(self._panel.action_requested, self.run)
        self.connections.connect(self._panel.merge_requested, self._merge)
        self.connections.connect(self._panel.order_requested, self._reorder)

    def close(self) -> None:
        super().close()
        self._closed = True
        if self._dialog is not None:
            self._dialog.reject()

    def actions(self) -> Actions:
        """The operations on the active class."""
        return {key: partial(self._run_on_active, key) for key in self._operations}

    def run(self, key: str, value: int) -> None:
        """Carry out an operation on a class; unlabelled and void have none."""
        found = self._editing.classes.by_value(value)
        if found is not None and key in self._operations:  # hiding and locking belong to ClassVisibility
            self._panel.show_error("")
            self._operations[key](found)

    def _run_on_active(self, key: str) -> None:
        self.run(key, self._classes.active_class)

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
            self._classes.refresh()

    # Operations that change pixels -----------------------------------------------------------------

    def _count_pixels(
        self, label_class: LabelClass, on_counted: Callable[[LabelClass, ClassUsage], None]
    ) -> None:
        usage = self._editing.class_usage(label_class.value)
        self._dispatcher.when_done(usage, partial(on_counted, label_class), self._show_error)

    def _merge(self, value: int, into: int) -> None:
        source, target = self._editing.classes.by_value(value), self._editing.classes.by_value(into)
        if source is not None and target is not None:
            self._panel.show_error("")
            self._count_pixels(source, lambda counted, usage: self._ask_merge(counted, target, usage))

    def _ask_merge(self, source: LabelClass, target: LabelClass, usage: ClassUsage) -> None:
        def merge() -> None:
            self._stop_painting(source.value, target.value)
            done = (
                f"Merged {source.name} into {target.name}: {usage_text(usage)}."
                if usage.pixels
                else f"Merged {source.name} into {target.name}."
            )
            self._send(self._editing.merge_class(source.value, target.value), done)

        self._ask(MergeClassDialog(source, target, usage_text(usage), self._page), merge, usage)

    def _ask_delete(self, deleted: LabelClass, usage: ClassUsage) -> None:
        dialog = DeleteClassDialog(deleted, usage_text(usage), self._page)

        def delete() -> None:
            others = [c.value for c in self._editing.classes if c.value != deleted.value]
            self._stop_painting(deleted.value, others[0] if others else 0)
            if not usage.pixels:
                done = f"Deleted {deleted.name}."
            elif dialog.new_value == VOID:
                done = f"Deleted {deleted.name}: {usage_text(usage)} became void."
            else:
                done = f"Deleted {deleted.name}: {usage_text(usage)} became unlabelled."
            self._send(self._editing.delete_class(deleted.value, leave=dialog.new_value), done)

        self._ask(dialog, delete, usage)

    def _ask_value(self, label_class: LabelClass, usage: ClassUsage) -> None:
        free = [v for v in range(1, MAX_CLASS_VALUE + 1) if self._editing.classes.by_value(v) is None]
        if not free:
            self._panel.show_error("Every value from 1 to 254 is taken; merge or delete a class first.")
            return
        dialog = ClassValueDialog(label_class, usage_text(usage), frozenset(free), self._page)

        def change() -> None:
            future = self._editing.change_class_value(label_class.value, dialog.value)
            self._send(
                future, f"Changed the value of {label_class.name} to {dialog.value}: {usage_text(usage)}."
            )

        self._ask(dialog, change)

    def _ask_split(self, label_class: LabelClass) -> None:
        shown, labels = self._picture.id, self._picture.labels
        pixels = 0 if labels is None else int(np.count_nonzero(labels.values == label_class.value))
        if shown is None or not pixels:
            self._panel.show_error(
                f"This picture has no pixel of {label_class.name} that could be split off."
            )
            return
        dialog = SplitClassDialog(label_class, pixels, self._editing.classes, self._page)

        def split() -> None:
            future = self._editing.split_class(label_class.value, dialog.name, [shown])
            self._send(future, f"Split {dialog.name} off {label_class.name} in this picture.")

        self._ask(dialog, split)

    # Dialog and request --------------------------------------------------------------------------

    def _ask(
        self, dialog: ClassDialog, operation: Callable[[], None], usage: ClassUsage | None = None
    ) -> None:
        """Run the operation when the dialog is accepted; at once when no pixel carries the class."""
        if self._closed or (usage is not None and not usage.pixels):
            dialog.deleteLater()
            if not self._closed:
                operation()
            return
        self._dialog = dialog
        dialog.accepted.connect(operation)
        dialog.finished.connect(self._dialog_closed)
        dialog.open()

    def _dialog_closed(self) -> None:
        self._dialog = None

    def _stop_painting(self, value: int, instead: int) -> None:
        """Finish what is drawn with a class that is about to go: a later edit would store a value without a class."""
        self._page.canvas.finish_all()
        if self._classes.active_class == value:
            self._classes.choose_class(instead)

    def _send(self, future: Future[None], done: str = "") -> None:
        def report(_none: None) -> None:
            if done:
                self.message.emit(f"{done} Undo reverts it.")

        self._dispatcher.when_done(future, report, self._show_error)

    def _show_error(self, error: MaskloopError) -> None:
        if self._closed:
            return
        self._panel.show_error(str(error))
        self._classes.refresh()


def usage_text(usage: ClassUsage) -> str:
    """Pixels of a class, and the pictures with such pixels: "1,204 pixels in 18 pictures"."""
    if not usage.pixels:
        return count_of(0, "pixel")
    return f"{count_of(usage.pixels, 'pixel')} in {count_of(usage.pictures, 'picture')}"
