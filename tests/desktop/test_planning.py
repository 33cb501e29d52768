"""The next run is chosen in a form, kept with the project; a trained network leaves through a dialog."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.models.checkpoint import save_checkpoint
from core.models.registry import build
from core.models.spec import ModelSpec
from core.project.project import Project
from core.session.wishing import FACT, NextRun
from desktop.dialogs.export_model import ExportModelDialog
from desktop.dialogs.training_form import TrainingForm
from desktop.planning import Planning
from tests.desktop.conftest import Desk

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 64, (1, 2))


def planning(desk: Desk) -> Planning:
    assert desk.window.rooms is not None
    return desk.window.rooms.learning.planning


def form(desk: Desk) -> TrainingForm:
    desk.window.actions_by_id["choose_network"].trigger()
    shown = planning(desk).form
    assert shown is not None and shown.isVisible()
    return shown


def search(desk: Desk, shown: TrainingForm, field: str, words: str) -> None:
    """Type, go down to the rows, to the first one."""
    widget = shown.widgets[field]
    widget.search.clear()
    QTest.keyClicks(widget.search, words)
    desk.rest(20)
    QTest.keyClick(widget.search, Qt.Key.Key_Down)
    QTest.keyClick(widget.table, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    widget.table.selectRow(0)
    desk.rest(20)


def with_weights(desk: Desk) -> None:
    """Open the project again with a run that has weights."""
    folder = desk.session.folder
    desk.window.close_project()
    with Project.write(folder, purpose="a test") as project:
        run = project.runs.start(json.dumps(SPEC.to_json()), "{}", None, 3)
        torch.manual_seed(0)
        save_checkpoint(project.run_folder(run.id), build(SPEC), SPEC, {})
        project.runs.note(run.id, published=1, best_miou=0.5)
        project.runs.end(run.id, "finished")
    desk.window.open(folder)
    desk.until(desk.has_picture, "a picture", 60)
    desk.until(desk.window.train_page.export.isEnabled, "the run with weights", 60)


def export_dialog(desk: Desk, out: Path) -> ExportModelDialog:
    desk.window.actions_by_id["workspace_train"].trigger()
    desk.click(desk.window.train_page.export)
    shown = planning(desk).export
    assert shown is not None and shown.isVisible()
    assert shown.run.currentText() == "Run 1: Asymmetric U-Net, small, mIoU 0.500"
    shown.file.setText(str(out))
    return shown


def test_a_network_is_found_and_kept_with_the_project(desk: Desk) -> None:
    shown = form(desk)
    assert shown.values() == {"architecture": "", "encoder": "", "weights": "", "size": ""}
    search(desk, shown, "architecture", "sharper deeplab")
    assert shown.values()["architecture"] == "deeplabv3plus"
    assert shown.values()["encoder"] == "resnet34", "its usual encoder is proposed"
    search(desk, shown, "encoder", "v2 mobilenet")
    assert shown.values()["encoder"] == "mobilenet_v2"
    shown.widgets["weights"].setCurrentIndex(1)
    desk.click(shown.use)
    said = "Next run: DeepLab v3+ on mobilenet_v2, ImageNet weights"
    assert desk.window.train_page.next_run.text() == said
    wish = NextRun.from_json(desk.session.remembered(FACT).result(60))
    assert wish == NextRun("deeplabv3plus", "mobilenet_v2", "imagenet")
    folder = desk.session.folder
    desk.window.close_project()
    assert desk.window.train_page.next_run.text() == ""
    desk.window.open(folder)
    desk.until(desk.has_picture, "a picture", 60)
    desk.until(lambda: desk.window.train_page.next_run.text() == said, "the choice, after opening again", 60)
    again = form(desk)
    assert again.values()["encoder"] == "mobilenet_v2"
    desk.click(again.cancel)


def test_what_does_not_fit_cannot_be_chosen(desk: Desk) -> None:
    shown = form(desk)
    search(desk, shown, "architecture", "plain")
    assert shown.values()["architecture"] == "plain-unet"
    assert not shown.widgets["encoder"].isEnabled() and not shown.widgets["weights"].isEnabled()
    search(desk, shown, "architecture", "fcn")
    assert shown.values()["encoder"] == "vgg16_bn"
    shown.widgets["encoder"].search.setText("resnet")
    assert shown.widgets["encoder"].table.model().rowCount() == 0
    assert shown.values()["encoder"] == "vgg16_bn", "a search changes no choice"
    shown.reject()


def test_a_model_is_exported_and_its_agreement_told(desk: Desk, tmp_path: Path) -> None:
    assert not desk.window.train_page.export.isEnabled()
    with_weights(desk)
    shown = export_dialog(desk, tmp_path / "net.pkl")
    assert not shown.export.isEnabled()
    shown.file.setText(str(tmp_path / "net.safetensors"))
    assert shown.format.currentData() == ".safetensors"
    desk.click(shown.export)
    desk.until(lambda: not shown.is_running, "the end of the export", 120)
    assert "100 % of the pixels" in shown.about.text()
    assert (tmp_path / "net.safetensors").is_file()
    shown.reject()
    assert not shown.isVisible()


def test_an_export_can_be_cancelled(desk: Desk, tmp_path: Path) -> None:
    with_weights(desk)
    shown = export_dialog(desk, tmp_path / "net.onnx")
    desk.click(shown.export)
    assert shown.is_running
    shown.reject()
    assert shown.isVisible() and "cancelled" in shown.about.text()
    desk.rest(500)
    assert list(tmp_path.glob("*net*")) == []
