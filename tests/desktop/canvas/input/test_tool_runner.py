"""Pens, mask previews and tools with background tasks on a real canvas."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QInputDevice, QPointingDevice, QTabletEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.base.errors import UserError
from core.base.geometry import Box, Point
from core.images.pyramid import Pyramid
from core.labels.label_map import LabelMap
from core.tools.edit_constraint import paint_mask
from core.tools.tool import NO_RESULT, BackgroundTask, MaskPreview, Modifiers, Tool, ToolContext, ToolResult
from desktop.canvas.canvas import Canvas
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.background_work import BackgroundWork

SQUARE = Box(10, 10, 30, 20)
PATIENCE_MS = 60_000


class TaskTool(Tool):
    """Promises a square; a click has it worked out elsewhere, and paints it."""

    name, title = "thinker", "TaskTool"

    def __init__(self, run: Callable[[Callable[[], bool]], object], quiet: bool = False) -> None:
        self._work = BackgroundTask("Thinking", run, quiet)

    def hover(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        return ToolResult(mask_preview=MaskPreview(SQUARE, np.ones((SQUARE.height, SQUARE.width), bool)))

    def press(self, stage: ToolContext, at: Point, modifiers: Modifiers) -> ToolResult:
        return ToolResult(task=self._work)

    def on_task_done(self, stage: ToolContext, result: object) -> ToolResult:
        if not isinstance(result, Box):
            return NO_RESULT
        stage.labels.begin_edit("Think", self.name, stage.class_value)
        dirty = paint_mask(stage, result, np.ones((result.height, result.width), bool))
        return ToolResult(dirty, stage.labels.finish_edit())


@pytest.fixture
def canvas(qtbot: QtBot) -> Iterator[Canvas]:
    made = Canvas()
    qtbot.addWidget(made)
    made.resize(480, 320)
    made.show()
    qtbot.waitExposed(made)
    made.show_picture(Pyramid.build(np.full((80, 120, 3), 60, np.uint8)), LabelMap.blank(120, 80), None)
    made.tools.set_class(1, "road", (255, 0, 0))
    yield made
    made.clear()


@pytest.fixture
def working(canvas: Canvas) -> Iterator[BackgroundWork]:
    made = BackgroundWork(MainThreadDispatcher(), canvas)
    yield made
    made.close()


def click(canvas: Canvas, x: float, y: float) -> None:
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.widget_point(Point(x, y)).toPoint())


def colour_at(canvas: Canvas, x: float, y: float) -> tuple[int, int, int]:
    spot = canvas.widget_point(Point(x, y)).toPoint()
    return canvas.grab().toImage().pixelColor(spot).getRgb()[:3]


def test_mask_preview_is_drawn_before_the_click(canvas: Canvas) -> None:
    bare = colour_at(canvas, 20.5, 15.5)
    canvas.tools.set_tool(TaskTool(lambda _unwanted: None))
    QTest.mouseMove(canvas, QPoint(200, 200))
    inside, outside = colour_at(canvas, 20.5, 15.5), colour_at(canvas, 60.5, 60.5)
    assert inside[0] > bare[0] + 60 and inside[1] < bare[1] and outside == bare
    assert not canvas.tools.context().labels.values.any()


def test_task_result_becomes_one_edit(canvas: Canvas, working: BackgroundWork, qtbot: QtBot) -> None:
    threads: list[threading.Thread] = []

    def run(_unwanted: Callable[[], bool]) -> object:
        threads.append(threading.current_thread())
        return SQUARE

    canvas.tools.set_tool(TaskTool(run))
    with qtbot.waitSignal(canvas.tools.edit_finished, timeout=PATIENCE_MS) as finished:
        click(canvas, 50, 50)
    assert finished.args[0].pixels == SQUARE.area
    assert canvas.tools.context().labels.values[SQUARE.slices].all()
    assert threads != [threading.main_thread()]


def test_cancelled_task_changes_nothing(canvas: Canvas, working: BackgroundWork, qtbot: QtBot) -> None:
    go_on, ended, asked = threading.Event(), threading.Event(), []

    def run(unwanted: Callable[[], bool]) -> object:
        go_on.wait(60)
        asked.append(unwanted())
        ended.set()
        return SQUARE

    canvas.tools.set_tool(TaskTool(run))
    click(canvas, 50, 50)
    canvas.finish_all()  # another picture or another tool
    go_on.set()
    qtbot.waitUntil(ended.is_set, timeout=PATIENCE_MS)
    QApplication.processEvents()
    assert asked == [True]
    assert not canvas.tools.context().labels.values.any()


def test_failed_task_shows_a_message(canvas: Canvas, working: BackgroundWork, qtbot: QtBot) -> None:
    def run(_unwanted: Callable[[], bool]) -> object:
        raise UserError("The outline is too short; draw it once around the thing.")

    canvas.tools.set_tool(TaskTool(run))
    with qtbot.waitSignal(working.message, timeout=PATIENCE_MS) as said:
        click(canvas, 50, 50)
    assert said.args == ["The outline is too short; draw it once around the thing."]
    assert not canvas.tools.context().labels.values.any()


def test_pen_paints_by_pressure_and_erases_with_its_other_end(canvas: Canvas) -> None:
    canvas.tools.options.brush_radius = 10
    light = pen_dab(canvas, (30, 40), 0.1)
    firm = pen_dab(canvas, (80, 40), 1.0)
    assert 0 < light < firm and canvas.has_pen
    assert pen_dab(canvas, (80, 40), 1.0, QPointingDevice.PointerType.Eraser) == -firm


def pen_dab(
    canvas: Canvas,
    at: tuple[int, int],
    pressure: float,
    end: QPointingDevice.PointerType = QPointingDevice.PointerType.Pen,
) -> int:
    """Put a pen down and lift it, as Qt tells it: a tablet event, then a mouse event. Returns pixels gained."""
    labels = canvas.tools.context().labels
    before = int(np.count_nonzero(labels.values))
    device = QPointingDevice(
        "pen", 1, QInputDevice.DeviceType.Stylus, end, QInputDevice.Capability.Pressure, 1, 3
    )
    place = canvas.widget_point(Point(*at))
    for kind, weight, held in (
        (QEvent.Type.TabletPress, pressure, Qt.MouseButton.LeftButton),
        (QEvent.Type.TabletRelease, 0.0, Qt.MouseButton.NoButton),
    ):
        event = QTabletEvent(
            kind, device, place, canvas.mapToGlobal(place), weight, 0, 0, 0, 0, 0,
            Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton, held,
        )  # fmt: skip
        QApplication.sendEvent(canvas, event)
        mouse = QTest.mousePress if kind == QEvent.Type.TabletPress else QTest.mouseRelease
        mouse(canvas, Qt.MouseButton.LeftButton, pos=QPointF(place).toPoint())
    return int(np.count_nonzero(labels.values)) - before


@pytest.mark.parametrize("quiet", [False, True])
def test_long_task_is_announced_until_it_ends(
    canvas: Canvas, working: BackgroundWork, qtbot: QtBot, quiet: bool
) -> None:
    go_on, heard = threading.Event(), []
    working.message.connect(heard.append)
    canvas.tools.set_tool(TaskTool(lambda _unwanted: go_on.wait(60) and SQUARE, quiet))
    click(canvas, 50, 50)
    qtbot.waitUntil(lambda: heard == ["Thinking… Esc cancels."], timeout=PATIENCE_MS)
    go_on.set()
    qtbot.waitUntil(lambda: heard == ["Thinking… Esc cancels.", ""], timeout=PATIENCE_MS)


def test_announcement_of_a_running_task_is_repeated(
    canvas: Canvas, working: BackgroundWork, qtbot: QtBot
) -> None:
    go_on, heard = threading.Event(), []
    working.message.connect(heard.append)
    working._task_status.repeat_timer.setInterval(30)
    canvas.tools.set_tool(TaskTool(lambda _unwanted: go_on.wait(60) and SQUARE))
    click(canvas, 50, 50)
    qtbot.waitUntil(lambda: len(heard) > 3, timeout=PATIENCE_MS)
    go_on.set()
    qtbot.waitUntil(lambda: heard[-1] == "", timeout=PATIENCE_MS)
    assert heard[0] == "Thinking… Esc cancels."
    assert all(re.fullmatch(r"Thinking… \d+ s\. Esc cancels\.", said) for said in heard[1:-1])
    said = len(heard)
    qtbot.wait(100)
    assert len(heard) == said, "it is over"
