"""Zoom, pan and fit: the arithmetic of the viewport, and the canvas that uses it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.base.geometry import Box, Point
from core.images.pyramid import Pyramid
from core.labels.label_map import LabelMap
from desktop.canvas.canvas import Canvas
from desktop.canvas.viewport import MAX_SCALE, Viewport

sides = st.integers(1, 20_000)
screens = st.integers(40, 4000)
steps = st.lists(st.tuples(st.floats(0.3, 3), st.integers(0, 2000), st.integers(0, 2000)), max_size=12)


def fitted(width: int, height: int, across: int, down: int) -> Viewport:
    view = Viewport(across, down, width, height)
    view.fit()
    return view


@settings(max_examples=80, deadline=None)
@given(sides, sides, screens, screens)
def test_fitted_picture_is_whole_and_centred(width: int, height: int, across: int, down: int) -> None:
    view = fitted(width, height, across, down)
    x0, y0 = view.device_point(Point(0, 0))
    x1, y1 = view.device_point(Point(width, height))
    assert min(x0, y0) >= 0
    assert x1 <= across + 0.5
    assert y1 <= down + 0.5
    assert abs(x0 + x1 - across) <= 1
    assert abs(y0 + y1 - down) <= 1


@settings(max_examples=80, deadline=None)
@given(sides, sides, screens, screens, steps)
def test_zoom_respects_its_limits_and_keeps_the_picture_visible(
    width: int, height: int, across: int, down: int, turns: list[tuple[float, int, int]]
) -> None:
    view = fitted(width, height, across, down)
    lowest = min(0.5 * view.fit_scale, 1.0)
    for factor, x, y in turns:
        view.zoom(view.scale * factor, x, y)
        view.pan(x - 900, y - 1100)
        assert lowest * 0.999 <= view.scale <= MAX_SCALE
        shown = Box(0, 0, across, down).intersection(
            Box(
                view.left,
                view.top,
                view.left + math.ceil(width * view.scale),
                view.top + math.ceil(height * view.scale),
            )
        )
        assert not shown.is_empty


@settings(max_examples=80, deadline=None)
@given(st.floats(0.2, 64), st.integers(0, 800), st.integers(0, 600))
def test_zoom_keeps_the_point_under_the_cursor(scale: float, x: int, y: int) -> None:
    view = fitted(1000, 800, 800, 600)
    view.zoom(0.9, 400, 300)
    at = view.image_point(x, y)
    view.zoom(scale, x, y)
    again = view.device_point(at)
    # Half a device pixel for keeping the corner on whole ones; more only if the picture would be lost from sight.
    if (
        Box(60, 60, 740, 540).intersection(view.visible_box()).area > 0
        and 0 <= at.x <= 1000
        and 0 <= at.y <= 800
    ):
        assert abs(again[0] - x) <= 0.5 + 1e-6
        assert abs(again[1] - y) <= 0.5 + 1e-6


@settings(max_examples=80, deadline=None)
@given(steps, st.integers(0, 900), st.integers(0, 700), st.integers(1, 80), st.integers(1, 80))
def test_rows_columns_and_boxes_agree(
    turns: list[tuple[float, int, int]], x: int, y: int, width: int, height: int
) -> None:
    view = fitted(1000, 800, 640, 480)
    for factor, across, down in turns:
        view.zoom(view.scale * factor, across % 640, down % 480)
    shown = view.visible_box()
    if shown.is_empty:
        return
    columns, rows = view.columns(shown.x0, shown.x1), view.rows(shown.y0, shown.y1)
    for place, column in zip(range(shown.x0, shown.x1), columns, strict=True):
        assert column == min(999, max(0, math.floor(view.image_point(place + 0.5, 0).x)))
    box = Box(x, y, x + width, y + height)
    wanted = view.device_box(box)
    on_columns = np.flatnonzero((columns >= box.x0) & (columns < box.x1)) + shown.x0
    on_rows = np.flatnonzero((rows >= box.y0) & (rows < box.y1)) + shown.y0
    if on_columns.size and on_rows.size:
        assert wanted.x0 <= on_columns[0] <= on_columns[-1] < wanted.x1
        assert wanted.y0 <= on_rows[0] <= on_rows[-1] < wanted.y1
        assert wanted.width <= on_columns.size + 2
        assert wanted.height <= on_rows.size + 2


@pytest.mark.parametrize(("width", "height"), [(16_000, 4), (4, 16_000), (20_000, 1), (1, 1)])
def test_thinnest_picture_is_visible(width: int, height: int) -> None:
    view = fitted(width, height, 1088, 622)
    shown = view.visible_box()
    assert shown.width >= 1 and shown.height >= 1
    assert len(view.rows(shown.y0, shown.y1)) == shown.height


def test_factors_that_cancel_out_end_at_the_actual_size() -> None:
    view = fitted(8192, 8192, 1280, 800)
    view.zoom(1.0000000000000002 * (1 - 1e-15), 640, 400)
    assert view.scale == 1.0


def picture(width: int, height: int) -> tuple[Pyramid, LabelMap, None]:
    return Pyramid.build(np.zeros((height, width, 3), np.uint8)), LabelMap.blank(width, height), None


@pytest.fixture
def canvas(qtbot: QtBot) -> Iterator[Canvas]:
    made = Canvas()
    qtbot.addWidget(made)
    made.resize(600, 400)
    made.show()
    qtbot.waitExposed(made)
    made.show_picture(*picture(1000, 500))
    yield made
    made.clear()


def wheel(canvas: Canvas, at: tuple[int, int], notches: float) -> None:
    place = QPointF(*at)
    event = QWheelEvent(
        place, canvas.mapToGlobal(place), QPoint(), QPoint(0, round(120 * notches)), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)


def test_first_picture_is_fitted_and_stays_fitted(canvas: Canvas) -> None:
    assert canvas.is_fitted
    canvas.resize(400, 390)
    middle = canvas.image_point(QPointF(200, 195))
    assert middle.x == pytest.approx(500, abs=2)
    assert middle.y == pytest.approx(250, abs=2)
    assert canvas.widget_point(Point(0, 0)).x() > 0
    assert canvas.widget_point(Point(1000, 500)).x() < 400


def test_zoomed_picture_keeps_its_centre_on_resize(canvas: Canvas) -> None:
    wheel(canvas, (100, 100), 6)
    assert not canvas.is_fitted
    scale, middle = canvas.scale, canvas.image_point(QPointF(300, 200))
    canvas.resize(500, 300)
    again = canvas.image_point(QPointF(250, 150))
    assert canvas.scale == scale
    assert (again.x, again.y) == pytest.approx((middle.x, middle.y), abs=0.51 / scale)


def test_wheel_zooms_at_the_cursor_and_stops_at_the_actual_size(canvas: Canvas) -> None:
    at = canvas.image_point(QPointF(350, 250))
    scales = []
    for _ in range(12):
        wheel(canvas, (350, 250), 1)
        scales.append(canvas.scale)
    assert 1.0 in scales
    assert scales == sorted(set(scales))
    place = canvas.widget_point(at)
    assert (place.x(), place.y()) == pytest.approx((350, 250), abs=3)


def test_actual_size_and_fit_and_keys_of_the_window(canvas: Canvas) -> None:
    told: list[float] = []
    canvas.view_changed.connect(told.append)
    canvas.actual_size()
    assert canvas.scale == told[-1] == 1.0
    QTest.mouseMove(canvas, QPoint(200, 150))
    at = canvas.image_point(QPointF(200, 150))
    canvas.zoom_by(3)
    assert canvas.scale == told[-1] == pytest.approx(3)
    place = canvas.widget_point(at)
    assert (place.x(), place.y()) == pytest.approx((200, 150), abs=1)
    canvas.fit()
    assert canvas.is_fitted
    assert told[-1] == canvas.scale < 1


def test_keep_view_keeps_position_and_scale(canvas: Canvas) -> None:
    wheel(canvas, (300, 200), 9)
    scale, at = canvas.scale, canvas.image_point(QPointF(0, 0))
    canvas.show_picture(*picture(1000, 500), keep_view=True)
    assert (canvas.scale, canvas.image_point(QPointF(0, 0))) == (scale, at)
    middle = canvas.image_point(QPointF(300, 200))
    canvas.show_picture(*picture(500, 1000), keep_view=True)
    again = canvas.image_point(QPointF(300, 200))
    assert canvas.scale == scale
    assert (again.x * 2, again.y / 2) == pytest.approx((middle.x, middle.y), abs=1)
    canvas.show_picture(*picture(500, 1000))
    assert canvas.is_fitted


def test_show_box_centres_a_box(canvas: Canvas) -> None:
    canvas.show_box(Box(600, 100, 640, 120))
    middle = canvas.image_point(QPointF(300, 200))
    assert (middle.x, middle.y) == pytest.approx((620, 110), abs=1)
    assert 40 * canvas.scale < 600
    assert canvas.scale > 2


def test_fractional_pans_add_up(canvas: Canvas) -> None:
    canvas.actual_size()
    at = canvas.image_point(QPointF(300, 200))
    for _ in range(30):
        canvas.pan_by(QPointF(0.4, -0.4))
    place = canvas.widget_point(at)
    assert (place.x(), place.y()) == pytest.approx((312, 188), abs=1)
