"""A deferred edit in a real window: undo, saving, another picture and closing lose nothing."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.tools import deferred
from core.tools.registry import create_tools
from tests.desktop.conftest import GuiDriver

LEFT = Qt.MouseButton.LeftButton
PLAIN, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def held(gui: GuiDriver, go_on: threading.Event, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """A rectangle is drawn, and the other thread waits for the event before it paints it."""
    monkeypatch.setattr(deferred, "MAX_IMMEDIATE_PIXELS", 0)
    gui.canvas.tools.set_tool(create_tools()["tool_rectangle"])
    canvas, (start, end) = gui.canvas, (gui.position_of(0.2, 0.2), gui.position_of(0.6, 0.6))
    QTest.mousePress(canvas, LEFT, PLAIN, start)
    QTest.mouseMove(canvas, end)
    QTest.mouseRelease(canvas, LEFT, PLAIN, end)
    assert gui.labelled_pixels == 0 and gui.labelling.edit_queue.stored_count == 0
    return go_on


def test_undo_and_redo_of_a_deferred_edit(gui: GuiDriver, held: threading.Event) -> None:
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(
        lambda: gui.labelled_pixels == 0 and gui.labelling.edit_queue.stored_count == 1, "the undo"
    )
    gui.key(Qt.Key.Key_Z, CTRL | Qt.KeyboardModifier.ShiftModifier)
    gui.wait_until(lambda: gui.labelled_pixels > 100, "the redo")


def test_esc_cancels_a_deferred_edit_without_an_undo_step(gui: GuiDriver, held: threading.Event) -> None:
    gui.key(Qt.Key.Key_Escape)
    held.set()
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.canvas.tools.set_tool(create_tools()["tool_brush"])
    gui.dab(0.9)
    assert gui.labelling.edit_queue.stored_count == 1


def test_saving_and_drawing_on_lose_nothing(gui: GuiDriver, held: threading.Event) -> None:
    gui.window.actions_by_id["save"].trigger()
    assert gui.labelled_pixels > 100 and gui.labelling.edit_queue.pending == 1
    gui.wait_until_saved(1)


def test_showing_the_next_picture_finishes_a_deferred_edit(gui: GuiDriver, held: threading.Event) -> None:
    first = gui.labelling.picture.id
    gui.window.actions_by_id["next_picture"].trigger()
    gui.wait_until(lambda: gui.labelling.picture.id != first, "the next picture")
    gui.wait_until_saved(1)
    assert gui.labelled_pixels == 0
    gui.window.actions_by_id["previous_picture"].trigger()
    gui.wait_until(lambda: gui.labelling.picture.id == first and gui.labelled_pixels > 100, "the first again")


def test_closing_the_project_stores_a_deferred_edit(gui: GuiDriver, held: threading.Event) -> None:
    folder, before = gui.session.folder, gui.labelling.picture.id
    gui.window.close_project()
    gui.window.open_project(folder)
    gui.wait_until(gui.has_picture, "a picture", 20)
    gui.wait_until(lambda: gui.labelling.picture.id == before and gui.labelled_pixels > 100, "what was drawn")
