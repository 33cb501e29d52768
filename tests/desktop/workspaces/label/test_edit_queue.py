"""A deferred edit in a real window: undo, saving, another picture and closing lose nothing."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.tools import deferred
from core.tools.registry import create_tools
from tests.desktop.conftest import Desk

LEFT = Qt.MouseButton.LeftButton
PLAIN, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def held(desk: Desk, go_on: threading.Event, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """A rectangle is drawn, and the other thread waits for the event before it paints it."""
    monkeypatch.setattr(deferred, "MAX_IMMEDIATE_PIXELS", 0)
    desk.canvas.tools.set_tool(create_tools()["tool_rectangle"])
    canvas, (start, end) = desk.canvas, (desk.position_of(0.2, 0.2), desk.position_of(0.6, 0.6))
    QTest.mousePress(canvas, LEFT, PLAIN, start)
    QTest.mouseMove(canvas, end)
    QTest.mouseRelease(canvas, LEFT, PLAIN, end)
    assert desk.labelled_pixels == 0 and desk.labelling.edit_queue.stored_count == 0
    return go_on


def test_undo_and_redo_of_a_deferred_edit(desk: Desk, held: threading.Event) -> None:
    desk.key(Qt.Key.Key_Z, CTRL)
    desk.wait_until(
        lambda: desk.labelled_pixels == 0 and desk.labelling.edit_queue.stored_count == 1, "the undo"
    )
    desk.key(Qt.Key.Key_Z, CTRL | Qt.KeyboardModifier.ShiftModifier)
    desk.wait_until(lambda: desk.labelled_pixels > 100, "the redo")


def test_esc_cancels_a_deferred_edit_without_an_undo_step(desk: Desk, held: threading.Event) -> None:
    desk.key(Qt.Key.Key_Escape)
    held.set()
    desk.key(Qt.Key.Key_Z, CTRL)
    desk.canvas.tools.set_tool(create_tools()["tool_brush"])
    desk.dab(0.9)
    assert desk.labelling.edit_queue.stored_count == 1


def test_saving_and_drawing_on_lose_nothing(desk: Desk, held: threading.Event) -> None:
    desk.window.actions_by_id["save"].trigger()
    assert desk.labelled_pixels > 100 and desk.labelling.edit_queue.pending == 1
    desk.wait_until_saved(1)


def test_showing_the_next_picture_finishes_a_deferred_edit(desk: Desk, held: threading.Event) -> None:
    first = desk.labelling.picture.id
    desk.window.actions_by_id["next_picture"].trigger()
    desk.wait_until(lambda: desk.labelling.picture.id != first, "the next picture")
    desk.wait_until_saved(1)
    assert desk.labelled_pixels == 0
    desk.window.actions_by_id["previous_picture"].trigger()
    desk.wait_until(
        lambda: desk.labelling.picture.id == first and desk.labelled_pixels > 100, "the first again"
    )


def test_closing_the_project_stores_a_deferred_edit(desk: Desk, held: threading.Event) -> None:
    folder, before = desk.session.folder, desk.labelling.picture.id
    desk.window.close_project()
    desk.window.open_project(folder)
    desk.wait_until(desk.has_picture, "a picture", 20)
    desk.wait_until(
        lambda: desk.labelling.picture.id == before and desk.labelled_pixels > 100, "what was drawn"
    )
