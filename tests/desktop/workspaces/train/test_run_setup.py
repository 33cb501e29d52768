"""The form of the next run, stored with the project, and the export of a trained network."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QScrollArea

from core.models.checkpoint import save_checkpoint
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.project.project import Project
from core.session.training.next_run import FACT, NextRun
from core.training.recipe import RECIPE_OPTIONS, RECIPE_OPTIONS_BY_NAME, Recipe
from desktop.workspaces.train.dialogs.model_export_dialog import ModelExportDialog
from desktop.workspaces.train.dialogs.run_form import RunForm
from desktop.workspaces.train.run_setup import RunSetup
from tests.desktop.conftest import GuiDriver

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 64, (1, 2))


def planning(gui: GuiDriver) -> RunSetup:
    assert gui.window.context is not None
    return gui.window.context.train_controller.run_setup


def form(gui: GuiDriver) -> RunForm:
    gui.window.actions_by_id["choose_network"].trigger()
    shown = planning(gui).form
    assert shown is not None and shown.isVisible()
    return shown


def test_the_form_fits_a_low_screen_and_scrolls(gui: GuiDriver) -> None:
    shown = form(gui)
    shown.resize(1000, 540)
    gui.wait(50)
    assert (shown.width(), shown.height()) == (1000, 540)
    for title, segment in shown.segments.items():
        gui.click(segment)
        gui.wait(20)
        area = shown.pages.currentWidget()
        assert isinstance(area, QScrollArea), title
        assert area.horizontalScrollBar().maximum() == 0, title
        inside = area.widget()
        assert inside.width() >= inside.minimumSizeHint().width(), title
        lower = shown.accept_button.mapTo(shown, shown.accept_button.rect().bottomRight())
        assert shown.rect().contains(lower), title
    assert area.widget().height() >= area.widget().minimumSizeHint().height()
    shown.reject()


def search(gui: GuiDriver, shown: RunForm, field: str, words: str) -> None:
    """Type, go down to the rows, to the first one."""
    widget = shown.network.widgets[field]
    widget.search.clear()
    QTest.keyClicks(widget.search, words)
    gui.wait(20)
    QTest.keyClick(widget.search, Qt.Key.Key_Down)
    QTest.keyClick(widget.table, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    widget.table.selectRow(0)
    gui.wait(20)


def with_weights(gui: GuiDriver, recipe: Recipe | None = None) -> None:
    """Open the project again with a run that has weights."""
    folder = gui.session.folder
    gui.window.close_project()
    with Project.open(folder, purpose="a test") as project:
        run = project.runs.start(
            json.dumps(SPEC.to_json()), json.dumps((recipe or Recipe()).to_json()), None, 3
        )
        torch.manual_seed(0)
        save_checkpoint(project.run_folder(run.id), build_network(SPEC), SPEC, {})
        project.runs.update(run.id, published=1, best_miou=0.5)
        project.runs.end(run.id, "finished")
    gui.window.open_project(folder)
    gui.wait_until(gui.has_picture, "a picture", 60)
    gui.wait_until(gui.window.workspaces.train.export.isEnabled, "the run with weights", 60)


def export_dialog(gui: GuiDriver, out: Path) -> ModelExportDialog:
    gui.window.actions_by_id["workspace_train"].trigger()
    gui.click(gui.window.workspaces.train.export)
    shown = planning(gui).export_dialog
    assert shown is not None and shown.isVisible()
    assert shown.run.currentText() == "Run 1: Asymmetric U-Net, small, mIoU 0.500"
    shown.file.setText(str(out))
    return shown


def test_a_chosen_network_is_stored_with_the_project(gui: GuiDriver) -> None:
    shown = form(gui)
    assert shown.network.values() == {"architecture": "", "encoder": "", "weights": "", "size": ""}
    search(gui, shown, "architecture", "deeplab decoder")
    assert shown.network.values()["architecture"] == "deeplabv3plus"
    assert shown.network.values()["encoder"] == "resnet34", "its usual encoder is proposed"
    search(gui, shown, "encoder", "v2 mobilenet")
    assert shown.network.values()["encoder"] == "mobilenet_v2"
    shown.network.widgets["weights"].setCurrentIndex(1)
    gui.click(shown.accept_button)
    said = "Next run: DeepLab v3+ on mobilenet_v2, ImageNet weights"
    assert gui.window.workspaces.train.next_run.text() == said
    wish = NextRun.from_json(gui.session.fact(FACT).result(60))
    assert wish == NextRun("deeplabv3plus", "mobilenet_v2", "imagenet")
    folder = gui.session.folder
    gui.window.close_project()
    assert gui.window.workspaces.train.next_run.text() == ""
    gui.window.open_project(folder)
    gui.wait_until(gui.has_picture, "a picture", 60)
    gui.wait_until(
        lambda: gui.window.workspaces.train.next_run.text() == said, "the choice, after opening again", 60
    )
    again = form(gui)
    assert again.network.values()["encoder"] == "mobilenet_v2"
    gui.click(again.cancel)


def test_unavailable_choices_are_disabled(gui: GuiDriver) -> None:
    shown = form(gui)
    search(gui, shown, "architecture", "plain")
    assert shown.network.values()["architecture"] == "plain-unet"
    assert (
        not shown.network.widgets["encoder"].isEnabled() and not shown.network.widgets["weights"].isEnabled()
    )
    search(gui, shown, "architecture", "fcn")
    assert shown.network.values()["encoder"] == "vgg16_bn"
    shown.network.widgets["encoder"].search.setText("resnet")
    assert shown.network.widgets["encoder"].table.model().rowCount() == 0
    assert shown.network.values()["encoder"] == "vgg16_bn", "a search changes no choice"
    shown.reject()


def test_a_model_is_exported_and_its_agreement_shown(gui: GuiDriver, tmp_path: Path) -> None:
    assert not gui.window.workspaces.train.export.isEnabled()
    with_weights(gui)
    shown = export_dialog(gui, tmp_path / "net.pkl")
    assert not shown.export.isEnabled()
    shown.file.setText(str(tmp_path / "net.safetensors"))
    assert shown.format.currentData() == ".safetensors"
    gui.click(shown.export)
    gui.wait_until(lambda: not shown.is_running, "the end of the export", 120)
    assert "100 % of the pixels" in shown.message.text()
    assert (tmp_path / "net.safetensors").is_file()
    shown.reject()
    assert not shown.isVisible()


def test_runs_whose_weights_are_gone_are_not_offered(gui: GuiDriver, tmp_path: Path) -> None:
    with_weights(gui)
    folder = gui.session.folder
    gui.window.close_project()
    with Project.open(folder, purpose="a test") as project:
        run = project.runs.start(json.dumps(SPEC.to_json()), json.dumps(Recipe().to_json()), None, 3)
        project.runs.update(run.id, published=1, best_miou=0.6)
        project.runs.end(run.id, "finished")
    gui.window.open_project(folder)
    gui.wait_until(gui.window.workspaces.train.export.isEnabled, "the run with weights", 60)
    shown = export_dialog(gui, tmp_path / "net.onnx")
    assert shown.run.count() == 1 and "1 whose weights are gone" in shown.run.toolTip()
    shown.reject()
    titles = [point.title for point in form(gui)._starting_points]
    assert sum(title.startswith("Run ") for title in titles) == 2, (
        "network and recipe of both can be repeated"
    )


def test_an_export_can_be_cancelled(gui: GuiDriver, tmp_path: Path) -> None:
    with_weights(gui)
    shown = export_dialog(gui, tmp_path / "net.onnx")
    gui.click(shown.export)
    assert shown.is_running
    shown.reject()
    assert shown.isVisible() and "cancelled" in shown.message.text()
    gui.wait(500)
    assert list(tmp_path.glob("*net*")) == []


def test_every_recipe_option_has_a_field_and_help(gui: GuiDriver) -> None:
    shown = form(gui)
    inputs = {name: made for rows in shown.rows for name, made in rows.inputs.items()}
    assert set(inputs) == {field.name for field in RECIPE_OPTIONS} - {"device"}
    for rows in shown.rows:
        helps = {label.text() for label in rows.findChildren(QLabel)}
        assert {RECIPE_OPTIONS_BY_NAME[name].help for name in rows.inputs} <= helps
    shown.reject()


def test_recipe_options_are_stored_and_invalid_ones_explained(gui: GuiDriver) -> None:
    shown = form(gui)
    assert shown.choices() == {}
    shown.show_page("Optimization")
    batch = shown.rows[1].inputs["batch"]
    batch.setFocus()
    QTest.keyClicks(batch, "many")
    assert shown.summary.text() == "Batch size cannot be “many”; it takes a whole number from 1 to 4096."
    assert not shown.accept_button.isEnabled()
    batch.clear()
    QTest.keyClicks(batch, "3")
    shown.show_page("Budget and loss")
    for name in ("steps", "epochs"):
        QTest.keyClicks(shown.rows[0].inputs[name], "7")
    assert "exactly one budget" in shown.summary.text()
    shown.rows[0].inputs["epochs"].setFocus()
    QTest.keyClick(shown.rows[0].inputs["epochs"], Qt.Key.Key_Backspace)
    assert shown.starting_point.currentText() == "Custom"
    gui.click(shown.accept_button)
    assert gui.window.workspaces.train.next_run.text() == "Next run: the default network, 2 changed options"
    wish = NextRun.from_json(gui.session.fact(FACT).result(60))
    assert wish.choices == {"batch": "3", "steps": "7"}
    again = form(gui)
    assert again.choices() == wish.choices
    again.reject()


def test_a_preset_or_a_run_fills_the_form(gui: GuiDriver) -> None:
    with_weights(gui, Recipe(minutes=None, steps=30, optimizer="sgd", zoom=(0.9, 1.1)))
    shown = form(gui)
    titles = [shown.starting_point.itemText(place) for place in range(shown.starting_point.count())]
    assert titles[:3] == ["Balanced: the default", "Quick: a minute", "Best: half an hour"]
    shown.starting_point.setCurrentIndex(2)
    shown.starting_point.activated.emit(2)
    assert shown.choices() == {"minutes": "30", "zoom": "strong", "ema": "0.998", "patience": "40"}
    shown.starting_point.setCurrentIndex(3)
    shown.starting_point.activated.emit(3)
    assert titles[3].startswith("Run 1: ")
    assert shown.choices() == {"steps": "30", "optimizer": "sgd", "zoom": "0.9-1.1"}
    assert shown.network.values()["architecture"] == "asymmetric-unet-small"
    shown.reject()


def test_augmentation_preview_shows_pictures_of_the_project(gui: GuiDriver) -> None:
    shown = form(gui)
    shown.show_page("Augmentation")
    gui.wait_until(lambda: shown.preview.has_pictures, "the preview", 240)

    def lines() -> list[QImage]:
        return [cells[0].pixmap().toImage() for cells in shown.preview.cells]

    as_it_is, first, _ = lines()
    assert as_it_is != first
    gui.click(shown.preview.reroll)
    gui.wait_until(lambda: lines()[1] != first, "other dice", 240)
    assert lines()[0] == as_it_is
    before = lines()[1]
    shown.rows[2].inputs["colour"].setEditText("strong")
    gui.wait_until(lambda: lines()[1] != before, "stronger colours", 240)
    assert lines()[0] == as_it_is
    assert shown.preview.message.text() == ""
    shown.reject()
