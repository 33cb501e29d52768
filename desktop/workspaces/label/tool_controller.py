"""The tool in the hand and the class it paints with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from core.base.errors import UserError
from core.labels.class_list import UNLABELLED, VOID, Colour
from core.session.editing import EditingService
from core.tools.brush import PRESSURE
from core.tools.registry import create_tools
from core.tools.tool import Modifiers, Tool
from desktop.connections import ConnectionGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.point_prompt import PointPromptController

NO_CLASS_COLOUR: Colour = (150, 150, 150)
"""The colour of what is no class: unlabelled and void."""


class ToolController(QObject):
    """Brings tool strip, option bar and class panel to life. Lives on the GUI thread."""

    message = Signal(str)

    def __init__(
        self,
        editing: EditingService,
        bridge: MainThreadDispatcher,
        page: LabelPage,
        actions: Mapping[str, QAction],
        picture: ActivePicture,
    ) -> None:
        super().__init__()
        self._editing, self._bridge, self._page = editing, bridge, page
        self._actions, self._picture, self._canvas = actions, picture, page.canvas
        self._tools = create_tools()
        self.tool_key = "tool_brush"
        """The action of the tool in the hand."""
        self._class = UNLABELLED
        self._previous_class = UNLABELLED
        self._classes = editing.classes
        self.point_prompt = PointPromptController(page, lambda: self.select_tool(self.tool_key))
        self._wires = ConnectionGroup()
        self._connect()
        self.select_tool("tool_brush")
        self.classes_changed()

    @property
    def active_class(self) -> int:
        """What is painted: 0 unlabelled, 1..254 a class, 255 void."""
        return self._class

    def tool(self, key: str) -> Tool:
        """The tool of this action, whether it is in the hand or not. Raises KeyError."""
        return self._tools[key]

    def has_tool(self, key: str) -> bool:
        """Whether there is a tool of this action."""
        return key in self._tools

    def select_tool(self, key: str) -> None:
        """Take the tool of this action into the hand."""
        tool = self._tools[key]
        self.tool_key = key
        self._canvas.set_tool(tool)
        self._actions[key].setChecked(True)
        radius = tool.radius(self._canvas.options)
        self._page.option_bar.set_tool(
            tool.title, tool.help_line, None if radius is None else round(2 * radius)
        )
        self._show_controls()

    def choose_class(self, value: int) -> None:
        """Paint with this class from now on; nothing happens for a value that is no class."""
        classes = self._editing.classes
        known = classes.by_value(value)
        if known is None and value not in (UNLABELLED, VOID):
            return
        if value != self._class:
            self._previous_class, self._class = self._class, value
        colour = known.colour if known else NO_CLASS_COLOUR
        # Without any class there is nothing to paint with: the canvas then asks for one.
        self._canvas.set_class(value if len(classes) else None, classes.name_of(value), colour)
        self._page.classes.set_active(value)

    def classes_changed(self) -> None:
        """The list of classes is another one now. What is in the hand stays there, also under another value."""
        before, self._classes = self._classes, self._editing.classes
        classes = self._classes
        self._class = before.value_in(self._class, classes)
        self._previous_class = before.value_in(self._previous_class, classes)
        self._page.classes.set_classes(classes)
        self._canvas.set_palette(classes.palette(), classes.values)
        gone = classes.by_value(self._class) is None and self._class != VOID
        first = classes.classes[0].value if len(classes) else UNLABELLED
        self.choose_class(first if gone else self._class)

    def close(self) -> None:
        self.point_prompt.close()
        self._wires.disconnect_all()

    def actions(self) -> dict[str, Callable[[], object]]:
        """What each action of tools and classes does."""
        return {
            **{f"class_{n}": partial(self._choose_by_position, n) for n in range(1, 20) if n != 10},
            **{key: partial(self._switch_tool, key) for key in self._tools},
            "class_0": partial(self.choose_class, UNLABELLED),
            "class_void": partial(self.choose_class, VOID),
            "swap_classes": lambda: self.choose_class(self._previous_class),
            "pick_class": self._pick_class,
            "edit_region_outline": self._edit_outline,
            "brush_smaller": partial(self._canvas.resize_tool, -1),
            "brush_bigger": partial(self._canvas.resize_tool, 1),
        }

    def _connect(self) -> None:
        join, canvas, page = self._wires.connect, self._canvas, self._page
        join(self.point_prompt.message, self.message.emit)
        join(canvas.pen_detected, self._show_controls)
        join(canvas.options_changed, self._show_controls)
        join(canvas.needs_class, self._ask_for_class)
        join(canvas.class_picked, self._pick_class)
        join(canvas.brush_size_changed, lambda radius: page.option_bar.set_size(round(2 * radius)))
        join(page.option_bar.size_changed, lambda size: canvas.set_radius(size / 2))
        join(page.option_bar.controls.option_changed, self._set_option)
        join(page.classes.class_chosen, self.choose_class)
        join(page.classes.classes_added, self._add)
        join(page.classes.class_renamed, self._rename)
        join(page.classes.class_recoloured, self._recolour)

    def _show_controls(self) -> None:
        # Only who has a pen is asked what its pressure shall do.
        asked = [c for c in self._canvas.tool.controls if c.name != PRESSURE.name or self._canvas.has_pen]
        self._page.option_bar.controls.show_controls(asked, self._canvas.options)

    def _set_option(self, key: str, value: object) -> None:
        setattr(self._canvas.options, key, value)
        self._canvas.refresh_tool()

    def _switch_tool(self, key: str) -> None:
        self.message.emit("")  # what the tool before has said is over
        self.select_tool(key)

    def _choose_by_position(self, number: int) -> None:
        classes = self._editing.classes.classes
        if number <= len(classes):
            self.choose_class(classes[number - 1].value)

    def _pick_class(self) -> None:
        """Take the class under the cursor: the label's, else the prediction's."""
        at, labels, prediction = self._canvas.cursor_point, self._picture.labels, self._picture.prediction
        if labels is None:
            return
        if at is None:
            self.point_prompt.ask("Pick class", "a pixel of the class you want", self._pick_class)
            return
        value = int(labels.values[int(at.y), int(at.x)])
        if value == UNLABELLED and prediction is not None:
            value = int(prediction.values[int(at.y), int(at.x)])
        self.choose_class(value)

    def _edit_outline(self) -> None:
        """Open the outline of the region under the pointer, with the tool that can change it."""
        if self._canvas.cursor_point is None:
            self.point_prompt.ask(
                "Edit outline", "a labelled region to change its outline", self._edit_outline
            )
            return
        self._canvas.finish_all()
        self.select_tool("tool_polygon")
        self._canvas.click(Modifiers(alt=True))

    def _add(self, names: list[str]) -> None:
        had = len(self._editing.classes)
        self._change(lambda: self._editing.add_classes(names))
        classes = self._editing.classes.classes
        if len(classes) > had:
            self.choose_class(classes[had].value)
            self._canvas.setFocus()

    def _rename(self, value: int, name: str) -> None:
        self._change(lambda: self._editing.change_class(value, name=name))

    def _recolour(self, value: int, colour: Colour) -> None:
        self._change(lambda: self._editing.change_class(value, colour=colour))

    def _change(self, act: Callable[[], Future[None]]) -> None:
        try:
            self._bridge.when_done(act(), lambda _none: None)
        except UserError as problem:
            self._page.classes.show_error(str(problem))
            self._page.classes.set_classes(self._editing.classes)  # a refused name must not stay in the list
            return
        self._page.classes.show_error("")
        self.classes_changed()

    def _ask_for_class(self) -> None:
        self._page.classes.focus_name_field()
        self.message.emit("Add a class first: type its name at the right.")
