"""The training panel, charts, and the page of the Train workspace."""

import subprocess
import sys
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPaintEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from core.base.axis_ticks import (
    count_ticks,
    even_ticks,
    power_ticks,
    score_ticks,
    time_ticks,
    value_ticks,
)
from core.labels.class_list import ClassList
from core.labels.score_basis import ScoreBasis
from desktop.theme.theme import Theme, apply_theme
from desktop.widgets.chart import Chart, CurveStyle, score_curves
from desktop.workspaces.label.panels.training_panel import FIRST_HINT, IOU_HINT, TrainingPanel
from desktop.workspaces.train.page import TrainPage
from desktop.workspaces.train.runs.runs_table import RunRow

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")

CLASSES = ClassList().with_class("road").with_class("tree")
MIOU = [(0.0, 0.1), (30.0, 0.4), (60.0, 0.5), (90.0, 0.6)]
PER_CLASS = {1: [(0.0, 0.2), (90.0, 0.8)], 2: [(0.0, 0.0), (90.0, 0.4)], 9: [(0.0, 1.0)]}


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return apply_theme(qapp, "light")


@pytest.fixture
def panel(qtbot, theme: Theme) -> TrainingPanel:
    made = TrainingPanel(theme)
    qtbot.addWidget(made)
    made.resize(304, 420)
    made.show()
    qtbot.waitExposed(made)
    return made


@pytest.mark.parametrize(
    ("phase", "visible", "enabled"),
    [
        ("idle", {"Train"}, {"Train"}),
        ("starting", {"Pause", "Stop"}, {"Stop"}),
        ("training", {"Pause", "Stop"}, {"Pause", "Stop"}),
        ("paused", {"Continue", "Stop"}, {"Continue", "Stop"}),
        ("stopping", {"Stop"}, set()),
    ],
)
def test_buttons_by_phase(panel: TrainingPanel, phase: str, visible: set[str], enabled: set[str]) -> None:
    panel.set_state(phase)
    shown = [button for button in panel.findChildren(QPushButton) if button.isVisible()]
    assert {button.text() for button in shown} == visible
    assert {button.text() for button in shown if button.isEnabled()} == enabled


def test_buttons_emit_requests(qtbot, panel: TrainingPanel) -> None:
    for phase, button, signal in (
        ("idle", panel.train_button, panel.train_requested),
        ("training", panel.pause_button, panel.pause_requested),
        ("paused", panel.resume_button, panel.resume_requested),
        ("training", panel.stop_button, panel.stop_requested),
    ):
        panel.set_state(phase)
        with qtbot.waitSignal(signal):
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    panel.set_state("idle", can_train=False)
    with qtbot.assertNotEmitted(panel.train_requested):
        QTest.mouseClick(panel.train_button, Qt.MouseButton.LeftButton)


def test_progress_is_shown_only_when_it_is_known(panel: TrainingPanel) -> None:
    panel.set_state("training", device="cpu", seconds=30, seconds_left=90, step=1200, pictures_per_second=3.2)
    assert panel.phase.text() == "Training on cpu"
    assert panel.progress.value() == 250
    assert panel.time_left.text() == "1:30 left"
    assert "1,200" in panel.phase.toolTip()
    panel.set_state("training", device="cpu")
    assert not panel.progress.isVisible()
    with pytest.raises(KeyError):
        panel.set_state("dreaming")


def test_a_failure_says_why(panel: TrainingPanel) -> None:
    panel.set_state(
        "idle", message="The graphics card ran out of memory; choose a smaller size.", failed=True
    )
    assert panel.message.isVisible()
    assert panel.message.property("role") == "danger"
    panel.set_state("training")
    assert not panel.message.isVisible()


def test_a_hint_replaces_the_score_before_the_first_one(panel: TrainingPanel) -> None:
    assert panel.hint.text() == FIRST_HINT
    assert not panel.score.isVisible()
    assert not panel.chart.isVisible()
    panel.set_hint("Two more pictures and the model can start.")
    assert panel.hint.text().startswith("Two more")
    panel.set_curves([], {}, CLASSES)
    assert panel.hint.text().startswith("Two more")
    panel.set_hint("")
    assert panel.hint.text() == FIRST_HINT


