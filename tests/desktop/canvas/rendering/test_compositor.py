"""What is on the screen, device pixel by device pixel, compared with a brute-force result."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPalette
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from core.base.geometry import Box, Point
from core.images.adjustments import Adjustments
from core.images.pyramid import Pyramid
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from desktop.canvas.canvas import Canvas
from desktop.canvas.rendering.compare_styles import Comparison
from desktop.canvas.rendering.frame_budget import FrameBudget
from desktop.canvas.rendering.layer_style import LayerState

WIDTH, HEIGHT = 1300, 900
PALETTE = np.random.default_rng(5).integers(0, 255, (256, 3)).astype(np.uint8)
SOLID = LayerState(label_opacity=1, prediction_opacity=1, difference_opacity=1)
LEFT, NO_KEY = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SCALES = [0.26, 0.5, 0.77, 1.0, 1.37, 3.0, 9.6, 64.0]


def screen(canvas: Canvas) -> np.ndarray:
    """(h, w, 3) uint8 RGB, one entry a device pixel."""
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    raw = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return raw[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def random_regions(seed: int, values: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """(height, width) uint8 with regions of a few pixels and of single ones."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, values, (height // 7 + 1, width // 5 + 1)).astype(np.uint8)
    fine = coarse.repeat(7, axis=0).repeat(5, axis=1)[:height, :width].copy()
    noise = rng.random((height, width)) < 0.2
    fine[noise] = rng.integers(0, values, int(noise.sum()))
    return fine


@pytest.mark.parametrize("step", [2, 3])
def test_large_canvas_is_in_low_resolution_only_while_zooming(
    canvas: Canvas, qtbot: QtBot, step: int
) -> None:
    canvas.resize(2000, 1400)
    canvas._compositor.frame_budget = FixedStep(step)
    labels, prediction = random_regions(11, 4), random_regions(12, 4)
    show(canvas, labels, prediction)
    for scale in (0.77, 3.7):
        canvas.fit()
        screen(canvas)
        zoom_to(canvas, scale, 1001, 701)
        moving = screen(canvas)
        assert canvas.is_low_resolution
        qtbot.waitUntil(lambda: not canvas.is_low_resolution, timeout=5000)
        resting = screen(canvas)
        canvas.set_layers(SOLID)  # everything anew
        assert np.array_equal(screen(canvas), resting)
        assert not np.array_equal(moving, resting)
        # All pixels of a block look like one of them, or like its neighbour where the view fell between two.
        high, wide = 1400 // step, 2000 // step
        blocks = moving[: high * step, : wide * step].reshape(high, step, wide, step, 3)
        assert (blocks == blocks[:, :1, :, :1]).all()
        around = np.abs(cv2.blur(moving, (15, 15)).astype(int) - cv2.blur(resting, (15, 15)))
        assert np.percentile(around[60:-60, 60:-60], 99) < 50


