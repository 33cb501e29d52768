"""Actions about the active picture run only while the canvas is visible; impossible ones are disabled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from core.session.training.training_state import TrainingState
from desktop.tour.window_driver import CTRL, NO_MODIFIER, SHIFT
from desktop.workspaces.label.visibility_guard import ONLY_IN_LABEL
from tests.desktop.conftest import Desk
from tests.factories import predict, project_in

pytestmark = pytest.mark.qt_log_ignore("does not support")

OTHERS = ("review", "train", "data", "learn")


@pytest.fixture
def predicted(desk: Desk, tmp_path: Path) -> Desk:
    """The first picture has a prediction and a stroke, and another tool than the brush is active."""
    with project_in(tmp_path / "predicted") as project:
        predict(project, project.pictures.all()[0].id)
    desk.window.open_project(tmp_path / "predicted")
    desk.wait_until(
        lambda: desk.has_picture() and desk.labelling.picture.prediction is not None, "a prediction", 20
    )
    desk.dab(0.5)
    desk.window.actions_by_id["tool_eraser"].trigger()
    return desk


def go(desk: Desk, workspace: str) -> None:
    desk.window.actions_by_id[f"workspace_{workspace}"].trigger()
    desk.window.show_message("")


@pytest.mark.parametrize("workspace", OTHERS)
def test_shortcuts_do_not_change_a_hidden_picture(predicted: Desk, workspace: str) -> None:
    desk = predicted
    before, shown, record = desk.label_values.copy(), desk.labelling.picture.id, desk.record
    actions = desk.window.actions_by_id
    pressed = (
        (Qt.Key.Key_Return, CTRL), (Qt.Key.Key_D, CTRL), (Qt.Key.Key_Z, CTRL), (Qt.Key.Key_R, NO_MODIFIER),
        (Qt.Key.Key_S, SHIFT), (Qt.Key.Key_D, NO_MODIFIER), (Qt.Key.Key_B, NO_MODIFIER), (Qt.Key.Key_H, CTRL),
    )  # fmt: skip
    for key, modifiers in pressed:
        go(desk, workspace)
        desk.key(key, modifiers, on=desk.window.workspaces.currentWidget())
        desk.wait_until(lambda: desk.said == ONLY_IN_LABEL, "where it works", 5)
    assert (desk.labelling.picture.id, desk.record) == (shown, record)
    assert np.array_equal(desk.label_values, before)
    assert actions["tool_eraser"].isChecked() and not actions["tool_brush"].isChecked()
    assert not any(
        actions[key].isChecked() for key in ("mark_done", "mark_review", "mark_skipped", "history")
    )
    go(desk, "label")
    desk.key(Qt.Key.Key_Z, CTRL)
    desk.wait_until(lambda: not desk.label_values.any(), "the stroke taken back in sight", 5)


def test_an_edit_of_the_whole_project_is_undone_in_its_workspace(desk: Desk) -> None:
    desk.dab(0.5)
    before, editing, options = desk.label_values.copy(), desk.session.editing, desk.page.option_bar
    go(desk, "data")
    page = desk.window.workspaces.data
    editing.change_class(1, name="lawn").result(60)
    desk.wait_until(lambda: "Rename" in options.undo.toolTip(), "its name in undo", 5)
    desk.key(Qt.Key.Key_Z, CTRL, on=page)
    desk.wait_until(lambda: editing.classes.name_of(1) == "grass", "the name of before", 5)
    desk.wait_until(lambda: "Rename" in options.redo.toolTip(), "its name in redo", 5)
    desk.key(Qt.Key.Key_Z, CTRL, on=page)
    desk.wait_until(lambda: desk.said == ONLY_IN_LABEL, "the stroke stays", 5)
    assert np.array_equal(desk.label_values, before)
    desk.key(Qt.Key.Key_Y, CTRL, on=page)
    desk.wait_until(lambda: editing.classes.name_of(1) == "lawn", "the new name again", 5)


def test_only_possible_actions_are_enabled(desk: Desk) -> None:
    actions, ending = desk.window.actions_by_id, {"pause_training", "stop_training"}
    folder = desk.session.folder
    desk.dab(0.5)
    assert {key for key, action in actions.items() if not action.isEnabled()} == {"redo", *ending}
    desk.window.context.on_training(TrainingState("training"))
    assert all(actions[key].isEnabled() for key in ending)
    go(desk, "data")
    desk.window.close_project()
    for key in ("mark_done", "history", "hide_overlays"):
        actions[key].trigger()
        assert not actions[key].isChecked()
    offered = {key for key, action in actions.items() if action.isEnabled()}
    assert offered == {
        "open_folder", "settings", "quit", "theme_light", "theme_dark", "theme_system", "command_palette", "edit_keys",
        "cheat_sheet", "full_screen",
    }  # fmt: skip
    desk.window.open_project(folder)
    desk.wait_until(desk.has_picture, "the picture again", 20)
    assert actions["workspace_label"].isChecked() and actions["mark_done"].isEnabled()
    desk.wait_until(actions["undo"].isEnabled, "undo across a restart", 5)
