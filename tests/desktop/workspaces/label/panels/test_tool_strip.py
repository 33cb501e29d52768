"""The strip of tool buttons."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton

from core.tools.registry import create_tools
from desktop.theme.theme import Theme
from desktop.workspaces.label.panels.tool_strip import TOOL_GROUPS, ToolStrip
from tests.desktop.conftest import show_widget

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


def test_tool_strip_and_actions_are_in_sync(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    strip = ToolStrip(actions, theme)
    show_widget(qtbot, strip, 48, 700)
    QTest.mouseClick(strip.buttons["tool_eraser"], Qt.MouseButton.LeftButton)
    assert actions["tool_eraser"].isChecked()
    actions["tool_fill"].trigger()
    assert strip.buttons["tool_fill"].isChecked() and not strip.buttons["tool_eraser"].isChecked()
    assert all(button.accessibleName() for button in strip.findChildren(QToolButton))


def test_tools_of_a_group_share_a_button(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    strip = ToolStrip(actions, theme)
    show_widget(qtbot, strip, 48, 700)
    assert {key for family in TOOL_GROUPS for key in family} == {*create_tools(), "pick_class"}
    button = strip.buttons["tool_lasso"]
    assert button is strip.buttons["tool_polygon"] and button.defaultAction() is actions["tool_polygon"]
    actions["tool_lasso"].trigger()
    assert button.defaultAction() is actions["tool_lasso"] and button.isChecked()
    actions["tool_brush"].trigger()
    assert not button.isChecked()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert actions["tool_lasso"].isChecked()
    assert [action.objectName() for action in button.menu().actions()] == list(TOOL_GROUPS[2])
    QApplication.sendEvent(
        button,
        QContextMenuEvent(QContextMenuEvent.Reason.Mouse, QPoint(5, 5), button.mapToGlobal(QPoint(5, 5))),
    )
    assert button.menu().isVisible()
    button.menu().close()