class FixedStep(FrameBudget):
    """A machine on which so many pixels must share one."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self._step = step

    def step(self, pixels: int) -> int:
        return self._step


@pytest.fixture
def canvas(qtbot: QtBot) -> Iterator[Canvas]:
    made = Canvas()
    qtbot.addWidget(made)
    made.resize(300, 220)
    made.set_palette(PALETTE)
    made.set_layers(SOLID)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.clear()


def show(canvas: Canvas, labels: np.ndarray, prediction: np.ndarray | None = None) -> np.ndarray:
    """A noisy picture with these layers. Returns the picture."""
    height, width = labels.shape
    picture = np.random.default_rng(3).integers(0, 255, (height, width, 3)).astype(np.uint8)
    mask = None if prediction is None else PredictedMask(prediction, prediction)
    canvas.show_picture(Pyramid.build(picture), LabelMap(labels), mask)
    return picture


def zoom_to(canvas: Canvas, scale: float, x: float = 151.0, y: float = 79.0) -> None:
    """Just this scale, without a stop at the true size on the way."""
    for _ in range(3):
        canvas.zoom_at(QPointF(x, y), scale / canvas.scale)
    assert canvas.scale == pytest.approx(scale)


def sampled_pixels(
    canvas: Canvas, shown: np.ndarray, count: int = 400
) -> Iterator[tuple[np.ndarray, int, int]]:
    """Random device pixels of the picture: their colour, and the image column and row sampled_pixels their centre."""
    rng = np.random.default_rng(9)
    ratio = canvas.devicePixelRatioF()
    found = 0
    for _ in range(count * 20):
        x, y = int(rng.integers(shown.shape[1])), int(rng.integers(shown.shape[0]))
        at = canvas.image_point(QPointF((x + 0.5) / ratio, (y + 0.5) / ratio))
        if 0 <= at.x < WIDTH and 0 <= at.y < HEIGHT:
            found += 1
            yield shown[y, x], math.floor(at.x), math.floor(at.y)
        if found == count:
            return
    assert found > count // 4


@pytest.mark.parametrize("scale", SCALES)
def test_layers_are_aligned_with_the_picture(canvas: Canvas, scale: float) -> None:
    labels, prediction = random_regions(1, 6), random_regions(2, 6)
    prediction[prediction == 0] = 1
    show(canvas, labels, prediction)
    zoom_to(canvas, scale)
    for colour, x, y in sampled_pixels(canvas, screen(canvas)):
        value = labels[y, x] or prediction[y, x]
        assert tuple(colour) == tuple(PALETTE[value])


@pytest.mark.parametrize("scale", [scale for scale in SCALES if scale >= 1])
def test_magnified_pixels_are_nearest_neighbour_and_aligned(canvas: Canvas, scale: float) -> None:
    picture = show(canvas, np.zeros((HEIGHT, WIDTH), np.uint8))
    zoom_to(canvas, scale)
    for colour, x, y in sampled_pixels(canvas, screen(canvas)):
        assert tuple(colour) == tuple(picture[y, x])


@pytest.mark.parametrize("turned", [False, True])
def test_picture_thinner_than_a_device_pixel_is_a_line(canvas: Canvas, turned: bool) -> None:
    picture = np.full((4, 16_000, 3), (200, 30, 30), np.uint8)
    labels = np.zeros((4, 16_000), np.uint8)
    labels[:, 8000:] = 3
    if turned:
        picture, labels = picture.transpose(1, 0, 2).copy(), labels.T.copy()
    canvas.show_picture(Pyramid.build(picture), LabelMap(labels), None)
    shown = screen(canvas)
    shown = shown.transpose(1, 0, 2) if turned else shown
    line = shown[shown.shape[0] // 2 - 2 : shown.shape[0] // 2 + 2]
    for colour, near in (((200, 30, 30), 60), (PALETTE[3], -60)):
        assert (line[:, near] == colour).all(axis=1).any()


@pytest.mark.skipif("QT_SCALE_FACTOR" in os.environ, reason="this is the run that the test starts")
@pytest.mark.parametrize("factor", ["2", "1.5"])
def test_pixels_with_a_device_pixel_ratio(factor: str) -> None:
    environment = os.environ | {"QT_SCALE_FACTOR": factor, "QT_QPA_PLATFORM": "offscreen"}
    chosen = "lie_on_the_pixel or crisp or smooth or incremental or true_size"
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", "-k", chosen, __file__]
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("scale", [0.25, 0.31, 0.5, 0.77])
def test_minified_pixels_are_interpolated_and_aligned(canvas: Canvas, scale: float) -> None:
    """How bright a row is tells where the edge lies that it crosses, to a small part of a device pixel."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    white = x + 0.5 > 600 + 0.37 * (y + 0.5 - HEIGHT / 2)
    picture = np.repeat((white * 255).astype(np.uint8)[..., None], 3, axis=2)
    canvas.show_picture(Pyramid.build(picture), LabelMap.blank(WIDTH, HEIGHT), None)
    zoom_to(canvas, scale)
    shown = screen(canvas)[..., 0]
    ratio = canvas.devicePixelRatioF()
    rows = range(shown.shape[0] // 2 - 40, shown.shape[0] // 2 + 40)
    errors = []
    for row in rows:
        start = canvas.image_point(QPointF(0, (row + 0.5) / ratio))
        end = canvas.image_point(QPointF(shown.shape[1] / ratio, (row + 0.5) / ratio))
        edge = 600 + 0.37 * (start.y - HEIGHT / 2)
        centres = start.x + (np.arange(shown.shape[1]) + 0.5) / scale
        on_picture = shown[row, (centres >= 0) & (centres < WIDTH)].astype(float)
        assert start.x < edge < end.x
        errors.append(on_picture.sum() / 255 - (min(end.x, WIDTH) - edge) * scale)
    assert abs(np.mean(errors)) < 0.1
    assert np.abs(errors).max() < 1
    assert len(np.unique(shown)) > 4


def test_background_around_the_picture_is_plain(canvas: Canvas) -> None:
    show(canvas, np.full((HEIGHT, WIDTH), 3, np.uint8))
    shown = screen(canvas)
    ratio = canvas.devicePixelRatioF()
    ground = shown[0, 0]
    assert ground[0] == ground[1] == ground[2]
    y, x = np.mgrid[: shown.shape[0], : shown.shape[1]]
    start, end = canvas.widget_point(Point(0, 0)) * ratio, canvas.widget_point(Point(WIDTH, HEIGHT)) * ratio
    on_picture = (x + 0.5 >= start.x()) & (x + 0.5 < end.x()) & (y + 0.5 >= start.y()) & (y + 0.5 < end.y())
    assert (shown[~on_picture] == ground).all()
    assert (shown[on_picture] == PALETTE[3]).all()


def test_background_follows_the_theme(canvas: Canvas) -> None:
    greys = []
    for window in (QColor(32, 33, 36), QColor(244, 240, 235)):
        palette = QPalette()
        palette.setColor(QPalette.ColorRole.Window, window)
        canvas.setPalette(palette)
        pixel = screen(canvas)[5, 5]
        assert pixel[0] == pixel[1] == pixel[2] < window.lightness()
        greys.append(int(pixel[0]))
    assert greys[0] < 40
    assert greys[1] > 180


def repainted(canvas: Canvas) -> np.ndarray:
    """The same view with nothing kept from before: another size and back makes new sheets."""
    size, at = canvas.size(), canvas.image_point(QPointF(150, 110))
    canvas.resize(size.width() + 2, size.height())
    canvas.resize(size)
    assert canvas.image_point(QPointF(150, 110)) == at
    return screen(canvas)


def test_incremental_painting_equals_a_full_repaint(canvas: Canvas) -> None:
    """Strokes, pans and zooms in any order leave the same screen as drawing everything at once."""
    labels = random_regions(1, 3)
    labels[300:500, 300:700] = 255
    canvas.set_layers(LayerState(difference_visible=True))
    canvas.tools.set_class(1, "road", (1, 2, 3))
    show(canvas, labels, random_regions(2, 5))
    rng = np.random.default_rng(11)
    for _ in range(30):
        for act in rng.choice(["stroke", "pan", "nudge", "paint"], 5):
            x, y = int(rng.integers(20, 280)), int(rng.integers(20, 200))
            if act == "stroke":
                QTest.mousePress(canvas, LEFT, NO_KEY, QPoint(x, y))
                QTest.mouseMove(canvas, QPoint(y, x // 2))
                QTest.mouseRelease(canvas, LEFT, NO_KEY, QPoint(x, y))
            elif act == "pan":
                canvas.pan_by(QPointF(x - 150, y - 110))
            elif act == "nudge":
                canvas.pan_by(QPointF(rng.integers(-5, 6) / 3, rng.integers(-5, 6) / 3))
            else:
                screen(canvas)
        QTest.mouseMove(canvas, QPoint(3, 3))
        grown, fresh = screen(canvas).astype(int), repainted(canvas).astype(int)
        # Smooth pixels may differ by rounding when they were worked out together with other neighbours.
        assert np.abs(grown - fresh).max() <= 1
        canvas.zoom_at(QPointF(150, 110), float(rng.uniform(0.6, 1.7)))


@pytest.mark.parametrize("scale", [None, 0.5, 3.0])
@pytest.mark.parametrize("has_prediction", [True, False])
def test_prerendered_picture_equals_a_painted_one(
    canvas: Canvas, scale: float | None, has_prediction: bool
) -> None:
    canvas.set_layers(LayerState(difference_visible=True))
    show(canvas, random_regions(1, 4), random_regions(2, 4))
    if scale is not None:
        zoom_to(canvas, scale)
    pyramid = Pyramid.build(np.random.default_rng(4).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8))
    labels, said = LabelMap(random_regions(5, 4)), random_regions(6, 4)
    prediction = PredictedMask(said, said) if has_prediction else None
    drawn = canvas.frame_request(keep_view=True).render(pyramid, labels, prediction)
    canvas.show_picture(pyramid, labels, prediction, keep_view=True, prerendered=drawn)
    assert canvas._compositor._buffers is drawn.compositor._buffers
    ahead = screen(canvas)
    assert np.array_equal(ahead, repainted(canvas))
    labels.values[200:220, 300:330] = 3
    canvas.refresh(Box(300, 200, 330, 220))
    assert np.abs(screen(canvas).astype(int) - repainted(canvas)).max() <= 1


@pytest.mark.parametrize("what", ["size", "palette", "layers", "tone", "comparing", "place", "ground"])
def test_outdated_prerendered_frame_is_not_shown(canvas: Canvas, what: str) -> None:
    show(canvas, random_regions(1, 4), random_regions(2, 4))
    pyramid = Pyramid.build(np.random.default_rng(4).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8))
    labels, said = LabelMap(random_regions(5, 4)), random_regions(6, 4)
    prediction = PredictedMask(said, said)
    drawn = canvas.frame_request(keep_view=True).render(pyramid, labels, prediction)
    if what == "size":
        canvas.resize(320, 200)
    elif what == "palette":
        canvas.set_palette(PALETTE[::-1])
    elif what == "layers":
        canvas.set_layers(LayerState(label_opacity=0.2))
    elif what == "tone":
        canvas.set_adjustments(Adjustments(brightness=0.3))
    elif what == "comparing":
        canvas.set_comparison(Comparison())
    elif what == "place":
        zoom_to(canvas, 2.0)
    else:
        canvas._compositor.set_background(7)
    canvas.show_picture(pyramid, labels, prediction, keep_view=True, prerendered=drawn)
    shown = screen(canvas)
    assert canvas._compositor._buffers is not drawn.compositor._buffers
    assert np.array_equal(shown, repainted(canvas))


def test_label_change_from_outside_is_shown_after_refresh(canvas: Canvas) -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    canvas.show_picture(Pyramid.build(picture), labels, None)
    before = screen(canvas)
    labels.values[100:300, 200:500] = 4
    assert np.array_equal(screen(canvas), before)
    canvas.refresh(Box(200, 100, 500, 300))
    after = screen(canvas)
    changed = (after != before).any(axis=2)
    assert (after[changed] == PALETTE[4]).all()
    assert changed.sum() == pytest.approx(200 * 300 * canvas.scale**2, rel=0.05)


def test_prediction_is_shown_and_removed(canvas: Canvas) -> None:
    show(canvas, np.zeros((HEIGHT, WIDTH), np.uint8))
    before = screen(canvas)
    said = np.full((HEIGHT, WIDTH), 2, np.uint8)
    canvas.set_prediction(PredictedMask(said, said))
    middle = screen(canvas)
    assert tuple(middle[middle.shape[0] // 2, middle.shape[1] // 2]) == tuple(PALETTE[2])
    canvas.set_prediction(None)
    assert np.array_equal(screen(canvas), before)


def test_layers_of_another_size_are_refused(canvas: Canvas) -> None:
    show(canvas, np.zeros((HEIGHT, WIDTH), np.uint8))
    small = np.zeros((5, 5), np.uint8)
    with pytest.raises(ValueError, match="do not belong"):
        canvas.set_prediction(PredictedMask(small, small))
    picture = np.zeros((6, 5, 3), np.uint8)
    with pytest.raises(ValueError, match="do not belong"):
        canvas.show_picture(Pyramid.build(picture), LabelMap(small), None)


def test_brush_cursor_has_the_brush_size_and_class_colour(canvas: Canvas) -> None:
    canvas.show_picture(
        Pyramid.build(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)), LabelMap.blank(WIDTH, HEIGHT), None
    )
    canvas.tools.set_class(1, "road", (250, 10, 20))
    canvas.tools.options.brush_radius = 100
    before = screen(canvas).astype(int)
    QTest.mouseMove(canvas, QPoint(150, 110))
    drawn = np.abs(screen(canvas).astype(int) - before).max(axis=2) > 30
    ratio = canvas.devicePixelRatioF()
    y, x = np.nonzero(drawn)
    distance = np.hypot(x + 0.5 - 150 * ratio, y + 0.5 - 110 * ratio)
    assert abs(np.median(distance) - 100 * canvas.scale) < 1.5 * ratio
    assert distance.min() > 100 * canvas.scale - 5 * ratio
    red = screen(canvas)[drawn].astype(int)
    assert ((red[:, 0] - red[:, 1]) > 80).any()
    QTest.mouseMove(canvas, QPoint(100, 100))
    canvas.tools.set_tool(type(canvas.tools.tool)())
    again = screen(canvas).astype(int)
    y, x = np.nonzero(np.abs(again - before).max(axis=2) > 30)
    assert np.hypot(x / ratio - 100, y / ratio - 100).max() < 100 * canvas.scale / ratio + 5
