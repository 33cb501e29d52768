"""Strokes and shapes by mouse and keys on the real canvas, compared with brute force in image pixels."""

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


class Desk:
    """A shown canvas with a picture, and all it told."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.edits: list[Edit] = []
        self.told: list[str] = []
        self.sizes: list[float] = []
        canvas.tools.edit_finished.connect(self._edited)
        canvas.tools.before_edit.connect(lambda: self.told.append("before"))
        canvas.tools.needs_class.connect(lambda: self.told.append("needs class"))
        canvas.tools.brush_size_changed.connect(self.sizes.append)
        self.labels = self.open_picture()
        canvas.tools.set_class(1, "road", (230, 110, 40))
        canvas.tools.options.brush_radius = 8.3

    def _edited(self, edit: Edit) -> None:
        self.edits.append(edit)
        self.told.append("edit")

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
def desk(qtbot: QtBot) -> Iterator[Desk]:
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(640, 480)
    canvas.show()
    qtbot.waitExposed(canvas)
    yield Desk(canvas)
    canvas.clear()


def test_a_stroke_paints_what_lies_under_it(desk: Desk) -> None:
    path = desk.drag((200, 200), (300, 210), (340, 300), (205, 330))
    assert np.array_equal(desk.labels.values == 1, near(path, 8.3))
    assert [edit.name for edit in desk.edits] == ["Brush stroke, road"]
    assert desk.told == ["before", "edit"]


def test_a_click_is_a_dot_and_so_is_a_double_click(desk: Desk) -> None:
    QTest.mouseClick(desk.canvas, LEFT, NO_KEY, QPoint(200, 200))
    QTest.mouseDClick(desk.canvas, LEFT, NO_KEY, QPoint(400, 200))
    dots = [near(desk.points(place), 8.3) for place in ((200, 200), (400, 200))]
    assert np.array_equal(desk.labels.values == 1, dots[0] | dots[1])


def test_wide_jumps_leave_no_gaps_at_any_zoom(desk: Desk) -> None:
    desk.wheel((320, 240), 8)
    path = desk.drag((30, 40), (600, 50), (20, 450), (610, 460))
    assert np.array_equal(desk.labels.values == 1, near(path, 8.3))


@pytest.mark.parametrize(("button", "keys"), [(RIGHT, NO_KEY), (LEFT, CTRL)])
def test_the_right_button_and_ctrl_erase_with_the_brush(
    desk: Desk, button: Qt.MouseButton, keys: Qt.KeyboardModifier
) -> None:
    desk.labels.values[:] = 4
    path = desk.drag((200, 200), (300, 210), button=button, keys=keys)
    assert np.array_equal(desk.labels.values == 0, near(path, 8.3))
    assert [edit.name for edit in desk.edits] == ["Erase"]


def test_the_eraser_has_a_size_of_its_own(desk: Desk) -> None:
    desk.labels.values[:] = 4
    desk.canvas.tools.set_tool(Eraser())
    desk.canvas.tools.set_radius(20)
    path = desk.drag((200, 200), (300, 210))
    assert np.array_equal(desk.labels.values == 0, near(path, 20))
    assert desk.canvas.tools.options.brush_radius == 8.3


def test_void_is_painted_like_a_class(desk: Desk) -> None:
    desk.canvas.tools.set_class(VOID, "void", (128, 128, 128))
    path = desk.drag((200, 200), (300, 210))
    assert np.array_equal(desk.labels.values == VOID, near(path, 8.3))


def test_zooming_and_panning_in_the_middle_of_a_stroke(desk: Desk) -> None:
    path = desk.points((200, 200), (260, 220))
    QTest.mousePress(desk.canvas, LEFT, NO_KEY, QPoint(200, 200))
    QTest.mouseMove(desk.canvas, QPoint(260, 220))
    desk.wheel((260, 220), 3)
    before = desk.canvas.scale
    path += desk.points((260, 220), (300, 260))
    QTest.mouseMove(desk.canvas, QPoint(300, 260))
    desk.send(QEvent.Type.MouseButtonPress, (300, 260), MIDDLE, LEFT | MIDDLE)
    desk.send(QEvent.Type.MouseMove, (250, 200), Qt.MouseButton.NoButton, LEFT | MIDDLE)
    desk.send(QEvent.Type.MouseButtonRelease, (250, 200), MIDDLE, LEFT)
    QTest.keyPress(desk.canvas, Qt.Key.Key_Space)
    desk.send(QEvent.Type.MouseMove, (200, 240), Qt.MouseButton.NoButton, LEFT)
    QTest.keyRelease(desk.canvas, Qt.Key.Key_Space)
    path += desk.points((200, 240), (280, 300))
    desk.send(QEvent.Type.MouseMove, (280, 300), Qt.MouseButton.NoButton, LEFT)
    QTest.mouseRelease(desk.canvas, LEFT, NO_KEY, QPoint(280, 300))
    assert desk.canvas.scale == before > 2
    assert len(desk.edits) == 1
    # The picture keeps to whole device pixels, so the hand's place may differ by one after each of the jumps.
    painted, slack = desk.labels.values == 1, 1.5 / 2
    assert not (painted & ~near(path, 8.3 + slack)).any()
    assert not (~painted & near(path, 8.3 - slack)).any()


def test_escape_gives_the_labels_back_and_the_press_stays_dead(desk: Desk) -> None:
    desk.labels.values[:] = np.random.default_rng(0).integers(0, 5, desk.labels.values.shape)
    before = desk.labels.values.copy()
    QTest.mousePress(desk.canvas, LEFT, NO_KEY, QPoint(200, 200))
    QTest.mouseMove(desk.canvas, QPoint(300, 250))
    assert desk.canvas.is_busy
    QTest.keyClick(desk.canvas, Qt.Key.Key_Escape)
    QTest.mouseMove(desk.canvas, QPoint(400, 300))
    QTest.mouseRelease(desk.canvas, LEFT, NO_KEY, QPoint(400, 300))
    assert np.array_equal(desk.labels.values, before)
    assert desk.edits == []
    assert not desk.canvas.is_busy


def _lose_focus(desk: Desk) -> None:
    QApplication.sendEvent(
        desk.canvas, QFocusEvent(QEvent.Type.FocusOut, Qt.FocusReason.ActiveWindowFocusReason)
    )


def _leave(desk: Desk) -> None:
    QApplication.sendEvent(desk.canvas, QEvent(QEvent.Type.Leave))


@pytest.mark.parametrize(
    "interruption",
    [
        _lose_focus,
        _leave,
        lambda desk: desk.canvas.hide(),
        lambda desk: desk.canvas.clear("Gone", ""),
        lambda desk: desk.canvas.show_loading(),
        lambda desk: desk.canvas.tools.set_tool(Polygon()),
        lambda desk: desk.canvas.fit(),
        lambda desk: desk.canvas.finish_edit(),
        Desk.open_picture,
    ],
)
def test_no_interruption_loses_a_stroke(desk: Desk, interruption) -> None:
    labels = desk.labels
    path = desk.points((200, 200), (300, 250))
    QTest.mousePress(desk.canvas, LEFT, NO_KEY, QPoint(200, 200))
    QTest.mouseMove(desk.canvas, QPoint(300, 250))
    interruption(desk)
    assert len(desk.edits) == 1
    assert not labels.is_editing
    expected = near(path, 8.3)
    assert np.array_equal(labels.values == 1, expected)
    assert desk.edits[0].pixels == expected.sum()
    QTest.mouseMove(desk.canvas, QPoint(400, 300))
    QTest.mouseRelease(desk.canvas, LEFT, NO_KEY, QPoint(400, 300))
    assert np.array_equal(labels.values == 1, expected)
    assert len(desk.edits) == 1
    assert not desk.labels.is_editing


def test_a_layout_that_changes_under_the_hand_does_not_move_the_picture(desk: Desk) -> None:
    path = desk.points((200, 200), (300, 250), (320, 300))
    QTest.mousePress(desk.canvas, LEFT, NO_KEY, QPoint(200, 200))
    QTest.mouseMove(desk.canvas, QPoint(300, 250))
    desk.canvas.resize(500, 400)
    QTest.mouseMove(desk.canvas, QPoint(320, 300))
    QTest.mouseRelease(desk.canvas, LEFT, NO_KEY, QPoint(320, 300))
    assert np.array_equal(desk.labels.values == 1, near(path, 8.3))
    assert len(desk.edits) == 1


def test_without_a_class_nothing_is_painted_and_a_hint_is_asked_for(desk: Desk) -> None:
    desk.canvas.tools.set_class(None)
    desk.drag((200, 200), (300, 210))
    assert desk.told == ["needs class"]
    assert not desk.labels.values.any()
    desk.labels.values[:] = 3
    desk.drag((200, 200), (300, 210), button=RIGHT)
    assert [edit.name for edit in desk.edits] == ["Erase"]


def test_a_polygon_by_clicks_closed_on_its_first_corner(desk: Desk) -> None:
    desk.canvas.tools.set_tool(Polygon())
    corners = [(200, 150), (400, 160), (420, 300), (210, 310)]
    for place in [*corners, (203, 152)]:
        QTest.mouseMove(desk.canvas, QPoint(*place))
        QTest.mouseClick(desk.canvas, LEFT, NO_KEY, QPoint(*place))
    assert [edit.name for edit in desk.edits] == ["Polygon, road"]
    a, b, c, d = desk.points(*corners)
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    expected = np.ones((HEIGHT, WIDTH), bool)
    for start, end in ((a, b), (b, c), (c, d), (d, a)):  # convex: left of every edge
        expected &= (end.x - start.x) * (y - start.y) - (end.y - start.y) * (x - start.x) > 0
    assert np.array_equal(desk.labels.values == 1, expected)


@pytest.mark.parametrize("way", ["enter", "double click"])
def test_other_ways_to_close_a_polygon(desk: Desk, way: str) -> None:
    desk.canvas.tools.set_tool(Polygon())
    for place in [(200, 150), (400, 160), (420, 300)]:
        QTest.mouseClick(desk.canvas, LEFT, NO_KEY, QPoint(*place))
    if way == "enter":
        QTest.keyClick(desk.canvas, Qt.Key.Key_Return)
    else:
        QTest.mouseDClick(desk.canvas, LEFT, NO_KEY, QPoint(420, 300))
    assert [edit.name for edit in desk.edits] == ["Polygon, road"]
    assert not desk.canvas.is_busy


def test_corners_are_taken_back_by_key_by_right_click_and_by_the_window(desk: Desk) -> None:
    tool = Polygon()
    desk.canvas.tools.set_tool(tool)
    for place in [(200, 150), (400, 160), (420, 300)]:
        QTest.mouseClick(desk.canvas, LEFT, NO_KEY, QPoint(*place))
    QTest.keyClick(desk.canvas, Qt.Key.Key_Backspace)
    QTest.mouseClick(desk.canvas, RIGHT, NO_KEY, QPoint(50, 50))
    assert desk.canvas.is_busy
    assert desk.canvas.undo_point()
    assert not desk.canvas.is_busy
    assert not desk.canvas.undo_point()
    assert desk.edits == []


def test_a_polygon_under_way_outlives_a_look_elsewhere_but_not_escape(desk: Desk) -> None:
    desk.canvas.tools.set_tool(Polygon())
    for place in [(200, 150), (400, 160), (420, 300)]:
        QTest.mouseClick(desk.canvas, LEFT, NO_KEY, QPoint(*place))
    _lose_focus(desk)
    _leave(desk)
    assert desk.canvas.is_busy
    QTest.keyClick(desk.canvas, Qt.Key.Key_Escape)
    assert not desk.canvas.is_busy
    assert desk.edits == []


def test_another_picture_finishes_a_polygon_on_its_own_picture(desk: Desk) -> None:
    desk.canvas.tools.set_tool(Polygon())
    old = desk.labels
    for place in [(200, 150), (400, 160), (420, 300)]:
        QTest.mouseClick(desk.canvas, LEFT, NO_KEY, QPoint(*place))
    new = desk.open_picture()
    assert len(desk.edits) == 1
    assert desk.told[-2:] == ["before", "edit"]
    assert old.values.any()
    assert not new.values.any()


def test_fill_by_click(desk: Desk) -> None:
    desk.labels.values[50:100, 60:200] = 7
    desk.canvas.tools.set_tool(Fill())
    place = desk.canvas.widget_point(Point(100, 75)).toPoint()
    QTest.mouseClick(desk.canvas, LEFT, NO_KEY, place)
    expected = np.zeros((HEIGHT, WIDTH))
    expected[50:100, 60:200] = 1
    assert np.array_equal(desk.labels.values, expected)
    assert [edit.name for edit in desk.edits] == ["Fill, road"]


def test_actions_and_wheel_and_hand_change_the_size_of_the_active_tool(desk: Desk) -> None:
    QTest.mouseMove(desk.canvas, QPoint(300, 200))
    desk.canvas.tools.resize(1)
    assert desk.sizes[-1] == desk.canvas.tools.options.brush_radius > 8.3
    desk.canvas.tools.resize(-1)
    desk.wheel((300, 200), 3, SHIFT)
    assert desk.sizes[2] > desk.sizes[1] < desk.sizes[0]
    start = desk.canvas.tools.options.brush_radius
    desk.send(QEvent.Type.MouseButtonPress, (300, 200), RIGHT, RIGHT, ALT)
    desk.send(QEvent.Type.MouseMove, (364, 200), Qt.MouseButton.NoButton, RIGHT, ALT)
    desk.send(QEvent.Type.MouseButtonRelease, (364, 200), RIGHT, Qt.MouseButton.NoButton, ALT)
    assert desk.sizes[-1] == pytest.approx(start + 64 / desk.canvas.scale, abs=0.5)
    assert desk.canvas.tools.options.eraser_radius == 15
    assert desk.edits == []
    assert not desk.labels.values.any()


def test_the_smallest_brush_can_grow_again(desk: Desk) -> None:
    desk.canvas.tools.set_radius(0.5)
    desk.canvas.tools.resize(1)
    assert desk.canvas.tools.options.brush_radius == 1.0
    desk.canvas.tools.resize(-1)
    desk.canvas.tools.resize(-1)
    assert desk.canvas.tools.options.brush_radius == 0.5


def test_space_and_middle_drag_pan_without_painting(desk: Desk) -> None:
    at = desk.points((300, 200))[0]
    desk.drag((300, 200), (340, 230), button=MIDDLE)
    QTest.keyPress(desk.canvas, Qt.Key.Key_Space)
    desk.drag((340, 230), (360, 250))
    QTest.keyRelease(desk.canvas, Qt.Key.Key_Space)
    assert desk.canvas.widget_point(at) == QPointF(360, 250)
    assert desk.edits == []
    assert not desk.labels.values.any()


def test_the_pointer_is_told_in_image_pixels(desk: Desk) -> None:
    told: list[Point | None] = []
    desk.canvas.cursor_moved.connect(told.append)
    place = desk.canvas.widget_point(Point(30.5, 40.5)).toPoint()
    QTest.mouseMove(desk.canvas, place)
    assert told[-1] == desk.canvas.cursor_point == desk.canvas.image_point(QPointF(place))
    QTest.mouseMove(desk.canvas, QPoint(1, 1))
    assert told[-1] is None
    assert desk.canvas.cursor_point is None


def test_keys_that_the_tool_does_not_need_are_left_to_the_window(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(400, 300)
    canvas = Canvas(window)
    seen: list[int] = []
    window.keyPressEvent = lambda event: seen.append(event.key())  # type: ignore[method-assign]
    window.show()
    qtbot.waitExposed(window)
    Desk(canvas)
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
