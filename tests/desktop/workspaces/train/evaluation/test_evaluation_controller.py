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
from desktop.workspaces.train.evaluation.source_bar import SourceBar
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
    gui.wait_until(
        lambda: view.source.evaluation.start.isVisible() and view.table.isVisible(), "the scores", 180
    )


def wait_for_message(gui: GuiDriver, view: EvaluationView, words: str) -> None:
    """Until no look-up and no evaluation is under way; what is said then has these words."""

    def has_ended() -> bool:
        return (
            view.source.evaluation.start.isVisible()
            and view.message.isVisible()
            and view.message.text() != LOOKING
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

    def choose(run: int | Path, place: str | Path) -> None:
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
    gui.click(source.evaluation.start)
    assert not source.evaluation.start.isVisible()
    wait_for_message(gui, view, "Labelled are 3 pictures of val")

    (gui.session.home / "models" / "1" / WEIGHTS_FILE).unlink()
    choose(1, "val")
    wait_for_message(gui, view, "The weights of run 1 are gone")

    broken, text = (tmp_path / name / "network.safetensors" for name in ("broken", "text"))
    for file in (broken, text):
        file.parent.mkdir()
        file.write_bytes(b"nothing of the kind")
        controller.use_network(file)
        assert source.choice[0] == controller.job().weights == file
        wait_for_message(gui, view, "not evaluated yet")
    assert [source.run.itemText(at) for at in range(2, 4)] == ["network.safetensors", str(text)]
    choose(broken, "val")
    assert controller.job().weights == broken
    wait_for_message(gui, view, "not evaluated yet")
    gui.click(source.evaluation.start)
    assert not source.evaluation.start.isVisible()
    wait_for_message(gui, view, "network.safetensors is damaged")
    for name in ("first", "second"):
        controller.use_folder(tmp_path / name)
    choose(2, tmp_path / "first")
    assert (controller.job().run, controller.job().data) == (2, tmp_path / "first")
    choose(2, "val")
    assert controller.job().data is None
    gui.click(source.back)
    assert not view.isVisible()
    assert gui.window.workspaces.train.runs.isVisible()


def test_a_changed_label_is_said_and_an_evaluation_can_be_cancelled(gui: GuiDriver) -> None:
    _, view = evaluated(gui)
    gui.window.actions_by_id["workspace_label"].trigger()
    gui.labelling.choose_class(2)
    gui.dab(0.2)
    gui.window.actions_by_id["workspace_train"].trigger()
    gui.wait_until(lambda: "Labels have changed" in view.source.evaluation.progress.text(), "the hint", 20)
    gui.click(view.source.evaluation.start)
    assert not view.source.run.isEnabled()
    gui.click(view.source.evaluation.cancel)
    gui.wait_until(view.source.evaluation.start.isVisible, "the end of the process", 180)
    assert view.table.isVisible(), "what was found before stays"
    evaluations = gui.session.home / "cache" / "evaluations"
    assert len(list(evaluations.iterdir())) == 1


def test_runs_whose_weights_are_gone_are_not_offered(gui: GuiDriver) -> None:
    controller, view = evaluated(gui)
    box = view.source.run
    assert [box.itemData(at) for at in range(2)] == [2, 1] and not box.toolTip()
    for run in (1, 2):
        (gui.session.home / "models" / str(run) / WEIGHTS_FILE).unlink()
    gui.session.run_book.set_starred([1], True).result()  # the runs are listed again
    gui.wait_until(lambda: box.findData(1) < 0, "one run less", 30)
    assert box.currentData() == 2 and controller.job().run == 2, "what is looked at stays"
    assert view.table.isVisible()
    assert "not listed: 2 whose weights are gone" in box.toolTip()


def test_actions_of_runs_say_why_they_cannot(gui: GuiDriver) -> None:
    page = gui.window.workspaces.train
    assert not page.evaluate.isEnabled() and not page.report.isEnabled()
    for action, button in (("evaluate", page.evaluate), ("report", page.report)):
        gui.window.show_message("")
        gui.window.actions_by_id[action].trigger()
        assert button.toolTip() and gui.said == button.toolTip()


def test_a_file_dialog_is_deleted_with_the_next_one(gui: GuiDriver) -> None:
    controller, view = evaluated(gui)
    gone: list[object] = []
    for _ in range(2):
        view.source.restore((None, "val"))
        view.source.changed.emit()
        assert controller.file_dialog is not None and controller.file_dialog.isVisible()
        controller.file_dialog.destroyed.connect(lambda *_: gone.append(1))
        controller.file_dialog.hide()
    gui.wait_until(lambda: len(gone) == 1, "the first one to go", 5)
    gui.window.close_project()
    gui.wait_until(lambda: len(gone) == 2, "the second one to go", 5)


def test_a_choice_of_paths_keeps_the_ones_before(qtbot, tmp_path: Path) -> None:
    source = SourceBar()
    qtbot.addWidget(source)
    source.set_runs([(3, "Run 3"), (1, "Run 1")])
    source.choose_run(1)
    source.choose_folder(tmp_path / "<b>one</b>")
    source.choose_folder(tmp_path / "two")
    source.set_runs([(4, "Run 4"), (3, "Run 3")])
    assert source.choice == (1, tmp_path / "two"), "the chosen run stays listed"
    source.choose_run(4)
    source.set_runs([(4, "Run 4"), (3, "Run 3")])
    assert [source.run.itemData(at) for at in range(source.run.count() - 1)] == [4, 3]
    source.choose_folder(tmp_path / "<b>one</b>")
    assert source.choice == (4, tmp_path / "<b>one</b>") and source.place.count() == 6
    assert "&lt;b&gt;" in source.place.itemData(3, Qt.ItemDataRole.ToolTipRole)


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
