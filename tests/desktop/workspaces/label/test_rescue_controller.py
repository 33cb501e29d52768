"""The real window while its project file is gone or the disk refuses: classes, batches and strokes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QMessageBox

from core.project.files.rescue_file import RescuedClasses, read_edits
from core.project.project import Project
from core.project.records import Status
from core.tools.registry import create_tools
from desktop.workspaces.label.classes.dialogs import DeleteClassDialog
from tests.core.project.faults import unix
from tests.desktop.conftest import GuiDriver

pytestmark = unix


@pytest.fixture(autouse=True)
def _nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a test fails, the window is closed with edits that wait: a modal question would wait for ever."""
    monkeypatch.setattr(QMessageBox, "warning", lambda *_: QMessageBox.StandardButton.Discard)


def question(gui: GuiDriver) -> QMessageBox | None:
    return next((box for box in gui.window.findChildren(QMessageBox) if box.isVisible()), None)


def move_away(gui: GuiDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    gui.canvas.tools.set_tool(create_tools()["tool_brush"])
    return gui.session.home.rename(gui.session.home.with_name(".away"))


def test_class_that_is_added_and_painted_while_the_file_is_gone(
    gui: GuiDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, folder = gui.session.home, gui.session.folder
    away = move_away(gui, tmp_path, monkeypatch)
    panel = gui.page.classes
    panel.name_field.setFocus()
    QTest.keyClicks(panel.name_field, "tree")
    QTest.keyClick(panel.name_field, Qt.Key.Key_Return)
    gui.wait_until(lambda: question(gui) is not None, "the question, before any stroke", 10)
    assert (
        gui.said.startswith("The project file is gone")
        and "project.sqlite was deleted" in gui.said
        and "are kept in" in gui.said
    )
    assert "Not saved" in gui.window.top_bar.saved.text.text()
    [rescue] = folder.glob("*.maskloop-rescue")
    assert [type(line) for line, _ in read_edits(rescue)] == [RescuedClasses]
    QTest.mouseClick(gui.canvas, Qt.MouseButton.LeftButton, pos=gui.position_of(0.5, 0.5))
    gui.wait_until(lambda: gui.labelling.edit_queue.is_blocked, "the refusal", 10)
    assert [c.name for c in gui.session.editing.classes] == ["grass", "roof", "tree"]
    painted = gui.label_values.copy()
    assert set(np.unique(painted)) == {0, 3}
    away.rename(home)
    gui.wait_until_saved(1)
    gui.wait_until(lambda: question(gui) is None, "the end of the question", 10)
    assert not rescue.exists() and gui.window.top_bar.saved.text.text() == "Saved"
    with Project.open_read_only(folder) as project:
        assert project.classes.read().name_of(3) == "tree"
        np.testing.assert_array_equal(project.labels.read(gui.labelling.picture.id, 96, 64), painted)


def test_status_alone_is_stored_when_the_file_is_back(
    gui: GuiDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else happens in the window: it tries again by itself. Until then closing asks."""
    home = gui.session.home
    away = move_away(gui, tmp_path, monkeypatch)
    picture_id = gui.labelling.picture.id
    gui.window.actions_by_id["mark_done"].trigger()
    gui.wait_until(lambda: question(gui) is not None, "the question", 10)
    asked: list[str] = []

    def ask(_window: object, _title: str, words: str, *_: object) -> QMessageBox.StandardButton:
        asked.append(words)
        return QMessageBox.StandardButton.Cancel

    monkeypatch.setattr(QMessageBox, "warning", ask)
    assert not gui.window.close_project() and asked[0].startswith("1 edit")
    away.rename(home)
    gui.wait_until(lambda: gui.session.pictures.get(picture_id).status == Status.DONE, "the status", 10)
    gui.wait_until(lambda: question(gui) is None, "the end of the question", 10)


def test_deleting_a_class_is_refused_while_the_file_is_gone(
    gui: GuiDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gui.canvas.tools.set_tool(create_tools()["tool_brush"])
    gui.dab(0.3)
    home, painted = gui.session.home, gui.label_values.copy()
    away = move_away(gui, tmp_path, monkeypatch)
    gui.labelling._class_operations.run("delete_class", 1)
    gui.wait_until(lambda: gui.window.findChild(DeleteClassDialog) is not None, "the dialog", 10)
    gui.window.findChild(DeleteClassDialog).accept()
    gui.wait_until(lambda: question(gui) is not None, "the question", 10)
    assert "nothing was changed" in gui.page.classes._error.text()
    assert [c.name for c in gui.session.editing.classes] == ["grass", "roof"]
    np.testing.assert_array_equal(gui.label_values, painted)
    away.rename(home)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    gui.dab(0.7)
    assert question(gui) is None
