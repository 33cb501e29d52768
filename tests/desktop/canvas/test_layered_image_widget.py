"""The canvas without a picture: messages, loading, focus and cursors; and its memory use while working."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent, QImage, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from core.base.geometry import Box
from core.images.pyramid import Pyramid
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from core.tools.brush import Brush, Eraser
from core.tools.fill import Fill
from core.tools.shapes.polygon import Polygon
from core.tools.tool import Tool
from desktop.canvas.canvas import Canvas

LEFT, NO_KEY = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def canvas(qtbot: QtBot) -> Iterator[Canvas]:
    made = Canvas()
    qtbot.addWidget(made)
    made.resize(600, 400)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.clear()


def open_picture(canvas: Canvas, width: int = 300, height: int = 200) -> LabelMap:
    labels = LabelMap.blank(width, height)
    canvas.show_picture(Pyramid.build(np.full((height, width, 3), 120, np.uint8)), labels, None)
    canvas.tools.set_class(1, "road", (230, 110, 40))
    return labels


def inked(canvas: Canvas) -> tuple[slice, slice] | None:
    """Rows and columns of what differs from the plain ground."""
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    grey = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    rows, columns = np.nonzero(grey[:, : image.width()] != grey[0, 0])
    if not rows.size:
        return None
    return slice(int(rows.min()), int(rows.max())), slice(int(columns.min()), int(columns.max()))


def test_message_is_centred(canvas: Canvas) -> None:
    canvas.clear("Drop a folder of pictures here", "Nothing in the folder is changed.")
    place = inked(canvas)
    assert place is not None
    rows, columns = place
    assert (rows.start + rows.stop) / 2 == pytest.approx(200, abs=12)
    assert (columns.start + columns.stop) / 2 == pytest.approx(300, abs=6)
    canvas.clear()
    assert inked(canvas) is None


def test_loading_message_appears_after_a_delay(canvas: Canvas, qtbot: QtBot) -> None:
    open_picture(canvas)
    canvas.show_loading()
    assert inked(canvas) is None
    assert canvas.cursor_point is None
    qtbot.waitUntil(lambda: inked(canvas) is not None, timeout=3000)
    open_picture(canvas)
    canvas.show_loading()
    assert inked(canvas) is None


def test_without_a_picture_mouse_and_keys_do_nothing(canvas: Canvas) -> None:
    canvas.clear("Nothing here", "")
    QTest.mouseClick(canvas, LEFT, NO_KEY, QPoint(200, 200))
    QTest.mouseMove(canvas, QPoint(220, 200))
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Escape, Qt.Key.Key_BracketRight):
        QTest.keyClick(canvas, key)
    canvas.zoom_by(2)
    canvas.fit()
    canvas.set_prediction(None)
    assert canvas.cursor_point is None
    assert not canvas.is_busy
    assert canvas.tools.options.brush_radius == 15


def test_canvas_has_an_accessible_name(canvas: Canvas) -> None:
    assert canvas.accessibleName() == "Canvas"
    assert canvas.accessibleDescription()
    assert canvas.focusPolicy() == Qt.FocusPolicy.StrongFocus


@pytest.mark.parametrize("tool", [Brush(), Eraser(), Polygon(), Fill()])
def test_each_tool_has_texts_and_a_cursor(canvas: Canvas, tool: Tool) -> None:
    assert tool.name
    assert tool.title[0].isupper()
    assert tool.help_line.endswith(".")
    open_picture(canvas)
    canvas.tools.set_tool(tool)
    assert canvas.cursor().shape() == Qt.CursorShape.BitmapCursor
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    assert canvas.cursor().shape() == Qt.CursorShape.OpenHandCursor
    QTest.mousePress(canvas, LEFT, NO_KEY, QPoint(300, 200))
    assert canvas.cursor().shape() == Qt.CursorShape.ClosedHandCursor
    QTest.mouseRelease(canvas, LEFT, NO_KEY, QPoint(300, 200))
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert canvas.cursor().shape() == Qt.CursorShape.BitmapCursor


def test_canvas_under_the_pointer_takes_the_focus_unless_somebody_types(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(500, 300)
    canvas, field, other = Canvas(window), QLineEdit(window), QWidget(window)
    other.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    place = QPointF(50, 50)
    enter = QEnterEvent(place, place, canvas.mapToGlobal(place))
    field.setFocus()
    QApplication.sendEvent(canvas, enter)
    assert field.hasFocus()
    other.setFocus()
    QApplication.sendEvent(canvas, enter)
    assert canvas.hasFocus()


def test_busy_tool_claims_keys_before_shortcuts(canvas: Canvas) -> None:
    open_picture(canvas)

    def is_claimed(key: Qt.Key, held: Qt.KeyboardModifier = NO_KEY) -> bool:
        event = QKeyEvent(QEvent.Type.ShortcutOverride, key, held)
        event.ignore()
        QApplication.sendEvent(canvas, event)
        return event.isAccepted()

    keys = (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Backspace)
    assert not any(is_claimed(key) for key in keys)
    canvas.tools.set_tool(Polygon())
    QTest.mouseClick(canvas, LEFT, NO_KEY, QPoint(300, 200))
    assert all(is_claimed(key) for key in keys)
    assert not is_claimed(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert not is_claimed(Qt.Key.Key_B)
    canvas.finish_all()


def test_working_allocates_nothing_of_the_size_of_the_picture(canvas: Canvas) -> None:
    side = 5000
    labels = LabelMap.blank(side, side)
    said = np.ones((side, side), np.uint8)
    pyramid = Pyramid.build(np.zeros((side, side, 3), np.uint8))
    canvas.show_picture(pyramid, labels, PredictedMask(said, said))
    canvas.tools.set_class(1, "road", (230, 110, 40))
    canvas.grab()
    tracemalloc.start()
    for zoom in (1.0, 4.0, 4.0, 0.1):
        canvas.zoom_at(QPointF(300, 200), zoom)
        QTest.mousePress(canvas, LEFT, NO_KEY, QPoint(200, 200))
        QTest.mouseMove(canvas, QPoint(260, 220))
        canvas.grab()
        QTest.mouseRelease(canvas, LEFT, NO_KEY, QPoint(260, 220))
        canvas.pan_by(QPointF(33, 20))
        canvas.grab()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert labels.values.any()
    assert peak < side * side / 10


def test_only_tiles_in_which_a_prediction_differs_are_drawn_again(canvas: Canvas) -> None:
    open_picture(canvas, 600, 400)
    canvas.set_palette(np.array([[n, 255 - n, n] for n in range(256)], np.uint8))
    before = np.full((400, 600), 20, np.uint8)
    after = before.copy()
    after[300:, 550:] = 200
    certain = np.full_like(before, 255)
    canvas.set_prediction(PredictedMask(before, certain))
    canvas.grab()
    canvas.set_prediction(PredictedMask(after, certain))
    compositor = canvas._compositor
    changed = compositor.view.device_box(Box(512, 256, 600, 400), margin=4)
    damaged = compositor._buffers.overlay._damaged
    assert damaged
    assert all(box.intersection(changed) == box for box in damaged)
    partly = canvas.grab().toImage()
    compositor.damage_all()
    assert canvas.grab().toImage() == partly
    canvas.set_prediction(PredictedMask(after.copy(), certain))
    assert compositor._buffers.overlay.is_up_to_date
