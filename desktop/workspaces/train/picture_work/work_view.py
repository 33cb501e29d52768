"""The chart of labelling work: what each picture took to correct, and what more of them would bring."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.evaluation.picture_work.work_overview import BASES, WorkOverview
from core.evaluation.picture_work.work_series import WINDOW
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import ElidedLabel, column, combo_box, row, segmented_control, text_label
from desktop.widgets.legend import CurveLegend, LegendEntry
from desktop.widgets.navigable_chart import ChartPoint, NavigableChart
from desktop.workspaces.train.offer_bar import MARGIN
from desktop.workspaces.train.picture_work.work_lines import (
    ALL_HIDDEN,
    AXES,
    MEAN,
    MEASURE_KINDS,
    NO_PREDICTION,
    NOT_COMPARED,
    NOTHING,
    PREDICTED,
    WorkLines,
    describe_mean,
    describe_point,
    make_lines,
    summary_text,
)

HELP = "Click a point to open its picture. Drag to zoom, double-click for everything."


class WorkView(QWidget):
    """Shows what `set_overview` was given. `picture_requested` carries the id of a picture; `shown`: it became
    visible; `choices_changed`: another measure or axis is shown."""

    picture_requested = Signal(int)
    shown = Signal()
    choices_changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._overview: WorkOverview | None = None
        self._lines = WorkLines({}, {})
        self._hidden: frozenset[object] = frozenset()
        self._shown_choices: tuple[str, str] | None = None
        titles = {key: kind.title for key, kind in MEASURE_KINDS.items()}
        self.measure_frame, self.measures = segmented_control(titles, theme)
        for key, segment in self.measures.items():
            segment.setToolTip(MEASURE_KINDS[key].hint)
            segment.clicked.connect(self._choose)
        self.measures["error"].setChecked(True)
        self.axis = combo_box(list(AXES.items()), "X axis of the chart of labelling work")
        self.axis.activated.connect(self._choose)
        self.chart = NavigableChart(theme, self._describe)
        self.chart.setAccessibleName("Labelling work")
        self.chart.setMinimumHeight(24 * GRID)
        self.chart.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.chart.set_empty_text(NOTHING)
        self.chart.point_chosen.connect(self._open)
        self.legend = CurveLegend(theme)
        self.legend.toggled.connect(self._toggle)
        self.forecast = text_label("", wrap=True)
        self.summary = text_label("", "muted", wrap=True)
        self.help = ElidedLabel(HELP, "muted")
        bar = row(self.measure_frame, 2 * GRID, text_label("X axis", "muted"), self.axis, 2 * GRID, self.help)
        bar.setStretchFactor(self.help, 1)
        whole = column(
            bar,
            self.chart,
            self.legend,
            GRID,
            self.forecast,
            self.summary,
            margins=(MARGIN, 2 * GRID, MARGIN, 2 * GRID),
        )
        whole.setStretch(1, 1)
        self.setLayout(whole)

    @property
    def choices(self) -> tuple[str, str]:
        """Keys of MEASURE_KINDS and AXES."""
        measure = next(key for key, segment in self.measures.items() if segment.isChecked())
        return measure, str(self.axis.currentData())

    def set_choices(self, measure: str, axis: str) -> None:
        """Show this measure along this axis; unknown ones are ignored."""
        if measure in self.measures:
            self.measures[measure].setChecked(True)
        if axis in AXES:
            self.axis.setCurrentIndex(self.axis.findData(axis))
        self._refresh()

    def set_overview(self, overview: WorkOverview | None) -> None:
        """None: no project is open, and the next one begins with nothing hidden and no zoom."""
        self._overview = overview
        if overview is None:
            self._hidden, self._shown_choices = frozenset(), None
            self.measures["error"].setChecked(True)
            self.axis.setCurrentIndex(0)
        self._refresh()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self.shown.emit()

    def _choose(self, _checked: object = None) -> None:
        self._refresh()
        self.choices_changed.emit()

    def _toggle(self, key: object) -> None:
        self._hidden ^= {key}
        self._refresh()

    def _refresh(self) -> None:
        measure, axis = self.choices
        points = self._overview.points if self._overview is not None else ()
        self._lines = make_lines(points, measure, axis)
        if (measure, axis) != self._shown_choices:  # a zoom of other axes means nothing
            self._shown_choices = measure, axis
            self.chart.set_axes("time" if axis == "time" else "count", score_axis=False)
        shown = {key: style for key, style in self._lines.curves.items() if key not in self._hidden}
        self.chart.set_empty_text(ALL_HIDDEN if self._lines.curves else NO_PREDICTION if points else NOTHING)
        self.chart.set_curves(shown)
        self.legend.set_entries(self._entries())
        for part in (self.legend, self.help):
            part.setVisible(bool(self._lines.curves))
        forecast = self._overview.forecast if self._overview is not None and points else None
        self.forecast.setText(forecast.sentence if forecast is not None else "")
        self.forecast.setToolTip(
            f"An inverse power law fitted to {BASES[forecast.basis]}; the interval holds nine of ten outcomes."
            if forecast is not None and forecast.gain is not None
            else ""
        )
        self.forecast.setVisible(forecast is not None)
        self.summary.setText(summary_text(points))
        self.summary.setVisible(bool(points))

    def _entries(self) -> list[LegendEntry]:
        titles = {
            PREDICTED: ("Predicted pictures", "accent"),
            NOT_COMPARED: ("Not compared with a prediction", "muted"),
            MEAN: (f"Mean of {WINDOW} pictures", "text"),
        }
        return [
            LegendEntry(key, title, colour, chip=key != MEAN, shown=key not in self._hidden)
            for key, (title, colour) in titles.items()
            if key in self._lines.curves
        ]

    def _describe(self, point: ChartPoint) -> tuple[str, ...] | None:
        pictures = self._lines.points.get(point.key, ())
        if point.index >= len(pictures):
            return None
        if point.key != MEAN:
            return describe_point(pictures[point.index])
        value = self._lines.curves[MEAN].points[point.index][1]
        return describe_mean(pictures, point.index, self.choices[0], float(value))

    def _open(self, point: ChartPoint) -> None:
        pictures = self._lines.points.get(point.key, ())
        if point.index < len(pictures):
            self.picture_requested.emit(pictures[point.index].picture_id)
