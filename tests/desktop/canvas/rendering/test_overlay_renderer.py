"""Outlines, patterns and the heat map on the canvas, compared with the same computed pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from pytestqt.qtbot import QtBot

from core.base.geometry import Box
from core.images.pyramid import Pyramid
from core.labels.class_list import VOID
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from desktop.canvas.canvas import Canvas
from desktop.canvas.rendering.layer_style import LayerState, RegionStyle
from desktop.canvas.rendering.overlay_renderer import blend_over, confidence_heatmap, region_borders
from desktop.theme import class_patterns
from tests.desktop.conftest import GuiDriver

pytestmark = pytest.mark.qt_log_ignore("does not support")

GREY = 120
COLOURS = {1: (220, 0, 0), 2: (0, 200, 0), 3: (0, 0, 230)}
REACH = 2
"""Device pixels of an outline on a plain screen."""


@pytest.fixture
def canvas(qtbot: QtBot) -> Iterator[Canvas]:
    made = Canvas()
    qtbot.addWidget(made)
    made.resize(300, 220)
    made.show()
    qtbot.waitExposed(made)
    palette = np.zeros((256, 3), np.uint8)
    for value, colour in COLOURS.items():
        palette[value] = colour
    made.set_palette(palette, (1, 2, 3))
    yield made
    made.clear()


def show(canvas: Canvas, values: np.ndarray, said: np.ndarray | None = None) -> LabelMap:
    """A grey picture of the canvas's size, at its true size and in its corner."""
    height, width = values.shape
    labels = LabelMap(values)
    prediction = None if said is None else PredictedMask(said, np.full_like(said, 128))
    canvas.show_picture(Pyramid.build(np.full((height, width, 3), GREY, np.uint8)), labels, prediction)
    canvas.actual_size()
    corner = canvas.image_point(QPointF(0, 0))
    canvas.pan_by(QPointF(corner.x, corner.y))
    return labels


def pixels(canvas: Canvas) -> np.ndarray:
    """What is seen, (H, W, 3) uint8 RGB."""
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def blobs() -> np.ndarray:
    values = np.zeros((220, 300), np.uint8)
    y, x = np.ogrid[:220, :300]
    values[np.hypot(x - 90, y - 90) < 50] = 1
    values[70:160, 110:200] = 2
    values[150:215, 20:70] = VOID
    return values


