"""Undo names: known without asking the document after an own edit, and queried after any other change."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.base.changes import Changes
from core.base.errors import DiskError
from core.project.records import UndoNames
from core.session.loading.picture_loader import LoadedPicture
from desktop.tour.window_driver import CTRL, SHIFT
from tests.desktop.conftest import GuiDriver

pytestmark = pytest.mark.qt_log_ignore("does not support")


@pytest.fixture
def queries(gui: GuiDriver, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Ids of the pictures whose undo names were queried, in order."""
    asked: list[int] = []
    query = gui.session.editing.journal

    def counted(picture_id: int) -> object:
        asked.append(picture_id)
        return query(picture_id)

    monkeypatch.setattr(gui.session.editing, "journal", counted)
    return asked


def test_strokes_undo_and_redo_query_no_names(gui: GuiDriver, queries: list[int]) -> None:
    undo, redo = gui.page.option_bar.undo, gui.page.option_bar.redo
    gui.dab(0.3, 0.6)
    gui.wait(100)
    assert "Brush stroke" in undo.toolTip() and not redo.isEnabled()
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(redo.isEnabled, "the undone stroke", 10)
    assert "Brush stroke" in redo.toolTip() and "Brush stroke" in undo.toolTip()
    gui.key(Qt.Key.Key_Z, CTRL | SHIFT)
    gui.wait_until(lambda: not redo.isEnabled(), "the stroke redone", 10)
    gui.wait(100)
    assert queries == []


def test_another_change_of_the_picture_queries_its_names(gui: GuiDriver, queries: list[int]) -> None:
    shown = gui.record.id
    gui.session.editing.set_note(shown, "blurred")
    gui.wait_until(lambda: "Change note" in gui.page.option_bar.undo.toolTip(), "the name of the edit", 10)
    assert queries == [shown]
    gui.labelling.on_changes(Changes(pictures=frozenset([shown + 1])))
    assert queries == [shown]


def test_an_edit_that_the_disk_refuses_is_named_until_it_is_stored(
    gui: GuiDriver, queries: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    undo, edit_queue = gui.page.option_bar.undo, gui.labelling.edit_queue

    def refuse(*_: object) -> None:
        raise DiskError("The disk is full.")

    with monkeypatch.context() as full_disk:
        full_disk.setattr(gui.session.editing._project.journal, "commit", refuse)
        QTest.mouseClick(gui.canvas, Qt.MouseButton.LeftButton, pos=gui.position_of(0.3, 0.5))
        gui.wait_until(lambda: edit_queue.is_blocked, "the refused edit", 10)
        gui.session.editing.set_note(gui.record.id, "blurred")
        gui.wait_until(lambda: bool(queries), "the query", 10)
        gui.session.wait_until_saved()
        gui.wait(100)
        named = undo.toolTip()
    edit_queue._try_again()
    gui.wait_until(lambda: edit_queue.pending == 0, "the stored edit", 10)
    gui.wait(100)
    assert "Brush stroke" in named
    assert "Brush stroke" in undo.toolTip()


def test_a_label_read_before_a_change_does_not_discard_the_query_for_it(
    gui: GuiDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, session = gui.record.id, gui.session
    before = session.loader.load(shown).result(10)
    reading: Future[LoadedPicture] = Future()
    query: Future[UndoNames] = Future()
    asked: list[int] = []

    def journal(picture_id: int) -> Future[UndoNames]:
        asked.append(picture_id)
        return query

    monkeypatch.setattr(session.loader, "load", lambda _id: reading)
    monkeypatch.setattr(session.editing, "journal", journal)
    gui.labelling.reload()
    session.editing.set_note(shown, "blurred")
    gui.wait_until(lambda: bool(asked), "the query", 10)
    reading.set_result(before)
    gui.wait(50)
    query.set_result(UndoNames("Change note"))
    gui.wait(50)
    assert "Change note" in gui.page.option_bar.undo.toolTip()
