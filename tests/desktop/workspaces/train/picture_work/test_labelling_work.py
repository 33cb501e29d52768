"""The chart of labelling work: pictures are corrected and marked done in the window, and their points appear."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from core.evaluation.picture_work.work_overview import WorkOverview, make_forecast
from core.evaluation.picture_work.work_series import WorkPoint
from core.labels.class_list import ClassList
from core.labels.label_iou import label_iou
from core.project.project import Project
from core.project.records import Status
from desktop.theme.theme import Theme
from desktop.tour.window_driver import CTRL
from desktop.widgets.navigable_chart import ChartPoint
from desktop.workspaces.train.picture_work.work_lines import (
    ALL_HIDDEN,
    MEAN,
    NO_PREDICTION,
    NOT_COMPARED,
    NOTHING,
    PREDICTED,
)
from desktop.workspaces.train.picture_work.work_view import WorkView
from tests.command_line import json_of
from tests.desktop.conftest import GuiDriver, show_widget
from tests.factories import predict, project_in

CLASSES = ClassList().with_class("road").with_class("pole")
SAID = np.ones((64, 96), np.uint8)
SAID[:, 70:] = 2

pytestmark = pytest.mark.qt_log_ignore("does not support")


def drawn_overview(count: int) -> WorkOverview:
    """As of `count` pictures, of which the first three were painted from blank."""
    rng = np.random.default_rng(0)
    points = []
    for number in range(1, count + 1):
        error = None if number < 4 else float(np.clip(0.15 + 0.6 * number**-0.6 + rng.normal(0, 0.04), 0, 1))
        share = None if error is None else error / 3
        seconds = 300.0 if error is None else 500 * error
        at = seconds + (points[-1].at if points else 0.0)
        points.append(
            WorkPoint(
                number,
                f"street/{number:03}.png",
                number,
                at,
                error,
                share,
                4000,
                12,
                seconds,
                1,
                False,
                number,
                {},
            )
        )
    curve = tuple((float(x), 0.7 - 0.6 * x**-0.5) for x in range(3, 30))
    return WorkOverview(tuple(points), make_forecast("validation", curve, {2: curve}, 30, CLASSES))


def open_work(gui: GuiDriver) -> WorkView:
    gui.window.actions_by_id["workspace_train"].trigger()
    page = gui.window.workspaces.train
    gui.click(page.tabs["work"])
    assert page.work.isVisible()
    return page.work


def correct_and_finish(gui: GuiDriver, share: float) -> None:
    """Dab class 1, accept the rest of the prediction, mark the picture done, and go on."""
    shown = gui.labelling.picture.id
    assert shown is not None
    gui.key(Qt.Key.Key_1)
    gui.dab(share)
    gui.key(Qt.Key.Key_Return, CTRL)
    gui.wait_until(lambda: gui.session.pictures.get(shown).status == Status.DONE, "the mark", 20)


def test_three_pictures_are_corrected_and_their_points_open_them(gui: GuiDriver, tmp_path: Path) -> None:
    folder = tmp_path / "told"
    with project_in(folder) as project:
        for picture_id in (1, 2, 3):
            predict(project, picture_id, SAID)
    gui.window.open_project(folder)
    gui.wait_until(lambda: gui.window.context is not None and gui.has_picture(), "a picture", 20)
    view = open_work(gui)
    assert view.chart._empty.text() == NOTHING and view.chart._empty.isVisible()
    gui.window.actions_by_id["workspace_label"].trigger()
    for number, share in ((1, 0.8), (2, 0.9), (3, 0.1)):
        gui.wait_until(lambda number=number: gui.labelling.picture.id == number, "the picture", 20)
        gui.wait_until(lambda: gui.labelling.picture.prediction is not None, "its prediction", 20)
        correct_and_finish(gui, share)

    view = open_work(gui)
    gui.wait_until(lambda: view._overview is not None and len(view._overview.points) == 3, "three points", 30)
    assert view._overview is not None
    with Project.open_read_only(folder) as project:
        for point in view._overview.points:
            label = project.labels.read(point.picture_id, 96, 64)
            iou = label_iou(SAID, label)
            assert iou is not None and point.error == pytest.approx(1 - iou)
            assert point.corrected_pixels == np.count_nonzero(label != SAID)
            assert point.edits == 2 and point.seconds > 0
    errors = [point.error for point in view._overview.points]
    assert errors[0] and errors[1] and errors[2] == 0, "what was dabbed there was predicted so"
    assert [y for _, y in view.chart._curves[PREDICTED].points] == errors
    assert view.forecast.text().startswith("Too early to say")
    assert view.summary.text().startswith("3 pictures in ")

    place = view.chart.place_of(ChartPoint(PREDICTED, 1)).toPoint()
    QTest.mouseMove(view.chart, place)
    gui.wait_until(lambda: "2. p1.png" in view.chart.accessibleDescription(), "what the point says")
    QTest.mouseClick(view.chart, Qt.MouseButton.LeftButton, pos=place)
    gui.wait_until(lambda: gui.labelling.picture.id == 2 and gui.canvas.isVisible(), "the picture", 20)

    open_work(gui)
    gui.click(view.measures["minutes"])
    assert view.choices == ("minutes", "pictures")
    gui.window.close_project()
    view.set_choices("error", "pictures")
    gui.window.open_project(folder)
    gui.wait_until(lambda: gui.window.context is not None and gui.has_picture(), "a picture", 20)
    open_work(gui)
    gui.wait_until(
        lambda: view._overview is not None and view.choices[0] == "minutes", "the choice of before", 30
    )
    assert [point.error for point in view._overview.points] == errors

    gui.window.close_project()
    printed = json_of("stats", "--project", folder)
    assert [each["error_before_correction"] for each in printed["pictures"]] == pytest.approx(errors)


def test_pictures_without_a_prediction_have_minutes_alone(gui: GuiDriver) -> None:
    gui.key(Qt.Key.Key_1)
    gui.dab(0.5)
    gui.key(Qt.Key.Key_D, CTRL)
    view = open_work(gui)
    gui.wait_until(lambda: view._overview is not None and len(view._overview.points) == 1, "a point", 30)
    gui.click(view.measures["error"])
    assert view.chart._empty.text() == NO_PREDICTION and view.chart._empty.isVisible()
    gui.click(view.measures["minutes"])
    assert set(view.chart._curves) == {NOT_COMPARED} and not view.chart._empty.isVisible()


def test_curves_can_be_hidden_and_the_axis_changed(qtbot: QtBot, theme: Theme) -> None:
    view = WorkView(theme)
    show_widget(qtbot, view, 1000, 600)
    overview = drawn_overview(30)
    view.set_overview(overview)
    assert list(view.chart._curves) == [PREDICTED, MEAN]
    view.legend.toggled.emit(MEAN)
    assert MEAN not in view.chart._curves
    view.legend.toggled.emit(MEAN)
    view.set_choices("share", "time")
    assert view.choices == ("share", "time")
    view.set_choices("nonsense", "")
    assert view.choices == ("share", "time")
    assert view.chart._curves[PREDICTED].points[-1][0] == pytest.approx(overview.points[-1].at)
    assert "points of mIoU" in view.forecast.text() and "validation" in view.forecast.toolTip()
    with qtbot.waitSignal(view.picture_requested) as asked:
        view.chart.point_chosen.emit(ChartPoint(MEAN, 3))
    assert asked.args == [view._lines.points[MEAN][3].picture_id]
    for key in (PREDICTED, NOT_COMPARED, MEAN):
        view.legend.toggled.emit(key)
    assert view.chart._empty.text() == ALL_HIDDEN and view.chart._empty.isVisible()
    view.chart.zoom(4, 100)
    view.set_overview(None)
    assert not view.chart._curves and not view.forecast.isVisible()
    assert view.chart._span is None and view.choices == ("error", "pictures")
    view.set_overview(overview)
    assert list(view.chart._curves) == [PREDICTED, MEAN]
