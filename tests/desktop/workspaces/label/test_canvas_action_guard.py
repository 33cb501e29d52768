"""Actions about the active picture run only while the canvas is visible; impossible ones are disabled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from core.session.training.training_state import TrainingState
from desktop.tour.window_driver import CTRL, NO_MODIFIER, SHIFT
from desktop.workspaces.label.canvas_action_guard import ONLY_IN_LABEL
from tests.desktop.conftest import GuiDriver
from tests.factories import predict, project_in

pytestmark = pytest.mark.qt_log_ignore("does not support")

OTHERS = ("review", "train", "data", "learn")


@pytest.fixture
def predicted(gui: GuiDriver, tmp_path: Path) -> GuiDriver:
    """The first picture has a prediction and a stroke, and another tool than the brush is active."""
    with project_in(tmp_path / "predicted") as project:
        predict(project, project.pictures.all()[0].id)
    gui.window.open_project(tmp_path / "predicted")
    gui.wait_until(
        lambda: gui.has_picture() and gui.labelling.picture.prediction is not None, "a prediction", 20
    )
    gui.dab(0.5)
    gui.window.actions_by_id["tool_eraser"].trigger()
    return gui


def go(gui: GuiDriver, workspace: str) -> None:
    gui.window.actions_by_id[f"workspace_{workspace}"].trigger()
    gui.window.show_message("")


@pytest.mark.parametrize("workspace", OTHERS)
def test_shortcuts_do_not_change_a_hidden_picture(predicted: GuiDriver, workspace: str) -> None:
    gui = predicted
    before, shown, record = gui.label_values.copy(), gui.labelling.picture.id, gui.record
    actions = gui.window.actions_by_id
    pressed = (
        (Qt.Key.Key_Return, CTRL), (Qt.Key.Key_D, CTRL), (Qt.Key.Key_Z, CTRL), (Qt.Key.Key_R, NO_MODIFIER),
        (Qt.Key.Key_S, SHIFT), (Qt.Key.Key_D, NO_MODIFIER), (Qt.Key.Key_B, NO_MODIFIER), (Qt.Key.Key_H, CTRL),
    )  # fmt: skip
    for key, modifiers in pressed:
        go(gui, workspace)
        gui.key(key, modifiers, on=gui.window.workspaces.currentWidget())
        gui.wait_until(lambda: gui.said == ONLY_IN_LABEL, "where it works", 5)
    assert (gui.labelling.picture.id, gui.record) == (shown, record)
    assert np.array_equal(gui.label_values, before)
    assert actions["tool_eraser"].isChecked() and not actions["tool_brush"].isChecked()
    assert not any(
        actions[key].isChecked() for key in ("mark_done", "mark_review", "mark_skipped", "history")
    )
    go(gui, "label")
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: not gui.label_values.any(), "the stroke taken back in sight", 5)


def test_an_edit_of_the_whole_project_is_undone_in_its_workspace(gui: GuiDriver) -> None:
    gui.dab(0.5)
    before, editing, options = gui.label_values.copy(), gui.session.editing, gui.page.option_bar
    go(gui, "data")
    page = gui.window.workspaces.data
    editing.change_class(1, name="lawn").result(60)
    gui.wait_until(lambda: "Rename" in options.undo.toolTip(), "its name in undo", 5)
    gui.key(Qt.Key.Key_Z, CTRL, on=page)
    gui.wait_until(lambda: editing.classes.name_of(1) == "grass", "the name of before", 5)
    gui.wait_until(lambda: "Rename" in options.redo.toolTip(), "its name in redo", 5)
    gui.key(Qt.Key.Key_Z, CTRL, on=page)
    gui.wait_until(lambda: gui.said == ONLY_IN_LABEL, "the stroke stays", 5)
    assert np.array_equal(gui.label_values, before)
    gui.key(Qt.Key.Key_Y, CTRL, on=page)
    gui.wait_until(lambda: editing.classes.name_of(1) == "lawn", "the new name again", 5)


def test_only_possible_actions_are_enabled(gui: GuiDriver) -> None:
    actions, ending = gui.window.actions_by_id, {"pause_training", "stop_training"}
    similar = {
        key for key in actions if key.endswith("_similar")
    }  # until places like a correction are listed
    walk = {"previous_region", "region_right", "leave_regions"}
    folder = gui.session.folder
    gui.dab(0.5)
    assert similar
    disabled = {key for key, action in actions.items() if not action.isEnabled()}
    assert disabled == {"redo", *ending, *similar, *walk}
    gui.window.context.on_training(TrainingState("training"))
    assert all(actions[key].isEnabled() for key in ending)
    go(gui, "data")
    gui.window.close_project()
    for key in ("mark_done", "history", "hide_overlays"):
        actions[key].trigger()
        assert not actions[key].isChecked()
    offered = {key for key, action in actions.items() if action.isEnabled()}
    assert offered == {
        "open_folder", "settings", "quit", "theme_light", "theme_dark", "theme_system", "command_palette", "edit_keys",
        "cheat_sheet", "full_screen", "past_messages",
    }  # fmt: skip
    gui.window.open_project(folder)
    gui.wait_until(gui.has_picture, "the picture again", 20)
    assert actions["workspace_label"].isChecked() and actions["mark_done"].isEnabled()
    gui.wait_until(actions["undo"].isEnabled, "undo across a restart", 5)
