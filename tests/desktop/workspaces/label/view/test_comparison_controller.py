"""Comparing layer styles at a divider or in two views, the flicker, and the size shown beside the brush cursor."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from core.base.geometry import Point
from core.images.pyramid import Pyramid
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from desktop.actions.held_key import HOLD_SECONDS
from desktop.canvas.canvas import Canvas
from desktop.canvas.rendering.compare_styles import CompareSide, Comparison
from desktop.canvas.rendering.layer_style import LayerState
from desktop.tour.window_driver import LEFT_BUTTON, NO_MODIFIER
from tests.desktop.conftest import GuiDriver

pytestmark = pytest.mark.qt_log_ignore("does not support")

RED, GREEN, GREY = (220, 0, 0), (0, 220, 0), (120, 120, 120)
SHIFT = Qt.KeyboardModifier.ShiftModifier


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
    made.set_layers(LayerState(label_opacity=1.0, prediction_opacity=1.0, difference_opacity=1.0))
    made.tools.set_class(1, "one", RED)
    values = np.zeros((400, 600), np.uint8)
    values[:, :300] = 1
    said = np.full((400, 600), 2, np.uint8)
    made.show_picture(
        Pyramid.build(np.full((400, 600, 3), GREY[0], np.uint8)), LabelMap(values), PredictedMask(said, said)
    )
    yield made
    made.clear()


def pixels(canvas: Canvas) -> np.ndarray:
    """(H, W, 3) uint8 RGB."""
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def at(canvas: Canvas, x: float, y: float) -> QPoint:
    """Widget position of an image point in the first of two views."""
    return canvas.widget_point(Point(x, y)).toPoint()


def second(canvas: Canvas, place: QPoint) -> QPoint:
    return place + QPoint(canvas.width() // 2, 0)


def seen(canvas: Canvas, place: QPoint) -> tuple[int, ...]:
    return tuple(pixels(canvas)[place.y(), place.x()].tolist())


@pytest.mark.parametrize(
    ("side", "labelled", "empty"),
    [
        (CompareSide.PICTURE, {GREY}, {GREY}),
        (CompareSide.LABEL, {RED}, {GREY}),
        (CompareSide.PREDICTION, {GREEN}, {GREEN}),
        (CompareSide.DIFFERENCE, {RED, (255, 255, 255), (16, 16, 16)}, {GREY}),
    ],
)
def test_what_a_side_shows(
    canvas: Canvas, side: CompareSide, labelled: set[tuple[int, ...]], empty: set[tuple[int, ...]]
) -> None:
    canvas.set_comparison(Comparison(CompareSide.PICTURE, side, None))
    found = pixels(canvas)
    for x, wanted in ((150, labelled), (450, empty)):
        corner = second(canvas, at(canvas, x, 150))
        part = found[corner.y() : corner.y() + 30, corner.x() : corner.x() + 30].reshape(-1, 3)
        assert {tuple(colour) for colour in part.tolist()} == wanted
        assert seen(canvas, at(canvas, x, 150)) == GREY


def test_two_views_show_the_same_place_at_any_zoom(canvas: Canvas) -> None:
    canvas.set_comparison(Comparison(CompareSide.LABEL, CompareSide.LABEL, None))
    for act in (
        lambda: None,
        lambda: canvas.zoom_at(QPointF(100, 100), 2.3),
        lambda: canvas.pan_by(QPointF(-31, 17)),
        lambda: canvas.resize(640, 410),
        canvas.fit,
    ):
        act()
        found, half = pixels(canvas), canvas.width() // 2
        assert np.array_equal(found[:, 2 : half - 4], found[:, half + 2 : 2 * half - 4])
        assert len(np.unique(found[:, : half - 4].reshape(-1, 3), axis=0)) >= 2
    canvas.set_comparison(None)
    assert canvas.is_fitted and not canvas.is_side_by_side
    assert canvas.view_rect.width() == canvas.width()


def test_both_views_can_be_painted_in(canvas: Canvas) -> None:
    canvas.set_comparison(Comparison(CompareSide.LABEL, CompareSide.PICTURE, None))
    canvas.tools.set_radius(12)
    edits: list[object] = []
    canvas.tools.edit_finished.connect(edits.append)
    labels = canvas.tools.context().labels
    for x, place in ((400, at(canvas, 400, 100)), (500, second(canvas, at(canvas, 500, 300)))):
        QTest.mouseMove(canvas, place)
        QTest.mouseClick(canvas, LEFT_BUTTON, NO_MODIFIER, place)
        QTest.mouseMove(canvas, QPoint(3, 3))
        y = 100 if x == 400 else 300
        assert labels.values[y, x] == 1 and labels.values[400 - y, x] == 0
        assert seen(canvas, at(canvas, x, y)) == RED, "drawn in the first view"
    assert len(edits) == 2


def test_a_stroke_stays_in_the_view_where_it_began(canvas: Canvas) -> None:
    canvas.set_comparison(Comparison(CompareSide.LABEL, CompareSide.PICTURE, None))
    canvas.tools.set_radius(10)
    labels = canvas.tools.context().labels
    labels.values[:] = 0
    start = at(canvas, 560, 200)
    QTest.mouseMove(canvas, start)
    QTest.mousePress(canvas, LEFT_BUTTON, NO_MODIFIER, start)
    QTest.mouseMove(canvas, QPoint(canvas.width() // 2 + 60, start.y()))
    QTest.mouseRelease(canvas, LEFT_BUTTON, NO_MODIFIER, QPoint(canvas.width() // 2 + 60, start.y()))
    painted = np.nonzero(labels.values.any(axis=0))[0]
    assert painted.min() >= 540 and painted.max() == 599, "to the border, and not in from the other side"


def test_titles_choose_what_is_compared(gui: GuiDriver) -> None:
    comparing = gui.window.layer_controller.comparison
    gui.key(Qt.Key.Key_Y, SHIFT)
    assert gui.canvas.is_side_by_side
    left, right = comparing.titles.buttons
    assert left.isVisible() and (left.text(), right.text()) == ("Label", "No prediction yet")
    next(a for a in right.menu().actions() if a.text() == "Picture").trigger()
    assert right.text() == "Picture" and gui.canvas.comparison == Comparison(
        CompareSide.LABEL, CompareSide.PICTURE, None
    )
    gui.key(Qt.Key.Key_Y)
    assert not gui.canvas.is_side_by_side and comparing.swipe.isVisible()
    assert gui.canvas.comparison == Comparison(CompareSide.LABEL, CompareSide.PICTURE, 0.5), "the sides stay"
    middle = left.x()
    QTest.mousePress(comparing.swipe, LEFT_BUTTON, NO_MODIFIER, QPoint(11, 200))
    QTest.mouseMove(comparing.swipe, QPoint(111, 200))
    QTest.mouseRelease(comparing.swipe, LEFT_BUTTON, NO_MODIFIER, QPoint(11, 200))
    assert left.x() == pytest.approx(middle + 100, abs=2), "titles go with the line"
    comparing.save()
    comparing.set_sides(Comparison())
    comparing.load()
    assert right.text() == "Picture"
    gui.window._settings.set_state("sides", ["label", "nonsense"])
    comparing.load()
    assert right.text() == "Picture"
    gui.key(Qt.Key.Key_Escape)
    assert gui.canvas.comparison is None and not left.isVisible()
    gui.key(Qt.Key.Key_Y, SHIFT)
    gui.key(Qt.Key.Key_Escape)
    assert not gui.canvas.is_side_by_side and not gui.window.actions_by_id["side_by_side"].isChecked()


def test_the_prediction_flickers_while_the_key_is_held(gui: GuiDriver) -> None:
    flicker, canvas = gui.window.actions_by_id["flicker"], gui.canvas
    usual = canvas.layers
    QTest.keyPress(canvas, Qt.Key.Key_F4)
    assert canvas.layers.label_alpha == 0 and canvas.layers.prediction_alpha == usual.label_alpha
    time.sleep(HOLD_SECONDS + 0.05)
    QTest.keyRelease(canvas, Qt.Key.Key_F4)
    assert canvas.layers == usual
    gui.key(Qt.Key.Key_F4)
    assert canvas.layers.label_alpha == 0, "a tap keeps it"
    gui.dab(0.5)
    assert canvas.layers == usual and not flicker.isChecked(), "nobody paints on a label that is out of sight"


def test_the_brush_cursor_shows_its_size(gui: GuiDriver) -> None:
    canvas, ring = gui.canvas, gui.canvas._overlays.brush_cursor
    QTest.mouseMove(canvas, gui.position_of(0.5, 0.5))
    gui.wait_until(lambda: ring.circle() is not None and not ring.shows_ruler, "the cursor without a scale")
    before = pixels(canvas)
    gui.key(Qt.Key.Key_BracketRight)
    assert (
        ring.shows_ruler and f"{2 * canvas.tools.tool.radius(canvas.tools.options):g} px" == ring._size_text()
    )
    assert not np.array_equal(pixels(canvas), before)
    gui.wait_until(lambda: not ring.shows_ruler, "the end of the scale")
    gui.key(Qt.Key.Key_R, SHIFT)
    assert ring.shows_ruler
    place = ring.circle()
    assert place is not None
    bar, words = ring._ruler_rects(*place)
    assert bar.width() == pytest.approx(2 * place[1])
    assert canvas.rect().contains(words.toAlignedRect())
    gui.key(Qt.Key.Key_R, SHIFT)
    assert not ring.shows_ruler


def test_both_ways_to_compare_have_a_button_beside_the_layers(gui: GuiDriver) -> None:
    for key in ("swipe", "side_by_side"):
        made = next(
            each
            for each in gui.page.layers.findChildren(QToolButton)
            if each.defaultAction() is gui.window.actions_by_id[key]
        )
        gui.click(made)
        assert gui.canvas.comparison is not None
        assert gui.canvas.is_side_by_side == (key == "side_by_side")
        gui.click(made)
        assert gui.canvas.comparison is None
