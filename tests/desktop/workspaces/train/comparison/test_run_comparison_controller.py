"""Runs beside each other in the real window: from the table, evaluated on demand, on to curves and report."""

from __future__ import annotations

import json
import math

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.evaluation.run_comparison import ComparedClass, Difference, RunComparison
from core.evaluation.run_summary import RunSummary
from core.labels.class_list import ClassList
from core.models.checkpoint import save_checkpoint
from core.models.network_builder import build_network
from core.models.spec import WEIGHTS_FILE, ModelSpec
from core.project.project import Project
from core.project.records import Measurement, RunRecord, Split
from core.training.recipe import Recipe
from desktop.theme.theme import Theme
from desktop.workspaces.train.comparison.class_differences import DifferenceTable, difference_text
from desktop.workspaces.train.comparison.run_comparison_controller import RunComparisonController
from desktop.workspaces.train.comparison.run_comparison_view import RunComparisonView
from tests.desktop.conftest import GuiDriver, show_widget
from tests.factories import label_all

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 64, (1, 2))


def two_runs(gui: GuiDriver) -> None:
    """Open the project again with three labelled val pictures and two runs with weights, which differ in the loss."""
    folder = gui.session.folder
    gui.window.close_project()
    with Project.open(folder, purpose="a test") as project:
        label_all(project, project.pictures.all())
        project.pictures.set_split([record.id for record in project.pictures.all()], Split.VAL)
        for seed, loss in ((0, "ce"), (1, "dice")):
            run = project.runs.start(
                json.dumps(SPEC.to_json()), json.dumps(Recipe(loss=loss).to_json()), None, 3
            ).id
            torch.manual_seed(seed)
            save_checkpoint(project.run_folder(run), build_network(SPEC).eval(), SPEC, {})
            score = 0.5 + seed / 4
            project.runs.update(run, published=1, best_miou=score)
            row = 5, 10.0, 3
            project.runs.add_measurements(
                [Measurement(run, "iou", 2, *row, score), Measurement(run, "checkpoint", None, *row, 1)]
            )
            project.runs.end(run, "finished")
    gui.window.open_project(folder)
    gui.wait_until(gui.has_picture, "a picture", 180)
    gui.window.actions_by_id["workspace_train"].trigger()
    gui.wait_until(lambda: gui.window.workspaces.train.runs.rowCount() == 2, "both runs", 30)


def compared(gui: GuiDriver) -> tuple[RunComparisonController, RunComparisonView]:
    page = gui.window.workspaces.train
    page.runs.select_runs([1, 2])
    gui.click(page.compare)
    controller = gui.window.context.train_controller.comparison_controller
    assert controller.view is not None
    assert controller.view.isVisible()
    gui.wait_until(lambda: controller.found is not None, "the comparison", 60)
    return controller, controller.view


def texts(view: RunComparisonView, first: str) -> list[str]:
    """The cells of a row of the scores."""
    table = view.scores
    assert table is not None
    for y in range(table.rowCount()):
        if table.item(y, 0).text() == first:
            return [table.item(y, x).text() for x in range(table.columnCount())]
    raise AssertionError(first)


def test_selected_runs_are_compared_evaluated_and_reported(gui: GuiDriver) -> None:
    two_runs(gui)
    page = gui.window.workspaces.train
    page.runs.selectRow(0)
    assert not page.compare.isEnabled()
    assert "Select two or more runs" in page.compare.toolTip()
    QTest.keyClick(page.runs, Qt.Key.Key_C)
    assert "Select two or more runs" in gui.said
    gui.window.show_message("")
    action = gui.window.actions_by_id["compare_runs"]
    action.trigger()
    assert "Select two or more runs" in gui.said
    page.runs.select_runs([1, 2])
    gui.window.actions_by_id["workspace_label"].trigger()
    action.trigger()
    shown = gui.window.context.train_controller.comparison_controller.view
    assert shown is not None and shown.isVisible(), "in its workspace"
    gui.click(shown.back)
    controller, view = compared(gui)
    assert texts(view, "roof") == ["roof", "0.500", "0.750", "+0.250", ""]
    assert texts(view, "mIoU")[3] == "+0.250"
    assert "measured in training" in view.note.text()
    assert view.settings is not None
    rows = {view.settings.item(y, 0).text(): y for y in range(view.settings.rowCount())}
    assert [view.settings.item(rows["Loss"], x).text() for x in (1, 2)] == ["ce", "dice"]
    assert "Optimizer" not in rows

    assert view.evaluation.start.text() == "Evaluate 2 runs"
    gui.click(view.evaluation.start)
    assert view.evaluation.cancel.isVisible()
    gui.wait_until(lambda: controller.found and controller.found.pictures == 3, "both evaluations", 240)
    assert not view.evaluation.start.isVisible()
    assert not view.evaluation.cancel.isVisible()
    found = controller.found
    assert found is not None
    assert texts(view, "grass")[3] == difference_text(found.classes[0].differences[0])
    assert " to " in texts(view, "mIoU")[3]
    assert texts(view, "grass")[4] == f"{3 * 48 * 64:,}"

    asked: list[list[int]] = []
    page.report_requested.connect(asked.append)
    page.report_requested.disconnect(gui.window.context.train_controller.report_controller.choose_file)
    gui.click(view.report)
    assert asked == [[1, 2]]
    page.report_requested.disconnect(asked.append)
    page.runs.selectRow(0)
    gui.click(view.curves)
    assert not view.isVisible()
    assert [run.number for run in page.runs.selected_runs()] == [2, 1]
    assert page.curves.choices.layout == "over"


