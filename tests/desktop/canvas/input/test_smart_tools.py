"""The smart tools under a real hand: mouse, wheel and keys on the real canvas, with work on the real lane."""

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
from tests.desktop.conftest import Desk
from tests.tool_driver import disc_picture, iou

PATIENCE_MS = 60_000
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
PLAIN, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
CTRL = Qt.KeyboardModifier.ControlModifier
PICTURE, DISC = disc_picture()


class Table:
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
def table(qtbot: QtBot, request: pytest.FixtureRequest) -> Iterator[Table]:
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(640, 480)
    canvas.show()
    qtbot.waitExposed(canvas)
    QTest.mouseMove(canvas, QPoint(1, 1))  # the test before may have left it where this one goes
    canvas.show_picture(Pyramid.build(PICTURE), LabelMap.blank(160, 120), None)
    canvas.tools.set_class(1, "road", (255, 0, 255))
    made = Table(canvas, qtbot)
    working = BackgroundWork(MainThreadDispatcher(), canvas)
    working.message.connect(made.said.append)
    canvas.tools.set_tool(create_tools()[request.param])
    yield made
    canvas.clear()
    working.close()


def with_tool(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("table", [f"tool_{name}"], indirect=True)


@with_tool("wand")
def test_a_press_and_a_drag_with_the_wand(table: Table) -> None:
    changed: list[int] = []
    table.canvas.tools.options_changed.connect(lambda: changed.append(table.canvas.tools.options.tolerance))
    table.stroke((80, 60), (100, 60), (110, 60))
    table.until_edit()
    assert changed and changed[-1] > 12
    assert iou(table.painted, DISC) > 0.95
    assert table.edits[0].name == "Magic wand, road"


@with_tool("wand")
def test_the_wheel_and_the_brackets_turn_the_tolerance(table: Table) -> None:
    table.move(80, 60)
    table.turn(80, 60, 3)
    wheel = table.canvas.tools.options.tolerance
    table.canvas.tools.resize(1)
    key = table.canvas.tools.options.tolerance
    table.canvas.tools.resize(-1)
    assert 12 < wheel < key
    assert table.canvas.tools.options.tolerance < key
    assert not table.painted.any()


@with_tool("scissors")
def test_clicks_along_the_edge_and_enter(table: Table) -> None:
    for x, y in ((116, 60), (80, 96), (44, 60), (80, 24)):
        table.stroke((x, y))
    table.move(98, 29)
    table.key(Qt.Key.Key_Backspace)
    table.stroke((80, 24))
    table.key(Qt.Key.Key_Return)
    table.until_edit()
    assert table.edits[0].name == "Intelligent scissors, road"
    # Where the ways were not known yet when the hand went on, the outline is straight.
    assert iou(table.painted, DISC) > 0.55


@with_tool("scissors")
def test_the_outline_follows_the_edge(table: Table) -> None:
    arcs = [(80, y / 2) for y in (*range(45, 52), *range(189, 196))]
    bare = [table.seen(*at) for at in arcs]
    table.stroke((116, 60))

    def bends() -> bool:
        table.move(44, 61)
        table.move(44, 60)
        return [table.seen(*at) for at in arcs] != bare

    # The straight line from side to side is far from both arcs.
    table.qtbot.waitUntil(bends, timeout=PATIENCE_MS)
    assert not table.painted.any()


@with_tool("grabcut")
def test_a_box_a_stroke_against_and_enter(table: Table) -> None:
    bare = table.seen(80, 60)
    table.stroke((35, 15), (90, 90), (125, 105))
    table.until_seen_anew(80, 60, bare)
    assert not table.painted.any()
    filled = table.seen(95, 40)
    table.stroke((85, 30), (105, 50), button=RIGHT)
    table.qtbot.waitUntil(lambda: table.seen(97, 38) != filled, timeout=PATIENCE_MS)
    table.key(Qt.Key.Key_Return)
    table.until_edit()
    assert table.edits[0].name == "GrabCut, road"
    assert table.painted[60, 60] and not table.painted[40, 95]


@with_tool("grabcut")
def test_esc_while_it_thinks_leaves_all_as_it_was(table: Table) -> None:
    bare = table.seen(80, 60)
    table.stroke((35, 15), (125, 105))
    table.key(Qt.Key.Key_Escape)
    table.key(Qt.Key.Key_Return)
    assert table.edits == []
    table.stroke((35, 15), (125, 105))
    table.until_seen_anew(80, 60, bare)
    table.key(Qt.Key.Key_Escape)
    assert not table.painted.any() and table.edits == [] and not table.canvas.is_busy


@with_tool("superpixels")
def test_the_plain_wheel_changes_the_pieces_and_with_ctrl_it_zooms(table: Table) -> None:
    table.move(80, 60)
    scale, size = table.canvas.scale, table.canvas.tools.options.segment_size
    table.turn(80, 60, 2, PLAIN)
    coarser = table.canvas.tools.options.segment_size
    table.turn(80, 60, 1, SHIFT)
    assert size < coarser < table.canvas.tools.options.segment_size
    assert table.canvas.scale == scale
    table.turn(80, 60, 2, CTRL)
    assert table.canvas.scale > scale
    table.canvas.tools.set_tool(create_tools()["tool_wand"])
    table.turn(80, 60, -2, PLAIN)
    assert table.canvas.scale == scale


@with_tool("superpixels")
def test_a_drag_over_pieces(table: Table) -> None:
    bare = table.seen(80, 60)
    table.move(80, 60)
    table.until_seen_anew(80, 60, bare)
    table.turn(80, 60, -3)
    assert table.canvas.tools.options.segment_size < 24
    table.stroke((60, 60), (80, 60), (100, 60))
    table.until_edit()
    assert table.painted[60, 60:101].all() and len(table.edits) == 1
    assert table.edits[0].name == "Superpixels, road"


@with_tool("superpixels")
def test_pieces_that_were_given_up_are_looked_for_again(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, find = threading.Event(), superpixels.compute_superpixels

    def slowly(*asked: object) -> object:
        go_on.wait(60)
        return find(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(superpixels, "compute_superpixels", slowly)
    bare = table.seen(80, 60)
    table.move(80, 60)
    assert table.canvas.tools.is_waiting
    table.key(Qt.Key.Key_Escape)
    assert not table.canvas.tools.is_waiting
    go_on.set()
    table.move(81, 60)
    table.until_seen_anew(80, 60, bare)


@with_tool("watershed")
def test_a_stroke_inside_and_one_outside(table: Table) -> None:
    bare = table.seen(60, 45)
    table.stroke((65, 60), (95, 60))
    assert table.said == ["Now draw a stroke outside the object."]
    table.stroke((20, 10), (140, 10), (140, 112), (20, 112), (20, 10))
    table.until_seen_anew(60, 45, bare)
    table.key(Qt.Key.Key_Return)
    table.until_edit()
    assert iou(table.painted, DISC) > 0.95
    assert table.edits[0].name == "Watershed, road"


@with_tool("superpixels")
def test_another_tool_in_the_hand_ends_what_was_asked_for(table: Table) -> None:
    table.move(80, 60)
    table.canvas.tools.set_tool(create_tools()["tool_brush"])
    table.stroke((20, 20))
    table.until_edit()
    assert table.edits[0].name == "Brush stroke, road" and not table.canvas.is_busy


def test_keys_of_the_window_take_the_tools_and_turn_them(desk: Desk) -> None:
    keys = ((Qt.Key.Key_C, PLAIN), (Qt.Key.Key_C, SHIFT), (Qt.Key.Key_S, PLAIN), (Qt.Key.Key_W, SHIFT))
    names = []
    for key, held in keys:
        desk.key(key, held)
        names.append(desk.canvas.tools.tool.name)
    assert names == ["scissors", "grabcut", "superpixels", "watershed"]
    desk.key(Qt.Key.Key_W)
    shown = desk.page.option_bar.controls.widget("tolerance").findChild(QSpinBox)
    assert shown is not None
    before = shown.value()
    desk.key(Qt.Key.Key_BracketRight)
    desk.key(Qt.Key.Key_BracketRight)
    assert shown.value() == desk.canvas.tools.options.tolerance > before


def test_a_smart_edit_is_stored_and_one_undo_takes_it_back(desk: Desk) -> None:
    desk.key(Qt.Key.Key_W)
    desk.canvas.tools.options.tolerance = 120
    desk.dab(0.25)
    assert desk.labelled_pixels > 100
    desk.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    desk.wait_until(lambda: desk.labelled_pixels == 0, "the undo")
