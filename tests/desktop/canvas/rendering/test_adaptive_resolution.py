"""Adaptive resolution, the frame budget and pixel buffers: what is drawn when there is no time for a full frame."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from core.base.geometry import Box
from core.images.pyramid import Pyramid
from core.labels.label_map import LabelMap
from desktop.canvas.canvas import Canvas
from desktop.canvas.rendering.frame_budget import FrameBudget
from desktop.canvas.rendering.pixel_buffer import PixelBuffer, PixelWords

FRAME = 1_000_000


def test_fast_machine_draws_full_resolution_and_slow_one_less() -> None:
    steps = []
    for nanoseconds in (2, 10, 40, 4000):
        pace = FrameBudget()
        for _ in range(7):
            pace.record(FRAME, FRAME * nanoseconds * 1e-9)
        steps.append(pace.step(FRAME))
    assert steps == [1, 2, 3, 4]


def test_single_slow_frame_does_not_lower_the_resolution() -> None:
    pace = FrameBudget()
    for seconds in (0.002, 0.002, 3.0, 0.002):
        pace.record(FRAME, seconds)
    assert pace.step(FRAME) == 1


def test_small_frames_are_not_measured() -> None:
    pace = FrameBudget()
    for _ in range(9):
        pace.record(2000, 1.0)
    assert pace.step(FRAME) == 1


def test_small_canvas_is_always_in_full_resolution() -> None:
    pace = FrameBudget()
    pace.record(FRAME, 1.0)
    assert (pace.step(FRAME), pace.step(FRAME // 2)) == (4, 1)


def draw_positions(box: Box, into: PixelWords) -> None:
    """Every pixel is its own place."""
    y, x = np.mgrid[box.y0 : box.y1, box.x0 : box.x1]
    into[:] = 0xFF000000 | y << 12 | x


def seen(buffer: PixelBuffer) -> np.ndarray:
    """(h, w) uint32 as it is drawn."""
    image = QImage(buffer.width, buffer.height, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    buffer.draw(painter, Box(0, 0, buffer.width, buffer.height))
    painter.end()
    return np.frombuffer(image.constBits(), np.uint32).reshape(buffer.height, buffer.width).copy()


moves = st.lists(st.tuples(st.integers(-70, 70), st.integers(-260, 260)), max_size=12)


@settings(max_examples=60, deadline=None)
@given(moves)
def test_scrolled_buffer_shows_drawn_pixels_at_their_new_position(
    turns: list[tuple[int, int]],
) -> None:
    buffer = PixelBuffer(60, 250, opaque=True)
    buffer.redraw_damaged(draw_positions)
    expected, unknown = seen(buffer), 0xFF000000 | 9
    for dx, dy in turns:
        buffer.scroll(dx, dy)
        moved = np.full_like(expected, unknown)
        kept = Box(0, 0, 60, 250).intersection(Box(0, 0, 60, 250).moved(dx, dy))
        if not kept.is_empty:
            moved[kept.slices] = expected[kept.moved(-dx, -dy).slices]
        expected = moved
        drawn = buffer.redraw_damaged(lambda _box, into: into.fill(unknown))
        assert drawn >= 60 * 250 - kept.area
        assert np.array_equal(seen(buffer), expected)


def test_buffer_is_redrawn_in_slices() -> None:
    buffer = PixelBuffer(600, 1250, opaque=True)
    buffer.scroll(13, 77)
    rounds = 0
    while not buffer.is_up_to_date:
        assert 0 < buffer.redraw_damaged(draw_positions, deadline=time.perf_counter()) < 600 * 1250
        rounds += 1
    assert rounds > 2
    whole = PixelBuffer(600, 1250, opaque=True)
    whole.redraw_damaged(draw_positions)
    assert np.array_equal(seen(buffer), seen(whole))


@pytest.fixture
def canvas(qtbot: QtBot) -> Iterator[Canvas]:
    made = Canvas()
    qtbot.addWidget(made)
    made.resize(1300, 900)
    made.tools.set_class(1, "road", (230, 110, 40))
    made.show()
    qtbot.waitExposed(made)
    noise = np.random.default_rng(2).integers(0, 255, (1400, 1900, 3)).astype(np.uint8)
    made.show_picture(Pyramid.build(noise), LabelMap.blank(1900, 1400), None)
    yield made
    made.clear()


def test_another_picture_is_in_full_resolution_at_once(canvas: Canvas) -> None:
    canvas._compositor.frame_budget = slow = FrameBudget()
    slow.record(FRAME, 1.0)
    canvas.zoom_at(QPointF(300, 200), 1.4)
    assert canvas.is_low_resolution
    canvas.show_picture(Pyramid.build(np.zeros((1400, 1900, 3), np.uint8)), LabelMap.blank(1900, 1400), None)
    assert not canvas.is_low_resolution


def test_stroke_right_after_a_zoom_is_in_full_resolution(canvas: Canvas, qtbot: QtBot) -> None:
    canvas._compositor.frame_budget = slow = FrameBudget()
    slow.record(FRAME, 1.0)
    canvas.zoom_at(QPointF(300, 200), 1.4)
    coarse = canvas.grab().toImage()
    qtbot.waitUntil(lambda: not canvas.is_low_resolution, timeout=5000)
    fine = canvas.grab().toImage()
    assert coarse != fine
    canvas.zoom_at(QPointF(300, 200), 1 / 1.4)
    canvas.zoom_at(QPointF(300, 200), 1.4)
    assert canvas.grab().toImage() == coarse
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(5, 5))
    assert canvas.is_stroking
    QTest.mouseMove(canvas, QPoint(2, 2))
    shown = canvas.grab().toImage()
    far = QRect(200, 200, 900, 600)
    assert shown.copy(far) == fine.copy(far)


def test_pan_ends_low_resolution(canvas: Canvas) -> None:
    canvas._compositor.frame_budget = slow = FrameBudget()
    slow.record(FRAME, 1.0)
    canvas.zoom_at(QPointF(300, 200), 3.0 / canvas.scale)
    canvas.zoom_at(QPointF(300, 200), 3.0 / canvas.scale)
    assert canvas.is_low_resolution and canvas.scale == 3.0
    canvas.pan_by(QPointF(7, -3))
    assert not canvas.is_low_resolution
    moved = canvas.grab().toImage()
    canvas._compositor.damage_all()
    assert canvas.grab().toImage() == moved
