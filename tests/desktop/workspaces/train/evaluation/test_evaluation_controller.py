"""The evaluation of a run in the Train workspace: computed once, walked over, opened in the Label workspace."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from core.models.checkpoint import save_checkpoint
from core.models.network_builder import build_network
from core.models.spec import WEIGHTS_FILE, ModelSpec
from core.project.project import Project
from core.project.records import Split
from desktop.theme.theme import Theme
from desktop.workspaces.train.evaluation.evaluation_controller import LOOKING, EvaluationController
from desktop.workspaces.train.evaluation.evaluation_view import EvaluationView
from desktop.workspaces.train.evaluation.source_bar import NETWORK_FILE
from tests.desktop.conftest import GuiDriver
from tests.factories import label_all

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 64, (1, 2))


def evaluated(gui: GuiDriver) -> tuple[EvaluationController, EvaluationView]:
    """Open the project again with two runs and three labelled val pictures, and evaluate the newer run."""
    folder = gui.session.folder
    gui.window.close_project()
    with Project.open(folder, purpose="a test") as project:
        label_all(project, project.pictures.all())
        project.pictures.set_split([record.id for record in project.pictures.all()], Split.VAL)
        for seed in (0, 1):
            run = project.runs.start(json.dumps(SPEC.to_json()), "{}", None, 3)
            torch.manual_seed(seed)
            save_checkpoint(project.run_folder(run.id), build_network(SPEC).eval(), SPEC, {})
            project.runs.update(run.id, published=1)
            project.runs.end(run.id, "finished")
    gui.window.open_project(folder)
    gui.wait_until(gui.has_picture, "a picture", 180)
    gui.window.actions_by_id["workspace_train"].trigger()
    page = gui.window.workspaces.train
    gui.wait_until(lambda: page.runs.rowCount() == 2, "both runs", 30)
    gui.click(page.evaluate)
    controller = gui.window.context.train_controller.evaluation_controller
    assert controller.view is not None
    assert controller.view.isVisible()
    wait_for_result(gui, controller)
    return controller, controller.view


def wait_for_result(gui: GuiDriver, controller: EvaluationController) -> None:
    view = controller.view
    assert view is not None
    gui.wait_until(lambda: view.source.evaluate.isVisible() and view.table.isVisible(), "the scores", 180)


def wait_for_message(gui: GuiDriver, view: EvaluationView, words: str) -> None:
    """Until no look-up and no evaluation is under way; what is said then has these words."""

    def has_ended() -> bool:
        return (
            view.source.evaluate.isVisible() and view.message.isVisible() and view.message.text() != LOOKING
        )

    gui.wait_until(has_ended, "a sentence", 180)
    assert words in view.message.text()


def test_a_run_is_evaluated_walked_over_and_opened(gui: GuiDriver) -> None:
    controller, view = evaluated(gui)
    kept = controller.kept
    assert kept is not None
    matrix = kept.evaluation.confusion
    assert [view.table.item(y, 0).text() for y in range(2)] == ["grass", "roof"]
    assert view.table.item(0, 7).text() == f"{matrix[0].sum():,}"
    assert view.summary.score.text() == f"{kept.evaluation.mean_scores()['miou']:.3f} mIoU"
    assert "of 3 pictures" in view.summary.basis.text()
    assert view.summary.score.property("role") == "muted-headline", "three pictures are few"

    view.show_part("confusion")
    gui.wait_until(view.heat_map.isVisible, "the matrix", 10)
    cell = view.heat_map.cell_rect(1, 0)
    QTest.mouseClick(view.heat_map.viewport(), Qt.MouseButton.LeftButton, pos=cell.center())
    expected = kept.evaluation.pictures_with(1, 0)
    shown = view.cell_pictures.table
    assert shown.rowCount() == len(expected)
    assert view.cell_pictures.title.text() == "roof predicted as grass"
    QTest.keyClick(view.heat_map, Qt.Key.Key_Up)
    QTest.keyClick(view.heat_map, Qt.Key.Key_Return)
    assert view.heat_map.current == (0, 0)
    assert view.cell_pictures.title.text() == "grass, predicted right"
    image = view.cell_pictures.image
    if shown.rowCount():
        gui.wait_until(lambda: image.has_image, "the picture with its pixels", 30)

    view.show_part("pictures")
    ranked = list(kept.miou)
    assert list(view.worst.cards) == ranked[:2]
    assert list(view.best.cards) == ranked[2:]
    gui.click(view.best.cards[ranked[2]])
    gui.wait_until(lambda: gui.labelling.picture.id == ranked[2], "the picture in Label", 20)
    assert gui.window.workspaces.currentIndex() == 0


def test_what_is_kept_is_shown_at_once_and_what_cannot_be_is_said(gui: GuiDriver, tmp_path: Path) -> None:
    controller, view = evaluated(gui)
    source = view.source
    kept = controller.kept
    assert kept is not None

    def choose(run: object, place: str) -> None:
        source.restore((run, place))
        source.changed.emit()

    choose(1, "val")
    wait_for_message(gui, view, "not evaluated yet")
    choose(2, "val")
    gui.wait_until(view.table.isVisible, "the kept evaluation", 180)
    assert controller.kept is not None
    assert controller.kept.key == kept.key

    choose(2, "test")
    wait_for_message(gui, view, "not evaluated yet")
    gui.click(source.evaluate)
    assert not source.evaluate.isVisible()
    wait_for_message(gui, view, "Labelled are 3 pictures of val")

    (gui.session.home / "models" / "1" / WEIGHTS_FILE).unlink()
    choose(1, "val")
    wait_for_message(gui, view, "The weights of run 1 are gone")

    broken = tmp_path / "network.safetensors"
    broken.write_bytes(b"nothing of the kind")
    controller.use_network(broken)
    assert source.choice[0] == f"{NETWORK_FILE}:network.safetensors"
    wait_for_message(gui, view, "not evaluated yet")
    gui.click(source.evaluate)
    assert not source.evaluate.isVisible()
    wait_for_message(gui, view, "network.safetensors is damaged")
    gui.click(source.back)
    assert not view.isVisible()
    assert gui.window.workspaces.train.runs.isVisible()


def test_a_changed_label_is_said_and_an_evaluation_can_be_cancelled(gui: GuiDriver) -> None:
    _, view = evaluated(gui)
    gui.window.actions_by_id["workspace_label"].trigger()
    gui.labelling.choose_class(2)
    gui.dab(0.2)
    gui.window.actions_by_id["workspace_train"].trigger()
    gui.wait_until(lambda: "Labels have changed" in view.source.progress.text(), "the hint", 20)
    gui.click(view.source.evaluate)
    assert not view.source.run.isEnabled()
    gui.click(view.source.cancel)
    gui.wait_until(view.source.evaluate.isVisible, "the end of the process", 180)
    assert view.table.isVisible(), "what was found before stays"
    evaluations = gui.session.home / "cache" / "evaluations"
    assert len(list(evaluations.iterdir())) == 1


@pytest.mark.parametrize("classes", [2, 150])
def test_every_cell_can_be_reached(theme: Theme, classes: int) -> None:
    """By keyboard, and by the mouse after scrolling."""
    view = EvaluationView(theme)
    heat_map = view.heat_map
    heat_map.resize(500, 400)
    matrix = np.arange(classes * classes).reshape(classes, classes)
    names = [f"class {number}" for number in range(classes)]
    heat_map.set_matrix(matrix, names, names)
    seen: list[tuple[int, int]] = []
    heat_map.cell_pointed.connect(lambda row, column: seen.append((row, column)))
    QTest.keyClick(heat_map, Qt.Key.Key_End)
    for _ in range(classes + 5):
        QTest.keyClick(heat_map, Qt.Key.Key_Down)
    assert seen[-1] == (classes - 1, classes - 1)
    assert heat_map.cell_at(heat_map.cell_rect(classes - 1, classes - 1).center()) == seen[-1]
    assert heat_map.cell_at(QPoint(1, 1)) is None
    for _ in range(30):
        QTest.keyClick(heat_map, Qt.Key.Key_Minus)
    QTest.keyClick(heat_map, Qt.Key.Key_Plus)
    assert heat_map.cell_at(heat_map.cell_rect(*seen[-1]).center()) == seen[-1]
    view.deleteLater()
