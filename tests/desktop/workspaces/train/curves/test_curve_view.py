"""The curves of the Train workspace in the real window: runs, measures, axes, legend, choices, files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtTest import QTest

from core.labels.class_list import ClassList
from core.project.project import Project
from core.project.records import Measurement
from core.session.training.run_series import RunSeriesStore
from desktop.theme.theme import Theme
from desktop.workspaces.train.curves.curve_choices import CurveChoices
from desktop.workspaces.train.curves.curve_controller import FACT
from desktop.workspaces.train.curves.curve_lines import VALIDATION_DASHES, number
from desktop.workspaces.train.curves.curve_view import LOWEST, CurveView
from desktop.workspaces.train.page import TrainPage
from tests.desktop.conftest import GuiDriver, show_widget
from tests.factories import MODEL

LEFT, NO_KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def class_list_of(*names: str) -> ClassList:
    found = ClassList()
    for name in names:
        found = found.with_class(name)
    return found


def measured(run: int, shift: float, classes: tuple[int, ...] = (1, 2)) -> list[Measurement]:
    """Ten losses over 90 steps, 45 seconds and three epochs; three scores, the second of which was a checkpoint."""
    pictures = 10 * run
    points = []
    for n in range(10):
        row = 10 * n, 5.0 * n, pictures
        points += [Measurement(run, "loss", None, *row, shift + 1 / (n + 1))]
        points += [Measurement(run, "epoch", None, *row, n / 3)]
    for n in (3, 6, 9):
        row = 10 * n, 5.0 * n, pictures
        points += [Measurement(run, "miou", None, *row, shift + n / 20)]
        points += [Measurement(run, "val_loss", None, *row, shift + 1.1 / (n + 1))]
        points += [Measurement(run, "iou", value, *row, n / (20 + value)) for value in classes]
    return [*points, Measurement(run, "checkpoint", None, 60, 30.0, pictures, 1)]


@pytest.fixture
def view(qtbot, theme: Theme) -> CurveView:
    made = CurveView(theme)
    for panel in made.panels:
        show_widget(qtbot, panel, 600, 300)
    store = RunSeriesStore()
    store.add(measured(1, 0.1))
    store.add(measured(2, 0.2))
    store.set_pixels({1: 4000, 2: 1500})
    made.set_runs([1, 2])
    made.set_series(store.series({"loss", "val_loss", "miou", "iou"}), class_list_of("road", "sky"))
    return made


def line(view: CurveView, key: object, panel: int = 0) -> np.ndarray:
    return view.panels[panel].chart.arrays()[key]


def titles(view: CurveView, panel: int = 0) -> list[str]:
    return [entry.title for entry in view.panels[panel].legend.entries]


def test_runs_are_end_to_end_or_over_each_other(view: CurveView) -> None:
    assert line(view, (1, "miou", None))[:, 0].tolist() == [15, 30, 45]
    assert line(view, (2, "miou", None))[:, 0].tolist() == [60, 75, 90], "where the first ended"
    assert line(view, (2, "loss", None), 1)[0].tolist() == [45, 1.2]
    assert titles(view) == ["mIoU", "road", "sky"] and titles(view, 1) == ["Training", "Validation"]
    QTest.mouseClick(view.layouts["over"], LEFT)
    assert line(view, (2, "miou", None))[:, 0].tolist() == [15, 30, 45]
    assert titles(view) == ["mIoU", "road", "sky", "Run 1", "Run 2"]
    styles = view.panels[1].chart._curves
    assert styles[1, "loss", None].colour != styles[2, "loss", None].colour, "one colour for each run"
    assert styles[1, "val_loss", None].colour == styles[1, "loss", None].colour
    assert styles[1, "val_loss", None].dashes == VALIDATION_DASHES
    per_class = view.panels[0].chart._curves
    assert per_class[1, "iou", 2].colour == per_class[2, "iou", 2].colour
    assert per_class[1, "iou", 2].dashes != per_class[2, "iou", 2].dashes
    view.set_selected([2])
    assert {key[0] for key in view.panels[0].chart.arrays()} == {2}
    assert line(view, (2, "miou", None))[0, 0] == 15 and "Run 2." in view.help.text()
    view.set_selected([2, 9])
    view.set_runs([1])
    assert {key[0] for key in view.panels[0].chart.arrays()} == {1}, "run 2 was deleted"


@pytest.mark.parametrize(("axis", "ends"), [("steps", (90, 180)), ("epochs", (3, 6)), ("seconds", (45, 90))])
def test_curves_run_along_the_chosen_axis(view: CurveView, axis: str, ends: tuple[float, float]) -> None:
    view.axis.setCurrentIndex(view.axis.findData(axis))
    view.axis.activated.emit(view.axis.currentIndex())
    assert [line(view, (run, "miou", None))[-1, 0] for run in (1, 2)] == pytest.approx(ends)
    assert view.choices.axis == axis


def test_along_labelled_pictures_the_best_of_each_number_is_shown(view: CurveView) -> None:
    view.set_choices(CurveChoices(measures=("miou", "loss"), axis="pictures"))
    assert line(view, (0, "miou", None)).tolist() == [[10, pytest.approx(0.55)], [20, pytest.approx(0.65)]]
    assert line(view, (0, "loss", None), 1).tolist() == [[10, pytest.approx(0.2)], [20, pytest.approx(0.3)]]
    assert not view.smoothing.isEnabled() and not view.layouts["over"].isEnabled()


def test_along_labelled_pixels_there_is_a_point_for_each_run_that_stored_them(view: CurveView) -> None:
    view.set_choices(CurveChoices(measures=("miou", "loss"), axis="pixels"))
    assert line(view, (0, "miou", None)).tolist() == [
        [1500, pytest.approx(0.65)],
        [4000, pytest.approx(0.55)],
    ]
    assert line(view, (0, "loss", None), 1).tolist() == [
        [1500, pytest.approx(0.3)],
        [4000, pytest.approx(0.2)],
    ]
    assert not view.smoothing.isEnabled()
    store = RunSeriesStore()
    store.add(measured(1, 0.1))
    view.set_series(store.series({"loss", "miou"}), class_list_of("road", "sky"))
    assert not view.panels[0].chart.arrays()
    assert "labelled pixels, as runs of earlier versions" in view.panels[0].chart._empty.text()


def test_losses_have_a_logarithmic_axis_on_demand(view: CurveView) -> None:
    scores, losses = view.panels
    assert not scores.log_scale.isVisible()
    assert losses.log_scale.isVisible()
    linear = line(view, (1, "loss", None), 1).copy()
    ticks = losses.chart._vertical_ticks(losses.chart.data_range(), 400)
    QTest.mouseClick(losses.log_scale, LEFT)
    assert view.choices.logarithmic == ("loss",)
    drawn = line(view, (1, "loss", None), 1)
    np.testing.assert_allclose(10 ** drawn[:, 1], linear[:, 1])
    np.testing.assert_array_equal(drawn[:, 0], linear[:, 0])
    shown = losses.chart.data_range()
    assert shown.top() < np.log10(0.2) < np.log10(1.2) < shown.bottom()
    assert losses.chart._vertical_ticks(shown, 400) != ticks
    for key in ("learning_rate", "miou", "loss"):
        losses.measure_chosen.emit(key)
        assert losses.log_scale.isChecked() == (key == "loss")
    QTest.mouseClick(losses.log_scale, LEFT)
    assert line(view, (1, "loss", None), 1).tolist() == linear.tolist()


def test_zero_has_a_place_on_a_logarithmic_axis(view: CurveView) -> None:
    store = RunSeriesStore()
    store.add(
        [Measurement(1, "loss", None, n, float(n), 3, value) for n, value in enumerate((1.0, 0.0, 0.01))]
    )
    view.set_series(store.series({"loss"}), class_list_of("road"))
    view.set_choices(CurveChoices(logarithmic=("loss",)))
    assert line(view, (1, "loss", None), 1)[:, 1].tolist() == [0, -2, -2]


def test_a_point_tells_value_step_time_run_and_checkpoint(view: CurveView, qtbot) -> None:
    chart = view.panels[0].chart
    view.set_choices(CurveChoices(measures=("miou", "loss"), layout="over"))
    [(x, y)] = chart.to_pixels(np.array([[30.0, 0.5]]))  # of run 2
    with qtbot.waitSignal(view.point_chosen) as chosen:
        QTest.mouseClick(chart, LEFT, NO_KEYS, QPoint(round(x), round(y)))
    assert chosen.args == [2, 60, 1]
    assert chart.accessibleDescription() == (
        "mIoU 0.500. Run 2, step 60, epoch 2, 30 s, 20 labelled (1.5 k pixels in all). Checkpoint 1 of this run"
    )


def test_smoothing_keeps_the_values_behind_it(view: CurveView) -> None:
    raw = line(view, (1, "loss", None), 1).copy()
    view.smoothing.setValue(80)
    smooth = line(view, (1, "loss", None), 1)
    assert np.abs(np.diff(smooth[:, 1])).max() < np.abs(np.diff(raw[:, 1])).max()
    assert line(view, ("raw", 1, "loss", None), 1).tolist() == raw.tolist()
    view.smoothing.setValue(0)
    assert ("raw", 1, "loss", None) not in view.panels[1].chart.arrays()


def test_the_legend_hides_classes_means_and_runs(view: CurveView) -> None:
    def click(title: str, panel: int = 0) -> None:
        legend = view.panels[panel].legend
        box = legend.places(legend.width())[titles(view, panel).index(title)][0]
        QTest.mouseClick(legend, LEFT, NO_KEYS, box.center().toPoint())

    QTest.mouseClick(view.layouts["over"], LEFT)
    click("sky")
    assert view.choices.classes == (1,) and (1, "iou", 2) not in view.panels[0].chart.arrays()
    assert "sky" in titles(view), "so that it can be shown again"
    click("sky")
    assert (1, "iou", 2) in view.panels[0].chart.arrays()
    click("mIoU")
    assert view.choices.hidden == ("miou",) and (1, "miou", None) not in view.panels[0].chart.arrays()
    click("Training", 1)
    assert {key[1] for key in view.panels[1].chart.arrays()} == {"val_loss"}
    click("Run 1", 1)
    assert {key[0] for panel in view.panels for key in panel.chart.arrays()} == {2}, "in both charts"
    view.set_selected([1])
    assert {key[0] for key in view.panels[0].chart.arrays()} == {1}


def test_of_many_classes_the_lowest_are_shown_until_others_are_chosen(view: CurveView, qtbot) -> None:
    classes = class_list_of(*(f"class {n}" for n in range(1, 151)))
    store = RunSeriesStore()
    store.add(measured(1, 0.1, classes.values))
    view.set_runs([1])
    view.set_series(store.series({"miou", "iou", "loss"}), classes)
    shown = {key[2] for key in view.panels[0].chart.arrays() if key[1] == "iou"}
    assert shown == set(range(151 - LOWEST, 151)), "IoU falls with the value"
    assert titles(view)[-1] == "140 more classes…"
    assert view.panels[0].legend.height() <= 4 * 20
    view.panels[0].legend.toggled.emit(view.panels[0].legend.entries[-1].key)
    chooser = view.chooser
    assert chooser is not None and chooser.isVisible()
    QTest.keyClicks(chooser.search, "class 77")
    QTest.mouseClick(chooser.everything, LEFT)
    assert 77 in (view.choices.classes or ()) and len(view.choices.classes or ()) == LOWEST + 1
    assert (1, "iou", 77) in view.panels[0].chart.arrays()
    chooser.search.clear()
    QTest.mouseClick(chooser.everything, LEFT)
    assert len(view.panels[0].legend.entries) < 30, "the legend stays readable"
    assert len([key for key in view.panels[0].chart.arrays() if key[1] == "iou"]) == 150
    QTest.mouseClick(chooser.by_score, LEFT)
    assert view.choices.classes is None and not chooser.isVisible()


def test_a_class_chooser_that_is_opened_again_is_remembered(view: CurveView, qtbot) -> None:
    gone: list[str] = []
    for name in ("first", "second"):
        view.open_chooser()
        assert view.chooser is not None
        view.chooser.destroyed.connect(lambda *_, name=name: gone.append(name))
    qtbot.waitUntil(lambda: gone == ["first"])
    assert view.chooser is not None and view.chooser.isVisible()
    view.clear()
    qtbot.waitUntil(lambda: gone == ["first", "second"])
    assert view.chooser is None


def test_choices_that_cannot_be_understood_are_those_of_a_new_project() -> None:
    chosen = CurveChoices(("dice", "learning_rate"), "epochs", "over", 40, (1, 3), ("val_loss",), ("loss",))
    assert CurveChoices.from_json(chosen.to_json()) == chosen
    assert CurveChoices.from_json(None) == CurveChoices.from_json("[1") == CurveChoices()
    odd = {
        "measures": ["dice", 3],
        "axis": [],
        "layout": "x",
        "smoothing": 400,
        "classes": 1,
        "hidden": ["y", []],
        "logarithmic": ["loss", "miou"],
    }
    assert CurveChoices.from_json(json.dumps(odd)) == CurveChoices()


def test_numbers_are_short() -> None:
    assert [number(v) for v in (0, 0.5, 0.00034, 12_345.0)] == ["0.000", "0.500", "3.40e-04", "12.3 k"]


def open_runs(gui: GuiDriver) -> TrainPage:
    """Open the project again, with two runs."""
    folder = gui.session.folder
    gui.window.close_project()
    with Project.open(folder, purpose="a test") as project:
        for shift in (0.1, 0.2):
            run = project.runs.start(MODEL, "{}", None, 3)
            project.runs.add_measurements(measured(run.id, shift))
            project.runs.end(run.id, "finished")
    return open_page(gui, folder)


def open_page(gui: GuiDriver, folder: Path) -> TrainPage:
    gui.window.open_project(folder)
    gui.wait_until(gui.has_picture, "a picture", 60)
    gui.window.actions_by_id["workspace_train"].trigger()
    page = gui.window.workspaces.train
    gui.wait_until(lambda: bool(page.curves.panels[0].chart.arrays()), "curves", 20)
    return page


def test_a_run_that_is_clicked_is_shown_and_choices_stay_with_the_project(gui: GuiDriver) -> None:
    page = open_runs(gui)
    view = page.curves
    gui.click(view.layouts["over"])
    page.runs.selectRow(1)
    assert {key[0] for key in view.panels[0].chart.arrays()} == {1}
    page.runs.selectionModel().select(
        page.runs.model().index(0, 0), QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
    )  # fmt: skip
    assert {key[0] for key in view.panels[0].chart.arrays()} == {1, 2}
    page.runs.clearSelection()
    view.point_chosen.emit(2, 60, 1)
    assert [run.number for run in page.runs.selected_runs()] == [2]
    gui.wait_until(lambda: gui.said == "Checkpoint 1 of run 2, published at step 60.", "the checkpoint", 5)
    view.panels[1].measure_chosen.emit("dice")
    gui.wait_until(lambda: view.choices.measures == ("iou", "dice"), "the measure", 5)
    assert not view.panels[1].chart.arrays(), "the runs have none"
    view.panels[0].legend.toggled.emit(("run", 1))
    view.panels[0].chart.set_span((10.0, 20.0))
    view.open_chooser()
    assert view.shown_runs() == [2]
    folder = gui.session.folder
    gui.window.close_project()
    assert view.chooser is None and view.choices == CurveChoices()
    page = open_page(gui, folder)
    gui.wait_until(lambda: page.curves.choices.layout == "over", "what was chosen before", 10)
    assert page.curves.shown_runs() == [1, 2], "which runs are hidden is not stored"
    assert page.curves.panels[0].chart.span is None
    assert page.curves.choices.measures == ("iou", "dice") and page.curves.layouts["over"].isChecked()
    assert json.loads(gui.session.fact(FACT).result() or "")["layout"] == "over"


def test_curves_are_read_when_they_become_visible(gui: GuiDriver) -> None:
    page = open_runs(gui)
    folder = gui.session.folder
    gui.window.close_project()
    gui.window.actions_by_id["workspace_label"].trigger()
    gui.window.open_project(folder)
    gui.wait_until(lambda: page.runs.rowCount() == 2, "the runs", 60)
    gui.wait(200)
    assert not page.curves.panels[0].chart.arrays()
    gui.window.actions_by_id["workspace_train"].trigger()
    gui.wait_until(lambda: bool(page.curves.panels[0].chart.arrays()), "curves", 20)


def test_a_chart_is_kept_as_a_table_a_picture_and_a_drawing(gui: GuiDriver, tmp_path: Path) -> None:
    page = open_runs(gui)
    panel = page.curves.panels[1]
    controller = gui.window.context.train_controller.curve_controller
    panel.save_actions["csv"].trigger()
    dialog = controller.file_dialog
    gui.wait_until(lambda: dialog is not None and dialog.isVisible(), "the question where", 5)
    assert dialog is not None and dialog.selectedFiles()[0].endswith("-loss.csv")
    dialog.hide()
    files = {kind: tmp_path / f"curve.{kind}" for kind in ("csv", "png", "svg")}
    for kind, file in files.items():
        controller.write(panel, kind, file)
        gui.wait_until(file.is_file, "the file", 10)
    rows = list(csv.DictReader(files["csv"].read_text("utf-8").splitlines()))
    assert {(row["run"], row["measure"]) for row in rows} == {
        (run, name) for run in ("1", "2") for name in ("loss", "val_loss")
    }
    assert len(rows) == 26 and float(rows[0]["value"]) == 1.1
    assert files["png"].read_bytes()[:4] == b"\x89PNG" and b"<svg" in files["svg"].read_bytes()
    (tmp_path / "folder.csv").mkdir()
    controller.write(panel, "csv", tmp_path / "folder.csv")
    gui.wait_until(lambda: "folder.csv cannot be written: Is a directory" in gui.said, "the reason", 10)
