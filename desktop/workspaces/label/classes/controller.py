"""The active class: class panel, class shortcuts, and adding, renaming and recolouring of classes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from core.base.changes import Changes
from core.base.errors import UserError
from core.labels.class_list import UNLABELLED, VOID, Colour
from core.session.editing import EditingService
from desktop.controller import Actions, Controller
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.tool_controller import ToolController

NO_CLASS_COLOUR: Colour = (150, 150, 150)
"""The colour of unlabelled and void on the canvas."""


class ClassController(Controller):
    """Owns which class is painted. Lives on the GUI thread."""

    def __init__(
        self,
        editing: EditingService,
        dispatcher: MainThreadDispatcher,
        page: LabelPage,
        picture: ActivePicture,
        tools: ToolController,
    ) -> None:
        super().__init__()
        self._editing, self._dispatcher, self._picture, self._tools = editing, dispatcher, picture, tools
        self._canvas, self._panel = page.canvas, page.classes
        self._active = UNLABELLED
        self._previous = UNLABELLED
        self._classes = editing.classes
        self._request = LatestRequest(dispatcher)
        self.takes_class: Callable[[int], bool] = lambda _value: False
        """Whether a class chosen by its key means something else now than to paint with it."""
        connect = self.connections.connect
        connect(self._canvas.tools.needs_class, self._ask_for_class)
        connect(self._canvas.tools.class_picked, self._pick_class)
        connect(self._panel.class_chosen, self.choose_class)
        connect(self._panel.classes_added, self._add)
        connect(self._panel.class_renamed, self._rename)
        connect(self._panel.class_recoloured, self._recolour)
        self.refresh()

    @property
    def active_class(self) -> int:
        """What is painted: 0 unlabelled, 1..254 a class, 255 void."""
        return self._active

    def on_changes(self, changes: Changes) -> None:
        if changes.classes:
            self.refresh()
        if changes.classes or self._picture.id in changes.labels:
            self.picture_changed()

    def picture_changed(self) -> None:
        """Ask which classes the picture on screen has: the panel may list them first."""
        if self._picture.id is None:
            self._panel.set_in_picture(frozenset())
        else:
            self._request.send(
                self._editing.classes_in(self._picture.id),
                lambda found: self._panel.set_in_picture(frozenset(found)),
            )

    def close(self) -> None:
        super().close()
        self._request.cancel()

    def actions(self) -> Actions:
        return {
            **{f"class_{n}": partial(self._choose_by_position, n) for n in range(1, 20) if n != 10},
            "class_0": partial(self.choose_class, UNLABELLED),
            "class_void": partial(self._choose_by_key, VOID),
            "swap_classes": lambda: self.choose_class(self._previous),
            "pick_class": self._pick_class,
        }

    def choose_class(self, value: int) -> None:
        """Paint with this class from now on; a value without a class is ignored."""
        classes = self._editing.classes
        found = classes.by_value(value)
        if found is None and value not in (UNLABELLED, VOID):
            return
        if value != self._active:
            self._previous, self._active = self._active, value
        colour = found.colour if found else NO_CLASS_COLOUR
        # Without any class there is nothing to paint with: the canvas then emits `needs_class`.
        self._canvas.tools.set_class(value if len(classes) else None, classes.name_of(value), colour)
        self._panel.set_active(value)

    def refresh(self) -> None:
        """Show the class list as it is now. The active class stays active, also when its value changed."""
        before, self._classes = self._classes, self._editing.classes
        classes = self._classes
        self._active = before.value_in(self._active, classes)
        self._previous = before.value_in(self._previous, classes)
        self._panel.set_classes(classes)
        self._canvas.set_palette(classes.palette(), classes.values)
        is_deleted = classes.by_value(self._active) is None and self._active != VOID
        first = classes.classes[0].value if len(classes) else UNLABELLED
        self.choose_class(first if is_deleted else self._active)

    def _choose_by_position(self, number: int) -> None:
        classes = self._editing.classes.classes
        if number <= len(classes):
            self._choose_by_key(classes[number - 1].value)

    def _choose_by_key(self, value: int) -> None:
        if not self.takes_class(value):
            self.choose_class(value)

    def _pick_class(self) -> None:
        """Choose the class under the pointer: that of the label, else that of the prediction."""
        at, labels, prediction = self._canvas.cursor_point, self._picture.labels, self._picture.prediction
        if labels is None:
            return
        if at is None:
            self._tools.prompt_point("Pick class", "Click a pixel of the class you want.", self._pick_class)
            return
        value = int(labels.values[int(at.y), int(at.x)])
        if value == UNLABELLED and prediction is not None:
            value = int(prediction.values[int(at.y), int(at.x)])
        self.choose_class(value)

    def _add(self, names: list[str]) -> None:
        count = len(self._editing.classes)
        self._change(lambda: self._editing.add_classes(names))
        classes = self._editing.classes.classes
        if len(classes) > count:
            self.choose_class(classes[count].value)
            self._canvas.setFocus()

    def _rename(self, value: int, name: str) -> None:
        self._change(lambda: self._editing.change_class(value, name=name))

    def _recolour(self, value: int, colour: Colour) -> None:
        self._change(lambda: self._editing.change_class(value, colour=colour))

    def _change(self, change: Callable[[], Future[None]]) -> None:
        try:
            self._dispatcher.when_done(change(), lambda _none: None)
        except UserError as error:
            self._panel.show_error(str(error))
            self._panel.set_classes(self._editing.classes)  # a refused name must not stay in the list
            return
        self._panel.show_error("")
        self.refresh()

    def _ask_for_class(self) -> None:
        self._panel.focus_name_field()
        self.message.emit("Add a class first: type its name at the right.")
