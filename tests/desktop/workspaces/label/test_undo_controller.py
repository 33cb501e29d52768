"""Undo names: known without asking the document after an own edit, and queried after any other change."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from core.base.changes import Changes
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
