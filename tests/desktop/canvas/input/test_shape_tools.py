"""Lasso, rectangle, ellipse and polygon editing by mouse and keys on a real canvas."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from core.base.geometry import Box, Point
from core.images.pyramid import Pyramid
from core.labels.label_map import Edit, LabelMap
from core.labels.rasterization import ellipse, polygon, polygons
from core.tools.brush import Eraser
from core.tools.shapes.drag_shape import Lasso
from core.tools.shapes.polygon import Polygon
from core.tools.shapes.rectangle_ellipse import Ellipse, Rectangle
from core.tools.tool import Modifiers, Tool
from core.tools.tool_options import OutlineDetail
from desktop.canvas.canvas import Canvas
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.background_work import BackgroundWork

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
PLAIN, SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)
WIDTH, HEIGHT = 120, 80
PATIENCE_MS = 60_000
LOOP = [(20, 20), (70, 15), (100, 40), (80, 70), (30, 60)]


class ShapeDriver:
    """A shown canvas with a grey picture, worked in image pixels."""

    def __init__(self, canvas: Canvas, qtbot: QtBot) -> None:
        self.canvas, self.qtbot = canvas, qtbot
        self.working = BackgroundWork(MainThreadDispatcher(), canvas)
        self.edits: list[Edit] = []
        self.said: list[str] = []
        self.labels = LabelMap.blank(WIDTH, HEIGHT)
        canvas.tools.edit_finished.connect(self.edits.append)
        canvas.tools.message.connect(self.said.append)
        canvas.show_picture(Pyramid.build(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)), self.labels, None)
        canvas.tools.set_class(1, "road", (255, 0, 0))

    def take(self, tool: Tool) -> None:
        self.canvas.tools.set_tool(tool)

    def spot(self, x: float, y: float) -> QPoint:
        return self.canvas.widget_point(Point(x, y)).toPoint()

    def real(self, x: float, y: float) -> Point:
        """The image point that a mouse at whole widget pixels really means."""
        return self.canvas.image_point(QPointF(self.spot(x, y)))

    def drag(
        self,
        *path: tuple[float, float],
        button: Qt.MouseButton = LEFT,
        keys: Qt.KeyboardModifier = PLAIN,
        hold: bool = False,
    ) -> None:
        QTest.mouseMove(self.canvas, self.spot(*path[0]))
        QTest.mousePress(self.canvas, button, keys, self.spot(*path[0]))
        for place in path[1:]:
            QTest.mouseMove(self.canvas, self.spot(*place))
        if not hold:
            QTest.mouseRelease(self.canvas, button, keys, self.spot(*path[-1]))

    def click(self, x: float, y: float, keys: Qt.KeyboardModifier = PLAIN) -> None:
        QTest.mouseMove(self.canvas, self.spot(x, y))
        QTest.mouseClick(self.canvas, LEFT, keys, self.spot(x, y))

    def open_outline(self, x: float, y: float) -> None:
        """Alt+click, until the outline is there."""
        with self.qtbot.waitSignal(self.canvas.tools.message, timeout=PATIENCE_MS):
            self.click(x, y, ALT)

    def key(self, key: Qt.Key) -> None:
        QTest.keyClick(self.canvas, key)

    def names(self) -> list[str]:
        return [edit.name for edit in self.edits]

    def colour(self, x: float, y: float) -> tuple[int, int, int]:
        return self.canvas.grab().toImage().pixelColor(self.spot(x, y)).getRgb()[:3]


@pytest.fixture
def driver(qtbot: QtBot) -> Iterator[ShapeDriver]:
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(640, 480)
    canvas.show()
    qtbot.waitExposed(canvas)
    made = ShapeDriver(canvas, qtbot)
    yield made
    made.working.close()
    canvas.clear()


def covered(box: Box, mask: np.ndarray) -> np.ndarray:
    whole = np.zeros((HEIGHT, WIDTH), bool)
    whole[box.slices] = mask
    return whole


def test_lasso_closes_on_release(driver: ShapeDriver) -> None:
    driver.take(Lasso())
    driver.drag(*LOOP)
    assert driver.names() == ["Lasso, road"]
    expected = covered(*polygon([driver.real(*place) for place in LOOP]))
    assert np.array_equal(driver.labels.values == 1, expected)


def test_inside_of_a_shape_under_way_is_tinted(driver: ShapeDriver) -> None:
    driver.take(Lasso())
    bare = driver.colour(60.5, 40.5)
    driver.drag(*LOOP, hold=True)
    tinted = driver.colour(60.5, 40.5)
    assert tinted[0] > bare[0] and tinted[1] < bare[1]
    driver.key(Qt.Key.Key_Escape)
    assert driver.colour(60.5, 40.5) == bare
    assert driver.edits == [] and not driver.canvas.is_busy


@pytest.mark.parametrize("kind", [Lasso, Rectangle, Ellipse])
@pytest.mark.parametrize(("button", "keys"), [(RIGHT, PLAIN), (LEFT, CTRL)])
def test_right_button_and_ctrl_erase(
    driver: ShapeDriver, kind: type[Tool], button: Qt.MouseButton, keys: Qt.KeyboardModifier
) -> None:
    driver.labels.values[:] = 4
    driver.canvas.tools.set_class(None)  # taking away needs no class
    driver.take(kind())
    driver.drag(*LOOP, button=button, keys=keys)
    assert driver.names() == ["Erase"]
    assert driver.edits[0].pixels == np.count_nonzero(driver.labels.values == 0) > 100


def test_shift_and_alt_take_effect_during_a_drag(driver: ShapeDriver) -> None:
    driver.take(Ellipse())
    driver.drag((60, 40), (80, 50), hold=True)
    assert driver.said[-1] == "20 × 10 pixels"
    QTest.keyPress(driver.canvas, Qt.Key.Key_Shift)
    assert driver.said[-1] == "20 × 20 pixels"
    QTest.keyPress(driver.canvas, Qt.Key.Key_Alt, SHIFT)
    assert driver.said[-1] == "40 × 40 pixels"
    QTest.mouseRelease(driver.canvas, LEFT, SHIFT | ALT, driver.spot(80, 50))
    assert driver.names() == ["Ellipse, road"]
    assert np.array_equal(driver.labels.values == 1, covered(*ellipse(Box(40, 20, 80, 60))))


def test_interrupted_rectangle_is_finished(driver: ShapeDriver) -> None:
    driver.take(Rectangle())
    driver.drag((20, 20), (50, 60), hold=True)
    driver.take(Lasso())
    assert driver.names() == ["Rectangle, road"]
    assert np.array_equal(driver.labels.values == 1, covered(Box(20, 20, 50, 60), np.ones((40, 30), bool)))


SQUARE = [(20, 10), (80, 10), (80, 60), (20, 60)]
HOLE = [(40, 25), (60, 25), (60, 45)]


def test_polygon_points_are_dragged_and_a_hole_added(driver: ShapeDriver) -> None:
    driver.take(Polygon())
    for place in SQUARE:
        driver.click(*place)
    driver.drag((80, 10), (85, 7), (100, 5))
    driver.drag((50, 60), (50, 75))  # the middle of the lower edge
    driver.click(20, 60, CTRL)
    driver.click(*SQUARE[0], SHIFT)
    for place in HOLE:
        driver.click(*place)
    assert driver.edits == []
    driver.key(Qt.Key.Key_Return)
    assert driver.names() == ["Polygon, road"]
    outer = [driver.real(*place) for place in (SQUARE[0], (100, 5), SQUARE[2], (50, 75))]
    hole = [driver.real(*place) for place in HOLE]
    assert np.array_equal(driver.labels.values == 1, covered(*polygons([outer, hole])))


def test_delete_removes_the_point_under_the_pointer_and_backspace_restores_it(driver: ShapeDriver) -> None:
    driver.take(Polygon())
    for place in SQUARE:
        driver.click(*place)
    QTest.mouseMove(driver.canvas, driver.spot(80, 60))
    driver.key(Qt.Key.Key_Delete)
    driver.key(Qt.Key.Key_Delete)  # there is no corner any more
    driver.key(Qt.Key.Key_Backspace)
    driver.click(*SQUARE[0])
    expected = covered(*polygon([driver.real(*place) for place in SQUARE]))
    assert np.array_equal(driver.labels.values == 1, expected)


def test_outline_of_a_region_is_opened_edited_and_applied(driver: ShapeDriver) -> None:
    driver.labels.values[20:50, 30:70] = 6
    driver.labels.values[30:40, 45:55] = 0
    before = driver.labels.values.copy()
    driver.canvas.tools.class_picked.connect(lambda: driver.canvas.tools.set_class(6, "pond", (0, 0, 255)))
    driver.canvas.tools.options.detail = OutlineDetail.EXACT
    driver.take(Polygon())
    driver.open_outline(35, 25)
    driver.key(Qt.Key.Key_Return)
    assert driver.edits == [] and np.array_equal(driver.labels.values, before)
    driver.open_outline(35, 25)
    driver.drag((70, 50), (90, 70))
    driver.click(45, 30, CTRL)
    driver.key(Qt.Key.Key_Return)
    assert driver.names() == ["Edit outline, pond"]
    outer = [Point(30, 20), Point(70, 20), driver.real(90, 70), Point(30, 50)]
    hole = [Point(55, 30), Point(55, 40), Point(45, 40)]
    assert np.array_equal(driver.labels.values == 6, covered(*polygons([outer, hole])))
    assert np.array_equal(np.unique(driver.labels.values), [0, 6])


def test_click_action_opens_an_outline_like_a_mouse_click(driver: ShapeDriver) -> None:
    driver.labels.values[20:50, 30:70] = 6
    driver.take(Polygon())
    QTest.mouseMove(driver.canvas, driver.spot(50, 30))
    driver.canvas.click(Modifiers(alt=True))
    assert driver.canvas.is_busy
    driver.key(Qt.Key.Key_Escape)
    assert not driver.canvas.is_busy and driver.edits == []


def test_alt_click_with_the_brush_picks_the_class_and_paints_nothing(driver: ShapeDriver) -> None:
    picked: list[None] = []
    driver.canvas.tools.class_picked.connect(lambda: picked.append(None))
    driver.click(50, 30, ALT)
    driver.take(Eraser())
    driver.click(50, 30, ALT)
    assert len(picked) == 1 and driver.edits == []


def test_handles_rings_and_the_dragged_point_are_drawn(driver: ShapeDriver) -> None:
    driver.labels.values[20:60, 20:80] = 6
    driver.labels.values[30:50, 40:60] = 0
    driver.take(Polygon())
    driver.open_outline(25, 40)
    QTest.mouseMove(driver.canvas, driver.spot(110, 75))
    light = [driver.colour(*corner) for corner in [(20, 20), (80, 60), (40, 30), (60, 50)]]
    assert all(min(shade) > 200 for shade in light)
    edge, inside, hole = driver.colour(50, 20), driver.colour(30, 45), driver.colour(50, 40)
    assert edge[0] > 200 and edge[1] < 100
    assert inside[0] > hole[0] + 20
    QTest.mouseMove(driver.canvas, driver.spot(80, 60))
    held = driver.colour(80, 60)
    assert held[0] > 200 and held[1] < 100
