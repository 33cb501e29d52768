"""Large shapes are painted beside the window: what was drawn is never lost, and only Esc throws it away.

Nothing here is large: the size from which another thread paints is set to nothing.
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


class Table:
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
def table(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    monkeypatch.setattr(deferred, "MAX_IMMEDIATE_PIXELS", 0)
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(640, 480)
    canvas.show()
    qtbot.waitExposed(canvas)
    QTest.mouseMove(canvas, QPoint(1, 1))
    made = Table(canvas, qtbot, monkeypatch)
    yield made
    made.go_on.set()
    canvas.clear()
    made.working.close()


# Every tool, through the other thread


def test_a_rectangle(table: Table) -> None:
    table.take("rectangle")
    table.drag(*FRAME)
    table.until_edit()
    assert table.names() == ["Rectangle, road"]
    assert np.array_equal(table.painted, table.in_frame())
    assert table.edits[0].pixels == table.in_frame().sum()


def test_an_ellipse_that_erases(table: Table) -> None:
    table.labels.values[:] = 1
    table.take("ellipse")
    table.drag(*FRAME, button=RIGHT)
    table.until_edit()
    rows, columns = np.nonzero(table.in_frame())
    middle, half = (columns.mean(), rows.mean()), ((np.ptp(columns) + 1) / 2, (np.ptp(rows) + 1) / 2)
    y, x = np.ogrid[:HEIGHT, :WIDTH]
    erased = ((x - middle[0]) / half[0]) ** 2 + ((y - middle[1]) / half[1]) ** 2 <= 1
    assert table.names() == ["Erase"] and np.array_equal(~table.painted, erased)


def test_a_lasso(table: Table) -> None:
    table.take("lasso")
    table.drag(*LOOP)
    table.until_edit()
    assert table.names() == ["Lasso, road"] and np.array_equal(table.painted, table.in_loop())


def test_a_polygon_and_its_outline_opened_again(table: Table) -> None:
    table.take("polygon")
    table.click(*LOOP)
    table.key(Qt.Key.Key_Return)
    table.until_edit()
    assert table.names() == ["Polygon, road"] and np.array_equal(table.painted, table.in_loop())
    with table.qtbot.waitSignal(table.canvas.tools.message, timeout=PATIENCE_MS):
        table.click((60, 40), keys=Qt.KeyboardModifier.AltModifier)
    table.canvas.tools.set_class(2, "path", (0, 0, 255))
    table.key(Qt.Key.Key_Return)
    table.until_edit(2)
    assert table.names()[1] == "Edit outline, path"
    assert np.array_equal(table.labels.values == 2, table.in_loop()) and not table.painted.any()


def test_scissors_along_straight_lines(table: Table) -> None:
    table.take("scissors")
    table.click(*LOOP, keys=Qt.KeyboardModifier.AltModifier)
    table.key(Qt.Key.Key_Return)
    table.until_edit()
    assert table.names() == ["Intelligent scissors, road"]
    assert iou(table.painted, table.in_loop()) > 0.9  # the way home finds its own way


def test_a_wand(table: Table) -> None:
    table.take("wand")
    table.drag((60, 40), (61, 40))
    table.until_edit()
    assert table.names() == ["Magic wand, road"] and table.painted.all()


def test_a_fill_up_to_what_is_there(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill, "NEARBY_PIXELS", 4)  # so that its region has to be looked for too
    cv2.circle(table.labels.values, (60, 40), 25, 7, 3)
    regions = cv2.connectedComponents((table.labels.values == 0).astype(np.uint8), connectivity=4)[1]
    wanted = regions == regions[40, 60]
    table.take("fill")
    table.click((60, 40))
    table.until_edit()
    assert table.names() == ["Fill, road"] and np.array_equal(table.painted, wanted)


def test_a_region_is_moved_and_stays_chosen(table: Table) -> None:
    table.labels.values[10:30, 10:40] = 1
    table.take("region")
    table.click((20, 20))
    table.drag((20, 20), (50, 45))
    table.until_edit()
    start, end = table.real(20, 20), table.real(50, 45)
    dx, dy = round(end.x - start.x), round(end.y - start.y)
    wanted = np.zeros((HEIGHT, WIDTH), bool)
    wanted[10 + dy : 30 + dy, 10 + dx : 40 + dx] = True
    assert np.array_equal(table.painted, wanted)
    table.drag((50, 45), (20, 20))
    table.until_edit(2)
    assert table.painted[10:30, 10:40].all() and table.painted.sum() == 600


# While it is pending


def test_what_was_drawn_is_seen_until_it_is_painted(table: Table) -> None:
    table.hold()
    table.take("lasso")
    bare = table.colour(60.5, 40.5)
    table.drag(*LOOP)
    table.canvas.tools.set_class(2, "path", (0, 0, 255))
    QTest.mouseMove(table.canvas, table.spot(5, 5))
    seen = table.colour(60.5, 40.5)
    assert seen[0] > bare[0] and seen[2] < bare[2], "in the colour that it will have"
    assert table.edits == [] and not table.painted.any()
    table.qtbot.waitUntil(lambda: "Lasso, road… Esc cancels." in table.said, timeout=PATIENCE_MS)
    table.go_on.set()
    table.until_edit()
    assert np.array_equal(table.painted, table.in_loop())
    assert table.said[-1] == ""


def test_it_means_what_was_set_when_the_hand_let_go(table: Table) -> None:
    table.hold()
    table.labels.values[:, 30:] = 7
    table.canvas.tools.options.over = PaintOver.SAME
    table.take("rectangle")
    table.drag((40, 10), (10, 50))  # begins on 7
    table.canvas.tools.options.over = PaintOver.ALL
    table.canvas.tools.options.locked = frozenset({7})
    table.canvas.tools.set_class(2, "path", (0, 0, 255))
    table.go_on.set()
    table.until_edit()
    assert (table.labels.values[12:48, 30:38] == 1).all() and not table.labels.values[:, :30].any()


def test_esc_throws_it_away(table: Table) -> None:
    table.hold()
    table.take("rectangle")
    table.drag(*FRAME)
    before = table.colour(30.5, 30.5)
    assert table.canvas.tools.is_waiting
    table.key(Qt.Key.Key_Escape)
    assert not table.canvas.tools.is_waiting and not table.labels.is_editing
    assert table.colour(30.5, 30.5) != before, "the tint has gone"
    table.go_on.set()
    table.until_ended()
    assert table.edits == [] and not table.labels.values.any()
    table.drag(*FRAME)
    table.until_edit()
    assert np.array_equal(table.painted, table.in_frame())


def test_esc_when_all_but_the_end_is_painted(table: Table) -> None:
    is_there = table.hold_midway()
    table.take("rectangle")
    table.drag(*FRAME)
    assert is_there.wait(PATIENCE_S)
    table.key(Qt.Key.Key_Escape)
    assert not table.canvas.tools.is_waiting and table.labels.is_editing, (
        "the other thread has to see it first"
    )
    table.go_on.set()
    table.qtbot.waitUntil(lambda: not table.labels.is_editing, timeout=PATIENCE_MS)
    assert not table.labels.values.any()
    table.take("lasso")
    table.drag(*LOOP)
    table.until_edit()
    assert table.names() == ["Lasso, road"] and np.array_equal(table.painted, table.in_loop())


def brush_beside(table: Table) -> None:
    table.take("brush")
    table.canvas.tools.options.brush_radius = 3
    table.click((100, 70))


def erase_inside(table: Table) -> None:
    table.take("eraser")
    table.canvas.tools.options.eraser_radius = 3
    table.click((30, 30))


@pytest.mark.parametrize("act", [brush_beside, erase_inside])
@pytest.mark.parametrize("midway", [False, True])
def test_another_press_comes_after_it(table: Table, act: Callable[[Table], None], midway: bool) -> None:
    is_there = table.hold_midway() if midway else threading.Event()
    if not midway:
        table.hold()
    table.take("rectangle")
    table.drag(*FRAME)
    if midway:
        assert is_there.wait(PATIENCE_S)
        threading.Timer(0.05, table.go_on.set).start()  # the press waits for the other thread
    act(table)
    assert len(table.edits) == 2 and table.names()[0] == "Rectangle, road"
    dab = table.edits[1]
    spot = np.zeros((HEIGHT, WIDTH), bool)
    spot[dab.box.slices] = True
    assert np.array_equal(table.painted[~spot], table.in_frame()[~spot])
    assert table.painted[30, 30] == (act is brush_beside) and dab.pixels > 20
    table.go_on.set()
    if not midway:
        table.until_ended()
    assert len(table.edits) == 2, "the other thread comes too late"


def test_a_tool_that_is_put_down_does_not_wait_and_loses_nothing(table: Table) -> None:
    table.hold()
    table.take("polygon")
    table.click(*LOOP)
    table.take("brush")  # finishes the polygon
    assert table.edits == [] and table.canvas.tools.is_waiting
    table.go_on.set()
    table.until_edit()
    assert np.array_equal(table.painted, table.in_loop())


def test_another_picture_finishes_it_in_the_one_that_leaves(table: Table) -> None:
    table.hold()
    table.take("fill")
    table.click((60, 40))
    old = table.labels
    new = table.show()
    assert table.names() == ["Fill, road"] and (old.values == 1).all() and not new.values.any()
    table.go_on.set()
    table.until_ended()
    assert len(table.edits) == 1 and not new.values.any()


def test_leaving_the_window_neither_waits_nor_loses_it(table: Table) -> None:
    table.hold()
    table.take("rectangle")
    table.drag(*FRAME)
    table.canvas.clearFocus()
    table.canvas.hide()
    assert table.edits == []
    table.go_on.set()
    table.until_edit()
    assert np.array_equal(table.painted, table.in_frame())


def test_what_a_hover_asks_for_neither_waits_nor_is_lost(table: Table) -> None:
    table.hold()
    table.take("rectangle")
    table.drag(*FRAME)
    QTest.mouseMove(table.canvas, table.spot(80, 60))
    bare = table.colour(80.5, 60.5)
    ended, take = threading.Event(), table.canvas.tools.deliver_result

    def hear(work: object, result: object) -> None:
        take(work, result)  # type: ignore[arg-type]
        ended.set()

    table.canvas.tools.deliver_result = hear  # type: ignore[method-assign]
    table.take("superpixels")
    table.qtbot.waitUntil(ended.is_set, timeout=PATIENCE_MS)
    assert table.edits == [] and table.canvas.tools.is_waiting, "it waits until the label is free"
    table.go_on.set()
    table.until_edit()
    assert np.array_equal(table.painted, table.in_frame())
    table.qtbot.waitUntil(lambda: table.colour(80.5, 60.5) != bare, timeout=PATIENCE_MS)


def test_what_cannot_be_painted_is_told_and_leaves_the_label_free(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_asked: object) -> object:
        raise MemoryError("no room for it")

    table.take("rectangle")
    with monkeypatch.context() as patch, table.qtbot.captureExceptions() as mistakes:
        patch.setattr(drag_shape, "paint_shape", fails)
        table.drag(*FRAME)
        table.qtbot.waitUntil(lambda: len(mistakes) == 1, timeout=PATIENCE_MS)
    assert isinstance(mistakes[0][1], MemoryError)
    assert not table.labels.is_editing and not table.canvas.tools.is_waiting
    table.drag(*FRAME)
    table.until_edit()
    assert np.array_equal(table.painted, table.in_frame())
