"""The bar at the top of the window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from desktop.shell.top_bar import TopBar
from desktop.theme.theme import Theme
from tests.desktop.conftest import show_widget

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


def test_workspace_buttons_follow_the_actions(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    bar = TopBar(actions, theme)
    show_widget(qtbot, bar, 1000, 44)
    bar.set_project("street")
    segments = {b.text(): b for b in bar.workspaces.findChildren(QPushButton)}
    actions["workspace_train"].trigger()
    assert segments["Train"].isChecked()
    QTest.mouseClick(segments["Data"], Qt.MouseButton.LeftButton)
    assert actions["workspace_data"].isChecked() and not segments["Train"].isChecked()
    bar.set_project(None)
    assert not bar.workspaces.isVisible() and not bar.saved.isVisible()


def test_save_state_and_recent_projects(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    bar = TopBar(actions, theme)
    qtbot.addWidget(bar)
    bar.set_saved("failed", "the disk is full")
    assert bar.saved.text.text() == "Not saved: the disk is full"
    assert bar.saved.text.property("role") == "warning"
    bar.set_saved("saved")
    assert bar.saved.text.text() == "Saved"
    assert not bar.recent.isEnabled()
    bar.set_recent(["/a & b", "/c"])
    with qtbot.waitSignal(bar.recent_chosen) as chosen:
        bar.recent.actions()[0].trigger()
    assert chosen.args == ["/a & b"]


def test_theme_button_switches_the_theme(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    bar = TopBar(actions, theme)
    qtbot.addWidget(bar)
    actions["theme_dark"].triggered.connect(lambda: theme.apply("dark"))
    actions["theme_light"].triggered.connect(lambda: theme.apply("light"))
    bar.theme_button.click()
    assert theme.dark
    bar.theme_button.click()
    assert not theme.dark
