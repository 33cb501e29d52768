"""Minimap, pixel grid and swipe comparison: what they show, where they are, and how the mouse moves them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from core.base.geometry import Box, Point
from core.images.pyramid import Pyramid
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from desktop.canvas.attachments.minimap import UPDATE_INTERVAL_MS, Minimap
from desktop.canvas.attachments.swipe import Swipe
from desktop.canvas.canvas import Canvas
from desktop.canvas.rendering.layer_style import LayerState
from desktop.tour.window_driver import LEFT_BUTTON, NO_MODIFIER
from tests.desktop.conftest import GuiDriver

pytestmark = pytest.mark.qt_log_ignore("does not support")

RED, GREEN = (220, 0, 0), (0, 220, 0)


@pytest.fixture
def canvas(qtbot: QtBot) -> Iterator[Canvas]:
    made = Canvas()
    qtbot.addWidget(made)
    made.resize(600, 400)
    made.show()
    qtbot.waitExposed(made)
    palette = np.zeros((256, 3), np.uint8)
    palette[1], palette[2] = RED, GREEN
    made.set_palette(palette)
    made.set_layers(LayerState(label_opacity=1.0, prediction_opacity=1.0))
    yield made
    made.clear()


def show(canvas: Canvas, width: int = 1200, height: int = 800) -> LabelMap:
    """A grey picture whose left half is labelled 1; the prediction says 2 everywhere."""
    values = np.zeros((height, width), np.uint8)
    values[:, : width // 2] = 1
    labels = LabelMap(values)
    said = np.full((height, width), 2, np.uint8)
    canvas.show_picture(
        Pyramid.build(np.full((height, width, 3), 120, np.uint8)), labels, PredictedMask(said, said)
    )
    return labels


def seen(widget: QWidget, at: QPoint) -> tuple[int, int, int]:
    colour = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32).pixelColor(at)
    return colour.red(), colour.green(), colour.blue()


def test_the_minimap_shows_only_while_the_picture_is_larger_than_the_canvas(canvas: Canvas) -> None:
    minimap = Minimap(canvas)
    show(canvas)
    assert minimap.isHidden()
    canvas.actual_size()
    assert minimap.isVisible()
    minimap.set_allowed(False)
    assert minimap.isHidden()
    minimap.set_allowed(True)
    assert minimap.isVisible()
    canvas.resize(1300, 900)
    assert minimap.isHidden()
    canvas.resize(600, 400)
    canvas.actual_size()
    canvas.clear("No picture")
    assert minimap.isHidden()


def test_the_frame_of_the_minimap_is_the_visible_part(canvas: Canvas) -> None:
    minimap = Minimap(canvas)
    show(canvas)
    canvas.actual_size()
    canvas.pan_by(QPointF(10_000, 10_000))
    corner = canvas.image_point(QPointF(0, 0))
    canvas.pan_by(QPointF(corner.x, corner.y))  # the corner of the picture in the corner of the view
    assert canvas.image_point(QPointF(0, 0)) == Point(0, 0)
    frame = minimap.view_frame
    assert frame.width() == pytest.approx((minimap.width() - 2) / 2, abs=1.5)
    assert frame.topLeft().manhattanLength() <= 3


def test_dragging_in_the_minimap_moves_the_view(canvas: Canvas) -> None:
    minimap = Minimap(canvas)
    labels = show(canvas)
    canvas.actual_size()
    before = labels.values.copy()

    def middle() -> Point:
        return canvas.image_point(QPointF(canvas.width() / 2, canvas.height() / 2))

    QTest.mousePress(minimap, LEFT_BUTTON, NO_MODIFIER, QPoint(minimap.width() // 2, minimap.height() // 2))
    assert middle() == pytest.approx((600, 400), abs=8)
    QTest.mouseMove(minimap, QPoint(round(minimap.width() * 0.6), round(minimap.height() * 0.6)))
    assert middle() == pytest.approx((720, 480), abs=8)
    QTest.mouseRelease(minimap, LEFT_BUTTON, NO_MODIFIER, QPoint(0, 0))
    assert np.array_equal(labels.values, before), "the overview is no place to paint"


def test_the_minimap_follows_the_label_after_a_delay(qtbot: QtBot, canvas: Canvas) -> None:
    minimap = Minimap(canvas)
    labels = show(canvas)
    canvas.actual_size()
    left = QPoint(minimap.width() // 5, minimap.height() // 8)
    assert seen(minimap, left)[0] > seen(minimap, left)[1]
    labels.values[:] = 2
    canvas.refresh(Box(0, 0, labels.width, labels.height))
    qtbot.waitUntil(lambda: seen(minimap, left)[1] > seen(minimap, left)[0], timeout=60_000)
    assert UPDATE_INTERVAL_MS >= 200, "at most a few times a second"


def test_the_minimap_has_the_aspect_ratio_of_the_picture(canvas: Canvas) -> None:
    minimap = Minimap(canvas)
    show(canvas)
    canvas.actual_size()
    wide = minimap.width() / minimap.height()
    show(canvas, 800, 1600)
    canvas.actual_size()
    assert wide > 1.3 and minimap.width() / minimap.height() < 0.6
    assert canvas.rect().contains(minimap.geometry())


def test_the_pixel_grid_is_between_pixels_at_high_zoom_only(canvas: Canvas) -> None:
    show(canvas, 40, 30)
    canvas.set_layers(LayerState(label_visible=False, prediction_visible=False))
    canvas.set_pixel_grid(True)
    canvas.zoom_at(QPointF(300, 200), 11.5 / canvas.scale)
    assert canvas.scale < 12
    plain = np.unique(inside(canvas))
    assert plain.size == 1
    canvas.zoom_at(QPointF(300, 200), 16 / canvas.scale)
    lines = inside(canvas)
    assert np.unique(lines).size > 1
    # The darkest columns are exactly where a pixel of the picture begins.
    row = lines[np.argmax((lines == plain[0]).sum(axis=1))]
    left = round(canvas.widget_point(Point(0, 0)).x())
    dark = np.nonzero(row < plain[0] - 20)[0] + 200
    assert dark.size and set((dark - left) % 16) == {0}
    canvas.set_pixel_grid(False)
    assert np.unique(inside(canvas)).size == 1


def inside(canvas: Canvas) -> np.ndarray:
    """Grey values of a part of the canvas that the picture fills, (H, W)."""
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    grey = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return grey[150:250, 200:400].astype(int)


def test_a_swipe_shows_the_label_left_and_the_prediction_right(canvas: Canvas) -> None:
    swipe = Swipe(canvas)
    show(canvas, 600, 400)
    left, right = QPoint(230, 150), QPoint(400, 150)
    assert seen(canvas, left) == RED
    swipe.set_active(True)
    assert (seen(canvas, left), seen(canvas, right)) == (RED, GREEN)
    QTest.mousePress(swipe, LEFT_BUTTON, NO_MODIFIER, QPoint(11, 200))
    QTest.mouseMove(swipe, QPoint(11 - 150, 200))
    QTest.mouseRelease(swipe, LEFT_BUTTON, NO_MODIFIER, QPoint(11, 200))
    assert swipe.position == pytest.approx(0.25, abs=0.01)
    assert seen(canvas, left) == GREEN, "left of the middle, but right of the line"
    canvas.set_layers(LayerState(label_visible=False))
    assert seen(canvas, QPoint(100, 150)) == (120, 120, 120), "the bare picture"
    swipe.set_active(False)
    assert swipe.isHidden()
    canvas.set_layers(LayerState(label_opacity=1.0))
    assert seen(canvas, left) == RED


def test_arrow_keys_move_the_divider_and_esc_requests_its_end(qtbot: QtBot, canvas: Canvas) -> None:
    swipe = Swipe(canvas)
    show(canvas)
    swipe.set_active(True)
    swipe.setFocus()
    QTest.keyClick(swipe, Qt.Key.Key_Left)
    assert swipe.position == pytest.approx(0.48)
    canvas.activateWindow()
    qtbot.waitUntil(canvas.isActiveWindow, timeout=60_000)
    with qtbot.waitSignal(swipe.close_requested, timeout=60_000):
        QTest.keyClick(canvas, Qt.Key.Key_Escape)


def test_shortcuts_toggle_the_view_aids(gui: GuiDriver) -> None:
    aids, viewing = gui.window.actions_by_id, gui.window.layer_controller
    assert aids["minimap"].isChecked() and aids["pixel_grid"].isChecked()
    gui.canvas.zoom_by(8)
    assert viewing.minimap.isVisible()
    gui.key(Qt.Key.Key_F, Qt.KeyboardModifier.ShiftModifier)
    assert not viewing.minimap.isVisible()
    gui.key(Qt.Key.Key_F, Qt.KeyboardModifier.ShiftModifier)
    gui.key(Qt.Key.Key_Y)
    assert viewing.comparison.swipe.isVisible()
    gui.key(Qt.Key.Key_Escape)
    assert not viewing.comparison.swipe.isVisible() and not aids["swipe"].isChecked()


def test_view_aids_are_stored_and_invalid_values_ignored(gui: GuiDriver) -> None:
    viewing, settings = gui.window.layer_controller, gui.window._settings
    grid = gui.window.actions_by_id["pixel_grid"]
    grid.trigger()
    viewing.save()
    assert settings.get_state("aids")["pixel_grid"] is False
    grid.trigger()
    viewing.load()
    assert not grid.isChecked()
    settings.set_state("aids", ["nonsense"])
    viewing.load()
    assert grid.isChecked()