def edges(ids: np.ndarray, reach: int) -> np.ndarray:
    """Where another number is within `reach` rows and columns, one pixel after the other."""
    found = np.zeros(ids.shape, bool)
    for y, x in np.ndindex(ids.shape):
        near = ids[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
        found[y, x] = bool((near != ids[y, x]).any())
    return found


def test_outline_is_where_another_region_begins(canvas: Canvas) -> None:
    values = blobs()
    canvas.set_layers(LayerState(label_opacity=1.0, shape=RegionStyle.OUTLINE))
    show(canvas, values)
    found = pixels(canvas)
    line = edges(values, REACH) & (values != 0)
    for value in (1, 2):
        assert (found[line & (values == value)] == COLOURS[value]).all()
    grey = found[line & (values == VOID)]
    assert (grey == grey[0]).all() and (grey[0] != GREY).all()
    assert (found[~line] == GREY).all(), "the inside is clear"


def test_fill_and_outline(canvas: Canvas) -> None:
    values = blobs()
    values[values == VOID] = 0
    canvas.set_layers(LayerState(label_opacity=0.5, shape=RegionStyle.BOTH))
    show(canvas, values)
    found, line = pixels(canvas).astype(int), edges(values, REACH)
    inside, edge = found[(values == 1) & ~line], found[(values == 1) & line]
    assert (inside == inside[0]).all() and (edge == edge[0]).all()
    assert edge[0][0] > inside[0][0] > GREY, "the line is the stronger of both"
    assert (found[values == 0] == GREY).all()


def test_label_and_prediction_have_separate_outlines(canvas: Canvas) -> None:
    values, said = blobs(), np.full((220, 300), 3, np.uint8)
    said[:, 250:] = 1
    canvas.set_layers(LayerState(label_opacity=1.0, prediction_opacity=1.0, shape=RegionStyle.OUTLINE))
    show(canvas, values, said)
    shown = np.where(values != 0, values.astype(int), 256 + said.astype(int))
    found, line = pixels(canvas), edges(shown, REACH)
    for value in (1, 2):
        assert (found[line & (values == value)] == COLOURS[value]).all()
    for value in (1, 3):
        assert (found[line & (values == 0) & (said == value)] == COLOURS[value]).all()
    assert (found[~line] == GREY).all()


def test_drawing_in_parts_equals_drawing_at_once(canvas: Canvas) -> None:
    """Strokes and scrolling work out pieces of the screen; no seam may show where they meet."""
    canvas.set_layers(LayerState(label_opacity=1.0, shape=RegionStyle.BOTH, patterns=True))
    values = np.zeros((600, 700), np.uint8)
    labels = show(canvas, values)
    pixels(canvas)
    chance = np.random.default_rng(3)
    for _ in range(60):
        x, y = int(chance.integers(0, 290)), int(chance.integers(0, 210))
        labels.values[y : y + 17, x : x + 23] = chance.integers(0, 4)
        canvas.refresh(Box(x, y, x + 23, y + 17))
        if chance.random() < 0.3:
            canvas.pan_by(QPointF(int(chance.integers(-9, 3)), int(chance.integers(-9, 3))))
        pixels(canvas)
    in_parts = pixels(canvas)
    canvas.set_layers(canvas.layers)  # all of it anew
    assert np.array_equal(in_parts, pixels(canvas))


@pytest.mark.parametrize("reach", [1, 2, 3])
def test_region_borders(reach: int) -> None:
    ids = np.random.default_rng(reach).integers(0, 3, (20, 30)).repeat(2, 0).repeat(3, 1).astype(np.uint16)
    ids[ids == 2] = 300
    assert np.array_equal(region_borders(ids, reach), edges(ids, reach))


def test_patterns_differ_between_classes_and_pan_with_the_picture(canvas: Canvas) -> None:
    canvas.set_palette(np.full((256, 3), 90, np.uint8), tuple(range(1, 9)))
    canvas.set_layers(LayerState(label_opacity=0.6, patterns=True))
    labels = show(canvas, np.zeros((440, 600), np.uint8))
    seen = []
    for value in range(1, 9):
        labels.values[:] = value
        canvas.refresh(Box(0, 0, 600, 440))
        seen.append(pixels(canvas))
    assert len(np.unique(seen[0])) == 1, "the first class is plain"
    for value, one in enumerate(seen[1:], start=2):
        ink = one[..., 0] != seen[0][0, 0, 0]
        assert 0.05 < ink.mean() < 0.5, f"class {value} shows its colour and its marks"
        assert not any(np.array_equal(one, other) for other in seen[: value - 1])
    canvas.pan_by(QPointF(-7, -5))
    assert np.array_equal(pixels(canvas)[:100, :100], seen[-1][5:105, 7:107])


def test_patterns_depend_on_the_position_in_the_list() -> None:
    bits = class_patterns.pattern_bits((7, 3, 200))
    assert bits[7] == 0 and bits[3] != 0 and bits[200] not in (0, bits[3])
    assert np.count_nonzero(bits) == 2
    again = class_patterns.pattern_bits(tuple(range(1, 2 * class_patterns.PATTERN_COUNT + 1)))
    assert np.array_equal(
        again[1 : class_patterns.PATTERN_COUNT + 1],
        again[class_patterns.PATTERN_COUNT + 1 : 2 * class_patterns.PATTERN_COUNT + 1],
    )


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_chip_pattern_stays_inside_the_chip(qapp, ratio: float) -> None:
    side = round(16 * ratio)
    image = QImage(side + 8, side + 8, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    class_patterns.draw_chip_pattern(painter, QRectF(0, 0, 16, 16), 4, QColor(250, 230, 40), 1)
    painter.end()
    alpha = np.array([[QColor.fromRgba(image.pixel(x, y)).alpha() for x in range(side)] for y in range(side)])
    assert 0.05 < (alpha > 128).mean() < 0.6
    assert QColor.fromRgba(image.pixel(side + 4, side // 2)).alpha() == 0


def test_heat_map_is_strong_at_low_confidence(canvas: Canvas) -> None:
    colours = confidence_heatmap(0.8)
    alpha = (colours >> 24).astype(int)
    assert alpha[255] == 0 and alpha[0] == round(255 * 0.8)
    assert (np.diff(alpha) <= 0).all()
    values = np.zeros((220, 300), np.uint8)
    said = np.ones((220, 300), np.uint8)
    sure = np.full((220, 300), 255, np.uint8)
    sure[:, 100:200] = 90
    canvas.set_layers(replace(LayerState().image_only, uncertainty_opacity=0.8, uncertainty_visible=True))
    labels = LabelMap(values)
    canvas.show_picture(
        Pyramid.build(np.full((220, 300, 3), GREY, np.uint8)), labels, PredictedMask(said, sure)
    )
    canvas.actual_size()
    found = pixels(canvas)
    assert (found[:, :95] == found[0, 0]).all() and (found[:, 205:] == found[0, 0]).all()
    word = int(colours[90])
    expected = [(word >> shift & 0xFF) + GREY * (255 - (word >> 24)) / 255 for shift in (16, 8, 0)]
    assert found[110, 150] == pytest.approx(expected, abs=2)
    canvas.set_prediction(None)
    assert len(np.unique(pixels(canvas)[100, 50:250])) == 1


def test_blend_over_equals_qpainter() -> None:
    chance = np.random.default_rng(1)

    def premultiplied(count: int) -> np.ndarray:
        alpha = chance.integers(0, 256, count)
        parts = [alpha * chance.integers(0, 256, count) // 255 for _ in range(3)]
        return (alpha << 24 | parts[0] << 16 | parts[1] << 8 | parts[2]).astype(np.uint32)

    top, bottom = premultiplied(4000), premultiplied(4000)
    found = blend_over(top, bottom)
    for shift in (0, 8, 16, 24):
        one, other = (top >> shift & 0xFF).astype(float), (bottom >> shift & 0xFF).astype(float)
        wanted = one + other * (255 - (top >> 24)) / 255
        assert np.abs((found >> shift & 0xFF) - wanted).max() <= 1.5


def test_shortcuts_and_panel_agree(gui: GuiDriver) -> None:
    panel, actions, viewing = gui.page.layers, gui.window.actions_by_id, gui.window.layer_controller
    gui.key(Qt.Key.Key_T, Qt.KeyboardModifier.ShiftModifier)
    assert panel.shape.currentText() == "Outline" and gui.canvas.layers.shape == RegionStyle.OUTLINE
    panel.shape.setCurrentIndex(2)
    assert gui.canvas.layers.shape == RegionStyle.BOTH and not actions["outline_only"].isChecked()
    panel.shape.setCurrentIndex(0)
    gui.key(Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    assert panel.patterns.isChecked() and gui.canvas.layers.patterns
    assert gui.page.classes.list_view.class_model.shows_patterns
    panel.patterns.click()
    assert not gui.canvas.layers.patterns and not actions["class_patterns"].isChecked()
    gui.key(Qt.Key.Key_U, Qt.KeyboardModifier.ControlModifier)
    assert gui.canvas.layers.uncertainty_alpha > 0 and panel.layers().uncertainty_visible
    viewing.save()
    actions["uncertainty_layer"].trigger()
    viewing.load()
    assert gui.canvas.layers.uncertainty_alpha > 0, "remembered"
    actions["uncertainty_layer"].trigger()
    gui.window._settings.set_state("layers", {"shape": "nonsense"})
    viewing.load()
    assert viewing.layers == LayerState()