def test_curves_give_the_score_and_its_trend(panel: TrainingPanel) -> None:
    panel.set_curves(MIOU, PER_CLASS, CLASSES)
    assert panel.chart.isVisible()
    assert panel.score.text() == "0.60"
    assert panel.trend.text() == "+0.27"
    assert panel.hint.text() == IOU_HINT
    panel.set_score(0.5, 0.6)
    assert panel.trend.text() == "−0.10"
    panel.set_score(0.601, 0.6)
    assert panel.trend.text() == "steady"
    panel.set_curves([], {}, CLASSES)
    assert not panel.chart.isVisible()
    assert panel.hint.text() == FIRST_HINT


def test_a_score_that_rests_on_little_is_not_bold(panel: TrainingPanel) -> None:
    panel.set_curves(MIOU, PER_CLASS, CLASSES)
    assert not panel.basis.isVisible()
    names = {c.value: c.name for c in CLASSES}
    panel.set_basis(ScoreBasis(1, 0.04, few={1: 30}), names)
    assert panel.basis.isVisible()
    assert panel.basis.text() == "on 4 % of 1 val picture. Few pixels: road (30 pixels)."
    assert not panel.score.font().bold()
    assert "predicted much worse" in panel.basis.toolTip()
    panel.set_basis(ScoreBasis(12, 1.0, (0.5, 0.7)), names)
    assert panel.basis.text() == "0.50 to 0.70 on all of 12 val pictures."
    assert panel.score.font().weight() == 600
    assert "predicted much worse" not in panel.basis.toolTip()


def test_only_the_user_changing_automatic_start_emits_a_signal(qtbot, panel: TrainingPanel) -> None:
    with qtbot.assertNotEmitted(panel.auto_start_changed):
        panel.set_auto_start(True, "Starts with three pictures.")
    assert panel.auto_start_rule.isVisible()
    with qtbot.waitSignal(panel.auto_start_changed) as changed:
        panel.auto_start.click()
    assert changed.args == [False]


def test_score_curves_leave_out_what_is_not_a_class_and_end_with_the_mean() -> None:
    curves = score_curves(MIOU, PER_CLASS, CLASSES)
    assert list(curves) == [1, 2, "miou"]
    assert curves[1][1] == CLASSES.classes[0].colour


class PaintCounter(Chart):
    """A chart that counts how often it is painted."""

    paints = 0

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        self.paints += 1
        super().paintEvent(event)


@pytest.fixture
def chart(qtbot, theme: Theme) -> PaintCounter:
    made = PaintCounter(theme, time_axis=True, score_axis=True)
    qtbot.addWidget(made)
    made.resize(300, 160)
    made.show()
    qtbot.waitExposed(made)
    return made


def count_colours(chart: Chart, colour: QColor) -> int:
    """Number of pixels that have exactly this colour."""
    image = chart.grab().toImage()
    return sum(
        image.pixelColor(x, y).rgb() == colour.rgb()
        for y in range(image.height())
        for x in range(image.width())
    )


FLAT: dict[object, CurveStyle] = {"flat": ([(0.0, 0.5), (60.0, 0.5)], (200, 30, 10), 5.0)}


def test_a_chart_paints_the_curves_where_the_axes_say(chart: PaintCounter) -> None:
    chart.set_curves(FLAT)
    area, image = chart.plot_area(), chart.grab().toImage()
    found = [
        y
        for y in range(image.height())
        if image.pixelColor(round(area.center().x()), y).getRgb()[:3] == (200, 30, 10)
    ]
    assert 4 <= len(found) <= 5, "as wide as the curve"
    assert sum(found) / len(found) == pytest.approx(area.center().y(), abs=1), "0.5 is half way up"
    shown = chart.data_range()
    assert (shown.left(), shown.right()) == (pytest.approx(0, abs=1), pytest.approx(60, abs=1))
    assert (shown.top(), shown.bottom()) == (pytest.approx(-0.03), pytest.approx(1.03))


def test_a_chart_shows_exactly_the_curves_it_was_given_last(chart: PaintCounter, theme: Theme) -> None:
    chart.set_curves(score_curves(MIOU, PER_CLASS, CLASSES))
    road = QColor(*CLASSES.classes[0].colour)
    chart.set_curves({**score_curves(MIOU, {}, CLASSES), 1: (PER_CLASS[1], road.getRgb()[:3], 4.0)})
    assert count_colours(chart, road) > 100 and count_colours(chart, theme.colour("text")) > 20
    chart.set_curves(score_curves(MIOU, {}, CLASSES))
    assert count_colours(chart, road) == 0 and count_colours(chart, theme.colour("text")) > 20


