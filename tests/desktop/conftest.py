"""Fixtures for tests of the window: theme, actions, and a main window with a fresh project for each test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from core.base.gc_freeze import freeze_gc
from core.base.settings import Settings
from core.labels.deferred_edit import DeferredEdit
from desktop.actions.catalog import build_actions
from desktop.main_window import MainWindow
from desktop.theme.theme import Theme, apply_theme
from desktop.tour.window_driver import NO_MODIFIER, WindowDriver
from tests.factories import project_in


class GuiDriver(WindowDriver):
    """Hands with what these tests do often."""

    def dab(self, *shares: float) -> None:
        """A dab of the active class at each share of the width, until it is stored."""
        before = self.labelling.edit_queue.stored_count
        for share in shares:
            QTest.mouseClick(self.canvas, Qt.MouseButton.LeftButton, pos=self.position_of(share, 0.5))
        self.wait_until_saved(before + len(shares))

    def key(
        self, key: Qt.Key, modifiers: Qt.KeyboardModifier = NO_MODIFIER, on: QWidget | None = None
    ) -> None:
        # Without a screen nobody gives the window its focus back when a menu or dialog closes.
        self.window.activateWindow()
        self.wait_until(self.window.isActiveWindow, "the focus", 5)
        super().key(key, modifiers, on)

    @property
    def said(self) -> str:
        """The sentence in the status line."""
        return self.window.status_bar.message.text()

    def wait_until_said(self, beginning: str) -> None:
        """Wait for a message that begins like this. A report of earlier work may have replaced it on screen."""
        log = self.window.status_bar.log
        self.wait_until(
            lambda: any(each.text.startswith(beginning) for each in log.messages),
            f"the message {beginning!r}",
        )


@pytest.fixture(autouse=True)
def _no_early_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window that stays open for seconds starts no training process by itself."""
    monkeypatch.setattr("desktop.workspaces.train.controller.WARM_UP_MS", 10**8)


def show_widget(qtbot: QtBot, widget: QWidget, width: int, height: int) -> None:
    """Show a widget of this size; it is deleted after the test."""
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    qtbot.waitExposed(widget)


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return apply_theme(qapp, "light")


@pytest.fixture
def actions(qtbot: QtBot, theme: Theme) -> Iterator[dict[str, QAction]]:
    window = QWidget()
    qtbot.addWidget(window)
    yield build_actions(window, theme)  # the window lives as long as its actions


@pytest.fixture(scope="module")
def one_window(
    qapp: QApplication, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[MainWindow, list[BaseException]]]:
    settings = Settings(tmp_path_factory.mktemp("window") / "settings.json")
    settings.set("train_automatically", False)
    settings.set("live_prediction", "off")
    mistakes: list[BaseException] = []
    with (
        freeze_gc()
    ):  # as the program does: with each project that is closed comes a collection of what is not frozen
        window = MainWindow(apply_theme(qapp, "light"), settings, mistakes.append)
    window.resize(1280, 800)
    window.show()
    window.activateWindow()
    yield window, mistakes
    window.close()
    window.deleteLater()


@pytest.fixture
def gui(one_window: tuple[MainWindow, list[BaseException]], tmp_path: Path) -> Iterator[GuiDriver]:
    window, mistakes = one_window
    project_in(tmp_path / "pictures").close()
    made = GuiDriver(window)
    window.open_project(tmp_path / "pictures")
    made.wait_until(made.has_picture, "a picture", 20)
    made.wait_until(lambda: len(made.session.pictures) == 3, "all pictures", 20)
    yield made
    window.close_project()
    window.show_message("")
    window.status_bar.log.messages.clear()
    assert mistakes == []


@pytest.fixture
def go_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """No thread but that of the window paints before this is set."""
    event, carry_out = threading.Event(), DeferredEdit.run

    def held(painting: DeferredEdit) -> None:
        if threading.current_thread() is not threading.main_thread():
            assert event.wait(60)
        carry_out(painting)

    monkeypatch.setattr(DeferredEdit, "run", held)
    yield event
    event.set()
