"""The page without a project: drag and drop, recent projects, buttons."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from desktop.shell.welcome_page import WelcomePage
from desktop.theme.theme import Theme
from tests.desktop.conftest import show_widget

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


def drop(page: WelcomePage, path: Path) -> None:
    carried = QMimeData()
    carried.setUrls([QUrl.fromLocalFile(str(path))])
    copy, left, plain = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(page, QDragEnterEvent(QPoint(9, 9), copy, carried, left, plain))
    assert page.drop_zone.highlighted
    QApplication.sendEvent(page, QDropEvent(QPointF(9, 9), copy, carried, left, plain))
    assert not page.drop_zone.highlighted


def test_a_folder_or_a_picture_in_it_can_be_dropped(qtbot, theme: Theme, tmp_path: Path) -> None:
    page = WelcomePage(theme)
    qtbot.addWidget(page)
    picture = tmp_path / "a.png"
    picture.write_bytes(b"")
    heard: list[Path] = []
    page.folder_chosen.connect(heard.append)
    drop(page, tmp_path)
    drop(page, picture)
    assert heard == [tmp_path, tmp_path]


def test_recent_projects_and_buttons(qtbot, theme: Theme) -> None:
    page = WelcomePage(theme)
    show_widget(qtbot, page, 900, 700)
    page.set_recent([("street", "/pictures/street"), ("roots", "/pictures/roots")])
    page.set_recent([("street", "/pictures/street")])
    entry = next(
        b for b in page.findChildren(QPushButton) if b.accessibleName() == "street, /pictures/street"
    )
    with qtbot.waitSignal(page.folder_chosen) as chosen:
        QTest.mouseClick(entry, Qt.MouseButton.LeftButton)
    assert chosen.args == [Path("/pictures/street")]
    page.show_message("This folder holds no pictures; choose another one.")
    assert page.message.isVisible()
    with qtbot.waitSignal(page.open_requested):
        page.open.click()
    with qtbot.waitSignal(page.sample_requested):
        page.sample.click()
