"""The table of runs in the real window: order, filter, star, note, tags, repetition and deletion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QInputDialog, QMessageBox, QPushButton

from core.models.checkpoint import save_checkpoint
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.project.project import Project
from core.project.records import Measurement
from core.project.run_labels import RunLabels
from core.training.recipe import Recipe
from desktop.workspaces.train.page import TrainPage
from desktop.workspaces.train.runs.runs_controller import RunsController
from desktop.workspaces.train.runs.runs_table import RESULT, STAR, TITLES
from tests.desktop.conftest import GuiDriver
from tests.factories import label_all, project_in

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 96, (1, 2))


@pytest.fixture(autouse=True)
def _newest_first(gui: GuiDriver) -> Iterator[None]:
    """The window outlives a test, and with it the order of the table."""
    yield
    page = gui.window.workspaces.train
    page.runs.set_sort("Run", descending=True)
    page.runs.sorted_by.emit("Run", True)


def three_runs(gui: GuiDriver) -> TrainPage:
    """Three runs with weights, of which the newest is in use; the first has a recipe of its own."""
    folder = gui.session.folder
    gui.window.close_project()
    with Project.open(folder, purpose="a test") as project:
        label_all(project, project.pictures.all()[:2])
        project.pictures.assign_missing_splits()
        torch.manual_seed(0)
        network = build_network(SPEC).eval()
        for number, miou in enumerate((0.5, 0.9, 0.25), start=1):
            recipe = Recipe(optimizer="sgd") if number == 1 else Recipe()
            run = project.runs.start(json.dumps(SPEC.to_json()), json.dumps(recipe.to_json()), None, 3).id
            save_checkpoint(project.run_folder(run), network, SPEC, {})
            project.runs.update(run, published=1, best_miou=miou, device="cpu")
            project.runs.end(run, "finished")
            project.runs.set_labels(run, RunLabels.of(project.pictures.labelled()))
            project.runs.add_measurements(
                Measurement(run, name, None, 5, 60.0 * number, 2, value)
                for name, value in (("dice", 1 - miou), ("miou", miou), ("checkpoint", 1))
            )
        project.runs.use(3)
    return reopen(gui, folder)


def reopen(gui: GuiDriver, folder: Path) -> TrainPage:
    gui.window.open_project(folder)
    gui.wait_until(gui.has_picture, "a picture", 60)
    gui.window.actions_by_id["workspace_train"].trigger()
    page = gui.window.workspaces.train
    gui.wait_until(lambda: page.runs.rowCount() == 3, "the runs", 30)
    return page


def controller(gui: GuiDriver) -> RunsController:
    assert gui.window.context is not None
    return gui.window.context.train_controller.runs_controller


def texts(page: TrainPage, title: str) -> list[str]:
    return [page.runs.item(y, TITLES.index(title)).text() for y in range(page.runs.rowCount())]


def has_text(page: TrainPage, title: str) -> bool:
    return texts(page, title)[1] != ""


def press(page: TrainPage, key: Qt.Key) -> None:
    page.runs.setFocus()
    QTest.keyClick(page.runs, key)


def click_heading(page: TrainPage, title: str) -> None:
    header = page.runs.horizontalHeader()
    at = TITLES.index(title)
    place = QPoint(header.sectionViewportPosition(at) + 8, header.height() // 2)
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_runs_are_sorted_and_filtered_and_the_order_is_remembered(gui: GuiDriver) -> None:
    page = three_runs(gui)
    assert texts(page, "Run") == ["3", "2", "1"]
    assert texts(page, "Time")[:2] == ["3 min", "2 min"]
    assert len(set(texts(page, "Pixels"))) == 1 and texts(page, "Pixels")[0] != "–"
    page.runs.selectRow(2)
    click_heading(page, "Result")
    assert texts(page, "Run") == ["2", "1", "3"]
    assert [run.number for run in page.runs.selected_runs()] == [1], "a run stays selected"
    click_heading(page, "Result")
    assert texts(page, "Run") == ["3", "1", "2"]
    page.runs_filter.setText("0.9 CPU")
    assert texts(page, "Run") == ["2"]
    assert not page.use.isEnabled(), "the selected run is hidden"
    page.runs_filter.clear()
    assert page.runs.rowCount() == 3
    folder = gui.session.folder
    gui.window.close_project()
    assert texts(reopen(gui, folder), "Run") == ["3", "1", "2"]


def test_the_score_of_the_table_is_chosen_and_remembered_with_the_project(gui: GuiDriver) -> None:
    page = three_runs(gui)
    assert texts(page, "Result") == ["0.250", "0.900", "0.500"]
    assert page.runs.horizontalHeaderItem(RESULT).text() == "mIoU"
    page.runs.selectRow(1)
    for name, expected in (("precision", ["–"] * 3), ("dice", ["0.750", "0.100", "0.500"])):
        page.metric_choice.setCurrentIndex(page.metric_choice.findData(name))
        page.metric_choice.activated.emit(page.metric_choice.currentIndex())
        assert texts(page, "Result") == expected
    assert [run.number for run in page.runs.selected_runs()] == [2]
    folder = gui.session.folder
    gui.window.close_project()
    reopen(gui, folder)
    gui.wait_until(lambda: texts(page, "Result")[0] == "0.750", "Dice again", 20)
    assert page.runs.horizontalHeaderItem(RESULT).text() == page.metric_choice.currentText() == "Dice"
    gui.window.close_project()
    (folder / ".." / "other").resolve().mkdir()
    project_in((folder / ".." / "other").resolve()).close()
    gui.window.open_project((folder / ".." / "other").resolve())
    gui.wait_until(lambda: page.metric_choice.currentText() == "mIoU", "the choice of another project", 20)


def test_star_note_and_tags(gui: GuiDriver) -> None:
    page = three_runs(gui)
    page.runs.selectRow(1)
    press(page, Qt.Key.Key_S)
    gui.wait_until(lambda: texts(page, "Star") == ["☆", "★", "☆"], "the star", 20)
    rect = page.runs.visualRect(page.runs.model().index(1, STAR))
    QTest.mouseClick(page.runs.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    gui.wait_until(lambda: texts(page, "Star") == ["☆", "☆", "☆"], "no star", 20)
    for key, title, entered in ((Qt.Key.Key_F2, "Note", "lower rate"), (Qt.Key.Key_T, "Tags", "b, a, ,a")):
        press(page, key)
        dialog = controller(gui).dialog
        assert isinstance(dialog, QInputDialog) and dialog.isVisible() and dialog.windowTitle() == title
        dialog.setTextValue(entered)
        dialog.accept()
        gui.wait_until(partial(has_text, page, title), title, 20)
    assert texts(page, "Note") == ["", "lower rate", ""]
    assert texts(page, "Tags") == ["", "a, b", ""]


def test_a_run_is_repeated_with_changes(gui: GuiDriver) -> None:
    page = three_runs(gui)
    page.runs.selectRow(2)
    controller(gui).show_menu(page.runs.mapToGlobal(QPoint(20, 20)))
    menu = controller(gui).menu
    assert menu is not None and menu.isVisible()
    next(action for action in menu.actions() if action.objectName() == "repeat").trigger()
    menu.close()
    assert gui.window.context is not None
    form = gui.window.context.train_controller.run_setup.form
    assert form is not None and form.isVisible()
    assert form.network.values()["architecture"] == SPEC.architecture
    assert form.network.values()["size"] == "96"
    assert form.choices()["optimizer"] == "sgd"
    form.reject()


def test_files_of_a_run_are_deleted_after_a_question(gui: GuiDriver) -> None:
    page = three_runs(gui)
    folder = gui.session.home / "models"
    page.runs.selectRow(0)
    press(page, Qt.Key.Key_Delete)
    gui.wait(300)
    assert controller(gui).dialog is None, "run 3 is in use: there is nothing to confirm"
    assert (folder / "3").exists()
    page.runs.selectRow(1)
    press(page, Qt.Key.Key_Delete)
    gui.wait_until(lambda: controller(gui).dialog is not None, "the question", 20)
    question = controller(gui).dialog
    assert isinstance(question, QMessageBox)
    assert "the files of run 2" in question.text() and " MB" in question.text()
    assert (folder / "2").exists()
    delete = question.findChild(QPushButton, "delete")
    assert delete is not None
    gui.click(delete)
    gui.wait_until(lambda: texts(page, "State")[1] == "Deleted", "the state", 20)
    assert [each.name for each in sorted(folder.iterdir())] == ["1", "3"]
    assert not page.use.isEnabled() and page.use.toolTip() == "The files of this run were deleted."
