"""A tiled picture, too large for memory, in a real window: it is shown, sharpens and can be painted on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from core.base.geometry import Box
from core.images.image_reader import read_picture
from core.images.tiled_pyramid import TiledPyramid
from core.session.loading import picture_loader
from core.tools.smart.colour_similarity import Seed, find_similar_region
from desktop.main_window import MainWindow
from desktop.tour.window_driver import LEFT_BUTTON, NO_MODIFIER
from tests.desktop.conftest import GuiDriver

WIDTH, HEIGHT = 3000, 2500


def giant(path: Path) -> NDArray[np.uint8]:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    picture = np.stack([x // 20, y // 17, (x + y) % 256], 2).astype(np.uint8)
    tifffile.imwrite(path, picture, tile=(256, 256), photometric="rgb", compression="zlib")
    return picture


def seen(gui: GuiDriver) -> NDArray[np.uint8]:
    """What the canvas shows, (h, w, 3)."""
    image = gui.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


@pytest.fixture
def with_tiled_picture(
    one_window: tuple[MainWindow, list[BaseException]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> GuiDriver:
    """A project of one picture that counts as a giant."""
    monkeypatch.setattr(picture_loader, "TILED_FROM_PIXELS", 5_000_000)
    giant(tmp_path / "giant.tif")
    gui = GuiDriver(one_window[0])
    gui.window.open_project(tmp_path)
    gui.wait_until(gui.has_picture, "a picture")
    return gui


def test_tiled_picture_sharpens_and_can_be_painted_on(with_tiled_picture: GuiDriver, tmp_path: Path) -> None:
    gui = with_tiled_picture
    assert isinstance(gui.canvas._pyramid, TiledPyramid)
    picture = read_picture(tmp_path / "giant.tif")

    def middle_is_right(tolerance: int) -> bool:
        shown = seen(gui)
        height, width = shown.shape[:2]
        at = gui.canvas.image_point(QPointF(width // 2 + 0.5, height // 2 + 0.5))
        y, x = int(at.y), int(at.x)
        return np.abs(shown[height // 2, width // 2, :2].astype(int) - picture[y, x, :2]).max() <= tolerance

    gui.wait_until(lambda: middle_is_right(3), "the coarse picture")
    gui.canvas.actual_size()

    gui.wait_until(lambda: middle_is_right(0), "the true pixels")
    gui.page.classes.classes_added.emit(["water"])
    gui.wait_until(lambda: len(gui.session.editing.classes) == 1, "a class")
    gui.dab(0.5)
    assert 0 < gui.labelled_pixels < 100_000
    gui.window.close_project()


def test_wand_works_on_a_tiled_picture(with_tiled_picture: GuiDriver, tmp_path: Path) -> None:
    gui = with_tiled_picture
    picture = read_picture(tmp_path / "giant.tif")
    gui.page.classes.classes_added.emit(["road"])
    gui.key(Qt.Key.Key_W)
    gui.canvas.tools.options.tolerance = 4
    gui.canvas.show_box(Box(1000, 900, 1400, 1200))
    gui.canvas.actual_size()
    middle = gui.canvas.rect().center()
    at = gui.canvas.image_point(QPointF(middle))
    seed = Seed(int(at.x), int(at.y), gui.canvas.tools.options.colours)
    same = find_similar_region(picture, seed, 4, True, None)
    assert same is not None and 100 < same.mask.sum() < 200_000
    around = same.box.grown(2)
    pyramid = gui.canvas.pyramid
    assert pyramid is not None
    gui.wait_until(
        lambda: (
            gui.canvas.grab() is not None
            and np.array_equal(pyramid.full_image()[around.slices], picture[around.slices])
        ),
        "sharp tiles",
    )
    QTest.mouseMove(gui.canvas, middle)
    QTest.mouseClick(gui.canvas, LEFT_BUTTON, NO_MODIFIER, middle)
    gui.wait_until(lambda: gui.labelled_pixels > 0, "the edit")
    expected = np.zeros(gui.label_values.shape, bool)
    expected[same.box.slices] = same.mask
    assert np.array_equal(gui.label_values > 0, expected)
    gui.key(Qt.Key.Key_B)
    gui.window.close_project()


def test_small_picture_is_not_tiled(gui: GuiDriver) -> None:
    assert not isinstance(gui.canvas._pyramid, TiledPyramid)
