"""A deferred edit in a real window: undo, saving, another picture and closing lose nothing."""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QMessageBox

from core.project.files.rescue_file import read_edits
from core.project.project import PROJECT_FILE, Project
from core.tools import deferred
from core.tools.registry import create_tools
from tests.desktop.conftest import GuiDriver
from tests.factories import project_in

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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not delete a file that is open")
def test_deleted_project_is_said_at_once_and_every_stroke_kept(
    gui: GuiDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the strokes are saved to a file and brought back into a new project by the window."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    gui.canvas.tools.set_tool(create_tools()["tool_brush"])
    folder = gui.session.folder
    shutil.rmtree(gui.session.home)
    queue, strokes = gui.labelling.edit_queue, 5
    for number in range(strokes):
        QTest.mouseClick(gui.canvas, LEFT, pos=gui.position_of(0.1 + number * 0.2, 0.5))
    gui.wait_until(lambda: queue.is_blocked and "The project file is gone" in gui.said, "the sentence", 10)
    assert queue.pending == strokes and queue.stored_count == 0
    [automatic] = folder.glob("*.maskloop-rescue")
    assert automatic.name in gui.said
    gui.wait_until(lambda: len(list(read_edits(automatic))) == strokes, "all strokes in the file", 10)
    painted = gui.labelled_pixels
    chosen = tmp_path / "strokes.maskloop-rescue"
    monkeypatch.setattr(QMessageBox, "warning", lambda *_: QMessageBox.StandardButton.Save)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(chosen), ""))
    assert gui.window.close_project()
    assert len(list(read_edits(chosen))) == strokes

    project_in(folder).close()
    gui.window.open_project(folder)
    gui.wait_until(gui.has_picture, "a picture", 20)
    assert gui.labelled_pixels == 0
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(chosen), ""))
    gui.window.actions_by_id["bring_back_edits"].trigger()
    gui.wait_until(lambda: gui.labelled_pixels == painted, "the strokes", 10)
    assert "5 edits of 1 picture were brought back" in gui.said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not delete a file that is open")
def test_deleted_project_is_saved_again_by_the_window(
    gui: GuiDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stroke from before the deletion and one from after it are both there when it is open again."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    gui.canvas.tools.set_tool(create_tools()["tool_brush"])
    folder, home = gui.session.folder, gui.session.home
    QTest.mouseClick(gui.canvas, LEFT, pos=gui.position_of(0.2, 0.5))
    gui.wait_until_saved(1)
    shutil.rmtree(home)
    QTest.mouseClick(gui.canvas, LEFT, pos=gui.position_of(0.8, 0.5))
    gui.wait_until(lambda: gui.window.findChild(QMessageBox) is not None, "the question", 10)
    painted, before = gui.labelled_pixels, gui.session
    box = gui.window.findChild(QMessageBox)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    box.defaultButton().click()
    gui.wait_until((home / PROJECT_FILE).exists, "the file", 20)
    gui.wait_until(lambda: gui.window.context is not None and gui.session is not before, "the project", 20)
    gui.wait_until(lambda: gui.has_picture() and gui.labelled_pixels == painted, "both strokes", 20)
    assert not list(folder.glob("*.maskloop-rescue"))
    with Project.open_read_only(folder) as saved:
        assert len(saved.journal.history(gui.labelling.picture.id)) == 2
