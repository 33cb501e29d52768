"""A chart under a real pointer and keyboard: values, zoom, choice of a point; its legend; its files."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from desktop.theme.theme import Theme
from desktop.widgets.chart import CurveStyle
from desktop.widgets.chart_export import png_of, svg_of
from desktop.widgets.legend import CurveLegend, LegendEntry
from desktop.widgets.navigable_chart import ChartPoint, NavigableChart
from tests.desktop.conftest import show_widget

LEFT, NO_KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
RISING = np.column_stack([np.arange(101.0), np.linspace(0, 1, 101)])
LOW = np.column_stack([np.arange(0.0, 101, 50), np.full(3, 0.1)])


@pytest.fixture
def chart(qtbot, theme: Theme) -> NavigableChart:
    def describe(point: ChartPoint) -> tuple[str, ...] | None:
        return None if point.key == "raw" else (f"{point.key} {point.index}", "second line")

    made = NavigableChart(theme, describe)
    made.set_curves(
        {
            "raw": CurveStyle(RISING, (0, 0, 250), 1.0),
            "rising": CurveStyle(RISING, (200, 30, 10), 3.0),
            "low": CurveStyle(LOW, (10, 150, 30), 3.0),
        }
    )
    show_widget(qtbot, made, 480, 240)
    return made


def place(chart: NavigableChart, x: float, y: float) -> QPoint:
    [(left, top)] = chart.to_pixels(np.array([[x, y]]))
    return QPoint(round(left), round(top))


def drag(chart: NavigableChart, start: QPoint, end: QPoint) -> None:
    QTest.mousePress(chart, LEFT, NO_KEYS, start)
    QTest.mouseMove(chart, (start + end) / 2)
    QTest.mouseMove(chart, end)
    QTest.mouseRelease(chart, LEFT, NO_KEYS, end)


def wheel(chart: NavigableChart, at: QPoint, keys: Qt.KeyboardModifier) -> bool:
    event = QWheelEvent(
        QPointF(at), chart.mapToGlobal(QPointF(at)), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, keys,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(chart, event)
    return event.isAccepted()


def count_colour(image: QImage, colour: QColor) -> int:
    return sum(
        image.pixelColor(x, y).rgb() == colour.rgb()
        for y in range(image.height())
        for x in range(image.width())
    )


def test_the_pointer_reads_the_nearest_point(chart: NavigableChart, theme: Theme) -> None:
    plain = chart.grab().toImage()
    QTest.mouseMove(chart, place(chart, 40, 0.42))
    assert chart.point == ChartPoint("rising", 40)
    assert chart.accessibleDescription() == "rising 40. second line"
    assert count_colour(chart.grab().toImage(), theme.colour("raised")) > 1000, "a box with the values"
    QTest.mouseMove(chart, place(chart, 52, 0.12))
    assert chart.point == ChartPoint("low", 1), "though its points are far apart"
    chart.read(None)
    assert chart.grab().toImage() == plain


def test_a_drag_zooms_to_a_span_and_a_double_click_ends_it(chart: NavigableChart) -> None:
    whole = chart.data_range()
    drag(chart, place(chart, 20, 0.5), place(chart, 60, 0.5))
    assert chart.span == (pytest.approx(20, abs=0.6), pytest.approx(60, abs=0.6))
    shown = chart.data_range()
    assert 0.05 < shown.top() < 0.1 and 0.6 <= shown.bottom() < 0.65, "upwards what the curves have there"
    QTest.mouseMove(chart, place(chart, 30, 0.3))
    assert chart.point == ChartPoint("rising", 30)
    QTest.mouseDClick(chart, LEFT, NO_KEYS, place(chart, 30, 0.3))
    assert chart.span is None and chart.data_range() == whole


def test_the_wheel_zooms_where_the_pointer_is_and_else_scrolls_the_page(chart: NavigableChart, qtbot) -> None:
    at = place(chart, 25, 0.5)
    other = QWidget(chart)
    other.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    other.show()
    other.setFocus()
    assert not wheel(chart, at, NO_KEYS) and chart.span is None
    assert wheel(chart, at, Qt.KeyboardModifier.ControlModifier)
    left, right = chart.span or (0, 0)
    assert right - left == pytest.approx(102 / 1.25, abs=1)
    assert chart.x_at(at.x()) == pytest.approx(25, abs=0.5), "what is below the pointer stays there"
    drag(chart, at, at + QPoint(2, 0))
    chart.setFocus()
    assert wheel(chart, at, NO_KEYS), "a chart that was clicked"


def test_a_click_chooses_a_point_close_by(chart: NavigableChart, qtbot) -> None:
    with qtbot.waitSignal(chart.point_chosen) as chosen:
        QTest.mouseClick(chart, LEFT, NO_KEYS, place(chart, 40, 0.4))
    assert chosen.args == [ChartPoint("rising", 40)]
    with qtbot.assertNotEmitted(chart.point_chosen):
        QTest.mouseClick(chart, LEFT, NO_KEYS, place(chart, 30, 0.9))


def test_everything_works_with_the_keyboard(chart: NavigableChart, qtbot) -> None:
    chart.setFocus()
    QTest.keyClick(chart, Qt.Key.Key_Right)
    first = chart.point
    assert first is not None
    QTest.keyClick(chart, Qt.Key.Key_Right)
    assert chart.point is not None and chart.point.index > first.index
    before = chart.point
    QTest.keyClick(chart, Qt.Key.Key_Up)
    assert chart.point.key != before.key
    QTest.keyClick(chart, Qt.Key.Key_Down)
    assert chart.point.key == before.key
    QTest.keyClick(chart, Qt.Key.Key_Plus)
    assert chart.span is not None
    for _ in range(500):
        QTest.keyClick(chart, Qt.Key.Key_Right)
    assert chart.point.index == len(chart.arrays()[chart.point.key]) - 1
    assert chart.span is not None and chart.span[1] > 99, "the span follows"
    with qtbot.waitSignal(chart.point_chosen):
        QTest.keyClick(chart, Qt.Key.Key_Return)
    QTest.keyClick(chart, Qt.Key.Key_Home)
    assert chart.span is None


def test_curves_are_painted_once_while_the_pointer_moves(
    chart: NavigableChart, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart.grab()
    painted: list[object] = []
    monkeypatch.setattr(NavigableChart, "_paint_curve", lambda *given: painted.append(given))
    for x in range(20, 80, 5):
        QTest.mouseMove(chart, place(chart, x, 0.5))
        chart.grab()
    assert not painted
    chart.set_span((10, 20))
    chart.grab()
    assert len(painted) == 3


def test_a_peak_among_a_hundred_thousand_points_is_seen(chart: NavigableChart) -> None:
    values = np.full(100_000, 0.2)
    values[61_234] = 1.0
    points = np.column_stack([np.arange(100_000.0), values])
    chart.set_curves({"long": CurveStyle(points, (200, 30, 10), 2.0)})
    [(x, y)] = chart.to_pixels(points[61_234:61_235]).round().astype(int)
    image = chart.grab().toImage()
    assert image.pixelColor(int(x), int(y) + 12).red() > 150, "a line up to the peak"


def test_the_legend_hides_and_shows_by_pointer_and_keyboard(qtbot, theme: Theme) -> None:
    legend = CurveLegend(theme)
    legend.set_entries([LegendEntry(name, name, "text", shown=name != "tree") for name in ("road", "tree")])
    show_widget(qtbot, legend, 300, 40)
    assert legend.accessibleName() == "Curves: road"
    assert legend.height() == 20
    [(_, _), (box, _)] = legend.places(300)
    with qtbot.waitSignal(legend.toggled) as toggled:
        QTest.mouseClick(legend, LEFT, NO_KEYS, box.center().toPoint())
    assert toggled.args == ["tree"]
    legend.setFocus()
    QTest.keyClick(legend, Qt.Key.Key_Left)
    assert legend.accessibleDescription() == "road, shown"
    with qtbot.waitSignal(legend.toggled) as toggled:
        QTest.keyClick(legend, Qt.Key.Key_Space)
    assert toggled.args == ["road"]
    legend.set_entries([LegendEntry(n, f"a long name of class {n}", "text") for n in range(12)])
    assert legend.height() == 12 * 20, "one line each where there is no room for two"


def test_a_chart_becomes_a_picture_and_a_drawing(chart: NavigableChart, theme: Theme, qtbot) -> None:
    legend = CurveLegend(theme)
    qtbot.addWidget(legend)
    legend.set_entries(
        [LegendEntry("low", "low one", (10, 150, 30)), LegendEntry("no", "hidden one", "text", shown=False)]
    )
    image = QImage.fromData(png_of("Some scores", chart, legend, theme)())
    assert image.width() == 2 * (480 + 32) and image.height() > 2 * 240
    assert image.pixelColor(1, 1) == theme.colour("panel")
    assert count_colour(image, QColor(200, 30, 10)) > 500
    drawing = ET.fromstring(svg_of("Some scores", chart, legend, theme))
    texts = "".join(drawing.itertext())
    assert "Some scores" in texts and "low one" in texts and "hidden one" not in texts
    assert len(list(drawing.iter("{http://www.w3.org/2000/svg}polyline"))) >= 3
