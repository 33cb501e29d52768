"""The smart tools by mouse, wheel and keys on a real canvas, with tasks on a real lane."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QSpinBox
from pytestqt.qtbot import QtBot

from core.base.geometry import Point
from core.images.pyramid import Pyramid
from core.labels.label_map import Edit, LabelMap
from core.tools.registry import create_tools
from core.tools.smart import superpixels
from desktop.canvas.canvas import Canvas
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.background_work import BackgroundWork
from tests.desktop.conftest import GuiDriver
from tests.tool_driver import disc_picture, iou

PATIENCE_MS = 60_000
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
PLAIN, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
CTRL = Qt.KeyboardModifier.ControlModifier
PICTURE, DISC = disc_picture()


class SmartToolDriver:
    """A canvas with a picture of a disc, and what came of it."""

    def __init__(self, canvas: Canvas, qtbot: QtBot) -> None:
        self.canvas, self.qtbot = canvas, qtbot
        self.edits: list[Edit] = []
        self.said: list[str] = []
        canvas.tools.edit_finished.connect(self.edits.append)

    @property
    def painted(self) -> np.ndarray:
        return self.canvas.tools.context().labels.values == 1

    def spot(self, x: float, y: float) -> QPoint:
        return self.canvas.widget_point(Point(x, y)).toPoint()

    def move(self, x: float, y: float) -> None:
        QTest.mouseMove(self.canvas, self.spot(x, y))

    def stroke(self, *way: tuple[float, float], button: Qt.MouseButton = LEFT) -> None:
        self.move(*way[0])
        QTest.mousePress(self.canvas, button, PLAIN, self.spot(*way[0]))
        for at in way[1:]:
            self.move(*at)
        QTest.mouseRelease(self.canvas, button, PLAIN, self.spot(*way[-1]))

    def key(self, key: Qt.Key) -> None:
        QTest.keyClick(self.canvas, key)

    def turn(self, x: float, y: float, notches: int, held: Qt.KeyboardModifier = SHIFT) -> None:
        place = self.canvas.widget_point(Point(x, y))
        event = QWheelEvent(
            place, self.canvas.mapToGlobal(place), QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton,
            held, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(self.canvas, event)

    def seen(self, x: float, y: float) -> tuple[int, int, int]:
        """The colour on screen."""
        colour: tuple[int, int, int] = self.canvas.grab().toImage().pixelColor(self.spot(x, y)).getRgb()[:3]
        return colour

    def until_seen_anew(self, x: float, y: float, before: tuple[int, int, int]) -> None:
        self.qtbot.waitUntil(lambda: self.seen(x, y) != before, timeout=PATIENCE_MS)

    def until_edit(self, number: int = 1) -> None:
        self.qtbot.waitUntil(lambda: len(self.edits) >= number, timeout=PATIENCE_MS)


@pytest.fixture
def driver(qtbot: QtBot, request: pytest.FixtureRequest) -> Iterator[SmartToolDriver]:
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(640, 480)
    canvas.show()
    qtbot.waitExposed(canvas)
    QTest.mouseMove(canvas, QPoint(1, 1))  # the test before may have left it where this one goes
    canvas.show_picture(Pyramid.build(PICTURE), LabelMap.blank(160, 120), None)
    canvas.tools.set_class(1, "road", (255, 0, 255))
    made = SmartToolDriver(canvas, qtbot)
    working = BackgroundWork(MainThreadDispatcher(), canvas)
    working.message.connect(made.said.append)
    canvas.tools.set_tool(create_tools()[request.param])
    yield made
    canvas.clear()
    working.close()


def with_tool(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("driver", [f"tool_{name}"], indirect=True)


@with_tool("wand")
def test_wand_by_click_and_drag(driver: SmartToolDriver) -> None:
    changed: list[int] = []
    driver.canvas.tools.options_changed.connect(lambda: changed.append(driver.canvas.tools.options.tolerance))
    driver.stroke((80, 60), (100, 60), (110, 60))
    driver.until_edit()
    assert changed and changed[-1] > 12
    assert iou(driver.painted, DISC) > 0.95
    assert driver.edits[0].name == "Magic wand, road"


@with_tool("wand")
def test_wheel_and_brackets_adjust_the_tolerance(driver: SmartToolDriver) -> None:
    driver.move(80, 60)
    driver.turn(80, 60, 3)
    wheel = driver.canvas.tools.options.tolerance
    driver.canvas.tools.resize(1)
    key = driver.canvas.tools.options.tolerance
    driver.canvas.tools.resize(-1)
    assert 12 < wheel < key
    assert driver.canvas.tools.options.tolerance < key
    assert not driver.painted.any()


@with_tool("scissors")
def test_scissors_by_clicks_along_an_edge_and_enter(driver: SmartToolDriver) -> None:
    for x, y in ((116, 60), (80, 96), (44, 60), (80, 24)):
        driver.stroke((x, y))
    driver.move(98, 29)
    driver.key(Qt.Key.Key_Backspace)
    driver.stroke((80, 24))
    driver.key(Qt.Key.Key_Return)
    driver.until_edit()
    assert driver.edits[0].name == "Intelligent scissors, road"
    # Where the ways were not known yet when the hand went on, the outline is straight.
    assert iou(driver.painted, DISC) > 0.55


@with_tool("scissors")
def test_scissors_outline_follows_the_edge(driver: SmartToolDriver) -> None:
    arcs = [(80, y / 2) for y in (*range(45, 52), *range(189, 196))]
    bare = [driver.seen(*at) for at in arcs]
    driver.stroke((116, 60))

    def bends() -> bool:
        driver.move(44, 61)
        driver.move(44, 60)
        return [driver.seen(*at) for at in arcs] != bare

    # The straight line from side to side is far from both arcs.
    driver.qtbot.waitUntil(bends, timeout=PATIENCE_MS)
    assert not driver.painted.any()


@with_tool("grabcut")
def test_grabcut_by_box_background_scribble_and_enter(driver: SmartToolDriver) -> None:
    bare = driver.seen(80, 60)
    driver.stroke((35, 15), (90, 90), (125, 105))
    driver.until_seen_anew(80, 60, bare)
    assert not driver.painted.any()
    filled = driver.seen(95, 40)
    driver.stroke((85, 30), (105, 50), button=RIGHT)
    driver.qtbot.waitUntil(lambda: driver.seen(97, 38) != filled, timeout=PATIENCE_MS)
    driver.key(Qt.Key.Key_Return)
    driver.until_edit()
    assert driver.edits[0].name == "GrabCut, road"
    assert driver.painted[60, 60] and not driver.painted[40, 95]


@with_tool("grabcut")
def test_esc_during_a_task_changes_nothing(driver: SmartToolDriver) -> None:
    bare = driver.seen(80, 60)
    driver.stroke((35, 15), (125, 105))
    driver.key(Qt.Key.Key_Escape)
    driver.key(Qt.Key.Key_Return)
    assert driver.edits == []
    driver.stroke((35, 15), (125, 105))
    driver.until_seen_anew(80, 60, bare)
    driver.key(Qt.Key.Key_Escape)
    assert not driver.painted.any() and driver.edits == [] and not driver.canvas.is_busy


@with_tool("superpixels")
def test_wheel_changes_the_segment_size_and_zooms_with_ctrl(driver: SmartToolDriver) -> None:
    driver.move(80, 60)
    scale, size = driver.canvas.scale, driver.canvas.tools.options.segment_size
    driver.turn(80, 60, 2, PLAIN)
    coarser = driver.canvas.tools.options.segment_size
    driver.turn(80, 60, 1, SHIFT)
    assert size < coarser < driver.canvas.tools.options.segment_size
    assert driver.canvas.scale == scale
    driver.turn(80, 60, 2, CTRL)
    assert driver.canvas.scale > scale
    driver.canvas.tools.set_tool(create_tools()["tool_wand"])
    driver.turn(80, 60, -2, PLAIN)
    assert driver.canvas.scale == scale


@with_tool("superpixels")
def test_drag_over_superpixels(driver: SmartToolDriver) -> None:
    bare = driver.seen(80, 60)
    driver.move(80, 60)
    driver.until_seen_anew(80, 60, bare)
    driver.turn(80, 60, -3)
    assert driver.canvas.tools.options.segment_size < 24
    driver.stroke((60, 60), (80, 60), (100, 60))
    driver.until_edit()
    assert driver.painted[60, 60:101].all() and len(driver.edits) == 1
    assert driver.edits[0].name == "Superpixels, road"


@with_tool("superpixels")
def test_cancelled_superpixels_are_computed_again(
    driver: SmartToolDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, find = threading.Event(), superpixels.compute_superpixels

    def slowly(*asked: object) -> object:
        go_on.wait(60)
        return find(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(superpixels, "compute_superpixels", slowly)
    bare = driver.seen(80, 60)
    driver.move(80, 60)
    assert driver.canvas.tools.is_waiting
    driver.key(Qt.Key.Key_Escape)
    assert not driver.canvas.tools.is_waiting
    go_on.set()
    driver.move(81, 60)
    driver.until_seen_anew(80, 60, bare)


@with_tool("watershed")
def test_watershed_by_one_stroke_inside_and_one_outside(driver: SmartToolDriver) -> None:
    bare = driver.seen(60, 45)
    driver.stroke((65, 60), (95, 60))
    assert driver.said == ["Now draw a stroke outside the object."]
    driver.stroke((20, 10), (140, 10), (140, 112), (20, 112), (20, 10))
    driver.until_seen_anew(60, 45, bare)
    driver.key(Qt.Key.Key_Return)
    driver.until_edit()
    assert iou(driver.painted, DISC) > 0.95
    assert driver.edits[0].name == "Watershed, road"


@with_tool("superpixels")
def test_another_tool_cancels_the_task(driver: SmartToolDriver) -> None:
    driver.move(80, 60)
    driver.canvas.tools.set_tool(create_tools()["tool_brush"])
    driver.stroke((20, 20))
    driver.until_edit()
    assert driver.edits[0].name == "Brush stroke, road" and not driver.canvas.is_busy


def test_shortcuts_select_and_adjust_the_tools(gui: GuiDriver) -> None:
    keys = ((Qt.Key.Key_C, PLAIN), (Qt.Key.Key_C, SHIFT), (Qt.Key.Key_S, PLAIN), (Qt.Key.Key_W, SHIFT))
    names = []
    for key, held in keys:
        gui.key(key, held)
        names.append(gui.canvas.tools.tool.name)
    assert names == ["scissors", "grabcut", "superpixels", "watershed"]
    gui.key(Qt.Key.Key_W)
    shown = gui.page.option_bar.controls.widget("tolerance").findChild(QSpinBox)
    assert shown is not None
    before = shown.value()
    gui.key(Qt.Key.Key_BracketRight)
    gui.key(Qt.Key.Key_BracketRight)
    assert shown.value() == gui.canvas.tools.options.tolerance > before


def test_smart_edit_is_stored_and_undone_in_one_step(gui: GuiDriver) -> None:
    gui.key(Qt.Key.Key_W)
    gui.canvas.tools.options.tolerance = 120
    gui.dab(0.25)
    assert gui.labelled_pixels > 100
    gui.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    gui.wait_until(lambda: gui.labelled_pixels == 0, "the undo")
