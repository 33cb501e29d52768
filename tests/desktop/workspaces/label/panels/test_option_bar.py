"""The option bar above the canvas: sizes, tool options, undo and redo."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QSpinBox, QToolButton, QWidget

from core.tools.brush import Brush
from core.tools.region import RegionTool
from core.tools.shapes.polygon import Polygon
from core.tools.smart.wand import Wand
from core.tools.tool_options import ToolOptions
from desktop.theme.theme import GRID, Theme
from desktop.workspaces.label.panels.option_bar import MAX_SIZE, MIN_SIZE, OptionBar
from tests.desktop.conftest import show_widget

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


def test_size_slider_and_field_agree(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    bar = OptionBar(actions, theme)
    show_widget(qtbot, bar, 900, 40)
    heard: list[int] = []
    bar.size_changed.connect(heard.append)
    bar.set_tool("Brush", "Paint.", 30)
    assert (bar.size_field.value(), heard) == (30, [])
    bar.size_field.setValue(64)
    bar.size_slider.setValue(bar.size_slider.maximum())
    bar.size_slider.setValue(bar.size_slider.minimum())
    assert heard == [64, MAX_SIZE, MIN_SIZE]
    bar.set_size(200)
    near = bar.size_slider.value()
    bar.size_slider.setValue(near + 1)
    assert 195 <= heard[-1] <= 205, "slider and number agree"
    bar.set_tool("Fill", "Fill.", None)
    assert not bar.size_slider.isVisible() and not bar.size_field.isVisible()


def test_no_visible_field_is_cut_off_at_any_width(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    bar = OptionBar(actions, theme)
    options = ToolOptions()
    for tool in (Brush(), Polygon(), RegionTool()):
        for width in (1100, 748, 608):
            show_widget(qtbot, bar, width, 40)
            radius = tool.radius(options)
            bar.set_tool(tool.title, tool.help_line, None if radius is None else 30)
            bar.controls.show_controls([c for c in tool.controls if c.name != "pressure"], options)
            QApplication.processEvents()
            parts = [
                *bar.findChildren(QComboBox),
                *bar.findChildren(QToolButton),
                bar.tool_name,
                bar.size_field,
            ]
            parts = [part for part in parts if part.isVisible()]
            assert bar.undo in parts and bar.redo in parts
            for part in parts:
                place = QRect(part.mapTo(bar, part.rect().topLeft()), part.size())
                assert bar.rect().contains(place), (
                    f"{tool.title} at {width}: {part.accessibleName()} sticks out"
                )
                text = part.currentText() if isinstance(part, QComboBox) else ""
                needed = part.fontMetrics().horizontalAdvance(text) + 5 * GRID
                assert not text or part.width() >= needed, f"{tool.title} at {width}: “{text}” is cut off"
    show_widget(qtbot, bar, 1100, 40)
    bar.set_tool("Brush", "Paint.", 30)
    assert bar.size_slider.isVisible() and bar.history.isVisible(), "with room all of it comes back"


def test_title_of_a_number_is_hidden_rather_than_cut_off(
    qtbot, actions: dict[str, QAction], theme: Theme
) -> None:
    page, wand = QWidget(), Wand()  # on its own a bar would not become narrower than its parts
    bar = OptionBar(actions, theme, page)
    show_widget(qtbot, page, 1100, 40)
    for width in (1100, 640, 600, 570):
        bar.resize(width, 40)
        bar.set_tool(wand.title, wand.help_line, None)
        bar.controls.show_controls(wand.controls, ToolOptions())
        QApplication.processEvents()
        name, number = (bar.controls.widget("tolerance").findChild(kind) for kind in (QLabel, QSpinBox))
        assert name.isVisible() or width < 1100
        assert not name.isVisible() or name.width() >= name.sizeHint().width(), f"cut at {width}"
        assert name.text() in number.toolTip() and number.accessibleName() == name.text()


def test_narrow_bar_keeps_the_help_and_hides_the_slider(
    qtbot, actions: dict[str, QAction], theme: Theme
) -> None:
    bar = OptionBar(actions, theme)
    show_widget(qtbot, bar, 1100, 40)
    said = "Drag to paint. Right-drag erases. Shift+click draws a straight line from where the last stroke ended."
    bar.set_tool("Brush", said, 30)
    assert bar.size_name.isVisible() and bar.size_slider.isVisible()
    bar.resize(520, 40)
    assert bar.size_field.isVisible() and not bar.size_slider.isVisible() and not bar.size_name.isVisible()
    qtbot.waitUntil(lambda: bar.help.width() > 60)
    bar.help.grab()
    assert bar.help.toolTip() == said  # two lines are not enough for all of it
    bar.resize(1100, 40)
    assert bar.size_name.isVisible() and bar.size_slider.isVisible()
    assert bar.tool_name.toolTip() == said


def test_tooltips_of_undo_and_redo_name_the_edit(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    bar = OptionBar(actions, theme)
    qtbot.addWidget(bar)
    bar.set_undo_names("Brush stroke, road")
    assert actions["undo"].isEnabled() and "Brush stroke, road" in bar.undo.toolTip()
    assert not actions["redo"].isEnabled() and "Nothing to redo" in bar.redo.toolTip()
    assert bar.undo.text() == "" or bar.undo.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonIconOnly
