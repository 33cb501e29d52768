"""The network in use: the table of runs, its choice by hand, its score beside the canvas, and a larger input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt, QUrl
from PySide6.QtTest import QTest

from core.models.checkpoint import save_checkpoint
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.project.project import Project
from core.project.records import Measurement, Split
from core.session.training.input_size import ADVICE_FACT, SizeProposal
from core.session.training.next_run import FACT, NextRun
from core.training.recipe import Recipe
from desktop.workspaces.train.page import TrainPage
from desktop.workspaces.train.report_controller import KINDS
from tests.desktop.conftest import GuiDriver
from tests.factories import label_all, predict, skip_without_pdf

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 64, (1, 2))
SENTENCE = (
    "Pictures are scaled to 64 pixels for the network, where “roof” loses 80 % of its regions or pixels."
)


def two_runs(gui: GuiDriver) -> TrainPage:
    """Open the project again with two networks, of which the newer one is in use and predicted a picture."""
    folder = gui.session.folder
    gui.window.close_project()
    with Project.open(folder, purpose="a test") as project:
        label_all(project, project.pictures.all()[:2])
        for miou in (1.0, 0.25):
            run = project.runs.start(json.dumps(SPEC.to_json()), json.dumps(Recipe().to_json()), None, 3)
            torch.manual_seed(0)
            save_checkpoint(project.run_folder(run.id), build_network(SPEC).eval(), SPEC, {})
            project.runs.update(run.id, published=1, best_miou=miou)
            project.runs.end(run.id, "finished")
            points = [("miou", None, miou), ("in_use_miou", None, miou)]
            points += [(name, value, miou) for name in ("iou", "in_use_iou") for value in (1, 2)]
            project.runs.add_measurements(Measurement(run.id, *p[:2], 5, 3.0, 2, p[2]) for p in points)
        project.pictures.set_split([1], Split.VAL)
        predict(project, 1)
        project.set_fact(ADVICE_FACT, SizeProposal(SENTENCE, 64, 96).to_json())
    gui.window.open_project(folder)
    gui.wait_until(gui.has_picture, "a picture", 60)
    gui.window.actions_by_id["workspace_train"].trigger()
    page = gui.window.workspaces.train
    gui.wait_until(lambda: page.runs.rowCount() == 2, "both runs", 10)
    return page


def in_use(page: TrainPage) -> list[str]:
    """The numbers of the runs that the table marks."""
    return [page.runs.item(y, 0).text() for y in range(page.runs.rowCount()) if page.runs.item(y, 1).text()]


def test_an_earlier_network_is_used_again_with_its_predictions(gui: GuiDriver) -> None:
    page = two_runs(gui)
    assert in_use(page) == ["2"]
    gui.wait_until(lambda: gui.labelling.picture.prediction is not None, "the prediction of run 2", 10)
    page.runs.selectRow(1)
    gui.click(page.use)
    gui.wait_until(lambda: in_use(page) == ["1"], "the choice", 10)
    gui.wait_until(lambda: gui.labelling.picture.prediction is None, "the prediction of run 2 is gone", 10)
    assert not page.use.isEnabled()
    gui.window.actions_by_id["workspace_label"].trigger()
    gui.wait_until(lambda: gui.page.training.score.text() == "1.00", "the score of the chosen network", 10)


def test_a_choice_is_taken_back(gui: GuiDriver) -> None:
    page = two_runs(gui)
    page.runs.selectRow(1)
    gui.click(page.use)
    gui.wait_until(lambda: in_use(page) == ["1"], "the choice", 10)
    assert page.run_switch.text.text().startswith("Run 1 predicts from now on")
    assert page.run_switch.accept.text() == "Back to run 2"
    gui.click(page.run_switch.accept)
    gui.wait_until(lambda: in_use(page) == ["2"], "the run of before", 10)
    assert page.run_switch.accept.text() == "Back to run 1"
    gui.click(page.run_switch.decline)
    assert not page.run_switch.isVisible()


def test_full_screen_pauses_a_training_once_where_the_setting_says_so(gui: GuiDriver) -> None:
    two_runs(gui)
    training, pause = gui.session.training, gui.window.context.presentation_pause
    full_screen = gui.window.actions_by_id["full_screen"]
    gui.window._settings.set("pause_in_full_screen", True)
    training.start()
    gui.wait_until(lambda: training.state.phase == "training", "the training", 90)
    full_screen.trigger()
    gui.wait_until(lambda: training.state.phase == "paused", "the pause", 10)
    training.resume()
    gui.wait_until(lambda: training.state.phase == "training", "the training goes on by hand", 10)
    pause.show_state(training.state)
    assert training.state.phase == "training"
    gui.window.actions_by_id["pause_training"].trigger()
    gui.wait_until(lambda: training.state.phase == "paused", "a pause by hand", 10)
    full_screen.trigger()
    gui.wait_until(lambda: training.state.phase == "training", "the training goes on", 10)
    training.stop()
    gui.wait_until(lambda: training.state.phase == "idle", "the end", 30)


def test_full_screen_of_the_window_manager_counts_too(gui: GuiDriver) -> None:
    window, folder = gui.window, gui.session.folder
    full_screen = window.actions_by_id["full_screen"]
    window.setWindowState(window.windowState() | Qt.WindowState.WindowFullScreen)
    assert full_screen.isChecked() and window.context.presentation_pause._is_full_screen
    window.open_project(folder)
    gui.wait_until(lambda: window.context is not None and gui.has_picture(), "the project again", 20)
    assert window.context.presentation_pause._is_full_screen
    window.setWindowState(window.windowState() & ~Qt.WindowState.WindowFullScreen)
    assert not full_screen.isChecked() and not window.context.presentation_pause._is_full_screen
    full_screen.trigger()
    assert full_screen.isChecked() and window.isFullScreen()
    full_screen.trigger()
    assert not full_screen.isChecked()


def test_a_class_that_the_network_does_not_know_lowers_the_score(gui: GuiDriver) -> None:
    two_runs(gui)
    gui.window.actions_by_id["workspace_label"].trigger()
    panel = gui.page.training
    gui.wait_until(lambda: panel.score.text() == "0.25", "the score of the network in use", 10)
    assert panel.score_name.text() == "mIoU"
    gui.session.editing.add_classes(["bolt"]).result()
    gui.session.wait_until_saved()
    assert panel.score.text() == "0.25", "nothing of it is labelled yet"
    gui.labelling.choose_class(3)
    gui.dab(0.5)
    gui.wait_until(lambda: panel.score.text() == "0.17", "two of three classes", 10)
    assert panel.score_name.text() == "mIoU, 1 class not learned yet"


def test_a_larger_input_is_taken_with_one_click(gui: GuiDriver) -> None:
    page = two_runs(gui)
    gui.wait_until(page.size_offer.isVisible, "the sentence about what vanishes", 10)
    assert page.size_offer.text.text() == SENTENCE
    assert page.size_offer.accept.text() == "Use 96 pixels"
    gui.click(page.size_offer.accept)
    gui.wait_until(lambda: "96 pixels" in page.next_run.text(), "the next run", 10)
    assert not page.size_offer.isVisible()
    gui.session.wait_until_saved()
    assert NextRun.from_json(gui.session.fact(FACT).result()).size == 96


def test_a_declined_input_is_not_offered_again(gui: GuiDriver) -> None:
    page = two_runs(gui)
    gui.wait_until(page.size_offer.isVisible, "the sentence about what vanishes", 10)
    gui.click(page.size_offer.decline)
    assert not page.size_offer.isVisible()
    gui.session.wait_until_saved()
    folder = gui.session.folder
    gui.window.close_project()
    gui.window.open_project(folder)
    gui.wait_until(gui.has_picture, "a picture", 60)
    gui.wait_until(lambda: page.runs.rowCount() == 2, "both runs", 10)
    gui.wait(600)
    assert not page.size_offer.isVisible()


def write_report(gui: GuiDriver, page: TrainPage, file: Path) -> None:
    """Press the button, choose the file."""
    gui.click(page.report)
    reports = gui.window.context.train_controller.report_controller
    assert reports.file_dialog is not None and reports.file_dialog.isVisible()
    assert Path(reports.file_dialog.selectedFiles()[0]).name.endswith(".html")
    reports.file_dialog.fileSelected.emit(str(file))
    reports.file_dialog.hide()
    assert reports.progress is not None and reports.progress.isVisible()


def test_a_report_on_the_selected_runs_is_opened(
    gui: GuiDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser is the edge of the machine."""
    opened: list[QUrl] = []
    place = "desktop.workspaces.train.report_controller.QDesktopServices.openUrl"
    monkeypatch.setattr(place, lambda url: opened.append(url) or True)
    page = two_runs(gui)
    assert page.report.isEnabled(), "without a selection: the network in use"
    page.runs.selectAll()
    assert not page.use.isEnabled()
    write_report(gui, page, tmp_path / "both.html")
    reports = gui.window.context.train_controller.report_controller
    gui.wait_until(lambda: reports.progress is None, "the report", 90)
    assert [url.toLocalFile() for url in opened] == [str(tmp_path / "both.html")]
    text = (tmp_path / "both.html").read_text("utf-8")
    assert "Run 2 against run 1" in text
    page.runs.clearSelection()
    write_report(gui, page, tmp_path / "missing" / "one.html")
    gui.wait_until(lambda: reports.progress is None, "the refusal", 90)
    assert len(opened) == 1
    write_report(gui, page, tmp_path / "cancelled.html")
    QTest.keyClick(reports.progress, Qt.Key.Key_Escape)
    gui.wait_until(lambda: reports.progress is None, "the end of the process", 90)
    assert not (tmp_path / "cancelled.html").exists()
    assert len(opened) == 1


