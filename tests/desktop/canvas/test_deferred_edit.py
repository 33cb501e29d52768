"""Deferred edits: large shapes are painted on another thread, are never lost, and only Esc discards them.

The shapes here are small: the size from which edits are deferred is set to zero.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.base.geometry import Point
from core.images.pyramid import Pyramid
from core.labels.deferred_edit import DeferredEdit
from core.labels.label_map import Edit, LabelMap
from core.tools import deferred, fill
from core.tools.registry import create_tools
from core.tools.shapes import drag_shape
from core.tools.tool_options import PaintOver
from desktop.canvas.canvas import Canvas
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.background_work import BackgroundWork
from tests.tool_driver import iou

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
PLAIN, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
WIDTH, HEIGHT = 120, 80
PATIENCE_MS, PATIENCE_S = 60_000, 60
LOOP = [(20, 20), (70, 15), (100, 40), (80, 70), (30, 60)]
FRAME = [(10, 10), (60, 50)]


class DeferredDriver:
    """A canvas with a grey picture, and a worker that can be held."""

    def __init__(self, canvas: Canvas, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
        self.canvas, self.qtbot, self._patch = canvas, qtbot, monkeypatch
        self.working = BackgroundWork(MainThreadDispatcher(), canvas)
        self.said: list[str] = []
        self.edits: list[Edit] = []
        self.ended: list[DeferredEdit] = []
        """Those that the other thread is done with."""
        self.go_on = threading.Event()
        self.working.message.connect(self.said.append)
        canvas.tools.edit_finished.connect(self.edits.append)
        self.labels = self.show()
        canvas.tools.set_class(1, "road", (255, 0, 0))

    def show(self) -> LabelMap:
        """Another picture."""
        labels = LabelMap.blank(WIDTH, HEIGHT)
        self.canvas.show_picture(Pyramid.build(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)), labels, None)
        return labels

    @property
    def painted(self) -> np.ndarray:
        return self.labels.values == 1

    def hold(self) -> None:
        """From now on the other thread does not begin before `go_on`."""
        carry_out = DeferredEdit.run

        def held(deferred: DeferredEdit) -> None:
            elsewhere = threading.current_thread() is not threading.main_thread()
            if elsewhere:
                assert self.go_on.wait(PATIENCE_S)
            carry_out(deferred)
            if elsewhere:
                self.ended.append(deferred)

        self._patch.setattr(DeferredEdit, "run", held)

    def hold_midway(self) -> threading.Event:
        """From now on the other thread stops when all is painted and nothing finished; the event says that it has."""
        paint, is_there = drag_shape.paint_shape, threading.Event()

        def held(*asked: object) -> object:
            dirty = paint(*asked)  # type: ignore[arg-type]
            if threading.current_thread() is not threading.main_thread():
                is_there.set()
                assert self.go_on.wait(PATIENCE_S)
            return dirty

        self._patch.setattr(drag_shape, "paint_shape", held)
        return is_there

    def until_ended(self, number: int = 1) -> None:
        """Until the other thread has had its say, and the window has heard it."""
        self.qtbot.waitUntil(lambda: len(self.ended) >= number, timeout=PATIENCE_MS)
        self.qtbot.wait(20)
        QApplication.processEvents()

    def until_edit(self, number: int = 1) -> None:
        self.qtbot.waitUntil(lambda: len(self.edits) >= number, timeout=PATIENCE_MS)

    def names(self) -> list[str]:
        return [edit.name for edit in self.edits]

    def take(self, tool: str) -> None:
        self.canvas.tools.set_tool(create_tools()[f"tool_{tool}"])

    def spot(self, x: float, y: float) -> QPoint:
        return self.canvas.widget_point(Point(x, y)).toPoint()

    def real(self, x: float, y: float) -> Point:
        """The image point that a mouse at whole widget pixels really means."""
        return self.canvas.image_point(QPointF(self.spot(x, y)))

    def drag(self, *path: tuple[float, float], button: Qt.MouseButton = LEFT) -> None:
        QTest.mouseMove(self.canvas, self.spot(*path[0]))
        QTest.mousePress(self.canvas, button, PLAIN, self.spot(*path[0]))
        for place in path[1:]:
            QTest.mouseMove(self.canvas, self.spot(*place))
        QTest.mouseRelease(self.canvas, button, PLAIN, self.spot(*path[-1]))

    def click(self, *path: tuple[float, float], keys: Qt.KeyboardModifier = PLAIN) -> None:
        for place in path:
            QTest.mouseMove(self.canvas, self.spot(*place))
            QTest.mouseClick(self.canvas, LEFT, keys, self.spot(*place))

    def key(self, key: Qt.Key) -> None:
        QTest.keyClick(self.canvas, key)

    def colour(self, x: float, y: float) -> tuple[int, int, int]:
        return self.canvas.grab().toImage().pixelColor(self.spot(x, y)).getRgb()[:3]

    def in_frame(self) -> np.ndarray:
        """The pixels of a rectangle dragged over `FRAME`."""
        (x0, y0), (x1, y1) = ((round(p.x), round(p.y)) for p in (self.real(*FRAME[0]), self.real(*FRAME[1])))
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[y0:y1, x0:x1] = True
        return mask

    def in_loop(self) -> np.ndarray:
        """The pixels whose centre lies in `LOOP`, asked of OpenCV one by one."""
        outline = np.array([self.real(*place) for place in LOOP], np.float32) - 0.5
        return np.array(
            [[cv2.pointPolygonTest(outline, (x, y), False) > 0 for x in range(WIDTH)] for y in range(HEIGHT)]
        )


@pytest.fixture
def driver(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[DeferredDriver]:
    monkeypatch.setattr(deferred, "MAX_IMMEDIATE_PIXELS", 0)
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(640, 480)
    canvas.show()
    qtbot.waitExposed(canvas)
    QTest.mouseMove(canvas, QPoint(1, 1))
    made = DeferredDriver(canvas, qtbot, monkeypatch)
    yield made
    made.go_on.set()
    canvas.clear()
    made.working.close()


# Every tool, through the other thread


def test_rectangle(driver: DeferredDriver) -> None:
    driver.take("rectangle")
    driver.drag(*FRAME)
    driver.until_edit()
    assert driver.names() == ["Rectangle, road"]
    assert np.array_equal(driver.painted, driver.in_frame())
    assert driver.edits[0].pixels == driver.in_frame().sum()


def test_erasing_ellipse(driver: DeferredDriver) -> None:
    driver.labels.values[:] = 1
    driver.take("ellipse")
    driver.drag(*FRAME, button=RIGHT)
    driver.until_edit()
    rows, columns = np.nonzero(driver.in_frame())
    middle, half = (columns.mean(), rows.mean()), ((np.ptp(columns) + 1) / 2, (np.ptp(rows) + 1) / 2)
    y, x = np.ogrid[:HEIGHT, :WIDTH]
    erased = ((x - middle[0]) / half[0]) ** 2 + ((y - middle[1]) / half[1]) ** 2 <= 1
    assert driver.names() == ["Erase"] and np.array_equal(~driver.painted, erased)


def test_lasso(driver: DeferredDriver) -> None:
    driver.take("lasso")
    driver.drag(*LOOP)
    driver.until_edit()
    assert driver.names() == ["Lasso, road"] and np.array_equal(driver.painted, driver.in_loop())


def test_polygon_and_its_reopened_outline(driver: DeferredDriver) -> None:
    driver.take("polygon")
    driver.click(*LOOP)
    driver.key(Qt.Key.Key_Return)
    driver.until_edit()
    assert driver.names() == ["Polygon, road"] and np.array_equal(driver.painted, driver.in_loop())
    with driver.qtbot.waitSignal(driver.canvas.tools.message, timeout=PATIENCE_MS):
        driver.click((60, 40), keys=Qt.KeyboardModifier.AltModifier)
    driver.canvas.tools.set_class(2, "path", (0, 0, 255))
    driver.key(Qt.Key.Key_Return)
    driver.until_edit(2)
    assert driver.names()[1] == "Edit outline, path"
    assert np.array_equal(driver.labels.values == 2, driver.in_loop()) and not driver.painted.any()


def test_scissors_along_straight_lines(driver: DeferredDriver) -> None:
    driver.take("scissors")
    driver.click(*LOOP, keys=Qt.KeyboardModifier.AltModifier)
    driver.key(Qt.Key.Key_Return)
    driver.until_edit()
    assert driver.names() == ["Intelligent scissors, road"]
    assert iou(driver.painted, driver.in_loop()) > 0.9  # the way home finds its own way


def test_wand(driver: DeferredDriver) -> None:
    driver.take("wand")
    driver.drag((60, 40), (61, 40))
    driver.until_edit()
    assert driver.names() == ["Magic wand, road"] and driver.painted.all()


def test_fill_up_to_existing_labels(driver: DeferredDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill, "NEARBY_PIXELS", 4)  # so that its region has to be looked for too
    cv2.circle(driver.labels.values, (60, 40), 25, 7, 3)
    regions = cv2.connectedComponents((driver.labels.values == 0).astype(np.uint8), connectivity=4)[1]
    wanted = regions == regions[40, 60]
    driver.take("fill")
    driver.click((60, 40))
    driver.until_edit()
    assert driver.names() == ["Fill, road"] and np.array_equal(driver.painted, wanted)


def test_moved_region_stays_selected(driver: DeferredDriver) -> None:
    driver.labels.values[10:30, 10:40] = 1
    driver.take("region")
    driver.click((20, 20))
    driver.drag((20, 20), (50, 45))
    driver.until_edit()
    start, end = driver.real(20, 20), driver.real(50, 45)
    dx, dy = round(end.x - start.x), round(end.y - start.y)
    wanted = np.zeros((HEIGHT, WIDTH), bool)
    wanted[10 + dy : 30 + dy, 10 + dx : 40 + dx] = True
    assert np.array_equal(driver.painted, wanted)
    driver.drag((50, 45), (20, 20))
    driver.until_edit(2)
    assert driver.painted[10:30, 10:40].all() and driver.painted.sum() == 600


# While it is pending


def test_preview_is_drawn_until_the_edit_is_done(driver: DeferredDriver) -> None:
    driver.hold()
    driver.take("lasso")
    bare = driver.colour(60.5, 40.5)
    driver.drag(*LOOP)
    driver.canvas.tools.set_class(2, "path", (0, 0, 255))
    QTest.mouseMove(driver.canvas, driver.spot(5, 5))
    seen = driver.colour(60.5, 40.5)
    assert seen[0] > bare[0] and seen[2] < bare[2], "in the colour that it will have"
    assert driver.edits == [] and not driver.painted.any()
    driver.qtbot.waitUntil(lambda: "Lasso, road… Esc cancels." in driver.said, timeout=PATIENCE_MS)
    driver.go_on.set()
    driver.until_edit()
    assert np.array_equal(driver.painted, driver.in_loop())
    assert driver.said[-1] == ""


def test_edit_uses_the_class_and_options_of_the_release(driver: DeferredDriver) -> None:
    driver.hold()
    driver.labels.values[:, 30:] = 7
    driver.canvas.tools.options.over = PaintOver.SAME
    driver.take("rectangle")
    driver.drag((40, 10), (10, 50))  # begins on 7
    driver.canvas.tools.options.over = PaintOver.ALL
    driver.canvas.tools.options.locked = frozenset({7})
    driver.canvas.tools.set_class(2, "path", (0, 0, 255))
    driver.go_on.set()
    driver.until_edit()
    assert (driver.labels.values[12:48, 30:38] == 1).all() and not driver.labels.values[:, :30].any()


def test_esc_discards_the_edit(driver: DeferredDriver) -> None:
    driver.hold()
    driver.take("rectangle")
    driver.drag(*FRAME)
    before = driver.colour(30.5, 30.5)
    assert driver.canvas.tools.is_waiting
    driver.key(Qt.Key.Key_Escape)
    assert not driver.canvas.tools.is_waiting and not driver.labels.is_editing
    assert driver.colour(30.5, 30.5) != before, "the tint has gone"
    driver.go_on.set()
    driver.until_ended()
    assert driver.edits == [] and not driver.labels.values.any()
    driver.drag(*FRAME)
    driver.until_edit()
    assert np.array_equal(driver.painted, driver.in_frame())


def test_esc_just_before_the_edit_is_finished(driver: DeferredDriver) -> None:
    is_there = driver.hold_midway()
    driver.take("rectangle")
    driver.drag(*FRAME)
    assert is_there.wait(PATIENCE_S)
    driver.key(Qt.Key.Key_Escape)
    assert not driver.canvas.tools.is_waiting and driver.labels.is_editing, (
        "the other thread has to see it first"
    )
    driver.go_on.set()
    driver.qtbot.waitUntil(lambda: not driver.labels.is_editing, timeout=PATIENCE_MS)
    assert not driver.labels.values.any()
    driver.take("lasso")
    driver.drag(*LOOP)
    driver.until_edit()
    assert driver.names() == ["Lasso, road"] and np.array_equal(driver.painted, driver.in_loop())


def brush_beside(driver: DeferredDriver) -> None:
    driver.take("brush")
    driver.canvas.tools.options.brush_radius = 3
    driver.click((100, 70))


def erase_inside(driver: DeferredDriver) -> None:
    driver.take("eraser")
    driver.canvas.tools.options.eraser_radius = 3
    driver.click((30, 30))


@pytest.mark.parametrize("act", [brush_beside, erase_inside])
@pytest.mark.parametrize("midway", [False, True])
def test_next_press_waits_for_the_edit(
    driver: DeferredDriver, act: Callable[[DeferredDriver], None], midway: bool
) -> None:
    is_there = driver.hold_midway() if midway else threading.Event()
    if not midway:
        driver.hold()
    driver.take("rectangle")
    driver.drag(*FRAME)
    if midway:
        assert is_there.wait(PATIENCE_S)
        threading.Timer(0.05, driver.go_on.set).start()  # the press waits for the other thread
    act(driver)
    assert len(driver.edits) == 2 and driver.names()[0] == "Rectangle, road"
    dab = driver.edits[1]
    spot = np.zeros((HEIGHT, WIDTH), bool)
    spot[dab.box.slices] = True
    assert np.array_equal(driver.painted[~spot], driver.in_frame()[~spot])
    assert driver.painted[30, 30] == (act is brush_beside) and dab.pixels > 20
    driver.go_on.set()
    if not midway:
        driver.until_ended()
    assert len(driver.edits) == 2, "the other thread comes too late"


def test_changing_the_tool_does_not_wait_and_keeps_the_edit(driver: DeferredDriver) -> None:
    driver.hold()
    driver.take("polygon")
    driver.click(*LOOP)
    driver.take("brush")  # finishes the polygon
    assert driver.edits == [] and driver.canvas.tools.is_waiting
    driver.go_on.set()
    driver.until_edit()
    assert np.array_equal(driver.painted, driver.in_loop())


def test_next_picture_finishes_the_edit_in_the_picture_before(driver: DeferredDriver) -> None:
    driver.hold()
    driver.take("fill")
    driver.click((60, 40))
    old = driver.labels
    new = driver.show()
    assert driver.names() == ["Fill, road"] and (old.values == 1).all() and not new.values.any()
    driver.go_on.set()
    driver.until_ended()
    assert len(driver.edits) == 1 and not new.values.any()


def test_losing_focus_does_not_wait_and_keeps_the_edit(driver: DeferredDriver) -> None:
    driver.hold()
    driver.take("rectangle")
    driver.drag(*FRAME)
    driver.canvas.clearFocus()
    driver.canvas.hide()
    assert driver.edits == []
    driver.go_on.set()
    driver.until_edit()
    assert np.array_equal(driver.painted, driver.in_frame())


def test_task_of_a_hover_is_delivered_after_the_edit(driver: DeferredDriver) -> None:
    driver.hold()
    driver.take("rectangle")
    driver.drag(*FRAME)
    QTest.mouseMove(driver.canvas, driver.spot(80, 60))
    bare = driver.colour(80.5, 60.5)
    ended, take = threading.Event(), driver.canvas.tools.deliver_result

    def hear(work: object, result: object) -> None:
        take(work, result)  # type: ignore[arg-type]
        ended.set()

    driver.canvas.tools.deliver_result = hear  # type: ignore[method-assign]
    driver.take("superpixels")
    driver.qtbot.waitUntil(ended.is_set, timeout=PATIENCE_MS)
    assert driver.edits == [] and driver.canvas.tools.is_waiting, "it waits until the label is free"
    driver.go_on.set()
    driver.until_edit()
    assert np.array_equal(driver.painted, driver.in_frame())
    driver.qtbot.waitUntil(lambda: driver.colour(80.5, 60.5) != bare, timeout=PATIENCE_MS)


def test_failed_edit_is_reported_and_releases_the_label(
    driver: DeferredDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_asked: object) -> object:
        raise MemoryError("no room for it")

    driver.take("rectangle")
    with monkeypatch.context() as patch, driver.qtbot.captureExceptions() as mistakes:
        patch.setattr(drag_shape, "paint_shape", fails)
        driver.drag(*FRAME)
        driver.qtbot.waitUntil(lambda: len(mistakes) == 1, timeout=PATIENCE_MS)
    assert isinstance(mistakes[0][1], MemoryError)
    assert not driver.labels.is_editing and not driver.canvas.tools.is_waiting
    driver.drag(*FRAME)
    driver.until_edit()
    assert np.array_equal(driver.painted, driver.in_frame())
