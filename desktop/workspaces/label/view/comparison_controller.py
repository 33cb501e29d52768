"""Compares two layer styles, at a divider on the canvas or in two views, and stores which ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence, QShortcut

from core.base.settings import Settings
from desktop.canvas.attachments.side_titles import SideTitles
from desktop.canvas.attachments.swipe import Swipe
from desktop.canvas.canvas import Canvas
from desktop.canvas.rendering.compare_styles import CompareSide, Comparison

_SETTING = "sides"


class ComparisonController(QObject):
    """At most one of both ways is on. Lives on the GUI thread, as long as the window; only the styles are stored."""

    def __init__(self, canvas: Canvas, actions: Mapping[str, QAction], settings: Settings) -> None:
        super().__init__()
        self._canvas, self._settings = canvas, settings
        self._swipe_action, self._side_by_side_action = actions["swipe"], actions["side_by_side"]
        self._sides = Comparison()
        self.swipe = Swipe(canvas)
        self.titles = SideTitles(canvas)
        self.titles.comparison_chosen.connect(self.set_sides)
        self.swipe.moved.connect(self.titles.move_to_divider)
        self._swipe_action.toggled.connect(self._toggle_swipe)
        self._side_by_side_action.toggled.connect(self._toggle_side_by_side)
        self.swipe.close_requested.connect(lambda: self._swipe_action.setChecked(False))
        self._escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), canvas)
        self._escape.activated.connect(lambda: self._side_by_side_action.setChecked(False))
        self._escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._escape.setEnabled(False)

    def set_sides(self, sides: Comparison) -> None:
        """Compare other styles, in the way that is on."""
        self._sides = sides
        self.swipe.set_sides(sides)
        if self._side_by_side_action.isChecked():
            self._canvas.set_comparison(replace(sides, divider=None))

    def load(self) -> None:
        """Read the stored styles; invalid ones are ignored."""
        stored = self._settings.get_state(_SETTING, [])
        try:
            left, right = (CompareSide(value) for value in stored)
        except (TypeError, ValueError):
            return
        self.set_sides(Comparison(left, right))

    def save(self) -> None:
        """Store the chosen styles."""
        self._settings.set_state(_SETTING, [str(self._sides.left), str(self._sides.right)])

    def _toggle_swipe(self, on: bool) -> None:
        if on:
            self._side_by_side_action.setChecked(False)
        self.swipe.set_active(on)

    def _toggle_side_by_side(self, on: bool) -> None:
        if on:
            self._swipe_action.setChecked(False)
        self._canvas.finish_stroke()
        self._escape.setEnabled(on)
        self._canvas.set_comparison(replace(self._sides, divider=None) if on else None)