def test_a_report_on_the_project_is_printed_as_pdf(
    gui: GuiDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without_pdf()
    place = "desktop.workspaces.train.report_controller.QDesktopServices.openUrl"
    monkeypatch.setattr(place, lambda _url: True)
    page = two_runs(gui)
    reports = gui.window.context.train_controller.report_controller
    gui.window.actions_by_id["report_project"].trigger()
    dialog = reports.file_dialog
    assert dialog is not None and dialog.isVisible()
    assert Path(dialog.selectedFiles()[0]).name.endswith("-report-project.html")
    dialog.selectNameFilter(KINDS["pdf"])
    dialog.filterSelected.emit(KINDS["pdf"])
    assert Path(dialog.selectedFiles()[0]).name.endswith("-report-project.pdf")
    assert dialog.defaultSuffix() == "pdf"
    dialog.fileSelected.emit(str(tmp_path / "project.pdf"))
    dialog.hide()
    gui.wait_until(lambda: reports.progress is None, "the report", 120)
    assert (tmp_path / "project.pdf").read_bytes().startswith(b"%PDF-")
    gui.click(page.report)
    assert Path(reports.file_dialog.selectedFiles()[0]).suffix == ".pdf", "the kind of the last time"
    reports.file_dialog.filterSelected.emit(KINDS["html"])
    reports.file_dialog.hide()
