"""The bar above the canvas: active tool, brush size, tool options, help; view adjustments, undo, redo, history."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget

from desktop.actions.catalog import shortcut_text
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import (
    ElidedLabel,
    LevelSlider,
    row,
    set_background,
    text_label,
)
from desktop.widgets.number_field import spin_box
from desktop.workspaces.label.panels.tool_controls import ToolControls

MIN_SIZE, MAX_SIZE = 1, 2000
SLIDER_STEPS = 1000
MIN_HELP_WIDTH = 12 * GRID
"""Logical pixels of the help text; with less room the size slider is hidden, and then the text itself."""


class OptionBar(QWidget):
    """`size_changed` carries the brush diameter in picture pixels."""

    size_changed = Signal(int)

    def __init__(self, actions: Mapping[str, QAction], theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._actions = actions
        self._undo = self._redo = ""
        self._is_busy = False
        set_background(self, "panel")
        self.setFixedHeight(5 * GRID)
        self.tool_name = text_label("", "heading")
        self.size_name = text_label("Size", "muted")
        self.size_slider = LevelSlider(0, SLIDER_STEPS, "Size of the brush")
        self.size_slider.setFixedWidth(8 * GRID)
        self.size_field = spin_box(MIN_SIZE, MAX_SIZE, "Size of the brush in picture pixels", " px")
        self.controls = ToolControls(actions)
        self.help = ElidedLabel("", "muted", lines=2)
        self._help_line = ""
        self.walk = self._button("next_region", "Next uncertain region")
        self.live = self._button("live_prediction", "Live prediction")
        self.view = self._button("adjust_view", "Brightness and contrast")
        self.undo = self._button("undo", "Undo")
        self.redo = self._button("redo", "Redo")
        self.history = self._button("history", "History")
        self.size_slider.valueChanged.connect(self._slider_moved)
        self.size_field.valueChanged.connect(self._number_changed)
        self._widest = QFontMetrics(theme.strong_font()).horizontalAdvance("Rectangle") + GRID
        self.tool_name.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.size_name.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.size_field.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.help.setContentsMargins(GRID, 0, GRID, 0)
        self._layout = row(
            self.tool_name,
            self.size_name,
            self.size_slider,
            self.size_field,
            self.controls,
            self.help,
            self.walk,
            self.live,
            self.view,
            self.undo,
            self.redo,
            self.history,
            margins=(2 * GRID, 0, GRID, 0),
        )
        self._layout.setStretch(5, 1)
        self.setLayout(self._layout)
        self._parts: tuple[QWidget, ...] = (
            self.tool_name,
            self.size_name,
            self.size_slider,
            self.size_field,
            self.controls,
            self.walk,
            self.live,
            self.view,
            self.undo,
            self.redo,
            self.history,
        )
        self._has_size = True
        self.controls.size_changed.connect(self._fit_width)
        self.set_tool("Brush", "", 30)

    def set_tool(self, title: str, help_line: str, size: int | None) -> None:
        """Show the active tool; `size` (diameter in picture pixels) is None for a tool without a size."""
        self.tool_name.setText(title)
        self.tool_name.setToolTip(help_line)  # the help text may be elided
        self._help_line = help_line
        self._has_size = size is not None
        self.size_field.setVisible(self._has_size)
        if size is not None:
            self.set_size(size)
        self._fit_width()

    def set_size(self, size: float) -> None:
        """Show a size without emitting `size_changed`."""
        whole = min(max(round(size), MIN_SIZE), MAX_SIZE)
        for part in (self.size_slider, self.size_field):
            part.blockSignals(True)
        self.size_field.setValue(whole)
        self.size_slider.setValue(_step_of(whole))
        for part in (self.size_slider, self.size_field):
            part.blockSignals(False)

    def set_undo_names(self, undo: str = "", redo: str = "") -> None:
        """Names of the edits that undo and redo would revert; empty where there is none."""
        self._undo, self._redo = undo, redo
        self._update_undo_actions()

    def set_busy(self, under_way: bool) -> None:
        """Whether a stroke or shape is being drawn: undo cancels that, so it is enabled without any earlier edit."""
        self._is_busy = under_way
        self._update_undo_actions()

    def _update_undo_actions(self) -> None:
        undo, redo = self._actions["undo"], self._actions["redo"]
        undo.setEnabled(bool(self._undo) or self._is_busy)
        redo.setEnabled(bool(self._redo))
        undo.setText(f"Undo “{self._undo}”" if self._undo else "Undo")
        redo.setText(f"Redo “{self._redo}”" if self._redo else "Redo")
        for key, action, unavailable in (
            ("undo", undo, "Nothing to undo"),
            ("redo", redo, "Nothing to redo"),
        ):
            tooltip = action.text() if action.isEnabled() else unavailable
            action.setToolTip(f"{tooltip}  {shortcut_text(key)}")

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._fit_width()

    def _fit_width(self) -> None:
        """Cut nothing off in a narrow window: combo boxes shrink to the text they show, then what is redundant is
        hidden: the slider (there is the spin box), the buttons for view and history (there are shortcuts), and the
        names of spin boxes (there are tooltips)."""
        redundant = ((self.size_name, self.size_slider), (self.view,), (self.history,))
        self.tool_name.setMinimumWidth(self._widest)
        self.controls.set_compact(False)
        self.controls.hide_names(False)
        for n, parts in enumerate(redundant):
            for part in parts:
                part.setVisible(self._has_size or n > 0)
        if self._overflows():
            self.controls.set_compact(True)
            self.tool_name.setMinimumWidth(0)
        for n, parts in enumerate(redundant):
            if self._overflows(0 if n else MIN_HELP_WIDTH):
                for part in parts:
                    part.hide()
        if self._overflows():
            self.controls.hide_names(True)
        self.help.setText("" if self._overflows(MIN_HELP_WIDTH) else self._help_line)

    def _overflows(self, help_width: int = 0) -> bool:
        """Whether the visible widgets need more than the width of the bar, with so much left for the help text."""
        shown = [part for part in self._parts if not part.isHidden()]
        needed = sum(
            min(part.maximumWidth(), max(part.minimumWidth(), part.sizeHint().width())) for part in shown
        )
        return needed + help_width + len(shown) * self._layout.spacing() + 3 * GRID > self.width()

    def _slider_moved(self, step: int) -> None:
        size = _size_of(step)
        self.size_field.blockSignals(True)
        self.size_field.setValue(size)
        self.size_field.blockSignals(False)
        self.size_changed.emit(size)

    def _number_changed(self, size: int) -> None:
        self.size_slider.blockSignals(True)
        self.size_slider.setValue(_step_of(size))
        self.size_slider.blockSignals(False)
        self.size_changed.emit(size)

    def _button(self, key: str, name: str) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(self._actions[key])
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        button.setAccessibleName(name)
        button.setIconSize(QSize(20, 20))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button


def _size_of(step: int) -> int:
    """Exponential: equal distances on the slider multiply the size by equal factors."""
    return round(MIN_SIZE * math.exp(step / SLIDER_STEPS * math.log(MAX_SIZE / MIN_SIZE)))


def _step_of(size: int) -> int:
    return round(SLIDER_STEPS * math.log(size / MIN_SIZE) / math.log(MAX_SIZE / MIN_SIZE))