def test_a_run_whose_files_are_gone_is_compared_without_intervals(gui: GuiDriver) -> None:
    two_runs(gui)
    (gui.session.home / "models" / "1" / WEIGHTS_FILE).unlink()
    controller, view = compared(gui)
    assert "The weights of run 1 are gone" in view.note.text()
    assert view.evaluation.start.text() == "Evaluate 1 run"
    gui.click(view.back)
    assert not view.isVisible()
    assert gui.window.workspaces.train.runs.isVisible()
    gui.session.run_book.set_note(2, "noted")
    gui.wait(200)
    gui.window.workspaces.train.runs.select_runs([1, 2])
    gui.click(gui.window.workspaces.train.compare)
    gui.wait_until(lambda: controller.found and controller.found.runs[1].record.note == "noted", "it", 30)


def test_cancel_ends_only_the_evaluation_that_it_belongs_to(gui: GuiDriver) -> None:
    two_runs(gui)
    _, view = compared(gui)
    single = gui.window.context.train_controller.evaluation_controller
    single.open(1)  # under way, while those of the comparison wait
    assert single.view is not None
    view.evaluation.requested.emit()
    view.evaluation.cancelled.emit()
    gui.wait_until(view.evaluation.cancel.isHidden, "the end of the comparison's", 20)
    gui.wait_until(lambda: single.kept is not None, "the other one", 180)
    assert single.view.table.isVisible()


def made(classes: int, runs: int) -> RunComparison:
    """Class n has an IoU of n / 1000 in the first run, and the others have alternating changes."""
    records = [
        RunRecord(n, "finished", "2026-01-01T10:00:00", None, "cpu", "{}", "{}", None, 4, 0.5, 1, None)
        for n in range(1, runs + 1)
    ]
    summaries = tuple(RunSummary(record, 1.0, None, False, True, {"miou": 0.5}) for record in records)

    def change(value: int) -> Difference:
        sign = 1 if value % 2 else -1
        return Difference(sign * value / 1000, (sign * value / 1000 - 0.002, sign * value / 1000 + 0.002))

    rows = tuple(
        ComparedClass(v, (v / 1000,) * runs, tuple(change(v) for _ in range(runs - 1)), 10 * v)
        for v in range(1, classes + 1)
    )
    means = tuple({"miou": 0.5} for _ in records)
    return RunComparison(summaries, {}, means, (Difference(math.nan),) * (runs - 1), rows, Split.VAL, 4, {})


def class_list(count: int) -> ClassList:
    classes = ClassList()
    for number in range(count):
        classes = classes.with_class(f"class {number}")
    return classes


@pytest.mark.parametrize(("classes", "runs"), [(2, 2), (11, 3), (150, 5)])
def test_classes_are_sorted_below_the_means(theme: Theme, qtbot, classes: int, runs: int) -> None:
    table = DifferenceTable(theme, made(classes, runs), class_list(classes))
    qtbot.addWidget(table)
    assert table.rowCount() == 1 + classes
    assert table.columnCount() == 2 + 2 * (runs - 1) + 1

    def names() -> list[str]:
        assert table.item(0, 0).text() == "mIoU"
        return [table.item(y, 0).text() for y in range(1, table.rowCount())]

    assert names()[:2] == ["class 0", "class 1"]
    assert table.item(0, 3).text() == "–"
    table.order.choose(3)
    even = [value for value in range(1, classes + 1) if value % 2 == 0]
    assert names()[0] == f"class {max(even) - 1}", "the largest loss first"
    table.order.choose(3)
    assert names()[-1] == f"class {max(even) - 1}"
    table.order.choose(table.columnCount() - 1)
    assert names()[0] == f"class {classes - 1}", "the most pixels first"


def test_tables_stay_as_they_are_while_their_numbers_do(theme: Theme, qtbot) -> None:
    view = RunComparisonView(theme)
    show_widget(qtbot, view, 800, 500)
    view.show_comparison(made(11, 3), class_list(11))
    table = view.scores
    assert table is not None
    table.order.choose(3)
    view.show_message("Comparing …")
    view.show_comparison(made(11, 3), class_list(11))
    assert view.scores is table and table.isVisible() and table.item(1, 0).text() == "class 9"
    view.show_message("Comparing …")
    view.show_comparison(made(11, 2), class_list(11))
    assert view.scores is not table and view._body.count() == 2, "the tables of before are gone"


def test_a_change_is_beyond_chance_when_its_interval_does_not_hold_zero() -> None:
    assert Difference(0.02, (0.01, 0.03)).is_beyond_chance
    assert Difference(-0.02, (-0.03, -0.01)).is_beyond_chance
    assert not Difference(0.02, (-0.01, 0.03)).is_beyond_chance
    assert not Difference(0.02).is_beyond_chance
    assert difference_text(Difference(0.02, (-0.01, 0.03))) == "+0.020  (-0.010 to +0.030)"
