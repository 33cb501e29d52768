"""The line above the canvas: the tool in hand, its size, what it does; the view, undo and redo."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QSpinBox, QToolButton, QWidget

from desktop.actions.catalog import keys_text
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import Elided, LevelSlider, ground, indent_number, row, words
from desktop.workspaces.label.panels.tool_controls import ToolControls

SMALLEST, BIGGEST = 1, 2000
STEPS = 1000
HELP = 12 * GRID
"""Logical pixels that the help gets before the slider does."""


class OptionBar(QWidget):
    """`size_changed` carries the diameter in picture pixels."""

    size_changed = Signal(int)

    def __init__(self, actions: Mapping[str, QAction], theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._actions = actions
        self._undo = self._redo = ""
        self._under_way = False
        ground(self, "panel")
        self.setFixedHeight(5 * GRID)
        self.tool = words("", "heading")
        self.size_name = words("Size", "muted")
        self.slider = LevelSlider(0, STEPS, "Size of the brush")
        self.slider.setFixedWidth(12 * GRID)
        self.number = QSpinBox()
        self.number.setRange(SMALLEST, BIGGEST)
        self.number.setSuffix(" px")
        self.number.setAccessibleName("Size of the brush in picture pixels")
        self.number.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.number.setKeyboardTracking(False)
        indent_number(self.number)
        self.controls = ToolControls(actions)
        self.help = Elided("", "muted", lines=2)
        self.view = self._button("adjust_view", "Brightness and contrast")
        self.undo = self._button("undo")
        self.redo = self._button("redo")
        self.history = self._button("history")
        self.slider.valueChanged.connect(self._slid)
        self.number.valueChanged.connect(self._typed)
        self._widest = QFontMetrics(theme.strong_font()).horizontalAdvance("Rectangle") + GRID
        self.tool.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.size_name.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.number.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.help.setContentsMargins(GRID, 0, GRID, 0)
        bar = row(
            self.tool,
            self.size_name,
            self.slider,
            self.number,
            self.controls,
            self.help,
            self.view,
            self.undo,
            self.redo,
            self.history,
            margins=(2 * GRID, 0, GRID, 0),
        )
        bar.setStretch(5, 1)
        self.setLayout(bar)
        self._has_size = True
        self.controls.changed.connect(self._fit)
        self.set_tool("Brush", "", 30)

    def set_tool(self, title: str, help_line: str, size: int | None) -> None:
        """Show the tool in hand; `size` (diameter in picture pixels) is None for a tool without one."""
        self.tool.setText(title)
        self.tool.setToolTip(help_line)  # also where there is no room for the help itself
        self.help.setText(help_line)
        self._has_size = size is not None
        self.number.setVisible(self._has_size)
        if size is not None:
            self.set_size(size)
        self._fit()

    def set_size(self, size: float) -> None:
        """Show a size; emits nothing."""
        whole = min(max(round(size), SMALLEST), BIGGEST)
        for part in (self.slider, self.number):
            part.blockSignals(True)
        self.number.setValue(whole)
        self.slider.setValue(_step_of(whole))
        for part in (self.slider, self.number):
            part.blockSignals(False)

    def set_undo(self, undo: str = "", redo: str = "") -> None:
        """Names of the changes that undo and redo would touch; empty: there is none."""
        self._undo, self._redo = undo, redo
        self._offer()

    def set_under_way(self, under_way: bool) -> None:
        """Whether a stroke or shape is being drawn: undo takes that back, even where nothing came before it."""
        self._under_way = under_way
        self._offer()

    def _offer(self) -> None:
        for key, name, able in (("undo", self._undo, self._under_way), ("redo", self._redo, False)):
            action = self._actions[key]
            word = key.capitalize()
            action.setEnabled(bool(name) or able)
            action.setText(f"{word} “{name}”" if name else word)
            told = action.text() if action.isEnabled() else f"Nothing to {key}"
            action.setToolTip(f"{told}  {keys_text(key)}")

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Nothing is cut off where there is little room: boxes shrink to the word they show, then what has another
        way goes: the slider (there is the number), the buttons of the view and the history (there are keys), the names
        of numbers (there are tooltips)."""
        spare = ((self.size_name, self.slider), (self.view,), (self.history,))
        self.tool.setMinimumWidth(self._widest)
        self.controls.set_tight(False)
        self.controls.set_terse(False)
        for n, parts in enumerate(spare):
            for part in parts:
                part.setVisible(self._has_size or n > 0)
        if self._overflows():
            self.controls.set_tight(True)
            self.tool.setMinimumWidth(0)
        for n, parts in enumerate(spare):
            if self._overflows(0 if n else HELP):
                for part in parts:
                    part.hide()
        if self._overflows():
            self.controls.set_terse(True)

    def _overflows(self, kept: int = 0) -> bool:
        line = self.layout()
        parts = [line.itemAt(n).widget() for n in range(line.count())]
        shown = [part for part in parts if part is not self.help and not part.isHidden()]
        needed = sum(max(part.minimumWidth(), part.sizeHint().width()) for part in shown)
        return needed + kept + len(shown) * line.spacing() + 3 * GRID > self.width()

    def _slid(self, step: int) -> None:
        size = _size_of(step)
        self.number.blockSignals(True)
        self.number.setValue(size)
        self.number.blockSignals(False)
        self.size_changed.emit(size)

    def _typed(self, size: int) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(_step_of(size))
        self.slider.blockSignals(False)
        self.size_changed.emit(size)

    def _button(self, key: str, name: str = "") -> QToolButton:
        made = QToolButton()
        made.setDefaultAction(self._actions[key])
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        made.setAccessibleName(name or key.capitalize())
        made.setIconSize(QSize(20, 20))
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return made


def _size_of(step: int) -> int:
    """Sizes grow by proportion: the same way on the slider always multiplies the size by the same number."""
    return round(SMALLEST * math.exp(step / STEPS * math.log(BIGGEST / SMALLEST)))


def _step_of(size: int) -> int:
    return round(STEPS * math.log(size / SMALLEST) / math.log(BIGGEST / SMALLEST))
