"""The active tool: tool strip and option bar, brush size, and actions that need a click on the picture first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtGui import QAction

from core.tools.brush import PRESSURE
from core.tools.point_prompt import PointPrompt
from core.tools.registry import create_tools
from core.tools.tool import Modifiers, Tool
from core.tools.view_only import ViewOnlyTool
from desktop.controller import Actions, Controller
from desktop.workspaces.label.page import LabelPage


class ToolController(Controller):
    """Connects canvas, tool strip and option bar. Lives on the GUI thread."""

    def __init__(self, page: LabelPage, actions: Mapping[str, QAction]) -> None:
        super().__init__()
        self._canvas, self._option_bar, self._actions = page.canvas, page.option_bar, actions
        self._tools = create_tools()
        self.tool_key = "tool_brush"
        """Action id of the active tool."""
        self._view_only: ViewOnlyTool | None = None
        self._prompt: PointPrompt | None = None
        self._on_point: Callable[[], object] = lambda: None
        connect, canvas, bar = self.connections.connect, page.canvas, page.option_bar
        connect(canvas.tools.tool_finished, self._prompt_finished)
        connect(canvas.pen_detected, self._show_controls)
        connect(canvas.tools.options_changed, self._show_controls)
        connect(canvas.tools.brush_size_changed, lambda radius: bar.set_size(round(2 * radius)))
        connect(bar.size_changed, lambda size: canvas.tools.set_radius(size / 2))
        connect(bar.controls.option_changed, self._set_option)
        self.select_tool("tool_brush")

    def close(self) -> None:
        super().close()
        self._prompt, self._on_point = None, lambda: None

    def actions(self) -> Actions:
        return {
            **{key: partial(self._switch_tool, key) for key in self._tools},
            "edit_region_outline": self._edit_outline,
            "brush_smaller": partial(self._canvas.tools.resize, -1),
            "brush_bigger": partial(self._canvas.tools.resize, 1),
        }

    def tool(self, key: str) -> Tool:
        """The tool of this action, active or not. Raises KeyError."""
        return self._tools[key]

    def has_tool(self, key: str) -> bool:
        """Whether there is a tool of this action."""
        return key in self._tools

    def select_tool(self, key: str) -> None:
        """Make the tool of this action the active one."""
        tool = self._view_only or self._tools[key]
        self.tool_key = key
        self._canvas.tools.set_tool(tool)
        self._actions[key].setChecked(True)
        radius = tool.radius(self._canvas.tools.options)
        self._option_bar.set_tool(tool.title, tool.help_line, None if radius is None else round(2 * radius))
        self._show_controls()

    def set_view_only(self, reason: str) -> None:
        """The project is open for reading alone: whatever tool is selected, it only says the reason."""
        self._view_only = ViewOnlyTool(reason)
        self.select_tool(self.tool_key)

    def prompt_point(self, title: str, request: str, on_point: Callable[[], object]) -> None:
        """Wait for the click that `request` asks for in a sentence, and call `on_point` while the pointer is there.

        For actions at the pointer that are triggered by a button: reaching for the button took the pointer away. The
        active tool is replaced until the click, Esc or the right button.
        """
        if self._canvas.tools.context() is None or self._view_only is not None:
            return
        instruction = f"{request} Esc or the right button cancels."
        self._prompt, self._on_point = PointPrompt(title, instruction), on_point
        self._canvas.tools.set_tool(self._prompt)
        self._option_bar.set_tool(title, instruction, None)
        self._option_bar.controls.show_controls([], self._canvas.tools.options)
        self._canvas.setFocus()
        self.message.emit(instruction)

    def _prompt_finished(self) -> None:
        prompt, self._prompt = self._prompt, None
        if prompt is None or self._canvas.tools.tool is not prompt:
            return
        self.message.emit("")
        self.select_tool(self.tool_key)
        if prompt.point is not None:
            self._on_point()

    def _show_controls(self) -> None:
        # The option for pen pressure is shown once a pen was used.
        tool, has_pen = self._canvas.tools.tool, self._canvas.has_pen
        controls = [c for c in tool.controls if c.name != PRESSURE.name or has_pen]
        self._option_bar.controls.show_controls(controls, self._canvas.tools.options)

    def _set_option(self, key: str, value: object) -> None:
        setattr(self._canvas.tools.options, key, value)
        self._canvas.tools.refresh()

    def _switch_tool(self, key: str) -> None:
        self.message.emit("")  # the message of the tool before no longer applies
        self.select_tool(key)

    def _edit_outline(self) -> None:
        """Open the outline of the region under the pointer in the polygon tool."""
        if self._canvas.cursor_point is None:
            self.prompt_point(
                "Edit outline", "Click a labelled region to edit its outline.", self._edit_outline
            )
            return
        self._canvas.finish_all()
        self.select_tool("tool_polygon")
        self._canvas.click(Modifiers(alt=True))