def test_a_single_point_is_a_dot(chart: PaintCounter) -> None:
    chart.set_curves({"one": ([(5.0, 0.5)], (200, 30, 10), 2.0)})
    assert 15 <= count_colours(chart, QColor(200, 30, 10)) <= 36


def test_a_chart_is_painted_again_for_other_curves_only(qtbot, chart: PaintCounter) -> None:
    chart.set_curves(FLAT)
    qtbot.wait(50)
    painted = chart.paints
    chart.set_curves({"flat": (FLAT["flat"][0], (200, 30, 10), 5.0)})
    qtbot.wait(50)
    assert chart.paints == painted
    chart.set_curves({"flat": ([*FLAT["flat"][0], (90.0, 0.7)], (200, 30, 10), 5.0)})
    qtbot.waitUntil(lambda: chart.paints > painted)


def test_points_are_converted_once_for_many_paints(
    monkeypatch: pytest.MonkeyPatch, chart: PaintCounter
) -> None:
    converted: list[object] = []
    convert = Chart._array
    monkeypatch.setattr(
        Chart, "_array", lambda self, points: converted.append(points) or convert(self, points)
    )
    chart.set_curves(FLAT)
    chart.grab()
    chart.resize(400, 200)
    chart.grab()
    assert converted == [FLAT["flat"][0]]


def test_a_hidden_chart_does_no_work(monkeypatch: pytest.MonkeyPatch, qtbot, theme: Theme) -> None:
    converted: list[object] = []
    convert = Chart._array
    monkeypatch.setattr(
        Chart, "_array", lambda self, points: converted.append(points) or convert(self, points)
    )
    chart = Chart(theme, score_axis=True)
    qtbot.addWidget(chart)
    chart.resize(300, 160)
    chart.set_curves(FLAT)
    assert not converted
    chart.show()
    qtbot.waitUntil(lambda: bool(converted))


def test_a_chart_follows_the_theme(chart: PaintCounter, theme: Theme) -> None:
    chart.set_curves({"bold": ([(0.0, 0.5), (60.0, 0.5)], "text", 5.0)})
    for choice in ("light", "dark"):
        theme.apply(choice)
        assert count_colours(chart, theme.colour("text")) > 100
        assert count_colours(chart, theme.colour("grid")) > 100
    theme.apply("light")


def test_labels_stay_inside_the_chart(qtbot, theme: Theme) -> None:
    """Ticks at the very ends: their labels reach over the end of the axis."""
    chart = Chart(theme, time_axis=True)
    qtbot.addWidget(chart)
    chart.resize(300, 160)
    chart.set_curves({"loss": ([(0.0, 12_000.0), (900.0, 1.0)], "grid", 1.0)})
    image = chart.grab().toImage()
    around = image.pixelColor(299, 0).rgb()
    edges = [image.pixelColor(x, y).rgb() for y in range(image.height()) for x in (0, 299)]
    edges += [image.pixelColor(x, image.height() - 1).rgb() for x in range(image.width())]
    assert set(edges) == {around}


def test_ticks_are_at_round_numbers() -> None:
    def texts(ticks: list[tuple[float, str]]) -> list[str]:
        return [text for _value, text in ticks]

    assert even_ticks(3, 31, 10) == [10, 20, 30]
    assert time_ticks(-2, 312, 300) == [(0, "0"), (120, "2 min"), (240, "4 min")]
    assert texts(time_ticks(0, 40, 300)) == ["0", "10 s", "20 s", "30 s", "40 s"]
    assert texts(count_ticks(0, 260_000, 400)) == ["0", "100 k", "200 k"]
    assert texts(count_ticks(0, 3, 400)) == ["0", "1", "2", "3"]
    assert texts(count_ticks(0, 1, 400)) == ["0", "1"], "no fractions of a picture"
    assert texts(value_ticks(-0.04, 1.04, 150)) == ["0", "0.5", "1"]
    powers = ["1e-7", "1e-6", "1e-5", "1e-4", "1e-3", "1e-2", "1e-1"]
    assert texts(power_ticks(-7.02, -0.98, 400)) == powers
    assert texts(power_ticks(-7, 0, 120)) == ["1e-4", "1e0"]
    assert score_ticks(coarse=True) == [(0.0, "0.0"), (0.5, "0.5"), (1.0, "1.0")]


