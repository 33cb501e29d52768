"""A shape that is still to be painted, in the whole window: undo, saving, another picture and closing lose nothing."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.tools import deferred
from core.tools.registry import all_tools
from tests.desktop.conftest import Desk

LEFT = Qt.MouseButton.LeftButton
PLAIN, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def held(desk: Desk, go_on: threading.Event, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """A window in which a rectangle is drawn and the other thread held until the event."""
    monkeypatch.setattr(deferred, "AT_ONCE", 0)
    desk.canvas.set_tool(all_tools()["tool_rectangle"])
    canvas, (start, end) = desk.canvas, (desk.at(0.2, 0.2), desk.at(0.6, 0.6))
    QTest.mousePress(canvas, LEFT, PLAIN, start)
    QTest.mouseMove(canvas, end)
    QTest.mouseRelease(canvas, LEFT, PLAIN, end)
    assert desk.painted == 0 and desk.labelling.saving.strokes == 0
    return go_on


def test_undo_takes_back_what_was_pending_and_redo_brings_it(desk: Desk, held: threading.Event) -> None:
    desk.key(Qt.Key.Key_Z, CTRL)
    desk.until(lambda: desk.painted == 0 and desk.labelling.saving.strokes == 1, "the undo")
    desk.key(Qt.Key.Key_Z, CTRL | Qt.KeyboardModifier.ShiftModifier)
    desk.until(lambda: desk.painted > 100, "the redo")


def test_esc_in_the_window_leaves_no_step(desk: Desk, held: threading.Event) -> None:
    desk.key(Qt.Key.Key_Escape)
    held.set()
    desk.key(Qt.Key.Key_Z, CTRL)
    desk.canvas.set_tool(all_tools()["tool_brush"])
    desk.dab(0.9)
    assert desk.labelling.saving.strokes == 1


def test_saving_and_going_on_lose_nothing(desk: Desk, held: threading.Event) -> None:
    desk.window.actions_by_id["save"].trigger()
    assert desk.painted > 100 and desk.labelling.saving.pending == 1
    desk.until_saved(1)


def test_the_next_picture_finishes_it(desk: Desk, held: threading.Event) -> None:
    first = desk.labelling.hand.shown
    desk.window.actions_by_id["next_picture"].trigger()
    desk.until(lambda: desk.labelling.hand.shown != first, "the next picture")
    desk.until_saved(1)
    assert desk.painted == 0
    desk.window.actions_by_id["previous_picture"].trigger()
    desk.until(lambda: desk.labelling.hand.shown == first and desk.painted > 100, "the first again")


def test_closing_the_project_stores_it(desk: Desk, held: threading.Event) -> None:
    folder, before = desk.session.folder, desk.labelling.hand.shown
    desk.window.close_project()
    desk.window.open(folder)
    desk.until(desk.has_picture, "a picture", 20)
    desk.until(lambda: desk.labelling.hand.shown == before and desk.painted > 100, "what was drawn")
