"""Opening a folder: the first picture is painted before the project is open; only the newest folder is opened."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.base.settings import Settings
from core.images.image_reader import read_picture
from core.images.tiled_pyramid import AnyPyramid
from core.project.project import HOME_FOLDER, Project
from core.session.loading.first_picture import FirstPicture, prefetch_first_picture
from desktop.main_window import MainWindow
from desktop.project_loader import _PAINT_TIMEOUT_MS
from desktop.theme.theme import apply_theme
from desktop.tour.window_driver import WindowDriver
from desktop.workspaces.label.panels.classes.panel import ClassPresetButton
from tests.factories import picture_folder


@pytest.fixture
def hands(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[WindowDriver]:
    settings = Settings(tmp_path / "settings.json")
    settings.set("train_automatically", False)
    settings.set("live_prediction", "off")
    mistakes: list[BaseException] = []
    window = MainWindow(apply_theme(qapp, "light"), settings, mistakes.append)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    yield WindowDriver(window)
    window.close()
    window.deleteLater()
    assert mistakes == []


def colour_at(hands: WindowDriver, across: float) -> tuple[int, ...]:
    """What the screen shows at a share of the canvas's width, half way down."""
    seen = hands.canvas.grab().toImage()
    at = QPoint(round(across * seen.width()), seen.height() // 2)
    return seen.pixelColor(at).getRgb()[:3]


def test_first_picture_is_painted_before_the_project_is_open(hands: WindowDriver, tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures")
    seen_enough = threading.Event()
    hands.window._loading_lane.submit(
        seen_enough.wait, 20
    )  # whatever is to be loaded waits until we have looked
    hands.window.open_project(folder)
    hands.wait_until(lambda: hands.canvas.is_preview, "the glimpse", 20)
    assert hands.window.context is None
    assert not (folder / HOME_FOLDER).exists()
    # Nobody is asked for classes that may be there already.
    cards = hands.page.classes.findChildren(ClassPresetButton)
    assert cards and not any(card.isVisible() for card in cards)
    assert hands.page.filmstrip.thumbnails.empty_text == "Opening pictures …"
    picture = read_picture(folder / "p0.png")
    for across in (0.35, 0.65):  # the picture is fitted; both halves are in sight
        half = picture[:, :48] if across < 0.5 else picture[:, 48:]
        assert np.abs(np.array(colour_at(hands, across)) - half.mean((0, 1))).max() < 30
    # Nothing can be done with it yet, and nothing goes wrong when somebody tries.
    glimpsed = hands.canvas.grab().toImage()
    QTest.mouseClick(hands.canvas, Qt.MouseButton.LeftButton, pos=hands.canvas.rect().center())
    QTest.keyClick(hands.canvas, Qt.Key.Key_Plus)
    seen_enough.set()
    hands.wait_until(hands.has_picture, "the picture", 20)
    assert not hands.canvas.is_preview
    assert hands.labelled_pixels == 0
    assert all(card.isVisible() for card in cards)
    assert hands.page.filmstrip.thumbnails.empty_text == "No pictures yet."
    seen = hands.canvas.grab().toImage()
    assert seen.size() == glimpsed.size()
    left = QRect(0, 0, seen.width() // 4, seen.height())  # without the ring around the pointer
    assert seen.copy(left) == glimpsed.copy(left)


def test_workspaces_are_built_when_a_project_needs_them(hands: WindowDriver, tmp_path: Path) -> None:
    pages, names = hands.window.workspaces, {"review", "train", "data", "learn"}
    assert pages.count() == 5 and not names & vars(pages).keys()
    hands.window.layer_controller._set(replace(hands.window.layer_controller.layers, patterns=True))
    hands.window.open_project(picture_folder(tmp_path / "pictures"))
    hands.wait_until(hands.has_picture, "the picture", 20)
    assert pages.count() == 5 and names <= vars(pages).keys()
    made = (pages.review, pages.train, pages.data, pages.learn)
    assert [pages.indexOf(page) for page in made] == [*range(1, 5)]
    assert pages.train.curves.panels[0].legend._patterned
    hands.window.actions_by_id["workspace_data"].trigger()
    hands.wait_until(pages.data.isVisible, "the Data workspace")
    hands.window.layer_controller._set(replace(hands.window.layer_controller.layers, patterns=False))
    assert not pages.train.curves.panels[0].legend._patterned


def test_a_first_picture_that_is_being_read_is_used(hands: WindowDriver, tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures")
    begun = prefetch_first_picture(folder)
    hands.window.open_project(folder, first_picture=begun)
    hands.wait_until(hands.has_picture, "the picture", 20)
    seen = begun.result(0)
    assert seen is not None
    assert hands.canvas.pyramid is seen.pyramid


def test_of_two_folders_only_the_newer_is_opened(hands: WindowDriver, tmp_path: Path) -> None:
    one, two = picture_folder(tmp_path / "one"), picture_folder(tmp_path / "two")
    hands.window.open_project(one)
    hands.wait_until((one / HOME_FOLDER).is_dir, "the first project", 20)  # it is being opened
    hands.window.open_project(two)
    hands.wait_until(lambda: hands.window.context is not None and hands.has_picture(), "a project", 20)
    assert hands.session.name == "two"
    hands.wait_until(lambda: is_free(one), "the first project to be let go", 20)


def test_a_folder_whose_first_picture_is_being_painted_is_replaced(
    hands: WindowDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = picture_folder(tmp_path / "one"), picture_folder(tmp_path / "two")
    first_of_two: Future[FirstPicture | None] = Future()
    previewed = []

    def show_preview(pyramid: AnyPyramid) -> None:
        previewed.append(pyramid)
        hands.window.open_project(two, first_picture=first_of_two)

    monkeypatch.setattr(hands.canvas, "show_preview", show_preview)
    hands.window.open_project(one)
    hands.wait_until(lambda: bool(previewed), "the first picture of the first folder", 20)
    hands.wait(2 * _PAINT_TIMEOUT_MS)  # so that the first folder would go on by now
    first_of_two.set_result(None)
    hands.wait_until(lambda: hands.window.context is not None and hands.has_picture(), "a project", 20)
    assert hands.session.name == "two"
    assert not (one / HOME_FOLDER).exists()


def is_free(folder: Path) -> bool:
    """Whether the project of a folder can be opened for writing."""
    try:
        Project.open(folder).close()
    except Exception:
        return False
    return True


def test_opening_a_folder_stops_creating_the_sample(hands: WindowDriver, tmp_path: Path) -> None:
    hands.window.open_sample(tmp_path / "sample")
    hands.wait_until((tmp_path / "sample" / "scene-001.jpg").is_file, "the first sample picture", 20)
    hands.window.open_project(picture_folder(tmp_path / "own"))
    hands.wait_until(hands.has_picture, "a project", 20)
    assert hands.session.name == "own" and hands.window.windowTitle().startswith("own")
    assert list((tmp_path / "sample").iterdir()) == []


def test_closing_stops_creating_the_sample(hands: WindowDriver, tmp_path: Path) -> None:
    hands.window.open_sample(tmp_path / "sample")
    hands.wait_until((tmp_path / "sample" / "scene-001.jpg").is_file, "the first sample picture", 20)
    hands.window.actions_by_id["close_project"].trigger()
    assert hands.window.stack.currentWidget() is hands.window.welcome_page
    hands.wait_until(lambda: not any((tmp_path / "sample").iterdir()), "the end of the drawing", 20)
    hands.window.open_sample(tmp_path / "sample")
    hands.wait_until((tmp_path / "sample" / "scene-001.jpg").is_file, "the first sample picture again", 20)
    hands.window.close()
    assert list((tmp_path / "sample").iterdir()) == []


def test_a_closed_project_is_garbage_collected(hands: WindowDriver, tmp_path: Path) -> None:
    ended = []
    for name in ("one", "two", "three"):
        hands.window.open_project(picture_folder(tmp_path / name))
        hands.wait_until(hands.has_picture, f"project {name}", 20)
        ended.append(weakref.ref(hands.session))
        cache = weakref.ref(hands.session.loader._cache)
        assert cache().bytes_used
        hands.window.close_project()
        assert cache().bytes_used == 0, "what is decoded goes at once"
        # As the loop of the program does:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert ended[0]() is None, "it is gone before the third is made to stay"