def test_axis_labels() -> None:
    """Ticks that are close are told apart."""
    shown = {
        "2:06 2:08 2:10 2:12 2:14": time_ticks(125, 135, 400),
        "1:00:05 1:00:10 1:00:15": time_ticks(3605, 3615, 160),
        "5:00 h 5:02 h 5:04 h": time_ticks(18_000, 18_240, 150),
        "12.34 k 12.345 k 12.35 k": count_ticks(12_340, 12_350, 160),
    }
    for expected, ticks in shown.items():
        assert " ".join(text for _value, text in ticks) == expected


RUNS = [
    RunRow(2, "Today 14:02", "cpu", 24, "Training", "U-Net"),
    RunRow(
        1,
        "Today 13:40",
        "cpu",
        18,
        "Finished",
        "U-Net",
        has_weights=True,
        in_use=True,
        scores={"miou": 0.7134},
    ),
]


def test_the_train_page_begins_with_an_explanation(qtbot, theme: Theme) -> None:
    page = TrainPage(theme)
    qtbot.addWidget(page)
    page.resize(1000, 700)
    page.show()
    qtbot.waitExposed(page)
    words = [label.text() for label in page.findChildren(QLabel) if label.isVisible()]
    assert "No training yet" in words
    page.set_runs(RUNS)
    page.set_curves(CLASSES, [(1000, 0.3), (5000, 0.6)])
    page.set_scores({1: 0.8, 2: 0.4, 9: 0.1}, CLASSES)
    assert page.runs.isVisible()
    cells = [[page.runs.item(y, x).text() for x in range(page.runs.columnCount())] for y in range(2)]
    assert cells[1] == [
        *("1", "✓", "☆", "Finished", "0.713", "Today 13:40", "U-Net", "18", "–", "–", "cpu", "", "")
    ]
    assert cells[0][4] == "–"
    assert [page.scores.item(y, 0).text() for y in range(2)] == ["tree", "road"], "the worst first"
    assert not page.use.isEnabled(), "no run is selected"
    page.runs.selectRow(1)
    assert not page.use.isEnabled() and page.use.toolTip() == "This network is in use."
    page.runs.selectRow(0)
    assert not page.use.isEnabled() and "no weights of its own" in page.use.toolTip()
    kept = "Run 1 stays in use: it has mIoU 0.713 on the same val pictures, the new network 0.250."
    worse = replace(RUNS[0], state="Finished", scores={"miou": 0.25}, has_weights=True, message=kept)
    page.set_runs([worse, RUNS[1]])
    assert page.run_message.isVisible() and page.run_message.text() == f"Run {worse.number}: {kept}"
    assert page.use.isEnabled(), "of the row that was selected before"
    with qtbot.waitSignal(page.use_requested) as chosen:
        page.use.click()
    assert chosen.args == [worse.number]
    assert count_colours(page.by_labels, theme.colour("text")) > 20


def test_the_train_page_shows_a_range_test_where_there_was_one(qtbot, theme: Theme) -> None:
    page = TrainPage(theme)
    qtbot.addWidget(page)
    page.resize(1000, 900)
    page.show()
    qtbot.waitExposed(page)
    page.set_runs(RUNS)
    page.set_curves(CLASSES)
    assert not page.lr_range.isVisible()
    rates = [(10.0 ** (n / 10 - 6), 2.0 - n / 40) for n in range(61)]
    page.set_curves(CLASSES, lr_range=rates, lr_chosen=1e-3)
    assert page.lr_range.isVisible()
    assert any("1.0e-03 was chosen" in label.text() for label in page.findChildren(QLabel))
    shown = page.lr_range.data_range()
    assert -6.2 < shown.left() <= -6 and 0 <= shown.right() < 0.2, "powers of ten along the axis"
    [chosen] = page.lr_range.arrays()["chosen"]
    assert tuple(chosen) == (pytest.approx(-3), pytest.approx(1.25, abs=0.03))
    page.set_curves(CLASSES)
    assert not page.lr_range.isVisible()


def test_the_window_shows_before_torch_is_imported() -> None:
    modules = (
        "desktop.workspaces.label.panels.side_column",
        "desktop.workspaces.train.page",
        "desktop.workspaces.data.page",
        "desktop.shell.top_bar",
        "desktop.shell.welcome_page",
        "desktop.transfer.export_dialog",
        "desktop.shell.settings_dialog",
        "desktop.actions.cheat_sheet",
    )
    code = f"import sys, {', '.join(modules)};print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
