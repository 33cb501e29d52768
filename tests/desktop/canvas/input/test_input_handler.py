"""Strokes and shapes by mouse and keys on a real canvas, compared with a brute-force result in image pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QFocusEvent, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from core.base.geometry import Point
from core.images.pyramid import Pyramid
from core.labels.class_list import VOID
from core.labels.label_map import Edit, LabelMap
from core.tools.brush import Eraser
from core.tools.fill import Fill
from core.tools.shapes.polygon import Polygon
from desktop.canvas.canvas import Canvas

LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
NO_KEY = Qt.KeyboardModifier.NoModifier
CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
WIDTH, HEIGHT = 300, 200


class MouseDriver:
    """A shown canvas with a picture, and all it signals."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.edits: list[Edit] = []
        self.signals: list[str] = []
        self.sizes: list[float] = []
        canvas.tools.edit_finished.connect(self._edited)
        canvas.tools.before_edit.connect(lambda: self.signals.append("before"))
        canvas.tools.needs_class.connect(lambda: self.signals.append("needs class"))
        canvas.tools.brush_size_changed.connect(self.sizes.append)
        self.labels = self.open_picture()
        canvas.tools.set_class(1, "road", (230, 110, 40))
        canvas.tools.options.brush_radius = 8.3

    def _edited(self, edit: Edit) -> None:
        self.edits.append(edit)
        self.signals.append("edit")

    def open_picture(self) -> LabelMap:
        picture = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
        self.labels = LabelMap.blank(WIDTH, HEIGHT)
        self.canvas.show_picture(Pyramid.build(picture), self.labels, None)
        return self.labels

    def drag(
        self, *path: tuple[int, int], button: Qt.MouseButton = LEFT, keys: Qt.KeyboardModifier = NO_KEY
    ) -> list[Point]:
        """Press, move and release at widget positions. Returns the image points."""
        QTest.mousePress(self.canvas, button, keys, QPoint(*path[0]))
        for place in path[1:]:
            QTest.mouseMove(self.canvas, QPoint(*place))
        QTest.mouseRelease(self.canvas, button, keys, QPoint(*path[-1]))
        return self.points(*path)

    def points(self, *path: tuple[float, float]) -> list[Point]:
        return [self.canvas.image_point(QPointF(*place)) for place in path]

    def send(
        self,
        kind: QEvent.Type,
        at: tuple[float, float],
        button: Qt.MouseButton,
        held: Qt.MouseButton,
        keys: Qt.KeyboardModifier = NO_KEY,
    ) -> None:
        place = QPointF(*at)
        event = QMouseEvent(kind, place, self.canvas.mapToGlobal(place), button, held, keys)
        QApplication.sendEvent(self.canvas, event)

    def wheel(self, at: tuple[int, int], notches: float, keys: Qt.KeyboardModifier = NO_KEY) -> None:
        place = QPointF(*at)
        turn = QPoint(0, round(120 * notches))
        event = QWheelEvent(
            place,
            self.canvas.mapToGlobal(place),
            QPoint(),
            turn,
            Qt.MouseButton.NoButton,
            keys,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(self.canvas, event)


def near(path: list[Point], radius: float) -> np.ndarray:
    """Pixels whose centre is within the radius of the path."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    closest = np.full((HEIGHT, WIDTH), np.inf)
    for start, end in zip(path, path[1:] or path, strict=False):
        dx, dy = end.x - start.x, end.y - start.y
        length2 = dx * dx + dy * dy
        along = np.clip(((x - start.x) * dx + (y - start.y) * dy) / length2, 0, 1) if length2 else 0
        closest = np.minimum(closest, np.hypot(x - start.x - along * dx, y - start.y - along * dy))
    return closest <= radius


@pytest.fixture
def driver(qtbot: QtBot) -> Iterator[MouseDriver]:
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(640, 480)
    canvas.show()
    qtbot.waitExposed(canvas)
    yield MouseDriver(canvas)
    canvas.clear()


def test_stroke_paints_the_pixels_under_it(driver: MouseDriver) -> None:
    path = driver.drag((200, 200), (300, 210), (340, 300), (205, 330))
    assert np.array_equal(driver.labels.values == 1, near(path, 8.3))
    assert [edit.name for edit in driver.edits] == ["Brush stroke, road"]
    assert driver.signals == ["before", "edit"]


def test_click_and_double_click_paint_a_dot(driver: MouseDriver) -> None:
    QTest.mouseClick(driver.canvas, LEFT, NO_KEY, QPoint(200, 200))
    QTest.mouseDClick(driver.canvas, LEFT, NO_KEY, QPoint(400, 200))
    dots = [near(driver.points(place), 8.3) for place in ((200, 200), (400, 200))]
    assert np.array_equal(driver.labels.values == 1, dots[0] | dots[1])


def test_fast_moves_leave_no_gaps_at_any_zoom(driver: MouseDriver) -> None:
    driver.wheel((320, 240), 8)
    path = driver.drag((30, 40), (600, 50), (20, 450), (610, 460))
    assert np.array_equal(driver.labels.values == 1, near(path, 8.3))


@pytest.mark.parametrize(("button", "keys"), [(RIGHT, NO_KEY), (LEFT, CTRL)])
def test_right_button_and_ctrl_erase_with_the_brush(
    driver: MouseDriver, button: Qt.MouseButton, keys: Qt.KeyboardModifier
) -> None:
    driver.labels.values[:] = 4
    path = driver.drag((200, 200), (300, 210), button=button, keys=keys)
    assert np.array_equal(driver.labels.values == 0, near(path, 8.3))
    assert [edit.name for edit in driver.edits] == ["Erase"]


def test_eraser_has_its_own_size(driver: MouseDriver) -> None:
    driver.labels.values[:] = 4
    driver.canvas.tools.set_tool(Eraser())
    driver.canvas.tools.set_radius(20)
    path = driver.drag((200, 200), (300, 210))
    assert np.array_equal(driver.labels.values == 0, near(path, 20))
    assert driver.canvas.tools.options.brush_radius == 8.3


def test_void_is_painted_like_a_class(driver: MouseDriver) -> None:
    driver.canvas.tools.set_class(VOID, "void", (128, 128, 128))
    path = driver.drag((200, 200), (300, 210))
    assert np.array_equal(driver.labels.values == VOID, near(path, 8.3))


def test_zoom_and_pan_during_a_stroke(driver: MouseDriver) -> None:
    path = driver.points((200, 200), (260, 220))
    QTest.mousePress(driver.canvas, LEFT, NO_KEY, QPoint(200, 200))
    QTest.mouseMove(driver.canvas, QPoint(260, 220))
    driver.wheel((260, 220), 3)
    before = driver.canvas.scale
    path += driver.points((260, 220), (300, 260))
    QTest.mouseMove(driver.canvas, QPoint(300, 260))
    driver.send(QEvent.Type.MouseButtonPress, (300, 260), MIDDLE, LEFT | MIDDLE)
    driver.send(QEvent.Type.MouseMove, (250, 200), Qt.MouseButton.NoButton, LEFT | MIDDLE)
    driver.send(QEvent.Type.MouseButtonRelease, (250, 200), MIDDLE, LEFT)
    QTest.keyPress(driver.canvas, Qt.Key.Key_Space)
    driver.send(QEvent.Type.MouseMove, (200, 240), Qt.MouseButton.NoButton, LEFT)
    QTest.keyRelease(driver.canvas, Qt.Key.Key_Space)
    path += driver.points((200, 240), (280, 300))
    driver.send(QEvent.Type.MouseMove, (280, 300), Qt.MouseButton.NoButton, LEFT)
    QTest.mouseRelease(driver.canvas, LEFT, NO_KEY, QPoint(280, 300))
    assert driver.canvas.scale == before > 2
    assert len(driver.edits) == 1
    # The picture keeps to whole device pixels, so the hand's place may differ by one after each of the jumps.
    painted, slack = driver.labels.values == 1, 1.5 / 2
    assert not (painted & ~near(path, 8.3 + slack)).any()
    assert not (~painted & near(path, 8.3 - slack)).any()


def test_esc_discards_a_stroke_and_the_rest_of_its_press(driver: MouseDriver) -> None:
    driver.labels.values[:] = np.random.default_rng(0).integers(0, 5, driver.labels.values.shape)
    before = driver.labels.values.copy()
    QTest.mousePress(driver.canvas, LEFT, NO_KEY, QPoint(200, 200))
    QTest.mouseMove(driver.canvas, QPoint(300, 250))
    assert driver.canvas.is_busy
    QTest.keyClick(driver.canvas, Qt.Key.Key_Escape)
    QTest.mouseMove(driver.canvas, QPoint(400, 300))
    QTest.mouseRelease(driver.canvas, LEFT, NO_KEY, QPoint(400, 300))
    assert np.array_equal(driver.labels.values, before)
    assert driver.edits == []
    assert not driver.canvas.is_busy


def _lose_focus(driver: MouseDriver) -> None:
    QApplication.sendEvent(
        driver.canvas, QFocusEvent(QEvent.Type.FocusOut, Qt.FocusReason.ActiveWindowFocusReason)
    )


def _leave(driver: MouseDriver) -> None:
    QApplication.sendEvent(driver.canvas, QEvent(QEvent.Type.Leave))


@pytest.mark.parametrize(
    "interruption",
    [
        _lose_focus,
        _leave,
        lambda driver: driver.canvas.hide(),
        lambda driver: driver.canvas.clear("Gone", ""),
        lambda driver: driver.canvas.show_loading(),
        lambda driver: driver.canvas.tools.set_tool(Polygon()),
        lambda driver: driver.canvas.fit(),
        lambda driver: driver.canvas.finish_edit(),
        MouseDriver.open_picture,
    ],
)
def test_interruptions_finish_a_stroke(driver: MouseDriver, interruption) -> None:
    labels = driver.labels
    path = driver.points((200, 200), (300, 250))
    QTest.mousePress(driver.canvas, LEFT, NO_KEY, QPoint(200, 200))
    QTest.mouseMove(driver.canvas, QPoint(300, 250))
    interruption(driver)
    assert len(driver.edits) == 1
    assert not labels.is_editing
    expected = near(path, 8.3)
    assert np.array_equal(labels.values == 1, expected)
    assert driver.edits[0].pixels == expected.sum()
    QTest.mouseMove(driver.canvas, QPoint(400, 300))
    QTest.mouseRelease(driver.canvas, LEFT, NO_KEY, QPoint(400, 300))
    assert np.array_equal(labels.values == 1, expected)
    assert len(driver.edits) == 1
    assert not driver.labels.is_editing


def test_resize_during_a_stroke_does_not_move_the_picture(driver: MouseDriver) -> None:
    path = driver.points((200, 200), (300, 250), (320, 300))
    QTest.mousePress(driver.canvas, LEFT, NO_KEY, QPoint(200, 200))
    QTest.mouseMove(driver.canvas, QPoint(300, 250))
    driver.canvas.resize(500, 400)
    QTest.mouseMove(driver.canvas, QPoint(320, 300))
    QTest.mouseRelease(driver.canvas, LEFT, NO_KEY, QPoint(320, 300))
    assert np.array_equal(driver.labels.values == 1, near(path, 8.3))
    assert len(driver.edits) == 1


def test_without_a_class_nothing_is_painted_and_needs_class_is_emitted(driver: MouseDriver) -> None:
    driver.canvas.tools.set_class(None)
    driver.drag((200, 200), (300, 210))
    assert driver.signals == ["needs class"]
    assert not driver.labels.values.any()
    driver.labels.values[:] = 3
    driver.drag((200, 200), (300, 210), button=RIGHT)
    assert [edit.name for edit in driver.edits] == ["Erase"]


def test_polygon_is_closed_by_a_click_on_its_first_point(driver: MouseDriver) -> None:
    driver.canvas.tools.set_tool(Polygon())
    corners = [(200, 150), (400, 160), (420, 300), (210, 310)]
    for place in [*corners, (203, 152)]:
        QTest.mouseMove(driver.canvas, QPoint(*place))
        QTest.mouseClick(driver.canvas, LEFT, NO_KEY, QPoint(*place))
    assert [edit.name for edit in driver.edits] == ["Polygon, road"]
    a, b, c, d = driver.points(*corners)
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    expected = np.ones((HEIGHT, WIDTH), bool)
    for start, end in ((a, b), (b, c), (c, d), (d, a)):  # convex: left of every edge
        expected &= (end.x - start.x) * (y - start.y) - (end.y - start.y) * (x - start.x) > 0
    assert np.array_equal(driver.labels.values == 1, expected)


@pytest.mark.parametrize("way", ["enter", "double click"])
def test_polygon_is_closed_by_key_or_double_click(driver: MouseDriver, way: str) -> None:
    driver.canvas.tools.set_tool(Polygon())
    for place in [(200, 150), (400, 160), (420, 300)]:
        QTest.mouseClick(driver.canvas, LEFT, NO_KEY, QPoint(*place))
    if way == "enter":
        QTest.keyClick(driver.canvas, Qt.Key.Key_Return)
    else:
        QTest.mouseDClick(driver.canvas, LEFT, NO_KEY, QPoint(420, 300))
    assert [edit.name for edit in driver.edits] == ["Polygon, road"]
    assert not driver.canvas.is_busy


def test_points_are_undone_by_key_right_click_and_undo(driver: MouseDriver) -> None:
    tool = Polygon()
    driver.canvas.tools.set_tool(tool)
    for place in [(200, 150), (400, 160), (420, 300)]:
        QTest.mouseClick(driver.canvas, LEFT, NO_KEY, QPoint(*place))
    QTest.keyClick(driver.canvas, Qt.Key.Key_Backspace)
    QTest.mouseClick(driver.canvas, RIGHT, NO_KEY, QPoint(50, 50))
    assert driver.canvas.is_busy
    assert driver.canvas.undo_point()
    assert not driver.canvas.is_busy
    assert not driver.canvas.undo_point()
    assert driver.edits == []


def test_polygon_under_way_survives_losing_focus_but_not_esc(driver: MouseDriver) -> None:
    driver.canvas.tools.set_tool(Polygon())
    for place in [(200, 150), (400, 160), (420, 300)]:
        QTest.mouseClick(driver.canvas, LEFT, NO_KEY, QPoint(*place))
    _lose_focus(driver)
    _leave(driver)
    assert driver.canvas.is_busy
    QTest.keyClick(driver.canvas, Qt.Key.Key_Escape)
    assert not driver.canvas.is_busy
    assert driver.edits == []


def test_next_picture_finishes_a_polygon_on_the_picture_before(driver: MouseDriver) -> None:
    driver.canvas.tools.set_tool(Polygon())
    old = driver.labels
    for place in [(200, 150), (400, 160), (420, 300)]:
        QTest.mouseClick(driver.canvas, LEFT, NO_KEY, QPoint(*place))
    new = driver.open_picture()
    assert len(driver.edits) == 1
    assert driver.signals[-2:] == ["before", "edit"]
    assert old.values.any()
    assert not new.values.any()


def test_fill_by_click(driver: MouseDriver) -> None:
    driver.labels.values[50:100, 60:200] = 7
    driver.canvas.tools.set_tool(Fill())
    place = driver.canvas.widget_point(Point(100, 75)).toPoint()
    QTest.mouseClick(driver.canvas, LEFT, NO_KEY, place)
    expected = np.zeros((HEIGHT, WIDTH))
    expected[50:100, 60:200] = 1
    assert np.array_equal(driver.labels.values, expected)
    assert [edit.name for edit in driver.edits] == ["Fill, road"]


def test_actions_wheel_and_drag_resize_the_active_tool(driver: MouseDriver) -> None:
    QTest.mouseMove(driver.canvas, QPoint(300, 200))
    driver.canvas.tools.resize(1)
    assert driver.sizes[-1] == driver.canvas.tools.options.brush_radius > 8.3
    driver.canvas.tools.resize(-1)
    driver.wheel((300, 200), 3, SHIFT)
    assert driver.sizes[2] > driver.sizes[1] < driver.sizes[0]
    start = driver.canvas.tools.options.brush_radius
    driver.send(QEvent.Type.MouseButtonPress, (300, 200), RIGHT, RIGHT, ALT)
    driver.send(QEvent.Type.MouseMove, (364, 200), Qt.MouseButton.NoButton, RIGHT, ALT)
    driver.send(QEvent.Type.MouseButtonRelease, (364, 200), RIGHT, Qt.MouseButton.NoButton, ALT)
    assert driver.sizes[-1] == pytest.approx(start + 64 / driver.canvas.scale, abs=0.5)
    assert driver.canvas.tools.options.eraser_radius == 15
    assert driver.edits == []
    assert not driver.labels.values.any()


def test_smallest_brush_can_be_enlarged(driver: MouseDriver) -> None:
    driver.canvas.tools.set_radius(0.5)
    driver.canvas.tools.resize(1)
    assert driver.canvas.tools.options.brush_radius == 1.0
    driver.canvas.tools.resize(-1)
    driver.canvas.tools.resize(-1)
    assert driver.canvas.tools.options.brush_radius == 0.5


def test_space_and_middle_button_pan_without_painting(driver: MouseDriver) -> None:
    at = driver.points((300, 200))[0]
    driver.drag((300, 200), (340, 230), button=MIDDLE)
    QTest.keyPress(driver.canvas, Qt.Key.Key_Space)
    driver.drag((340, 230), (360, 250))
    QTest.keyRelease(driver.canvas, Qt.Key.Key_Space)
    assert driver.canvas.widget_point(at) == QPointF(360, 250)
    assert driver.edits == []
    assert not driver.labels.values.any()


def test_cursor_moved_reports_image_pixels(driver: MouseDriver) -> None:
    signals: list[Point | None] = []
    driver.canvas.cursor_moved.connect(signals.append)
    place = driver.canvas.widget_point(Point(30.5, 40.5)).toPoint()
    QTest.mouseMove(driver.canvas, place)
    assert signals[-1] == driver.canvas.cursor_point == driver.canvas.image_point(QPointF(place))
    QTest.mouseMove(driver.canvas, QPoint(1, 1))
    assert signals[-1] is None
    assert driver.canvas.cursor_point is None


def test_unclaimed_keys_are_left_to_the_window(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(400, 300)
    canvas = Canvas(window)
    seen: list[int] = []
    window.keyPressEvent = lambda event: seen.append(event.key())  # type: ignore[method-assign]
    window.show()
    qtbot.waitExposed(window)
    MouseDriver(canvas)
    keys = [
        Qt.Key.Key_Escape,
        Qt.Key.Key_Return,
        Qt.Key.Key_Backspace,
        Qt.Key.Key_Left,
        Qt.Key.Key_D,
        Qt.Key.Key_1,
    ]
    for key in keys:
        QTest.keyClick(canvas, key)
    QTest.keyClick(canvas, Qt.Key.Key_Space)
    assert seen == keys
